"""kill -9 during writes: nothing acknowledged is lost, nothing is done twice."""

import asyncio
import io
import random
import uuid

import anyio
import grpc
import numpy as np
import pytest
from recalling import hits_of
from serving import ServerProcess, channel

from mlsdm_grpc._gen.mlsdm.v1 import (
    cognition_service_pb2,
    cognition_service_pb2_grpc,
    embedding_pb2,
    memory_put_pb2,
    memory_query_pb2,
    memory_service_pb2_grpc,
)
from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.store.kernel import inverse_norm
from mlsdm_grpc.core.store.recall_query import Query
from mlsdm_grpc.journal.codec.records import decode_record
from mlsdm_grpc.journal.codec.snapshots import read_snapshot, snapshot_bytes
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.journal.sqlite.sqlite_journal import SqliteJournal

pytestmark = [pytest.mark.anyio, pytest.mark.load, pytest.mark.timeout(240)]

SEED = 20261123
WRITERS = 16
KEY = SpaceKey("dev", "default")


def embedding(number):
    raw = np.random.default_rng(number).standard_normal(384).astype("<f4")
    return embedding_pb2.Embedding(f32_le=raw.tobytes())


class Write:
    """One put or event with its own request id; it is retried until it is acknowledged."""

    def __init__(self, number):
        self.number = number
        self.request_id = str(uuid.UUID(int=random.Random(number).getrandbits(128)))
        self.is_event = number % 3 == 0
        self.answers = []

    async def send(self, memories, minds):
        label = f"n:{self.number}"
        if self.is_event:
            response = await minds.ProcessEvent(
                cognition_service_pb2.ProcessEventRequest(
                    embedding=embedding(self.number),
                    moral_value=0.8,
                    labels=[label],
                    request_id=self.request_id,
                ),
                timeout=10,
            )
            outcome = response.outcome
            answer = (outcome.memory_id, outcome.step, outcome.revision)
        else:
            response = await memories.PutMemory(
                memory_put_pb2.PutMemoryRequest(
                    memory={"embedding": embedding(self.number), "labels": [label]},
                    request_id=self.request_id,
                ),
                timeout=10,
            )
            answer = (response.memory.memory_id, response.result, response.revision)
        self.answers.append(answer)


async def write_until_killed(server, open_writes, done, numbers, after_acks, rng):
    """Keep 16 writes in flight; kill the server some time after its first acknowledgements."""
    async with channel(server.listen) as one:
        memories = memory_service_pb2_grpc.MemoryServiceStub(one)
        minds = cognition_service_pb2_grpc.CognitionServiceStub(one)
        acked = anyio.Event()
        count = 0

        async def writer():
            nonlocal count
            while True:
                write = open_writes.pop() if open_writes else Write(next(numbers))
                try:
                    await write.send(memories, minds)
                except grpc.aio.AioRpcError as error:
                    assert error.code() in {
                        grpc.StatusCode.UNAVAILABLE,
                        grpc.StatusCode.CANCELLED,
                    }, error
                    open_writes.append(write)
                    return
                done.append(write)
                if rng.random() < 0.05:
                    open_writes.append(write)
                count += 1
                if count >= after_acks:
                    acked.set()

        async def killer():
            await acked.wait()
            await anyio.sleep(rng.uniform(0, 0.05))  # when it strikes is part of the seed
            server.kill()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(killer)
            for _ in range(WRITERS):
                tasks.start_soon(writer)


@pytest.mark.parametrize(
    "kills", [10, pytest.param(50, marks=[pytest.mark.slow, pytest.mark.timeout(1_200)])]
)
async def test_acknowledged_writes_survive_kills(tmp_path, kills):
    rng = random.Random(SEED)
    numbers = iter(range(10**6))
    open_writes, done = [], []
    for _ in range(kills):
        server = await asyncio.to_thread(ServerProcess, tmp_path)
        await write_until_killed(server, open_writes, done, numbers, rng.randint(1, 150), rng)
    server = await asyncio.to_thread(ServerProcess, tmp_path)
    async with channel(server.listen) as one:
        memories = memory_service_pb2_grpc.MemoryServiceStub(one)
        minds = cognition_service_pb2_grpc.CognitionServiceStub(one)
        for write in open_writes:
            await write.send(memories, minds)
        writes = {write.number: write for write in [*done, *open_writes]}
        listed = await list_all(memories)
        state = (await minds.GetState(cognition_service_pb2.GetStateRequest())).state
        recalled = await recall(memories)
    server.kill()

    assert all(len(set(write.answers)) == 1 for write in writes.values()), "a retry differed"
    by_label = {memory.labels[0]: memory.memory_id for memory in listed}
    assert len(by_label) == len(listed), "something was stored twice"
    assert by_label == {f"n:{number}": write.answers[0][0] for number, write in writes.items()}
    events = [write for write in writes.values() if write.is_event]
    assert state.step == len(events)
    assert sorted(write.answers[0][1] for write in events) == list(range(1, len(events) + 1))
    assert len(writes) > kills

    mind = await replayed(tmp_path, until=state.revision)
    assert (mind.revision, mind.chain) == (state.revision, state.chain_head)
    assert recalled == recall_from(mind)
    assert read_snapshot(io.BytesIO(snapshot_bytes(mind))).chain == mind.chain


async def list_all(memories):
    listed, token = [], ""
    while True:
        page = await memories.ListMemories(
            memory_query_pb2.ListMemoriesRequest(page_token=token, page_size=1_000)
        )
        listed.extend(page.memories)
        token = page.next_page_token
        if not token:
            return listed


async def recall(memories):
    response = await memories.BatchQueryMemories(
        memory_query_pb2.BatchQueryMemoriesRequest(
            queries=[
                {"embedding": embedding(10**7 + i), "top_k": 20, "phase_tolerance": 1.0}
                for i in range(10)
            ]
        )
    )
    return [
        [(match.memory.memory_id, match.resonance) for match in result.matches]
        for result in response.results
    ]


def recall_from(mind):
    queries = []
    for i in range(10):
        raw = np.frombuffer(embedding(10**7 + i).f32_le, "<f4")
        assert inverse_norm(raw) > 0
        wide = raw.astype(np.float64)
        wide /= np.sqrt(np.add.reduce(wide * wide))
        queries.append(
            Query(vector=wide, phase=mind.contents.rhythm.phase, top_k=20, phase_tolerance=1.0)
        )
    return [
        [(hit.memory.memory_id, float(np.float32(hit.resonance))) for hit in hits]
        for hits in hits_of(mind, queries, now_ns=0)
    ]


async def replayed(folder, *, until):
    """The state that replaying the journal gives in this process; a space asleep may go on."""
    journal = SqliteJournal(folder)
    await journal.open()
    mind = Mind()
    async for entries in journal.read(KEY, after=0, until=until):
        for entry in entries:
            mind.apply(decode_record(entry.payload))
    await journal.close()
    return mind
