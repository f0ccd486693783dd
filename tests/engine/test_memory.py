"""The parts of a node's memory, the minimum, and the refusal below it."""

from __future__ import annotations

import pytest

from mlsdm_grpc.config import load_settings
from mlsdm_grpc.errors import InvalidInput
from mlsdm_grpc.server import memory_plan
from mlsdm_grpc.server.memory_plan import (
    MemoryPlan,
    check_memory,
    memory_limit,
    minimum_bytes,
    rest_bytes,
    within_memory,
)
from mlsdm_grpc.units import MIB


def settings(**sections):
    return load_settings(None, {"engine": {"workers": 1}} | sections)


@pytest.fixture(autouse=True)
def limited(monkeypatch):
    def limit(size_bytes):
        monkeypatch.setattr(memory_plan, "cgroup_limit", lambda: size_bytes)

    limit(None)
    return limit


def test_the_minimum_of_the_defaults_is_at_most_twice_their_rest():
    chosen = settings()
    assert rest_bytes(chosen) < minimum_bytes(chosen) <= 2 * rest_bytes(chosen)


@pytest.mark.parametrize(
    "more",
    [
        {"engine": {"workers": 2}},
        {"engine": {"workers": 1, "text_workers": 2}},
        {"engine": {"workers": 1, "memory_budget_bytes": 200 * MIB}},
        {"space": {"capacity": 100_000}},
        {"space": {"dimension": 4_096}},
    ],
)
def test_what_takes_memory_raises_the_minimum(more):
    assert minimum_bytes(settings(**more)) > minimum_bytes(settings())


def test_a_model_takes_memory():
    none = minimum_bytes(settings(space={"embedder": "none"}))
    assert none < minimum_bytes(settings()) - 80 * MIB


@pytest.mark.parametrize("size", [1.0, 1.25, 2.0, 8.0, 60.0])
def test_all_parts_together_are_less_than_there_is(size):
    chosen = settings()
    there_is = int(size * minimum_bytes(chosen))
    plan = MemoryPlan.of(chosen, there_is)
    traffic = (plan.receiving, plan.converting, plan.computing, plan.answering, plan.streaming)
    parts = (*traffic, plan.connecting)
    assert all(part > 0 for part in parts)
    assert rest_bytes(chosen) + plan.spaces + sum(parts) <= 0.93 * there_is
    # A full space of the defaults fits, and so do the largest messages, one at a time.
    assert plan.spaces >= 20_000 * 384 * 4 * 1.5
    assert min(traffic) >= 3 * chosen.server.max_request_bytes


def test_below_the_minimum_is_refused_with_both_figures_and_what_to_do(limited):
    chosen = settings()
    minimum = minimum_bytes(chosen)
    limited(minimum)
    assert f"at least {minimum // MIB} MiB" in check_memory(chosen)
    limited(minimum - 1)
    with pytest.raises(InvalidInput) as caught:
        within_memory(chosen)
    assert caught.value.metadata["limit"] == str(minimum - 1)
    assert caught.value.metadata["minimum"] == str(minimum)
    (violation,) = caught.value.violations
    assert f"{minimum // MIB} MiB" in violation.description
    assert "engine.workers (1)" in violation.description


def test_without_a_limit_nothing_is_refused():
    assert memory_limit(settings()) is None
    assert check_memory(settings(space={"capacity": 1_000_000})).startswith("not limited")


def test_a_configured_limit_counts_like_that_of_a_group(limited):
    chosen = settings(pressure={"memory_limit_bytes": 90 * MIB})
    assert memory_limit(chosen) == 100 * MIB
    limited(80 * MIB)
    assert memory_limit(chosen) == 80 * MIB
    with pytest.raises(InvalidInput):
        check_memory(chosen)


def test_what_nobody_set_follows_the_limit(limited):
    chosen = settings()
    limited(minimum_bytes(chosen))
    filled, plan = within_memory(chosen)
    assert filled.engine.memory_budget_bytes == plan.spaces
    assert 1 <= filled.engine.max_streams < chosen.engine.max_streams
    assert filled.engine.worker_memory_limit_bytes > plan.spaces
    assert filled.server.max_connections < chosen.server.max_connections
    limited(64 * 1024 * MIB)
    filled, _ = within_memory(chosen)
    assert filled.engine.max_streams == chosen.engine.max_streams
    assert filled.server.max_connections == chosen.server.max_connections


def test_what_was_set_stays(limited):
    chosen = settings(
        engine={
            "workers": 1,
            "memory_budget_bytes": 50 * MIB,
            "worker_memory_limit_bytes": 70 * MIB,
            "max_streams": 2,
        }
    )
    limited(600 * MIB)
    filled, _ = within_memory(chosen)
    assert filled.engine == chosen.engine


def test_without_a_limit_the_machine_is_divided_and_no_worker_is_killed():
    filled, plan = within_memory(settings())
    assert filled.engine.worker_memory_limit_bytes == 0
    assert plan.spaces > 100 * MIB
