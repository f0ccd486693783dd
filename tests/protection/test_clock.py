"""The server's clock over wall clocks that jump, drift and start wrong."""

import pytest

from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.protection.clock import Clock, TimeSources

SECOND = 1_000_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
YEARS = 20 * 365 * DAY
START = 1_790_000_000 * SECOND


class Machine:
    """A machine whose clocks the test sets."""

    def __init__(self, wall_ns=START, newest_ns=0):
        self.wall_ns = wall_ns
        self.elapsed_ns = 17 * SECOND
        self.metrics = Metrics()
        sources = TimeSources(lambda: self.wall_ns, lambda: self.elapsed_ns)
        self.clock = Clock(sources, newest_ns=newest_ns, metrics=self.metrics)

    def run(self, seconds, rate=1.0):
        """Let time pass, looked at every ten seconds; return the times that the clock gave."""
        times = []
        end_ns = self.elapsed_ns + round(seconds * SECOND)
        while self.elapsed_ns < end_ns:
            step_ns = min(10 * SECOND, end_ns - self.elapsed_ns)
            self.elapsed_ns += step_ns
            self.wall_ns += round(step_ns * rate)
            times.append(self.clock.now_ns())
        return times

    @property
    def events(self):
        kinds = ("jumped", "returned", "taken_over", "held")
        values = {
            kind: self.metrics.registry.get_sample_value("mlsdm_clock_jumps_total", {"kind": kind})
            for kind in kinds
        }
        return {kind: int(value) for kind, value in values.items() if value}


def test_time_is_the_wall_clock_s():
    machine = Machine()
    assert machine.clock.now_ns() == START
    machine.run(2 * HOUR / SECOND)
    assert machine.clock.now_ns() == machine.clock.record_ns() == START + 2 * HOUR
    assert machine.clock.now().timestamp() * SECOND == pytest.approx(START + 2 * HOUR)
    assert machine.events == {}


@pytest.mark.parametrize("jump_ns", [YEARS, -YEARS, 61 * SECOND, -61 * SECOND])
def test_a_jump_that_is_taken_back_changes_nothing(logs, jump_ns):
    machine = Machine()
    machine.run(60)
    machine.wall_ns += jump_ns
    machine.run(3_500)
    assert machine.clock.now_ns() == START + 3_560 * SECOND
    machine.wall_ns -= jump_ns
    machine.run(60)
    assert machine.clock.now_ns() == machine.wall_ns
    assert machine.events == {"jumped": 1, "returned": 1}
    (jumped,) = logs.events("clock_jumped")
    assert jumped["off_s"] == jump_ns / SECOND
    assert len(logs.events("clock_returned")) == 1


@pytest.mark.parametrize("jump_ns", [YEARS, -YEARS, DAY])
def test_a_change_that_has_held_for_an_hour_is_taken_over(logs, jump_ns):
    machine = Machine()
    machine.run(60)
    machine.wall_ns += jump_ns
    machine.run(3_600)
    assert machine.clock.now_ns() == machine.wall_ns - jump_ns
    machine.run(20)
    assert machine.clock.now_ns() == machine.wall_ns
    assert machine.events == {"jumped": 1, "taken_over": 1}
    assert len(logs.events("clock_taken_over")) == 1
    assert machine.metrics.registry.get_sample_value("mlsdm_clock_off_seconds") == 0


def test_a_second_jump_begins_another_hour():
    machine = Machine()
    machine.wall_ns += DAY
    machine.run(3_000)
    machine.wall_ns += DAY
    machine.run(3_000)
    assert machine.clock.now_ns() == machine.wall_ns - 2 * DAY
    machine.run(700)
    assert machine.clock.now_ns() == machine.wall_ns
    assert machine.events == {"jumped": 2, "taken_over": 1}


@pytest.mark.parametrize("step_s", [50, -50, 3, -3])
def test_a_small_step_is_followed_slowly_and_never_backwards(step_s):
    machine = Machine()
    machine.wall_ns += step_s * SECOND
    times = machine.run(60)
    assert times == sorted(times)
    assert abs(times[-1] - (START + 60 * SECOND)) <= 6 * SECOND
    times += machine.run(600)
    assert times == sorted(times)
    assert times[-1] == machine.wall_ns
    assert machine.events == {}


@pytest.mark.parametrize("rate", [1.0005, 0.9995, 1.05, 0.95])
def test_a_drifting_wall_clock_is_followed(rate):
    machine = Machine()
    times = machine.run(24 * 3_600, rate)
    assert times == sorted(times)
    assert abs(times[-1] - machine.wall_ns) <= SECOND
    assert machine.events == {}


def test_a_wall_clock_that_goes_mad_is_looked_at_once_a_second(logs):
    machine = Machine()
    for number in range(10_000):
        machine.wall_ns = START + (1 + number % 7) * YEARS
        machine.elapsed_ns += SECOND // 1_000
        machine.clock.now_ns()
    assert machine.clock.now_ns() == START + 10 * SECOND
    assert len(logs.events("clock_jumped")) <= 10


@pytest.mark.parametrize("stopped_ns", [0, DAY, 21 * DAY, -30 * SECOND])
def test_after_a_stop_time_is_right_at_once(logs, stopped_ns):
    machine = Machine(newest_ns=START - stopped_ns)
    assert machine.clock.now_ns() == machine.clock.record_ns() == START
    assert logs.events("clock_far_from_newest_record") == []


def test_a_start_far_ahead_holds_record_times_back_until_it_has_held_for_an_hour(logs):
    newest_ns = START - YEARS
    machine = Machine(newest_ns=newest_ns)
    assert len(logs.events("clock_far_from_newest_record")) == 1
    assert machine.clock.now_ns() == START
    assert machine.clock.record_ns() == newest_ns
    machine.run(3_590)
    assert machine.clock.record_ns() == newest_ns + 3_590 * SECOND
    assert machine.metrics.registry.get_sample_value("mlsdm_clock_doubtful") == 1
    machine.run(10)
    assert machine.clock.record_ns() == machine.clock.now_ns() == machine.wall_ns
    assert machine.metrics.registry.get_sample_value("mlsdm_clock_doubtful") == 0
    assert machine.events == {"held": 1}


@pytest.mark.parametrize("wrong_ns", [YEARS, -YEARS, -2 * HOUR])
def test_a_wrong_start_that_is_corrected_is_right_at_once(wrong_ns):
    machine = Machine(START + wrong_ns, newest_ns=START - HOUR)
    machine.run(30)
    assert machine.clock.record_ns() <= machine.clock.now_ns()
    machine.wall_ns -= wrong_ns
    machine.run(2)
    assert machine.clock.now_ns() == machine.clock.record_ns() == START + 32 * SECOND
    assert machine.events == {"jumped": 1, "taken_over": 1}


def test_a_start_behind_the_newest_record_stamps_what_the_wall_clock_says(logs):
    """The record may be the wrong one; the time of its space does not go back anyway."""
    machine = Machine(newest_ns=START + YEARS)
    assert len(logs.events("clock_far_from_newest_record")) == 1
    assert machine.clock.record_ns() == machine.clock.now_ns() == START
    machine.run(3_600)
    assert machine.clock.record_ns() == machine.wall_ns
    assert machine.events == {"held": 1}


def test_a_doubtful_start_that_jumps_elsewhere_begins_another_hour():
    machine = Machine(newest_ns=START - YEARS)
    machine.run(3_000)
    machine.wall_ns += YEARS
    machine.run(3_000)
    assert machine.clock.record_ns() == START - YEARS + 6_000 * SECOND
    machine.run(700)
    assert machine.clock.record_ns() == machine.clock.now_ns() == machine.wall_ns


@pytest.mark.parametrize("newest_ns", [-(2**62), 2**62, 1])
def test_no_time_of_a_record_breaks_the_start(newest_ns):
    machine = Machine(newest_ns=newest_ns)
    machine.run(10)
    assert machine.clock.record_ns() <= machine.clock.now_ns() == machine.wall_ns


def test_the_machine_s_own_clocks():
    sources = TimeSources()
    clock = Clock(sources, metrics=Metrics())
    assert abs(clock.now_ns() - sources.wall_ns()) < SECOND
    assert sources.elapsed_ns() <= sources.elapsed_ns()
