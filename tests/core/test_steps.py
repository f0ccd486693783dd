"""Long operations run in short steps."""

import gc
import io
import sys
import time
from itertools import pairwise

import pytest
from counts import count
from histories import SECOND, record, vector

from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.model.bodies import CreateSpace, PutMemories
from mlsdm_grpc.core.model.new_memory import NewMemory
from mlsdm_grpc.core.model.parameters import SpaceParameters
from mlsdm_grpc.journal.codec.snapshots import (
    read_snapshot,
    snapshot_bytes,
    snapshot_reader,
    snapshot_writer,
)

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(
        sys.gettrace() is not None, reason="what is traced takes many times as long"
    ),
]

STEP_S = 0.002
"""Longest step of work other than encoding and decoding, seconds."""
FRAME_S = 0.005
CAPACITY = count(8_000, 20_000)
RUNS = 6


def are_short(begin, limit_s):
    """Return True if in one of several runs no step took longer, in processor time.

    A step that is long by itself is so in every run; on a busy machine any step is so in some.
    """
    gc.collect()
    gc.disable()  # it would look at all that the tests hold
    try:
        return any(_longest_s(begin()) < limit_s for _ in range(RUNS))
    finally:
        gc.enable()


def _longest_s(steps):
    times = [time.thread_time(), *(time.thread_time() for _ in steps), time.thread_time()]
    return max(later - earlier for earlier, later in pairwise(times))


def batch(revision, **fields):
    memories = tuple(
        NewMemory(f"{revision}-{i}", vector(i), text=f"{revision}-{i}", **fields)
        for i in range(1_000)
    )
    return record(revision, PutMemories(memories), request_id=revision.to_bytes(16, "big"))


def full(**fields):
    """Return a mind of a full space and the revision that is next."""
    mind = Mind()
    mind.apply(record(1, CreateSpace(SpaceParameters(dimension=8, capacity=CAPACITY))))
    for revision in range(2, CAPACITY // 1_000 + 2):
        mind.apply(batch(revision, **fields))
    assert len(mind.contents.pelm) == CAPACITY
    return mind, mind.revision + 1


def test_no_step_of_a_snapshot_of_a_full_space_is_long():
    mind, _ = full()
    content = snapshot_bytes(mind)
    assert are_short(lambda: snapshot_writer(mind, io.BytesIO()), 5 * FRAME_S)
    assert are_short(lambda: snapshot_reader(io.BytesIO(content)), 5 * FRAME_S)
    assert snapshot_bytes(read_snapshot(io.BytesIO(content))) == content


def test_no_step_of_a_large_batch_is_long():
    mind, revision = full()
    todo = (batch(each) for each in range(revision, revision + RUNS))
    assert are_short(lambda: mind.applying(next(todo)), 5 * STEP_S)
    assert mind.revision >= revision
    pelm = mind.contents.pelm
    assert pelm.get("2-999") is None  # each of them made one leave
    assert len(pelm) == CAPACITY


def test_memories_that_expire_together_leave_in_steps():
    minds = []

    def begin():
        mind, revision = full(expire_time_ns=100 * SECOND)
        minds.append(mind)
        late = PutMemories((NewMemory("one", vector(1)),))
        return mind.applying(record(revision, late, time_ns=200 * SECOND))

    assert are_short(begin, 5 * STEP_S)
    for mind in minds:
        left = [memory.memory_id for memory, _ in mind.contents.pelm.history.memories()]
        assert left == ["one"]
