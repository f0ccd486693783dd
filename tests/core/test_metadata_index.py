"""Search by metadata equals a scan of all memories, after any history of writes."""

import random

import numpy as np
import pytest

from mlsdm_grpc.core.store.memory_value import Memory
from mlsdm_grpc.core.store.metadata_index import MetadataIndex

SLOTS = 50


def memory(metadata):
    return Memory(
        memory_id="m", text="", phase=0.1, confidence=1.0, labels=(), metadata=metadata,
        provenance=None, pinned=False, caller_chosen_id=True, create_time_ns=1, create_revision=1,
        update_time_ns=1, expire_time_ns=0, revision=1, sequence=1, ring_sequence=1,
        digest=bytes(16),
    )  # fmt: skip


class Slots:
    """Slots with metadata, with and without an index."""

    def __init__(self, seed, values=3):
        self.rng, self.values = random.Random(seed), values
        self.held = {}
        self.index = None

    def pairs(self):
        keys = self.rng.sample("abc", self.rng.randrange(4))
        return tuple(sorted((key, str(self.rng.randrange(self.values))) for key in keys))

    def write(self):
        slot = self.rng.randrange(SLOTS)
        if slot in self.held:
            del self.held[slot]
            if self.index:
                self.index.cleared(slot)
        if self.rng.random() < 0.8:
            self.held[slot] = self.pairs()
            if self.index:
                self.index.placed(slot, memory(self.held[slot]))

    def check(self):
        if self.index is None:
            self.index = MetadataIndex(range(SLOTS), lambda slot: self.held.get(slot, ()))
        wanted = self.pairs() or (("a", "1"),)
        found = self.index.carriers(wanted, SLOTS)
        expected = {slot for slot, pairs in self.held.items() if set(wanted) <= set(pairs)}
        assert set(np.flatnonzero(found).tolist()) == expected


@pytest.mark.parametrize("seed", range(8))
def test_a_search_equals_a_scan(seed):
    slots = Slots(seed)
    for _ in range(300):
        for _ in range(slots.rng.randrange(8)):
            slots.write()
        slots.check()


def test_entries_of_memories_that_left_are_removed():
    slots = Slots(1, values=1_000)
    slots.check()
    for _ in range(40_000):
        slots.write()
        if slots.rng.random() < 0.01:
            slots.check()
    assert slots.index.nbytes < 16 * 3_000


def test_unqueried_changes_do_not_accumulate():
    slots = Slots(2)
    slots.check()
    for _ in range(40_000):
        slots.write()
    assert slots.index.missing_count < 2_000
    slots.check()
