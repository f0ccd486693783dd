"""A server with little memory: its minimum, and its capacity there."""

from __future__ import annotations

import contextlib
import os
from collections import Counter

import groups
import pytest
import rush
from node import process, workers
from processes import serving

from mlsdm_grpc.config import load_settings
from mlsdm_grpc.protection.sensors import memory_in_use
from mlsdm_grpc.server.memory_plan import minimum_bytes, rest_bytes
from mlsdm_grpc.units import MIB

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def rushed(folder, factor, seconds):
    try:
        return rush.rush(folder, factor=factor, seconds=seconds)
    except groups.NoGroups as error:
        pytest.skip(str(error))


@pytest.mark.load  # memory counts: no coverage beside it
@pytest.mark.timeout(120)
def test_a_server_at_rest_takes_what_the_plan_says(tmp_path):
    settings = load_settings(None, {"engine": {"workers": 1}})
    # A process of its own: the forked servers of other tests share more memory than they need.
    with serving(tmp_path / "data", {"MLSDM_ENGINE__WORKERS": "1"}) as server:
        used = sum(map(memory_in_use, [server.pid, *workers(server.pid)]))
    assert 0.8 * rest_bytes(settings) < used < rest_bytes(settings)
    assert minimum_bytes(load_settings(None, {"engine": {"workers": 1}})) < 2 * (used + 25 * MIB)


@pytest.mark.root
@pytest.mark.load
@needs_root
@pytest.mark.timeout(240)
def test_nothing_is_killed_at_the_minimum(tmp_path):
    outcome = rushed(tmp_path / "data", 1.0, 12.0)
    assert outcome.oom_kills == 0
    assert outcome.foreign == []
    assert outcome.ended["query OK"] > 0
    assert outcome.ended["batch OK"] > 0
    assert outcome.normal_after_s is not None
    assert outcome.most_bytes < outcome.limit_bytes


@pytest.mark.slow
@pytest.mark.root
@needs_root
@pytest.mark.parametrize("factor", [1.0, 1.25, 1.5, 2.0])
def test_nothing_is_killed_from_the_minimum_up(tmp_path, evidence, factor):
    outcomes = [rushed(tmp_path / f"data{i}", factor, 60.0) for i in range(3)]
    ended = sum((Counter(each.ended) for each in outcomes), Counter())
    evidence["limit MiB"] = outcomes[0].limit_bytes // MIB
    evidence["at rest MiB"] = outcomes[0].rest_bytes // MIB
    evidence["most in use MiB"] = [each.most_bytes // MIB for each in outcomes]
    evidence["OOM kills"] = sum(each.oom_kills for each in outcomes)
    evidence["workers lost"] = sum(each.lost_workers for each in outcomes)
    evidence["NORMAL again after s"] = [each.normal_after_s for each in outcomes]
    for kind in ("query", "batch", "answer", "export", "ingest"):
        total = sum(count for end, count in ended.items() if end.startswith(kind))
        evidence[f"{kind} OK"] = f"{ended[kind + ' OK']} of {total}"
    assert not any(each.oom_kills for each in outcomes)
    assert not [end for each in outcomes for end in each.foreign]
    assert all(each.normal_after_s is not None for each in outcomes)
    assert all(each.ended["query OK"] for each in outcomes)


@pytest.mark.root
@needs_root
def test_a_server_refuses_a_group_that_is_too_small(tmp_path):
    with contextlib.ExitStack() as opened:
        try:
            group = opened.enter_context(groups.memory_group(300 * MIB))
        except groups.NoGroups as error:
            pytest.skip(str(error))
        with pytest.raises(RuntimeError) as caught:
            opened.enter_context(process(tmp_path, group=group))
        assert "the limit is 300 MiB and at least" in str(caught.value)
        assert group.oom_kills == 0
