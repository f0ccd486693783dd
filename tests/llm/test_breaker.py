from __future__ import annotations

import pytest
from doubles import Clock

from mlsdm_grpc.config import BreakerSettings
from mlsdm_grpc.llm.breaker import Breaker, BreakerState

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


@pytest.fixture
def clock():
    return Clock(1_000.0)


@pytest.fixture
def changes():
    return []


@pytest.fixture
def breaker(clock, changes):
    return Breaker(BreakerSettings(), clock=clock, changed=changes.append)


def fail(breaker, times):
    for _ in range(times):
        breaker.enter().failed()


def test_five_failures_in_a_row_open_it_and_four_do_not(breaker):
    fail(breaker, 4)
    breaker.enter().succeeded()
    fail(breaker, 4)
    assert breaker.state is CLOSED
    fail(breaker, 1)
    assert breaker.state is OPEN
    assert breaker.enter() is None
    assert breaker.open_count == 1


def test_half_of_twenty_in_ten_seconds_open_it(breaker, clock):
    for _ in range(9):
        fail(breaker, 1)
        breaker.enter().succeeded()
        clock.now_s += 0.1
    breaker.enter().succeeded()
    assert breaker.state is CLOSED
    fail(breaker, 1)
    assert breaker.state is OPEN


def test_failures_of_long_ago_count_no_more(breaker, clock):
    for _ in range(40):
        fail(breaker, 1)
        breaker.enter().succeeded()
        clock.now_s += 1.1
    assert breaker.state is CLOSED


def test_it_opens_for_thirty_seconds_then_lets_three_probes_in(breaker, clock, changes):
    fail(breaker, 5)
    clock.now_s += 29.9
    assert breaker.enter() is None
    assert breaker.retry_after_s == pytest.approx(0.1)
    clock.now_s += 0.1
    assert breaker.state is HALF_OPEN
    probes = [breaker.enter() for _ in range(4)]
    assert [probe is None for probe in probes] == [False, False, False, True]
    assert not breaker.callable
    probes[0].succeeded()
    assert breaker.state is HALF_OPEN
    probes[1].succeeded()
    assert breaker.state is CLOSED
    probes[2].failed()  # of an earlier time
    assert breaker.state is CLOSED
    assert changes == [OPEN, HALF_OPEN, CLOSED]


def test_one_failed_probe_opens_it_again_for_the_whole_time(breaker, clock):
    fail(breaker, 5)
    clock.now_s += 30
    first, second = breaker.enter(), breaker.enter()
    first.succeeded()
    second.failed()
    assert breaker.state is OPEN
    assert breaker.retry_after_s == pytest.approx(30)


def test_probes_that_tell_nothing_leave_room_for_others(breaker, clock):
    fail(breaker, 5)
    clock.now_s += 30
    for _ in range(10):
        breaker.enter().void()
    assert breaker.state is HALF_OPEN
    breaker.enter().succeeded()
    breaker.enter().succeeded()
    assert breaker.state is CLOSED


def test_the_first_end_of_a_pass_counts(breaker):
    for _ in range(5):
        leave = breaker.enter()
        leave.succeeded()
        leave.failed()
        leave.void()
    assert breaker.state is CLOSED


def test_calls_of_before_it_opened_do_not_close_it(breaker, clock):
    late = breaker.enter()
    fail(breaker, 5)
    late.succeeded()
    assert breaker.state is OPEN
    clock.now_s += 30
    assert breaker.state is HALF_OPEN
