"""Writers of long records, which continue after any number of kills."""

import asyncio
import random
import uuid
from collections import deque

import anyio
import grpc
import numpy as np

from mlsdm_grpc._gen.mlsdm.v1 import (
    cognition_service_pb2,
    cognition_service_pb2_grpc,
    event_pb2,
    memory_pb2,
    memory_put_pb2,
    memory_service_pb2,
    memory_service_pb2_grpc,
    memory_stream_pb2,
    space_service_pb2,
    space_service_pb2_grpc,
    stream_pb2,
)

DIMENSION = 16
STREAMS = 2
"""Number of streams of memories, and of streams of events, to one space."""
CAPACITIES = (150, 500, 2_000)
LONGEST_STRETCH = 600
"""Largest number of items that a stream sends at once."""
LONGEST_BATCH = 1_000
PAUSE_S = 0.05
"""Between two attempts."""
TIMEOUT_S = 30
RETRIED = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.ABORTED,  # STREAM_IN_USE: the server has not noticed yet that a call ended
    grpc.StatusCode.DEADLINE_EXCEEDED,
}
_VECTORS = [
    {"f32_le": row.tobytes()}
    for row in np.random.default_rng(5).standard_normal((2_048, DIMENSION)).astype("<f4")
]


class Stream:
    """Endless stream of items, with the acknowledged outcomes."""

    def __init__(self, space, number, dice):
        self.space = space
        self.prefix = f"{self.kind}{number}-"
        """Prefix of the ids of memories."""
        self.stream_id = f"stream-{self.kind}{number}"
        self.dice = dice
        self.acked = 0
        self.until = 0
        self.told = {}
        self._token = ""

    async def write(self, one):
        """Send items until those up to ``until`` are acknowledged."""
        while self.acked < self.until:
            call = self.method(one)()
            try:
                await self._converse(call)
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                # Writing to a call that has ended raises something else than its status.
                code, details = await call.code(), await call.details()
                assert code in RETRIED, f"{self.stream_id}: {code.name} {details}"
                await anyio.sleep(PAUSE_S)
            finally:
                call.cancel()

    async def _converse(self, call):
        opening = stream_pb2.StreamOpen(
            space=self.space, stream_id=self.stream_id, resume_token=self._token
        )
        await call.write(self.opening(opening))
        first = await call.read()
        if first is grpc.aio.EOF:
            return
        opened = first.opened
        assert opened.acked_sequence >= self.acked, "an acknowledgement was taken back"
        sent, flow = self._ack(opened), opened.flow
        while self.acked < self.until:
            while sent < min(self.until, self.acked + flow.max_in_flight_count):
                most = min(self.until, self.acked + flow.max_in_flight_count) - sent
                count = min(self.dice.choice([3, 50, 256]), most, flow.max_batch_count)
                await call.write(self.batch(sent + 1, count))
                sent += count
            message = await call.read()
            if message is grpc.aio.EOF:
                return
            if message.HasField("flow"):
                flow = message.flow
            if message.HasField("ack"):
                for sequence, outcome in self.outcomes(message.ack):
                    assert sequence not in self.told, "an item was answered twice"
                    self.told[sequence] = outcome
                self._ack(message.ack)

    def _ack(self, message):
        self.acked, self._token = message.acked_sequence, message.resume_token
        return self.acked


class Ingestion(Stream):
    """Memories, most of them with an id of their own."""

    kind = "m"

    def method(self, one):
        return memory_service_pb2_grpc.MemoryServiceStub(one).IngestMemories

    def opening(self, stream):
        return memory_stream_pb2.IngestMemoriesRequest(
            open=memory_stream_pb2.IngestOpen(stream=stream)
        )

    def batch(self, first, count):
        memories = [
            memory_pb2.Memory(
                memory_id=f"{self.prefix}{sequence}" if sequence % 5 else "",
                embedding=_VECTORS[sequence * 7 % len(_VECTORS)],
                labels=[f"n:{sequence % 10}"],
            )
            for sequence in range(first, first + count)
        ]
        return memory_stream_pb2.IngestMemoriesRequest(
            batch=memory_stream_pb2.IngestBatch(first_sequence=first, memories=memories)
        )

    def outcomes(self, ack):
        for outcome in ack.outcomes:
            assert not outcome.HasField("status"), outcome
            yield outcome.sequence, outcome.memory_id


class Events(Stream):
    """Events, some of which the mind refuses."""

    kind = "e"

    def method(self, one):
        return cognition_service_pb2_grpc.CognitionServiceStub(one).StreamEvents

    def opening(self, stream):
        return cognition_service_pb2.StreamEventsRequest(open=stream)

    def batch(self, first, count):
        events = [
            event_pb2.Event(
                memory_id=f"{self.prefix}{sequence}",
                embedding=_VECTORS[sequence * 11 % len(_VECTORS)],
                moral_value=0.1 if sequence % 9 == 0 else 0.9,
            )
            for sequence in range(first, first + count)
        ]
        return cognition_service_pb2.StreamEventsRequest(
            batch=cognition_service_pb2.EventBatch(first_sequence=first, events=events)
        )

    def outcomes(self, ack):
        for result in ack.results:
            assert not result.HasField("status"), result
            outcome = result.outcome
            yield result.sequence, (outcome.memory_id, outcome.step, outcome.revision)


class Writer:
    """All writers of one space; ``fault`` is an error that no retry can cure.

    Args:
        name: Of the space.
        seed: Of the plan; when kills strike is not part of it.
    """

    def __init__(self, name, seed):
        self.name = name
        self.dice = random.Random(f"{seed} {name}")
        self.capacity = self.dice.choice(CAPACITIES)
        self.streams = [
            kind(name, number, self.dice)
            for kind in (Ingestion, Events)
            for number in range(STREAMS)
        ]
        self.told = {}
        """Revision of every single call that was acknowledged, by its request id."""
        self.fault = ""
        self._calls = deque()
        self._batched = 0

    @property
    def acknowledged(self):
        return sum(stream.acked for stream in self.streams) + len(self.told)

    async def create(self, one):
        config = {"dimension": DIMENSION, "capacity": self.capacity}
        request = space_service_pb2.CreateSpaceRequest(space=self.name, config=config)
        await space_service_pb2_grpc.SpaceServiceStub(one).CreateSpace(request)

    def plan(self):
        """Plan more writes."""
        for stream in self.streams:
            stream.until += self.dice.choice([0, 0, self.dice.randint(1, 300), LONGEST_STRETCH])
        for _ in range(self.dice.randint(0, 4)):
            kind = self.dice.choice([self._batch, self._update, self._delete, self._consolidate])
            self._calls.append(kind)

    async def write(self, one):
        """Write the planned items until all of them are acknowledged."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for stream in self.streams:
                    tasks.create_task(stream.write(one))
                tasks.create_task(self._call_all(one))
        except* (grpc.aio.AioRpcError, AssertionError) as errors:
            self.fault = self.fault or "; ".join(map(str, errors.exceptions))

    async def _call_all(self, one):
        while self._calls:
            if not isinstance(self._calls[0], tuple):
                self._calls[0] = self._calls[0]()
            service, method, request = self._calls[0]
            try:
                answer = await getattr(service(one), method)(request, timeout=TIMEOUT_S)
            except grpc.aio.AioRpcError as error:
                if error.code() in RETRIED:
                    await anyio.sleep(PAUSE_S)
                    continue
                if error.code() is not grpc.StatusCode.NOT_FOUND:
                    raise
            else:
                if method != "Consolidate":  # which takes no revision where it finds nothing
                    self.told[uuid.UUID(request.request_id).bytes] = answer.revision
            self._calls.popleft()

    def _fields(self):
        return {"space": self.name, "request_id": str(uuid.UUID(int=self.dice.getrandbits(128)))}

    def _known(self):
        """Return the id of a written memory, which may be evicted."""
        stream = self.dice.choice(self.streams)
        return f"{stream.prefix}{self.dice.randint(1, stream.acked + 1)}"

    def _batch(self):
        first, count = self._batched, self.dice.choice([self.dice.randint(2, 60), LONGEST_BATCH])
        self._batched += count
        memories = [
            {"memory_id": f"b{n}", "embedding": _VECTORS[n * 13 % len(_VECTORS)]}
            for n in range(first, first + count)
        ]
        request = memory_put_pb2.BatchPutMemoriesRequest(memories=memories, **self._fields())
        return memory_service_pb2_grpc.MemoryServiceStub, "BatchPutMemories", request

    def _update(self):
        request = memory_service_pb2.UpdateMemoryRequest(
            memory_id=self._known(), add_labels=["seen"], **self._fields()
        )
        return memory_service_pb2_grpc.MemoryServiceStub, "UpdateMemory", request

    def _delete(self):
        request = memory_service_pb2.DeleteMemoryRequest(memory_id=self._known(), **self._fields())
        return memory_service_pb2_grpc.MemoryServiceStub, "DeleteMemory", request

    def _consolidate(self):
        request = cognition_service_pb2.ConsolidateRequest(**self._fields())
        return cognition_service_pb2_grpc.CognitionServiceStub, "Consolidate", request
