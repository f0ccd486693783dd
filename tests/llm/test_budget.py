"""Retries of all requests together are a small share of the requests, over any 60 seconds."""

from __future__ import annotations

import random
from bisect import bisect_right

import pytest
from doubles import Clock
from hypothesis import given, settings
from hypothesis import strategies as st

from mlsdm_grpc.llm.budget import WINDOW_S, RetryBudget


def test_one_retry_for_ten_calls():
    clock = Clock(10_000.0)
    budget = RetryBudget(share=0.1, floor=0, clock=clock)
    for _ in range(9):
        budget.count_call()
    assert not budget.take()
    budget.count_call()
    assert budget.take()
    assert not budget.take()


def test_what_was_not_used_is_not_saved_up():
    clock = Clock(10_000.0)
    budget = RetryBudget(share=0.1, floor=0, clock=clock)
    for _ in range(1_000):
        budget.count_call()
    clock.now_s += WINDOW_S + 1
    assert not budget.take()


def test_a_few_are_let_through_however_few_the_calls_are():
    clock = Clock(10_000.0)
    budget = RetryBudget(share=0.1, floor=3, clock=clock)
    budget.count_call()
    assert [budget.take() for _ in range(4)] == [True, True, True, False]
    clock.now_s += WINDOW_S / 2
    assert not budget.take()
    clock.now_s += WINDOW_S / 2 + 0.5
    assert budget.take()


@pytest.mark.parametrize("rate", [0.5, 5.0, 20.0])
@settings(max_examples=20)
@given(seed=st.integers(0, 2**32), fails=st.floats(0, 1))
def test_no_window_of_sixty_seconds_has_more_than_a_tenth(rate, seed, fails):
    """Steady arrivals, any pattern of failures: every window satisfies the bound."""
    source = random.Random(seed)
    clock = Clock(10_000.0)
    budget = RetryBudget(share=0.1, floor=0, clock=clock)
    calls, retries = [], []
    step_s = 1 / rate
    for _ in range(int(180 / step_s)):
        clock.now_s += step_s
        budget.count_call()
        calls.append(clock.now_s)
        granted = [source.random() < fails and budget.take() for _ in range(2)]
        retries += [clock.now_s] * sum(granted)
    for end_s in retries:
        began = within(calls, end_s)
        assert began + within(retries, end_s) <= 1.10 * began


def within(times, end_s):
    """Return the number of sorted times in the 60 seconds up to ``end_s``."""
    return bisect_right(times, end_s) - bisect_right(times, end_s - WINDOW_S)


def test_it_stays_small():
    clock = Clock(10_000.0)
    budget = RetryBudget(share=0.1, floor=0, clock=clock)
    for _ in range(100_000):
        clock.now_s += 0.01
        budget.count_call()
        budget.take()
    assert budget.bucket_count <= 242
