"""A space that tests speak to directly."""

import numpy as np
from histories import DIMENSION, record, vector
from recalling import hits_of

from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.model.bodies import CreateSpace, PutMemories
from mlsdm_grpc.core.model.parameters import SpaceParameters
from mlsdm_grpc.core.store.recall_query import Query


def unit(seed, dimension=DIMENSION):
    wide = vector(seed, dimension).raw.astype(np.float64)
    return wide / np.sqrt((wide * wide).sum())


class Space:
    """A mind that is spoken to directly."""

    def __init__(self, version=2, **parameters):
        self.mind, self.version = Mind(), version
        self.apply(CreateSpace(SpaceParameters(**{"dimension": DIMENSION, **parameters})))

    def apply(self, body, **changes):
        changes = {"semantics_version": self.version, **changes}
        return self.mind.apply(record(self.mind.revision + 1, body, **changes))

    def put(self, *memories, **changes):
        return self.apply(PutMemories(tuple(memories)), **changes)

    def ids(self):
        return [memory.memory_id for memory, _ in self.mind.contents.pelm.history.memories()]

    def search(self, now_ns=0, **query):
        query = Query(**{"vector": unit(0), "phase": 0.1, "top_k": 100, **query})
        return hits_of(self.mind, [query], now_ns=now_ns)[0]


def slot_of(pelm, memory_id):
    """Return the slot of a memory in the table of its space."""
    slots = pelm.table.order(0).tolist()
    return next(slot for slot in slots if pelm.table.memory_id(slot) == memory_id)


def spoil(space, memory_id, value):
    """Damage a row as a fault of the machine would."""
    pelm = space.mind.contents.pelm
    slot = slot_of(pelm, memory_id)
    pelm.table.rows.vectors[slot][0] = value
    pelm.table.rows.changed(slot)
