"""What takes long is done in steps that are short."""

import gc
import io
import time
from itertools import pairwise

from histories import SECOND, record, vector

from mlsdm_grpc.core.mind import Mind
from mlsdm_grpc.core.record import CreateSpace, NewMemory, PutMemories, SpaceParameters
from mlsdm_grpc.journal.snapshot import (
    read_snapshot,
    snapshot_bytes,
    snapshot_reader,
    snapshot_writer,
)

STEP_S = 0.002
"""Of whatever is not encoded or decoded at once."""
FRAME_S = 0.005
CAPACITY = 20_000


def longest_s(steps):
    """Take all steps; return the processor time of the longest, without collecting garbage."""
    gc.collect()
    gc.disable()  # it would look at all that the tests hold
    try:
        times = [time.thread_time(), *(time.thread_time() for _ in steps), time.thread_time()]
    finally:
        gc.enable()
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
    for revision in range(2, 22):
        mind.apply(batch(revision, **fields))
    assert len(mind.contents.pelm) == CAPACITY
    return mind, 22


def test_no_step_of_a_snapshot_of_a_full_space_is_long():
    mind, _ = full()
    file = io.BytesIO()
    assert longest_s(snapshot_writer(mind, file)) < 5 * FRAME_S
    reader = snapshot_reader(io.BytesIO(file.getvalue()))
    assert longest_s(reader) < 5 * FRAME_S
    assert snapshot_bytes(read_snapshot(io.BytesIO(file.getvalue()))) == file.getvalue()


def test_no_step_of_a_large_batch_is_long():
    mind, revision = full()
    assert longest_s(mind.applying(batch(revision))) < 5 * STEP_S
    assert mind.revision == revision
    pelm = mind.contents.pelm
    assert pelm.get("2-999") is None  # each of them made one leave
    assert len(pelm) == CAPACITY


def test_memories_that_expire_together_leave_in_steps():
    mind, revision = full(expire_time_ns=100 * SECOND)
    late = record(revision, PutMemories((NewMemory("one", vector(1)),)), time_ns=200 * SECOND)
    steps = mind.applying(late)
    assert longest_s(steps) < 5 * STEP_S
    assert [memory.memory_id for memory, _ in mind.contents.pelm.in_creation_order()] == ["one"]
