"""Workers killed under load: nothing acknowledged is lost, other workers' spaces never notice."""

import asyncio
import bisect
import itertools
import os
import random
import signal
import uuid
import zlib

import anyio
import grpc
import numpy as np
import pytest
from serving import channel, in_process

from mlsdm_grpc._gen.mlsdm.v1 import (
    cognition_service_pb2,
    cognition_service_pb2_grpc,
    memory_put_pb2,
    memory_query_pb2,
    memory_service_pb2_grpc,
)

pytestmark = [pytest.mark.anyio, pytest.mark.load]

SEED = 20261123
WORKERS = 3
SPACES = 4
FIRST = 10**6
"""Number of the first memory that is not there from the beginning."""
WRITERS, READERS = 2, 2
"""Number of writers and of readers of each space."""
PAUSE_S = 0.05
"""Pause of each writer and reader between two calls, a load that the machine can bear. Callers
without a pause take all processor time, also from a worker that restarts."""
FIRST_ANSWER_S, ALL_SPACES_S = 2.0, 5.0
PATIENCE = 5
"""Factor between a documented time and its tested limit."""
RETRIED = {grpc.StatusCode.UNAVAILABLE}


def embedding(number):
    raw = np.random.default_rng(number).standard_normal(384).astype("<f4")
    return {"f32_le": raw.tobytes()}


def worker_of(space):
    return zlib.crc32(f"dev/{space}".encode()) % WORKERS


def names():
    """Spaces of which every worker has one at least."""
    every = (f"space{i}" for i in itertools.count())
    return [next(name for name in every if worker_of(name) == i % WORKERS) for i in range(SPACES)]


class Ring:
    """Expected content of a space of a certain capacity, from the acknowledged writes.

    Every write makes one memory. Of those that were made up to some revision, all but one a
    writer are known here as soon as an answer of that revision has come.
    """

    def __init__(self, capacity):
        self.capacity = capacity
        self.revisions = []
        """Revisions of the records that made the memories, ascending."""
        self.made = {}
        """Number of every memory with that revision."""
        self.order = []
        """The numbers as they were acknowledged."""
        self.newest = 0

    def stored(self, number, revision):
        bisect.insort(self.revisions, revision)
        self.made[number] = revision
        self.order.append(number)
        self.newest = max(self.newest, revision)

    def check(self, number, matches, revision):
        """Check the best match for the vector of a memory, in an answer of this revision."""
        made = self.made[number]
        until = bisect.bisect_right(self.revisions, revision)
        most = until - bisect.bisect_left(self.revisions, made) + WRITERS
        least = until - bisect.bisect_right(self.revisions, made)
        found = matches[0].memory.memory_id
        seen = f"{found} for m{number} of revision {made} at {revision}, {least}..{most} later"
        if most <= self.capacity:
            assert found == f"m{number}", seen
            assert matches[0].components.cosine > 0.999_99, seen
        elif least >= self.capacity:
            assert found != f"m{number}", seen

    def holds(self, listed):
        """Check the ids of all memories at the end, when no writer is left."""
        assert len(listed) == len(set(listed)) == self.capacity
        newest = sorted(self.made, key=self.made.get)[-self.capacity + WRITERS :]
        assert {f"m{number}" for number in newest} <= set(listed)


class Load:
    """Callers that never stop, and their answers."""

    def __init__(self, one, spaces, rng, capacity):
        self.memories = memory_service_pb2_grpc.MemoryServiceStub(one)
        self.minds = cognition_service_pb2_grpc.CognitionServiceStub(one)
        self.spaces = spaces
        self.rng = rng
        self.numbers = itertools.count(FIRST)
        self.rings = {space: Ring(capacity) for space in spaces}
        self.failures = []
        """Space of every call that did not end OK."""
        self.calls = 0
        self.clock = asyncio.get_running_loop().time

    async def put(self, space, number, request_id=""):
        response = await self.memories.PutMemory(
            memory_put_pb2.PutMemoryRequest(
                space=space,
                memory={"memory_id": f"m{number}", "embedding": embedding(number)},
                request_id=request_id or str(uuid.UUID(int=number)),
            ),
            timeout=60,
        )
        return response.revision

    async def query(self, space, number):
        return await self.memories.QueryMemories(
            memory_query_pb2.QueryMemoriesRequest(
                space=space,
                embedding=embedding(number),
                top_k=1,
                phase_tolerance=1.0,
            ),
            timeout=60,
        )

    async def fill(self, count):
        for space in self.spaces:
            for start in range(0, count, 250):
                rows = range(start, min(start + 250, count))
                response = await self.memories.BatchPutMemories(
                    memory_put_pb2.BatchPutMemoriesRequest(
                        space=space,
                        memories=[
                            {"memory_id": f"m{number}", "embedding": embedding(number)}
                            for number in rows
                        ],
                    ),
                    timeout=60,
                )
                for number in rows:
                    self.rings[space].stored(number, response.revision)

    async def counted(self, space, call):
        """Make a call until it is answered, as the shipped client does."""
        while True:
            self.calls += 1
            try:
                return await call()
            except grpc.aio.AioRpcError as error:
                assert error.code() in RETRIED, error
                self.failures.append(space)
                await anyio.sleep(0.05)

    async def write(self, space):
        while True:
            number = next(self.numbers)
            revision = await self.counted(space, lambda number=number: self.put(space, number))
            self.rings[space].stored(number, revision)
            await anyio.sleep(PAUSE_S)

    async def read(self, space):
        while True:
            await self.answered(space)
            await anyio.sleep(PAUSE_S)

    async def answered(self, space):
        """Ask for a memory, of which some have left the ring, until there is an answer.

        It has to be right, and to know of all that was acknowledged before. Return when it came.
        """
        ring = self.rings[space]
        back = self.rng.randrange(min(len(ring.order), ring.capacity * 9 // 8))
        number = ring.order[-1 - back]
        newest = ring.newest
        found = await self.counted(space, lambda: self.query(space, number))
        assert found.revision >= newest
        ring.check(number, found.matches, found.revision)
        return self.clock()


async def kill_at_random(tmp_path, *, kills, memories, figures):
    rng = random.Random(SEED)
    spaces = names()
    settings = {"workers": WORKERS, "consolidation": False}
    first_s, all_s, elsewhere = [], [], 0
    async with (
        in_process(
            engine=settings,
            journal={"kind": "sqlite", "data_dir": tmp_path},
            space={"dimension": 384, "capacity": memories, "embedder": "none"},
        ) as server,
        channel(server.listen) as one,
    ):
        load = Load(one, spaces, rng, memories)
        await load.fill(memories)
        async with anyio.create_task_group() as tasks:
            for space in spaces:
                for _ in range(WRITERS):
                    tasks.start_soon(load.write, space)
                for _ in range(READERS):
                    tasks.start_soon(load.read, space)
            for _ in range(kills):
                await anyio.sleep(rng.uniform(0.1, 0.4))  # when it strikes is part of the seed
                hit = rng.randrange(WORKERS)
                before = len(load.failures)
                killed_s = load.clock()
                os.kill(server.engine.parts.space_workers.pids()[hit], signal.SIGKILL)
                backs = await asyncio.gather(*(load.answered(space) for space in spaces))
                own = [s for s, space in zip(backs, spaces, strict=True) if worker_of(space) == hit]
                first_s.append(min(own) - killed_s)
                all_s.append(max(backs) - killed_s)
                elsewhere += sum(worker_of(space) != hit for space in load.failures[before:])
                with anyio.fail_after(60):
                    while len(server.engine.parts.space_workers.pids()) < WORKERS:  # noqa: ASYNC110
                        await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()
        figures |= {
            "seed": SEED,
            "load average": round(os.getloadavg()[0], 1),
            "kills": kills,
            "callers": SPACES * (WRITERS + READERS),
            "pause of each ms": 1_000 * PAUSE_S,
            "memories a full space": memories,
            "calls": load.calls,
            "acknowledged": sum(len(ring.made) for ring in load.rings.values()),
            "failed on other workers": elsewhere,
            "first answer p50/p95/max s": quantiles(first_s),
            "all spaces p50/p95/max s": quantiles(all_s),
        }
        await nothing_is_lost(load)
        assert not server.engine.quarantine.spaces
    assert elsewhere == 0
    assert load.calls >= 20 * kills
    assert np.percentile(first_s, 95) <= PATIENCE * FIRST_ANSWER_S
    assert np.percentile(all_s, 95) <= PATIENCE * ALL_SPACES_S


def quantiles(values):
    return "/".join(f"{np.percentile(values, q):.2f}" for q in (50, 95, 100))


async def nothing_is_lost(load):
    for space, ring in load.rings.items():
        # This call comes after all calls in flight.
        repeated = max(ring.made, key=ring.made.get)
        assert await load.put(space, repeated) == ring.made[repeated]
        listed, token = [], ""
        while True:
            page = await load.memories.ListMemories(
                memory_query_pb2.ListMemoriesRequest(space=space, page_token=token, page_size=1_000)
            )
            listed += [memory.memory_id for memory in page.memories]
            token = page.next_page_token
            if not token:
                break
        ring.holds(listed)
        revisions = [revision for number, revision in ring.made.items() if number >= FIRST]
        assert len(revisions) == len(set(revisions)), "two writes were answered as one"
        state = (
            await load.minds.GetState(cognition_service_pb2.GetStateRequest(space=space))
        ).state
        assert state.revision >= ring.newest


@pytest.mark.timeout(300)
async def test_ten_workers_are_killed_under_load(tmp_path):
    await kill_at_random(tmp_path, kills=10, memories=2_500, figures={})


@pytest.mark.slow
async def test_a_hundred_workers_are_killed_under_load(tmp_path, evidence):
    await kill_at_random(tmp_path, kills=100, memories=20_000, figures=evidence)
