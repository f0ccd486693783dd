"""Histories of spaces, known to the writing child and its parent: records by space and revision."""

import io
import random
from dataclasses import dataclass, field

import numpy as np

from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.model.bodies import (
    CreateSpace,
    ProcessEvent,
    PutMemories,
    StreamItem,
    StreamItems,
)
from mlsdm_grpc.core.model.new_memory import NewMemory, Vector
from mlsdm_grpc.core.model.parameters import SpaceParameters
from mlsdm_grpc.core.model.record import Record
from mlsdm_grpc.core.store.kernel import inverse_norm
from mlsdm_grpc.journal.codec.records import decode_record, encode_record
from mlsdm_grpc.journal.codec.snapshots import read_snapshot, snapshot_bytes
from mlsdm_grpc.journal.protocol import SpaceKey

SPACES = [SpaceKey("t", name) for name in "abcde"]
DIMENSION = 8


def _memory(rng, name):
    raw = np.array([rng.gauss(0, 1) for _ in range(DIMENSION)], np.float32)
    text = "".join(rng.choices("abcdefgh ", k=rng.randint(10, 600)))
    return NewMemory(memory_id=name, vector=Vector(raw, inverse_norm(raw)), text=text)


@dataclass
class History:
    """Records of one space, generated on demand."""

    key: SpaceKey
    seed: int
    raws: list[bytes] = field(default_factory=list)
    streamed: int = 0

    def record(self, revision):
        while len(self.raws) < revision:
            self.raws.append(self._next(len(self.raws) + 1))
        return self.raws[revision - 1]

    def _next(self, revision):
        rng = random.Random(f"{self.seed}{self.key}{revision}")
        draw, name = rng.random(), f"m{revision}"
        if revision == 1:
            body = CreateSpace(SpaceParameters(dimension=DIMENSION, capacity=500))
        elif draw < 0.6:
            body = PutMemories((_memory(rng, name),))
        elif draw < 0.75:
            count = rng.randint(2, 40)
            body = PutMemories(tuple(_memory(rng, f"{name}.{i}") for i in range(count)))
        elif draw < 0.9:
            body = ProcessEvent(_memory(rng, name), rng.random())
        else:
            after, count = self.streamed, rng.randint(1, 20)
            items = (
                StreamItem(after + i, _memory(rng, f"{name}.{i}")) for i in range(1, count + 1)
            )
            self.streamed += count
            body = StreamItems("stream", after, after + count, tuple(items))
        return encode_record(
            Record(
                revision=revision,
                incarnation=0 if revision == 1 else 1,
                record_id=rng.randbytes(16),
                time_ns=revision * 1_000_000_000,
                body=body,
                request_id=rng.randbytes(16),
                request_digest=rng.randbytes(32),
            )
        )


@dataclass
class Expected:
    """Valid states of a space: those from the last acknowledged revision on."""

    history: History
    acked: int
    mind: Mind = field(default_factory=Mind)
    states: dict[int, bytes] = field(default_factory=dict)

    def state(self, revision):
        """Return the state at a revision that is not below one asked for before the last one."""
        if revision in self.states:
            return self.states[revision]
        if revision < self.mind.revision:
            self.mind = Mind()
        while self.mind.revision < revision:
            raw = self.history.record(self.mind.revision + 1)
            self.mind.apply(decode_record(raw))
        state = self.states[revision] = snapshot_bytes(self.mind)
        return state


async def load(journal, key):
    """Return the state that a journal gives, as the engine would build it."""
    ref = await journal.load_snapshot(key)
    mind = Mind()
    if ref is not None:
        mind = read_snapshot(io.BytesIO(ref.path.read_bytes()))
    async for entries in journal.read(key, after=mind.revision):
        for entry in entries:
            mind.apply(decode_record(entry.payload))
    return mind
