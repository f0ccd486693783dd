"""One suite for the asyncio client and the synchronous one, against a real server."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import subprocess
import sys
import threading
import time
import uuid

import pytest

from mlsdm_grpc import errors
from mlsdm_grpc._gen.mlsdm.v1.event_pb2 import Event
from mlsdm_grpc.client import (
    MemoryClient,
    MemoryWriter,
    SyncMemoryClient,
    SyncMemoryWriter,
    new_memory,
)
from mlsdm_grpc.client.blocking import iterating
from mlsdm_grpc.client.sync_client import ClientOptions
from mlsdm_grpc.testing import LocalServer

pytestmark = pytest.mark.anyio
END = object()


class InThreads:
    """A synchronous object whose methods are awaited; they run in other threads."""

    def __init__(self, inner):
        self._inner = inner

    async def __aenter__(self):
        await asyncio.to_thread(self._inner.__enter__)
        return self

    async def __aexit__(self, *error):
        await asyncio.to_thread(self._inner.__exit__, *error)

    def writer(self, **arguments):
        return InThreads(self._inner.writer(**arguments))

    def __getattr__(self, name):
        method = getattr(self._inner, name)
        if not callable(method):
            return method
        kind = inspect.unwrap(method)
        if inspect.iscoroutinefunction(kind):
            return lambda *args, **kwargs: asyncio.to_thread(method, *args, **kwargs)
        return lambda *args, **kwargs: self._iterated(method(*args, **kwargs))

    async def _iterated(self, items):
        try:
            while (item := await asyncio.to_thread(next, items, END)) is not END:
                yield item
        finally:
            await asyncio.to_thread(items.close)


@pytest.fixture(scope="module")
async def server():
    async with LocalServer() as server:
        yield server


@pytest.fixture(params=["async", "sync"])
def connect(request, server):
    """Return a client by its options."""

    def connect(**options):
        if request.param == "async":
            return server.client(**options)
        return InThreads(server.sync_client(**options))

    connect.name = request.param
    return connect


@pytest.fixture
async def memory(connect, request):
    name = "".join(each if each.isalnum() else "-" for each in request.node.name.lower())
    # A test that runs once more gets another space.
    async with connect(space=f"{name[:50].strip('-')}-{uuid.uuid4().hex[:8]}") as memory:
        yield memory


async def test_what_is_put_is_found(memory):
    stored = await memory.put("The parcel is at the neighbour's.", labels=["topic:post"])
    found = await memory.query("where is my parcel?", top_k=1)
    assert found.matches[0].memory.memory_id == stored.memory.memory_id
    assert (await memory.get(stored.memory.memory_id)).memory.text.startswith("The parcel")
    await memory.update(stored.memory.memory_id, add_labels=["kind:fact"])
    await memory.delete(stored.memory.memory_id)
    with pytest.raises(errors.NotFound):
        await memory.get(stored.memory.memory_id)


async def test_errors_are_typed_and_arguments_checked(memory):
    with pytest.raises(errors.NotFound) as caught:
        await memory.state()
    assert caught.value.reason == "SPACE_NOT_FOUND"
    with pytest.raises(errors.InvalidInput, match="labels"):
        await memory.put("a", labels="b")
    with pytest.raises(errors.InvalidInput, match="top_k"):
        await memory.query("a", top_k=2_000)


async def test_pages_are_iterated(memory):
    await memory.put_many(new_memory(f"Fact {number}.") for number in range(25))
    assert len([each async for each in memory.list(page_size=10)]) == 25
    assert len([each async for each in memory.export()]) == 25
    names = [each.space async for each in memory.list_spaces(page_size=1)]
    assert memory.space in names


async def test_an_iteration_may_be_left(memory):
    await memory.put("A fact.")
    async for state in memory.watch_state():
        assert state.state.memory.used == 1
        break
    watch = memory.watch_health()
    assert (await anext(watch)).status == 1
    await watch.aclose()


async def test_streams_take_lists_and_generators(memory):
    facts = [new_memory(f"Fact {number}.") for number in range(30)]
    assert len([each async for each in memory.ingest(facts)]) == 30
    assert len([each async for each in memory.ingest(iter(facts), stream_id="s")]) == 30
    events = (Event(text=f"Event {number}.") for number in range(5))
    assert len([each async for each in memory.stream_events(events)]) == 5


async def test_the_error_of_a_source_comes_after_its_items(memory):
    def source():
        yield new_memory("Fact 1.")
        yield new_memory("Fact 2.")
        raise LookupError("no more")

    outcomes = []
    with pytest.raises(LookupError):  # noqa: PT012 - the outcomes before it count
        async for outcome in memory.ingest(source()):
            outcomes.append(outcome)  # noqa: PERF401 - as above
    assert len(outcomes) == 2


async def test_answers_come_whole_and_in_pieces(memory):
    answer = await memory.generate("Hello there.")
    pieces = [each async for each in memory.stream_generate("Hello there.")]
    assert answer.text
    assert pieces[-1].WhichOneof("event") == "final"


async def test_a_writer_stores_all_before_its_end(memory):
    async with memory.writer() as writer:
        for number in range(300):
            await writer.put(f"Fact {number}.", labels=["kind:fact"])
        await writer.flush()
        assert (await memory.state()).state.memory.used == 300
        await writer.add(new_memory("Fact 0.", labels=["kind:fact"]))
        await writer.put("One more.")
    assert writer.results == {"CREATED": 301, "REFRESHED": 1}
    assert (await memory.state()).state.memory.used == 301


async def test_a_failing_on_outcome_ends_the_writer(memory):
    def fail(*_):
        raise ZeroDivisionError

    async def write():
        async with memory.writer(on_outcome=fail) as writer:
            await writer.put("A fact.")
            await writer.flush()

    with pytest.raises(ZeroDivisionError):
        await write()


async def test_a_writer_raises_the_first_error_once_all_is_stored(memory):
    await memory.put("Taken.", memory_id="taken")
    with pytest.raises(errors.AlreadyExists) as caught:  # noqa: PT012 - raised at the end
        async with memory.writer() as writer:
            await writer.put("Before.")
            await writer.put("Again.", memory_id="taken")
            await writer.put("After.")
    assert caught.value.reason == "MEMORY_EXISTS"
    assert writer.results == {"CREATED": 2, "MEMORY_EXISTS": 1}
    with pytest.raises(errors.PreconditionFailed, match="not open"):
        await writer.put("Late.")


async def test_a_writer_reports_each_outcome(memory):
    seen = []
    await memory.put("Taken.", memory_id="taken")
    async with memory.writer(
        on_outcome=lambda given, outcome: seen.append((given.text, outcome.HasField("status")))
    ) as writer:
        await writer.put("Again.", memory_id="taken")
        await writer.put("Other.")
    assert seen == [("Again.", True), ("Other.", False)]


async def test_a_writer_without_a_server_fails(connect):
    other = MemoryClient if connect.name == "async" else SyncMemoryClient
    client = other("127.0.0.1:9", space="nowhere")
    async with client if connect.name == "async" else InThreads(client) as memory:
        with pytest.raises(errors.Unavailable, match="mlsdm serve"):
            async with memory.writer() as writer:
                await writer.put("Lost.")
        with pytest.raises(errors.Unavailable):
            await writer.put("Lost too.")


async def test_a_writer_makes_a_fast_producer_wait(memory):
    """More items than may wait, from several tasks."""
    await memory.create_space(memory.space, dimension=3)

    async with memory.writer() as writer:

        async def produce(name):
            for number in range(700):
                await writer.put(embedding=[name, number, 1.0])

        await asyncio.gather(*(produce(each) for each in (1.0, 2.0, 3.0)))
    assert writer.results == {"CREATED": 2_100}


async def test_a_closed_client_names_itself(connect):
    memory = connect()
    with pytest.raises(errors.PreconditionFailed, match="not open"):
        await memory.query("a")


def public(kind):
    return {name for name, value in vars(kind).items() if not name.startswith("_")} - {"inner"}


def everything(kind):
    return set().union(*(public(each) for each in kind.__mro__ if each is not object))


@pytest.mark.parametrize(
    ("asynchronous", "synchronous"),
    [(MemoryClient, SyncMemoryClient), (MemoryWriter, SyncMemoryWriter)],
)
def test_the_synchronous_one_has_every_method_of_the_other(asynchronous, synchronous):
    wanted = everything(asynchronous)
    # Attributes of the asynchronous one are properties here.
    assert everything(synchronous) - {"space", "results"} == wanted
    for name in wanted:
        theirs, ours = getattr(asynchronous, name), getattr(synchronous, name)
        assert inspect.signature(ours) == inspect.signature(theirs), name
        assert inspect.getdoc(ours) == inspect.getdoc(theirs), name
        assert not inspect.iscoroutinefunction(ours)


def test_both_are_made_from_the_same_arguments():
    options = inspect.signature(MemoryClient).parameters
    assert set(options) == {"target", *ClientOptions.__annotations__}


def test_many_threads_share_one_client():
    with LocalServer() as server, server.sync_client() as memory:
        threads = [
            threading.Thread(target=memory.put, args=(f"Fact {number}.",)) for number in range(20)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert memory.state().state.memory.used == 20


def test_one_client_feeds_another():
    """A generator that makes calls of its own is no deadlock."""
    with (
        LocalServer() as server,
        server.sync_client(space="a") as old,
        server.sync_client(space="b") as new,
    ):
        old.put_many(new_memory(f"Fact {number}.") for number in range(600))
        assert len(list(new.ingest(old.list()))) == 600
        new.put_many(old.list())
        assert new.state().state.memory.used == 600


def test_a_callback_that_calls_is_told():
    failures = []

    def token():
        try:
            memory.who_am_i()
        except errors.PreconditionFailed as error:
            failures.append(error)
        return "t"

    with LocalServer() as server, SyncMemoryClient(server.target, token=token) as memory:
        memory.server_info()
    assert "another thread" in failures[0].message


def test_an_interrupted_iteration_is_closed_after_its_last_step():
    ended = []

    async def slow(_):
        try:
            await asyncio.sleep(60)
            yield 1
        finally:
            await asyncio.sleep(0.2)
            ended.append("closed")

    class Slow:
        inner = None
        items = iterating(slow)

    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        next(Slow().items())
    assert ended == ["closed"]


def test_an_interrupt_cancels_the_call():
    """Ctrl-C of a waiting program ends it at once, with the call cancelled."""
    script = """
import sys
from mlsdm_grpc.client import SyncMemoryClient
from mlsdm_grpc.client.sync_client import ClientOptions
from mlsdm_grpc.testing import LocalServer
with LocalServer() as server, server.sync_client() as memory:
    memory.put("a fact")
    left = memory.watch_state()  # still open at the end of the process
    next(left)
    states = memory.watch_state()
    next(states)
    try:
        print("waiting", flush=True)
        next(states)
    except KeyboardInterrupt:
        print("stopped", flush=True)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "waiting\n"
    began_s = time.monotonic()
    process.send_signal(signal.SIGINT)
    output, errors_of_it = process.communicate(timeout=20)
    assert (output, errors_of_it, process.returncode) == ("stopped\n", "", 0)
    assert time.monotonic() - began_s < 10
