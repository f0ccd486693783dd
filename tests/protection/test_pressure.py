"""The state machine of the node's mode: entered at once, always left, flapping damped."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from mlsdm_grpc.config import PressureSettings
from mlsdm_grpc.protection.mode_machine import Mode, ModeMachine

SETTINGS = PressureSettings()
TICK_S = SETTINGS.interval_s
LEFT_S = 15.0
"""Documented: a first emergency is over by then once its cause has ended."""


class Node:
    """A machine with a clock that the test moves."""

    def __init__(self, settings=SETTINGS):
        self.now = 1_000.0
        self.changes = []
        self.machine = ModeMachine(
            settings, clock=lambda: self.now, on_change=lambda *change: self.changes.append(change)
        )

    @property
    def mode(self):
        return self.machine.mode

    def tick(self, seconds=TICK_S, **ratios):
        """Let time pass with these signals, in steps."""
        for _ in range(max(1, round(seconds / TICK_S))):
            self.now += TICK_S
            self.machine.tick(ratios)

    def time_until(self, *modes, **ratios):
        """Return the seconds until one of these modes is in force."""
        began = self.now
        while self.mode not in modes:
            assert self.now - began < 10_000, self.mode
            self.tick(**ratios)
        return self.now - began


@pytest.fixture
def node():
    return Node()


@pytest.mark.parametrize(
    ("ratio", "mode"),
    [
        (0.0, Mode.NORMAL),
        (0.899, Mode.NORMAL),
        (0.9, Mode.SHEDDING),
        (0.999, Mode.SHEDDING),
        (1.0, Mode.EMERGENCY),
        (math.inf, Mode.EMERGENCY),
    ],
)
def test_each_mode_is_entered_within_one_tick(node, ratio, mode):
    node.tick(memory=ratio)
    assert node.mode is mode


def test_the_worst_signal_decides(node):
    node.tick(memory=0.1, disk=1.2, loop_lag=0.95)
    assert node.mode is Mode.EMERGENCY
    assert node.machine.causes == ("disk",)
    assert [(s.name, s.firing) for s in node.machine.signals] == [
        ("memory", False),
        ("disk", True),
        ("loop_lag", True),
    ]


@pytest.mark.parametrize("ratio", [0.95, 1.0])
def test_a_signal_is_calm_only_below_the_release(node, ratio):
    node.tick(memory=ratio)
    mode = node.mode
    node.tick(600, memory=0.8)
    assert node.mode is mode
    node.tick(600, memory=0.799)
    assert node.mode is Mode.NORMAL


def test_an_emergency_passes_through_probing(node):
    node.tick(60, memory=1.0)
    assert node.mode is Mode.EMERGENCY
    calm_s = node.time_until(Mode.PROBING, memory=0.5)
    assert calm_s == pytest.approx(SETTINGS.cool_down_s, abs=TICK_S)
    assert node.time_until(Mode.NORMAL) == pytest.approx(SETTINGS.probe_s, abs=TICK_S)
    assert [mode for mode, _ in node.changes] == [Mode.EMERGENCY, Mode.PROBING, Mode.NORMAL]


def test_what_still_sheds_after_an_emergency_goes_on_shedding(node):
    node.tick(memory=1.0)
    node.time_until(Mode.SHEDDING, disk=0.95)
    assert node.machine.causes == ("disk",)
    node.time_until(Mode.NORMAL)


def test_a_repeated_emergency_signal_starts_the_cool_down_again(node):
    for _ in range(20):
        node.tick(memory=1.0)
        node.tick(SETTINGS.cool_down_s - 2 * TICK_S)
    assert [mode for mode, _ in node.changes] == [Mode.EMERGENCY]


def test_relapses_double_the_cool_down_to_the_maximum_and_calm_halves_it(node):
    seen = []
    for _ in range(12):
        node.tick(memory=1.0)
        seen.append(node.time_until(Mode.PROBING))
        node.time_until(Mode.NORMAL)
    want = [min(SETTINGS.cool_down_s * 2**i, SETTINGS.max_cool_down_s) for i in range(12)]
    assert seen == pytest.approx(want, abs=TICK_S)
    assert node.machine.next_cool_down_s == SETTINGS.max_cool_down_s
    node.tick(SETTINGS.half_life_s)
    assert node.machine.next_cool_down_s == SETTINGS.max_cool_down_s / 2
    node.tick(20 * SETTINGS.half_life_s)
    assert node.machine.next_cool_down_s == SETTINGS.cool_down_s
    node.now += 1e12
    assert node.machine.next_cool_down_s == SETTINGS.cool_down_s


@given(on_s=st.floats(0.25, 60), off_s=st.floats(0.25, 60))
def test_flapping_is_damped(on_s, off_s):
    node = Node()
    while node.now < 1_000 + 3_600:
        node.tick(on_s, memory=1.0)
        node.tick(off_s, memory=0.0)
    entered = sum(mode is Mode.EMERGENCY for mode, _ in node.changes)
    flaps = 3_600 / (on_s + off_s)
    assert entered <= min(flaps + 2, 30)


def test_a_signal_that_returns_while_probing_is_a_relapse(node):
    node.tick(memory=1.0)
    node.time_until(Mode.PROBING)
    node.tick(memory=1.0)
    assert node.mode is Mode.EMERGENCY
    assert node.time_until(Mode.PROBING) == pytest.approx(2 * SETTINGS.cool_down_s, abs=TICK_S)


def probing(settings=SETTINGS):
    node = Node(settings)
    node.tick(journal=1.0)
    node.time_until(Mode.PROBING)
    return node


def test_probes_are_bounded_and_end_probing_when_all_succeed():
    node = probing()
    probes = [node.machine.take_probe() for _ in range(SETTINGS.probe_writes + 3)]
    assert probes[SETTINGS.probe_writes :] == [0, 0, 0]
    for probe in probes[: SETTINGS.probe_writes]:
        assert node.mode is Mode.PROBING
        node.machine.probed(probe, good=True)
    assert node.mode is Mode.NORMAL


def test_a_failed_probe_goes_back_and_does_not_lengthen_the_cool_down():
    node = probing()
    for _ in range(20):
        node.machine.probed(node.machine.take_probe(), good=False)
        assert node.mode is Mode.EMERGENCY
        assert node.machine.causes == ("journal",)
        calm_s = node.time_until(Mode.PROBING)
        assert calm_s == pytest.approx(SETTINGS.cool_down_s, abs=TICK_S)
    assert node.time_until(Mode.NORMAL) <= SETTINGS.probe_s


def test_a_probe_that_shows_nothing_gives_its_place_back():
    node = probing(SETTINGS.model_copy(update={"probe_writes": 1}))
    for _ in range(5):
        probe = node.machine.take_probe()
        assert probe
        assert not node.machine.take_probe()
        node.machine.probed(probe, good=None)
    assert node.mode is Mode.PROBING


def test_a_probe_of_an_earlier_round_says_nothing():
    node = probing()
    late = [node.machine.take_probe(), node.machine.take_probe()]
    node.machine.probed(late[0], good=False)
    node.time_until(Mode.PROBING)
    node.machine.probed(late[1], good=False)
    assert node.mode is Mode.PROBING
    node.time_until(Mode.NORMAL)
    node.machine.probed(late[1], good=False)
    assert node.mode is Mode.NORMAL


def test_a_write_that_hangs_holds_probing_no_longer_than_work_may_take():
    node = probing()
    assert node.machine.take_probe()
    assert node.time_until(Mode.NORMAL) == pytest.approx(SETTINGS.max_processing_s, abs=TICK_S)


@pytest.mark.parametrize("mode", list(Mode))
def test_no_probe_outside_of_probing(mode):
    node = probing()
    node.machine.force(mode, math.inf)
    assert bool(node.machine.take_probe()) == (mode is Mode.PROBING)


@pytest.mark.parametrize("mode", [Mode.NORMAL, Mode.SHEDDING, Mode.EMERGENCY])
def test_the_operator_forces_either_direction_at_once_for_a_time(node, mode):
    node.tick(memory=1.0)
    node.machine.force(mode, 30.0)
    assert (node.mode, node.machine.forced) == (mode, True)
    assert node.machine.causes == ("operator",)
    node.tick(29, memory=1.0)
    assert node.mode is mode
    assert node.machine.forced_for_s == pytest.approx(1.0)
    node.tick(1, memory=1.0)
    assert (node.mode, node.machine.forced) == (Mode.EMERGENCY, False)
    assert node.machine.causes == ("memory",)


def test_a_forced_mode_without_end_stays_until_released(node):
    node.machine.force(Mode.EMERGENCY, math.inf)
    node.tick(100_000)
    assert node.mode is Mode.EMERGENCY
    assert node.machine.forced_for_s == math.inf
    node.machine.release()
    assert node.mode is Mode.NORMAL


def test_the_last_force_wins(node):
    node.machine.force(Mode.EMERGENCY, math.inf)
    node.machine.force(Mode.SHEDDING, 1.0)
    assert node.mode is Mode.SHEDDING
    node.tick(1)
    assert node.mode is Mode.NORMAL


def test_retry_after_is_what_is_left_of_the_cool_down(node):
    node.tick(10, memory=1.0)
    assert node.machine.retry_after_s == SETTINGS.cool_down_s
    node.tick(3)
    assert node.machine.retry_after_s == pytest.approx(SETTINGS.cool_down_s - 3)
    node.time_until(Mode.PROBING)
    assert 0.1 <= node.machine.retry_after_s <= SETTINGS.probe_s
    node.machine.force(Mode.EMERGENCY, 3.0)
    assert node.machine.retry_after_s == 3.0
    node.machine.force(Mode.EMERGENCY, math.inf)
    assert node.machine.retry_after_s == SETTINGS.cool_down_s


ratios = st.fixed_dictionaries(
    {},
    optional={
        name: st.floats(0, 2) | st.sampled_from([0.8, 0.9, 1.0, math.inf])
        for name in ("memory", "disk", "journal", "loop_lag", "queue_age")
    },
)


class Lives(RuleBasedStateMachine):
    """Calm signals alone lead back to NORMAL in bounded time, after any history."""

    def __init__(self):
        super().__init__()
        self.node = Node()
        self.probes = []

    @rule(signals=ratios, seconds=st.floats(0.01, 1_000))
    def pass_time(self, signals, seconds):
        self.node.now += seconds
        self.node.machine.tick(signals)
        if max(signals.values(), default=0) >= 1 and not self.node.machine.forced:
            assert self.node.mode is Mode.EMERGENCY

    @rule()
    def take(self):
        if probe := self.node.machine.take_probe():
            self.probes.append(probe)

    @rule(good=st.none() | st.booleans())
    def end(self, good):
        if self.probes:
            self.node.machine.probed(self.probes.pop(0), good=good)

    @rule(
        mode=st.sampled_from([Mode.NORMAL, Mode.SHEDDING, Mode.EMERGENCY]),
        for_s=st.floats(1, 86_400) | st.just(math.inf),
    )
    def force(self, mode, for_s):
        self.node.machine.force(mode, for_s)
        assert self.node.mode is mode

    @rule()
    def release(self):
        self.node.machine.release()

    @invariant()
    def promises_hold(self):
        machine = self.node.machine
        assert SETTINGS.cool_down_s <= machine.next_cool_down_s <= SETTINGS.max_cool_down_s
        assert 0.1 <= machine.retry_after_s <= SETTINGS.max_cool_down_s
        assert bool(machine.causes) or machine.mode is Mode.NORMAL
        if machine.mode is Mode.PROBING:
            taken = 0
            while machine.take_probe():  # a bounded number, and hanging ones hold nothing up
                taken += 1
            assert taken <= SETTINGS.probe_writes

    def teardown(self):
        """No state is without a way out."""
        self.node.machine.release()
        limit_s = SETTINGS.max_cool_down_s + SETTINGS.max_processing_s + SETTINGS.cool_down_s
        assert self.node.time_until(Mode.NORMAL) <= limit_s + 3 * TICK_S


def test_no_state_is_without_a_way_out():
    run_state_machine_as_test(Lives)


@given(
    signals=ratios.filter(lambda each: max(each.values(), default=0) >= 1),
    lasts_s=st.floats(0.25, 5_000),
    calm=st.floats(0, 0.79),
)
def test_a_first_emergency_is_left_within_fifteen_seconds(signals, lasts_s, calm):
    node = Node()
    node.tick(**signals)
    assert node.mode is Mode.EMERGENCY
    node.now += lasts_s
    node.tick(**signals)
    assert node.time_until(Mode.NORMAL, **dict.fromkeys(signals, calm)) <= LEFT_S
