"""Outcome of a write after several attempts: a refused attempt has not written."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from mlsdm_grpc import errors
from mlsdm_grpc._gen.mlsdm.v1 import memory_put_pb2, memory_query_pb2
from mlsdm_grpc._gen.mlsdm.v1.admin_service_pb2 import SetNodeModeRequest
from mlsdm_grpc._gen.mlsdm.v1.admin_service_pb2_grpc import AdminServiceStub
from mlsdm_grpc._gen.mlsdm.v1.generation_service_pb2 import StreamGenerateResponse
from mlsdm_grpc.client import MemoryClient
from mlsdm_grpc.client.connection import Connection

pytestmark = pytest.mark.anyio

WRITE_ID = "11111111-2222-3333-4444-555555555555"


class Cutter:
    """A proxy whose connections can be cut."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._tasks: set[asyncio.Task[None]] = set()
        self.address = ""

    async def serve(self, reader, writer) -> None:
        host, port = self._target.split(":")
        try:
            far_reader, far_writer = await asyncio.open_connection(host, port)
        except OSError:  # the server has stopped
            writer.close()
            return
        pumps = [pump(reader, far_writer), pump(far_reader, writer)]
        tasks = {asyncio.create_task(each) for each in pumps}
        self._tasks |= tasks
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        for each in (writer, far_writer):
            each.close()

    def cut(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()


async def pump(reader, writer) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)


@asynccontextmanager
async def cuttable(target: str) -> AsyncIterator[Cutter]:
    cutter = Cutter(target)
    server = await asyncio.start_server(cutter.serve, "127.0.0.1", 0)
    cutter.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield cutter
    finally:
        server.close()
        cutter.cut()


def unavailable(reason: str, after_s: float | None = 0.01) -> errors.Unavailable:
    return errors.Unavailable("not now", reason=reason, retry_after_s=after_s)


FULL = unavailable("JOURNAL_FULL")
WORKER = unavailable("WORKER_LOST")
CONFLICT = errors.Unavailable("another one failed", metadata={"written": "no"}, retry_after_s=0.01)
BROKEN = unavailable("JOURNAL_UNAVAILABLE")
EXISTS = errors.AlreadyExists("taken")
TOO_SHORT = errors.DeadlineExceeded("too short")
SLOWLY = unavailable("JOURNAL_FULL", 0.6)
LATER = unavailable("EMERGENCY", 30.0)
NEVER = errors.Unavailable("not now", reason="PROVIDER_UNAVAILABLE", tried=True)
LOST, HANGS, STORED = "lost", "hangs", "stored"

# Steps of the server, class and reason of the error (None: the write is stored), attempts made.
SEQUENCES = [
    ([FULL, FULL, FULL], errors.Unavailable, "JOURNAL_FULL", 3),
    ([FULL, FULL, STORED], None, "", 3),
    ([LOST, STORED], None, "", 2),
    ([LOST, LOST, LOST], errors.Unavailable, "OUTCOME_UNKNOWN", 3),
    ([LOST, FULL, FULL], errors.Unavailable, "OUTCOME_UNKNOWN", 3),
    ([FULL, LOST, FULL], errors.Unavailable, "OUTCOME_UNKNOWN", 3),
    ([FULL, FULL, LOST], errors.Unavailable, "OUTCOME_UNKNOWN", 3),
    ([WORKER, WORKER, WORKER], errors.Unavailable, "WORKER_LOST", 3),
    ([WORKER, FULL, FULL], errors.Unavailable, "OUTCOME_UNKNOWN", 3),
    ([FULL, FULL, WORKER], errors.Unavailable, "WORKER_LOST", 3),
    ([CONFLICT, FULL, FULL], errors.Unavailable, "JOURNAL_FULL", 3),
    ([BROKEN, FULL, FULL], errors.Unavailable, "OUTCOME_UNKNOWN", 3),
    ([LOST, EXISTS], errors.AlreadyExists, "MEMORY_EXISTS", 2),
    ([FULL, TOO_SHORT], errors.DeadlineExceeded, "DEADLINE_TOO_SHORT", 2),
    ([LOST, TOO_SHORT], errors.DeadlineExceeded, "OUTCOME_UNKNOWN", 2),
    ([FULL, HANGS], errors.DeadlineExceeded, "OUTCOME_UNKNOWN", 2),
    # Waits that would end beyond the deadline, or that the server forbids.
    ([SLOWLY, SLOWLY, STORED], errors.Unavailable, "JOURNAL_FULL", 2),
    ([LATER, STORED], errors.Unavailable, "EMERGENCY", 1),
    ([LOST, LATER, STORED], errors.Unavailable, "OUTCOME_UNKNOWN", 2),
    ([NEVER, STORED], errors.Unavailable, "PROVIDER_UNAVAILABLE", 1),
]


@pytest.mark.parametrize(("steps", "cls", "reason", "attempts"), SEQUENCES)
async def test_a_write_ends_as_what_its_attempts_show(scripted, steps, cls, reason, attempts):
    left = list(steps)

    def answer(_request, _metadata):
        step = left.pop(0)
        if isinstance(step, errors.MlsdmError):
            raise step
        if step is STORED:
            return memory_put_pb2.PutMemoryResponse(revision=7)
        if step is LOST:
            cutter.cut()
        return anyio.sleep_forever()

    async with scripted() as script, cuttable(script.target) as cutter:
        script.answers["PutMemory"] = answer
        async with MemoryClient(cutter.address) as memory:
            if cls is None:
                assert (await memory.put("x", request_id=WRITE_ID, timeout_s=5)).revision == 7
            else:
                timeout_s = 1 if SLOWLY in steps or HANGS in steps else 10
                with pytest.raises(cls) as caught:
                    await memory.put("x", request_id=WRITE_ID, timeout_s=timeout_s)
    assert len(script.requests) == attempts
    assert {request.request_id for request in script.requests} == {WRITE_ID}
    if cls is not None:
        assert type(caught.value) is cls
        assert caught.value.reason == reason
        open_outcome = reason == "OUTCOME_UNKNOWN"
        assert (caught.value.metadata.get("request_id") == WRITE_ID) is open_outcome


async def test_the_wait_for_a_repeat_ends_at_once_when_it_cannot_help(scripted):
    async with scripted() as script, script.client(timeout_s=20) as memory:
        script.answers["PutMemory"] = lambda *_: raise_(unavailable("JOURNAL_FULL", 30.0))
        began_s = anyio.current_time()
        with pytest.raises(errors.Unavailable) as caught:
            await memory.put("x")
        assert anyio.current_time() - began_s < 5
    assert caught.value.reason == "JOURNAL_FULL"
    assert caught.value.retry_after_s == 30.0


async def test_the_last_refusal_is_named_where_an_earlier_attempt_was_lost(scripted):
    def answer(_request, _metadata):
        if len(script.requests) == 1:
            cutter.cut()
        raise FULL

    async with scripted() as script, cuttable(script.target) as cutter:
        script.answers["PutMemory"] = answer
        async with MemoryClient(cutter.address) as memory:
            with pytest.raises(errors.Unavailable) as caught:
                await memory.put("x", request_id=WRITE_ID)
    assert caught.value.metadata == {"request_id": WRITE_ID, "last_reason": "JOURNAL_FULL"}
    assert caught.value.retry_after_s == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("steps", "reason"), [([LOST, LOST, LOST], ""), ([LOST, FULL, FULL], "JOURNAL_FULL")]
)
async def test_a_read_ends_as_its_last_attempt(scripted, steps, reason):
    left = list(steps)

    def answer(_request, _metadata):
        step = left.pop(0)
        if step is not LOST:
            raise step
        cutter.cut()
        return anyio.sleep_forever()

    async with scripted() as script, cuttable(script.target) as cutter:
        script.answers["QueryMemories"] = answer
        async with MemoryClient(cutter.address) as memory:
            with pytest.raises(errors.Unavailable) as caught:
                await memory.query("x", timeout_s=5)
    assert (caught.value.reason, caught.value.metadata) == (reason, {})
    assert len(script.requests) == 3


async def test_a_stream_is_repeated_until_its_first_answer_only(scripted):
    async def answer(_request, _metadata):
        if len(script.requests) == 1:
            raise FULL
        yield StreamGenerateResponse(token={"text": "a"})
        raise FULL

    async with scripted() as script, script.client() as memory:
        script.answers["StreamGenerate"] = answer
        events = memory.stream_generate("x")
        await anext(events)
        with pytest.raises(errors.Unavailable):
            await anext(events)
    assert len(script.requests) == 2
    assert len({request.request_id for request in script.requests}) == 1


async def test_many_failures_make_a_client_repeat_nothing(scripted):
    async with scripted() as script, script.client() as memory:
        script.answers["QueryMemories"] = lambda *_: raise_(FULL)
        for _ in range(5):
            with pytest.raises(errors.Unavailable):
                await memory.query("x")
        asked = len(script.requests)
        with pytest.raises(errors.Unavailable):
            await memory.query("x")
        assert len(script.requests) == asked + 1
        script.answers["QueryMemories"] = lambda *_: memory_query_pb2.QueryMemoriesResponse()
        for _ in range(100):
            await memory.query("x")
        script.requests.clear()
        script.answers["QueryMemories"] = lambda *_: raise_(FULL)
        with pytest.raises(errors.Unavailable):
            await memory.query("x")
        assert len(script.requests) > 1


async def test_a_call_that_must_not_be_repeated_is_made_once(scripted):
    async with scripted() as script:
        script.answers["SetNodeMode"] = lambda *_: raise_(FULL)
        connection = Connection(script.target)
        try:
            with pytest.raises(errors.Unavailable):
                await connection.unary(
                    AdminServiceStub(connection.channel).SetNodeMode, SetNodeModeRequest()
                )
        finally:
            await connection.close()
    assert len(script.requests) == 1


def raise_(error: errors.MlsdmError) -> None:
    raise error
