"""Token buckets under a driven clock."""

from __future__ import annotations

import random
import tracemalloc

import pytest
from counts import count
from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc.security.token_bucket import TokenBuckets


class Clock:
    def __init__(self):
        self.now_s = 1_000.0

    def __call__(self):
        return self.now_s


def _buckets(per_s, burst, max_keys=10_000):
    clock = Clock()
    return TokenBuckets(per_s, burst, max_keys=max_keys, clock=clock), clock


def test_100_000_calls_over_1_000_keys_are_admitted_at_the_rate():
    per_s, burst, keys, calls = 0.4, 5, 1_000, 100_000
    buckets, clock = _buckets(per_s, burst)
    chance = random.Random(1)
    admitted = dict.fromkeys(range(keys), 0)
    # 100 calls of each key in 100 s: more than twice what is allowed.
    for _ in range(calls):
        clock.now_s += 100 / calls
        key = chance.randrange(keys)
        if not buckets.take(key):
            admitted[key] += 1
    total, allowed = sum(admitted.values()), keys * (burst + per_s * 100)
    assert total <= allowed
    assert total >= 0.99 * allowed - keys
    assert max(admitted.values()) <= burst + per_s * 100 + 1


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(1, 4)), max_size=200), st.integers(1, 8))
def test_no_window_of_time_admits_more_than_burst_and_rate(calls, burst):
    buckets, clock = _buckets(2.0, burst)
    admitted = []
    for pause_s, tokens in calls:
        clock.now_s += pause_s
        if not buckets.take("a", tokens):
            admitted.append((clock.now_s, min(tokens, burst)))
    for index, (began_s, _) in enumerate(admitted):
        taken = 0
        for at_s, tokens in admitted[index:]:
            taken += tokens
            assert taken <= burst + 2.0 * (at_s - began_s) + 1e-6


def test_a_refusal_takes_nothing_and_names_the_time_to_wait():
    buckets, clock = _buckets(10.0, 3)
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 0]
    waits = {round(buckets.take("a"), 6) for _ in range(50)}
    assert waits == {0.1}
    assert buckets.remaining("a") == 0
    clock.now_s += 0.1
    assert buckets.take("a") == 0
    assert buckets.take("b") == 0


def test_more_than_a_burst_counts_as_a_burst():
    buckets, clock = _buckets(10.0, 5)
    assert buckets.take("a", 1_000) == 0
    assert buckets.take("a") == pytest.approx(0.1)
    clock.now_s += 0.5
    assert buckets.take("a", 1_000) == 0


def test_a_charge_goes_below_zero_and_is_paid_back():
    buckets, clock = _buckets(10.0, 5)
    assert buckets.charge("a", 5) == 0
    assert buckets.charge("a", 20) == pytest.approx(2.0)
    clock.now_s += 2.0
    assert buckets.wait_s("a") == pytest.approx(0.1)
    clock.now_s += 0.5
    assert buckets.remaining("a") == 5


def test_a_clock_that_stands_still_or_jumps_ahead_gives_at_most_a_burst():
    buckets, clock = _buckets(10.0, 5)
    clock.now_s += 1e9
    assert sum(buckets.take("a") == 0 for _ in range(50)) == 5


def test_the_table_stays_bounded_under_many_keys():
    buckets, clock = _buckets(0.001, 5, max_keys=10_000)
    tracemalloc.start()
    traced = {}
    for index in range(count(100_000, 1_000_000)):
        clock.now_s += 1e-6
        buckets.take(f"key-{index}")
        assert len(buckets) <= 10_000
        if index in {20_000, 60_000}:
            traced[index], _ = tracemalloc.get_traced_memory()
            if len(traced) == 2:
                tracemalloc.stop()
    assert traced[60_000] < 1.5 * traced[20_000]


def test_keys_that_pause_leave_the_table():
    buckets, clock = _buckets(10.0, 5)
    for index in range(1_000):
        buckets.take(index)
    clock.now_s += 10
    for index in range(600):
        buckets.take(f"new-{index}")
    assert len(buckets) <= 600 + 1
