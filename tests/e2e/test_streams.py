"""Streams of items over the wire: breaks, drains, kills, faults of the protocol."""

import asyncio
import random
from contextlib import aclosing, asynccontextmanager

import anyio
import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2, status_pb2
from serving import ServerProcess, channel, in_process

from mlsdm_grpc._gen.mlsdm.v1 import (
    cognition_service_pb2,
    cognition_service_pb2_grpc,
    event_pb2,
    memory_service_pb2_grpc,
)
from mlsdm_grpc._gen.mlsdm.v1 import memory_stream_pb2 as pb
from mlsdm_grpc._gen.mlsdm.v1.error_reason_pb2 import (
    ERROR_REASON_DRAINING,
    ERROR_REASON_FIELD_INVALID,
    ERROR_REASON_UNSPECIFIED,
)
from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import PUT_RESULT_CREATED, PUT_RESULT_UNSPECIFIED, Memory
from mlsdm_grpc._gen.mlsdm.v1.stream_pb2 import StreamOpen
from mlsdm_grpc.client import MemoryClient, new_memory
from mlsdm_grpc.errors import Conflict, InvalidInput

pytestmark = [pytest.mark.anyio, pytest.mark.load, pytest.mark.timeout(240)]

QUIET = {"MLSDM_LOGGING__LEVEL": "error", "MLSDM_SPACE__EMBEDDER": "none"}


def vector(number, dimension=16):
    return np.random.default_rng(number).standard_normal(dimension).astype("<f4")


def memory(number, dimension=16, **fields):
    return new_memory(embedding=vector(number, dimension), memory_id=f"m{number}", **fields)


class Conversation:
    """IngestMemories, spoken by hand."""

    def __init__(self, one):
        self.call = memory_service_pb2_grpc.MemoryServiceStub(one).IngestMemories()

    async def open(self, stream_id="s", token="", **fields):
        opening = StreamOpen(stream_id=stream_id, resume_token=token, **fields)
        await self.call.write(pb.IngestMemoriesRequest(open=pb.IngestOpen(stream=opening)))
        self.opened = (await self.call.read()).opened
        return self

    async def send(self, first, *memories):
        batch = pb.IngestBatch(first_sequence=first, memories=memories)
        await self.call.write(pb.IngestMemoriesRequest(batch=batch))

    async def rest(self):
        messages = []
        while (message := await self.call.read()) is not grpc.aio.EOF:
            messages.append(message)
        assert await self.call.code() is grpc.StatusCode.OK
        return messages

    async def failure(self):
        """Return reason and metadata of the status that the stream ends with."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await self.rest()
        return caught.value.code().name, *described(caught.value)


def described(error):
    raw = next(v for k, v in error.trailing_metadata() if k == "grpc-status-details-bin")
    info = error_details_pb2.ErrorInfo()
    status_pb2.Status.FromString(raw).details[0].Unpack(info)
    return info.reason, dict(info.metadata)


@asynccontextmanager
async def serving(**sections):
    async with in_process(**sections) as server, channel(server.listen) as one:
        yield server, one


async def listed(server_or_address):
    address = str(getattr(server_or_address, "listen", server_or_address))
    async with MemoryClient(address) as client:
        return [each.memory_id async for each in client.export()]


async def test_a_stream_from_open_to_its_end():
    async with serving() as (server, one):
        talk = await Conversation(one).open()
        assert talk.opened.acked_sequence == 0
        assert talk.opened.flow.max_in_flight_count == 1_024
        assert talk.opened.flow.max_batch_count == 256
        await talk.send(1, memory(1), Memory(text="x" * 9_000), memory(1))
        ack = (await talk.call.read()).ack
        assert [each.sequence for each in ack.outcomes] == [1, 2, 3]
        good, bad, taken = ack.outcomes
        assert (good.memory_id, good.result) == ("m1", PUT_RESULT_CREATED)
        assert (bad.status.code, bad.status.reason) == (3, ERROR_REASON_FIELD_INVALID)
        assert bad.status.metadata["field"] == "memory.text"
        assert taken.status.code == 6
        assert (ack.acked_sequence, ack.revision) == (3, 2)
        await talk.send(4, memory(2))
        await talk.call.done_writing()
        (last,) = await talk.rest()
        assert last.ack.acked_sequence == 4
        assert await listed(server) == ["m1", "m2"]


async def test_a_stream_of_events_answers_as_single_ones_do():
    async with serving() as (server, one), MemoryClient(str(server.listen)) as client:
        events = [
            event_pb2.Event(embedding={"f32_le": vector(n).tobytes()}, moral_value=0.1 * n)
            for n in range(10)
        ]
        results = [result async for result in client.stream_events(events)]
        assert [result.outcome.step for result in results] == list(range(1, 11))
        assert [result.outcome.accepted for result in results][::9] == [False, True]
        assert results[-1].outcome.moral_value == 0.9
        assert results[-1].outcome.synaptic_norms.l1 > 0
        assert (await client.state()).state.step == 10
        unscored = event_pb2.Event(
            text="who judges this?", embedding={"f32_le": vector(20).tobytes()}
        )
        (result,) = [result async for result in client.stream_events([unscored])]
        assert (result.outcome.step, result.outcome.accepted) == (11, True)
        stub = cognition_service_pb2_grpc.CognitionServiceStub(one)
        call = stub.StreamEvents()
        batch = cognition_service_pb2.EventBatch(first_sequence=1, events=events)
        await call.write(cognition_service_pb2.StreamEventsRequest(batch=batch))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
        assert described(caught.value)[0] == "STREAM_PROTOCOL_INVALID"


async def test_messages_that_the_protocol_does_not_allow():
    async with serving() as (_, one):
        method = {"method": "/mlsdm.v1.MemoryService/IngestMemories"}
        misplaced = ("INVALID_ARGUMENT", "STREAM_PROTOCOL_INVALID", method)
        talk = Conversation(one)
        await talk.send(1, memory(1))
        assert await talk.failure() == misplaced
        talk = Conversation(one)
        await talk.call.done_writing()
        assert await talk.failure() == misplaced
        talk = Conversation(one)
        await talk.call.write(pb.IngestMemoriesRequest())
        assert await talk.failure() == misplaced
        for second in (
            pb.IngestMemoriesRequest(),
            pb.IngestMemoriesRequest(open=pb.IngestOpen(stream=StreamOpen(stream_id="s"))),
        ):
            talk = await Conversation(one).open()
            await talk.call.write(second)
            assert await talk.failure() == misplaced


@pytest.mark.parametrize(
    ("first", "count", "reason", "metadata"),
    [
        (1, 0, "FIELD_INVALID", {"field": "batch.memories"}),
        (1, 257, "FIELD_INVALID", {"field": "batch.memories"}),
        (0, 1, "FIELD_INVALID", {"field": "batch.first_sequence"}),
        (2**63 - 1, 1, "FIELD_INVALID", {"field": "batch.first_sequence"}),
        (
            2,
            1,
            "STREAM_SEQUENCE_INVALID",
            {"stream_id": "s", "expected": "1", "actual": "2"},
        ),
    ],
)
async def test_batches_that_are_not_allowed(first, count, reason, metadata):
    async with serving() as (_, one):
        talk = await Conversation(one).open()
        await talk.send(first, *(memory(number) for number in range(count)))
        assert await talk.failure() == ("INVALID_ARGUMENT", reason, metadata)


async def test_openings_that_are_not_allowed():
    async with serving() as (_, one):
        first = await Conversation(one).open()
        for given, reason in (
            ({"space": "Not a space"}, "FIELD_INVALID"),
            ({"stream_id": ""}, "FIELD_INVALID"),
            ({"stream_id": "x" * 65}, "FIELD_INVALID"),
            ({"resume_token": "nonsense"}, "STREAM_RESUME_INVALID"),
            ({"resume_token": first.opened.resume_token}, "STREAM_RESUME_INVALID"),
            (
                {"resume_token": first.opened.resume_token, "space": "other"},
                "STREAM_RESUME_INVALID",
            ),
        ):
            talk = Conversation(one)
            opening = StreamOpen(**{"stream_id": "other", **given})
            await talk.call.write(pb.IngestMemoriesRequest(open=pb.IngestOpen(stream=opening)))
            assert (await talk.failure())[1] == reason
        second = Conversation(one)
        opening = pb.IngestOpen(stream=StreamOpen(stream_id="s"))
        await second.call.write(pb.IngestMemoriesRequest(open=opening))
        assert await second.failure() == ("ABORTED", "STREAM_IN_USE", {"stream_id": "s"})
        first.call.cancel()


async def test_a_client_that_goes_away_leaves_nothing_behind():
    async with serving() as (server, one):
        for number in range(20):
            talk = await Conversation(one).open(f"s{number}")
            await talk.send(1, memory(number))
            if number % 2:
                await talk.call.read()
            talk.call.cancel()
        with anyio.fail_after(20):
            while server.engine.streams.open or server.data_port.in_flight.calls:
                await anyio.lowlevel.checkpoint()
        assert not server.engine.streams.permits.in_use
        again = await Conversation(one).open("s1")
        assert again.opened.acked_sequence == 1
        again.call.cancel()


async def test_a_drain_says_goodbye_and_the_stream_goes_on_elsewhere(tmp_path):
    journal = {"kind": "sqlite", "data_dir": tmp_path}
    async with serving(journal=journal, server={"drain_grace_s": 60.0}) as (server, one):
        talk = await Conversation(one).open()
        await talk.send(1, memory(1), memory(2))
        await talk.call.read()
        unopened = Conversation(one)
        await unopened.call.wait_for_connection()
        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(server.drain)
                (message,) = await talk.rest()
        goodbye = message.goodbye
        assert (goodbye.acked_sequence, goodbye.reason) == (2, ERROR_REASON_DRAINING)
        assert goodbye.reconnect_delay.ToMilliseconds() > 0
    async with serving(journal=journal) as (server, one):
        talk = await Conversation(one).open(token=goodbye.resume_token)
        assert talk.opened.acked_sequence == 2
        await talk.send(2, memory(2), memory(3))
        await talk.call.done_writing()
        (message,) = await talk.rest()
        assert [each.sequence for each in message.ack.outcomes] == [3]
        assert await listed(server) == ["m1", "m2", "m3"]


async def test_every_long_stream_ends_politely_at_its_greatest_age():
    ages = {"max_stream_age_s": 1.0, "max_connection_age_grace_s": 30.0}
    async with serving(server=ages) as (server, one):
        talk = await Conversation(one).open()
        await talk.send(1, memory(1))
        *_, last = await talk.rest()
        assert last.goodbye.reason == ERROR_REASON_UNSPECIFIED
        assert last.goodbye.acked_sequence == 1
        assert not last.goodbye.reconnect_delay.ToMilliseconds()
        stub = cognition_service_pb2_grpc.CognitionServiceStub(one)
        watch = stub.WatchState(cognition_service_pb2.WatchStateRequest())
        states = [state async for state in watch]
        assert [state.state.memory.used for state in states] == [1]
        assert await watch.code() is grpc.StatusCode.OK
        async with MemoryClient(str(server.listen)) as client:
            source = (memory(number) for number in range(2, 40))

            async def slowly():
                for each in source:
                    await anyio.sleep(0.06)
                    yield each

            outcomes = [outcome async for outcome in client.ingest(slowly())]
        assert [outcome.sequence for outcome in outcomes] == list(range(1, 39))
        assert {outcome.result for outcome in outcomes} == {PUT_RESULT_CREATED}


async def test_heartbeats_tell_that_a_watch_is_alive():
    async with serving() as (server, one), MemoryClient(str(server.listen)) as client:
        await client.put(embedding=vector(1))
        stub = cognition_service_pb2_grpc.CognitionServiceStub(one)
        request = cognition_service_pb2.WatchStateRequest()
        request.heartbeat_interval.FromMilliseconds(1_000)
        watch = stub.WatchState(request)
        first, beat = await watch.read(), await watch.read()
        assert first.HasField("state")
        assert not beat.HasField("state")
        assert beat.revision == first.revision
        await client.put(embedding=vector(2))
        while not (after := await watch.read()).HasField("state"):
            pass
        assert after.revision > first.revision
        watch.cancel()
        for wrong in (999, 3_600_001):
            request.heartbeat_interval.FromMilliseconds(wrong)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.WatchState(request).read()
            assert described(caught.value) == ("FIELD_INVALID", {"field": "heartbeat_interval"})


async def test_export_sends_all_in_chunks_and_goes_on_after_a_break():
    async with serving() as (server, one), MemoryClient(str(server.listen)) as client:
        await client.put_many([memory(n, labels=["even"] * (n % 2 == 0)) for n in range(500)])
        text = [new_memory("x" * 8_000, embedding=vector(n), memory_id=f"t{n}") for n in range(300)]
        await client.put_many(text)
        stub = memory_service_pb2_grpc.MemoryServiceStub(one)
        everything = [f"m{n}" for n in range(500)] + [f"t{n}" for n in range(300)]
        chunks = [chunk async for chunk in stub.ExportMemories(pb.ExportMemoriesRequest())]
        assert len(chunks) >= 3
        assert all(chunk.ByteSize() <= 2**20 for chunk in chunks)
        assert [each.memory_id for chunk in chunks for each in chunk.memories] == everything
        assert [bool(chunk.next_page_token) for chunk in chunks] == [True] * (len(chunks) - 1) + [
            False
        ]
        request = pb.ExportMemoriesRequest(page_token=chunks[0].next_page_token)
        rest = [
            each.memory_id
            async for chunk in stub.ExportMemories(request)
            for each in chunk.memories
        ]
        assert [each.memory_id for each in chunks[0].memories] + rest == everything
        even = [each async for each in client.export(labels=["even"], include_embedding=True)]
        assert [each.memory_id for each in even] == [f"m{n}" for n in range(0, 500, 2)]
        assert len(even[0].embedding.f32_le) == 4 * 16
        for wrong in (
            pb.ExportMemoriesRequest(page_token="nonsense"),
            pb.ExportMemoriesRequest(page_token=chunks[0].next_page_token, labels=["even"]),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.ExportMemories(wrong).read()
            assert described(caught.value)[0] == "PAGE_TOKEN_INVALID"
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.ExportMemories(pb.ExportMemoriesRequest(space="none")).read()
        assert described(caught.value)[0] == "SPACE_NOT_FOUND"


async def put_32_mib(client):
    for begin in range(0, 4_000, 400):
        texts = (
            new_memory("x" * 8_000, embedding=vector(n), memory_id=f"m{n}")
            for n in range(begin, begin + 400)
        )
        await client.put_many(texts)


async def rest_of(call):
    chunks = []
    while (chunk := await call.read()) is not grpc.aio.EOF:
        chunks.append(chunk)
    assert await call.code() is grpc.StatusCode.OK
    return chunks


async def test_a_reader_that_is_slow_is_waited_for(monkeypatch):
    async with serving() as (server, one), MemoryClient(str(server.listen)) as client:
        await put_32_mib(client)
        pages, page = 0, server.engine.reads.page

        async def counted(*args, **kwargs):
            nonlocal pages
            pages += 1
            return await page(*args, **kwargs)

        monkeypatch.setattr(server.engine.reads, "page", counted)
        stub = memory_service_pb2_grpc.MemoryServiceStub(one)
        call = stub.ExportMemories(pb.ExportMemoriesRequest())
        first = await call.read()
        before = 0
        while before != pages:  # the windows of the transport fill up
            before = pages
            await anyio.sleep(0.5)
        assert pages < 16, "half of the space was read ahead"
        chunks = [first, *await rest_of(call)]
        assert len(chunks) == pages > 31
        assert sum(len(chunk.memories) for chunk in chunks) == 4_000


async def test_an_export_that_is_drained_ends_with_ok_and_a_token():
    async with serving(server={"drain_grace_s": 60.0}) as (server, one):
        async with MemoryClient(str(server.listen)) as client:
            await put_32_mib(client)
        stub = memory_service_pb2_grpc.MemoryServiceStub(one)
        call = stub.ExportMemories(pb.ExportMemoriesRequest())
        await call.read()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.drain)
            while server.data_port.drained is None:
                await anyio.lowlevel.checkpoint()
            *_, last = await rest_of(call)
        assert last.next_page_token


async def test_the_client_tells_what_it_may_not_do():
    async with serving() as (server, one), MemoryClient(str(server.listen)) as client:
        talk = await Conversation(one).open("taken")
        with pytest.raises(Conflict):
            await anext(client.ingest([memory(1)], stream_id="taken"))
        talk.call.cancel()
        with pytest.raises(InvalidInput):
            await anext(client.ingest([memory(1)], stream_id="no good name"))

        def broken():
            yield memory(1)
            raise ZeroDivisionError

        outcomes = client.ingest(broken())
        assert (await anext(outcomes)).memory_id == "m1"
        with pytest.raises(ZeroDivisionError):
            await anext(outcomes)
        async with aclosing(client.ingest(memory(n) for n in range(10**9))) as endless:
            async for outcome in endless:
                if outcome.sequence == 2_000:
                    break
        with anyio.fail_after(20):
            while server.engine.streams.open:
                await anyio.lowlevel.checkpoint()


async def test_an_ingestion_that_was_given_up_goes_on_under_its_name():
    async with serving() as (server, _), MemoryClient(str(server.listen)) as client:
        source = [memory(number) for number in range(600)]
        async with aclosing(client.ingest(source, stream_id="job")) as outcomes:
            await anext(outcomes)
        with anyio.fail_after(20):
            while server.engine.streams.open:
                await anyio.lowlevel.checkpoint()
        outcomes = [outcome async for outcome in client.ingest(source, stream_id="job")]
        assert [outcome.sequence for outcome in outcomes] == list(range(1, 601))
        assert {outcome.result for outcome in outcomes} <= {
            PUT_RESULT_CREATED,
            PUT_RESULT_UNSPECIFIED,
        }
        assert await listed(server) == [f"m{number}" for number in range(600)]


async def test_kill_nine_in_the_middle_loses_nothing_and_stores_nothing_twice(tmp_path):
    rng, total, outcomes = random.Random(20261123), 10_000, {}
    server = await asyncio.to_thread(ServerProcess, tmp_path, environment=QUIET)
    token, kills = "", 0
    memories = [
        Memory(embedding={"f32_le": vector(n, 384).tobytes()}, labels=[f"n:{n}"])
        for n in range(1, total + 1)
    ]
    while True:
        kill_after = rng.randint(1, 4) if kills < 4 else 10**6
        async with channel(server.listen) as one:
            talk = await Conversation(one).open(token=token)
            begin = talk.opened.acked_sequence

            async def send(talk=talk, begin=begin):
                try:
                    for first in range(begin, total, 128):
                        await talk.send(first + 1, *memories[first : first + 128])
                    await talk.call.done_writing()
                except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                    pass

            sending = asyncio.ensure_future(send())
            try:
                while (message := await talk.call.read()) is not grpc.aio.EOF:
                    for each in message.ack.outcomes:
                        assert each.sequence not in outcomes
                        outcomes[each.sequence] = each.memory_id
                    token = message.ack.resume_token
                    kill_after -= 1
                    if kill_after == 0:
                        await anyio.sleep(rng.uniform(0, 0.03))  # when it strikes is of the seed
                        await asyncio.to_thread(server.kill)
            except grpc.aio.AioRpcError:
                kills += 1
            else:
                break
            finally:
                sending.cancel()
        server = await asyncio.to_thread(ServerProcess, tmp_path, environment=QUIET)
    assert kills == 4
    async with MemoryClient(server.listen) as client:
        stored = {each.labels[0]: each.memory_id async for each in client.export()}
        used = (await client.state()).state.memory.used
    await asyncio.to_thread(server.kill)
    assert (len(stored), used) == (total, total)
    assert all(stored[f"n:{sequence}"] == memory_id for sequence, memory_id in outcomes.items())


async def test_the_client_keeps_a_stream_going_over_restarts(tmp_path):
    server = await asyncio.to_thread(ServerProcess, tmp_path, environment=QUIET)
    listen, total = server.listen, 3_000
    async with MemoryClient(listen) as client:
        told = []
        source = (memory(number, 384) for number in range(1, total + 1))
        async for outcome in client.ingest(source):
            told.append(outcome)
            if outcome.sequence in {500, 1_500}:
                stop = server.kill if outcome.sequence == 500 else server.terminate
                await asyncio.to_thread(stop)
                server = await asyncio.to_thread(
                    ServerProcess, tmp_path, "--listen", listen, environment=QUIET
                )
        assert [outcome.sequence for outcome in told] == list(range(1, total + 1))
        assert not any(outcome.HasField("status") for outcome in told)
        exported = []
        async for each in client.export():
            exported.append(each.memory_id)
            if len(exported) == 1:
                await asyncio.to_thread(server.kill)
                server = await asyncio.to_thread(
                    ServerProcess, tmp_path, "--listen", listen, environment=QUIET
                )
    await asyncio.to_thread(server.terminate)
    assert exported == [f"m{number}" for number in range(1, total + 1)]
