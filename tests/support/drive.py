"""An engine over a journal, with minds in this process unless a test wants workers."""

import asyncio
from contextlib import asynccontextmanager

import numpy as np
from searching import by_vector

from mlsdm_grpc._gen.mlsdm.v1.memory_query_pb2 import QueryMemoriesResponse
from mlsdm_grpc.config import EngineSettings, QuotaSettings, SpaceDefaults
from mlsdm_grpc.core.model.bodies import PutMemories
from mlsdm_grpc.core.model.new_memory import NewMemory, Vector
from mlsdm_grpc.core.store.kernel import inverse_norm
from mlsdm_grpc.engine.engine import Engine
from mlsdm_grpc.engine.parts import wire_engine
from mlsdm_grpc.journal.memory_journal import MemoryJournal
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.messages.queries import EncodedQueries
from mlsdm_grpc.moderation.candidates import Candidate
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.spaces.ticket import Ticket

DIMENSION = 16
KEY = SpaceKey("dev", "default")


def vector(seed, dimension=DIMENSION):
    raw = np.random.default_rng(seed).standard_normal(dimension).astype(np.float32)
    return Vector(raw, inverse_norm(raw))


def ticket(request=b"", digest=b"", within_s=20.0):
    deadline_s = asyncio.get_running_loop().time() + within_s
    return Ticket("tester", deadline_s, request, digest or bytes(32))


def event_of(memory, moral_value):
    return Candidate(memory, is_event=True, given_value=moral_value)


class Driver:
    """Engine with short helper methods for requests."""

    def __init__(self, engine, journal, metrics, dimension):
        self.engine = engine
        self.dimension = dimension
        self.journal = journal
        self.metrics = metrics

    async def put(self, *seeds, key=KEY, request=b"", **fields):
        memories = tuple(
            NewMemory(f"m{seed}", vector(seed, self.dimension), True, **fields) for seed in seeds
        )
        body = PutMemories(memories, allow_replace=True)
        paths = [""] * len(memories)
        return (await self.engine.intake.put(key, body, ticket(request), paths=paths)).outcome

    async def query(self, seed, key=KEY, min_revision=0, within_s=20.0, **fields):
        query = by_vector(vector(seed, self.dimension), **{"top_k": 1, **fields})
        deadline_s = asyncio.get_running_loop().time() + within_s
        answer = await self.engine.reads.query(
            key, EncodedQueries.of([query]), min_revision=min_revision, deadline_s=deadline_s
        )
        found = QueryMemoriesResponse.FromString(answer)
        return [match.memory.memory_id for match in found.matches], found.revision

    async def state(self, key=KEY):
        deadline_s = asyncio.get_running_loop().time() + 20.0
        return await self.engine.reads.state(key, min_revision=0, deadline_s=deadline_s)

    def replayed(self):
        name = "mlsdm_journal_replayed_records_total"
        return self.metrics.registry.get_sample_value(name)


@asynccontextmanager
async def running(journal=None, **changes):
    """Yield a driver; ``changes`` are engine settings and a few of those of others."""
    owned = journal is None
    journal = journal or MemoryJournal()
    if owned:
        await journal.open()
    metrics = Metrics()
    space = changes.pop("space", {})
    engine = Engine(
        wire_engine(
            journal,
            defaults=SpaceDefaults(**{"dimension": DIMENSION, "embedder": "none", **space}),
            snapshot_every=changes.pop("snapshot_every", 1_000),
            max_response_bytes=changes.pop("max_response_bytes", 3_670_016),
            metrics=metrics,
            quotas=QuotaSettings(**changes.pop("quotas", {})),
            scorer=changes.pop("scorer", None),
            most_space_bytes=changes.pop("most_space_bytes", 0),
            settings=EngineSettings(
                **{
                    "workers": 0,
                    "text_workers": 0,
                    "consolidation_interval_s": 0,
                    **changes,
                }
            ),
        )
    )
    try:
        async with engine.running():
            yield Driver(engine, journal, metrics, space.get("dimension", DIMENSION))
    finally:
        if owned:
            await journal.close()


def answers(handler, *requests):
    """Return the replies to requests, each sent when the one before it is done, in their order."""
    replies = []
    for request in requests:
        found = handler.handle([request])
        while handler.busy:
            found += handler.step()
        replies += found
    return replies
