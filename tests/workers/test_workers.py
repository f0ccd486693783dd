"""Real worker processes: same answers as inline, loss and replacement."""

import asyncio
import contextlib
import os
import signal
import socket
import struct
import threading
from pathlib import Path

import anyio
import numpy as np
import pytest
from drive import KEY, answers, running

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.model.bodies import CreateSpace
from mlsdm_grpc.core.model.new_memory import Vector
from mlsdm_grpc.core.model.parameters import SpaceParameters
from mlsdm_grpc.core.model.record import Record
from mlsdm_grpc.errors import DataLoss, InvalidInput, Unavailable
from mlsdm_grpc.journal.codec.records import encode_record
from mlsdm_grpc.spaces.checks import check_embedded
from mlsdm_grpc.workers.frames import MAX_FRAME_BYTES, FrameReader, encode_frame
from mlsdm_grpc.workers.link import SocketLink
from mlsdm_grpc.workers.main import make_handler, serve
from mlsdm_grpc.workers.progress import Progress
from mlsdm_grpc.workers.space_worker import MindHandler

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]


async def test_workers_answer_as_the_inline_form_does():
    results = []
    for workers in (0, 2):
        async with running(workers=workers) as driver:
            await driver.put(*range(50))
            keys = [KEY._replace(space=f"s{i}") for i in range(4)]
            for key in keys:
                await driver.put(1, 2, key=key)
            found = await asyncio.gather(*(driver.query(seed, top_k=5) for seed in range(20)))
            found += await asyncio.gather(*(driver.query(1, key=key) for key in keys))
            results.append(found)
    assert results[0] == results[1]


async def test_a_lost_worker_is_replaced_and_nothing_is_lost_with_worker_lost():
    async with running(workers=1) as driver:
        await driver.put(*range(20))
        before = await driver.state()
        (pid,) = driver.engine.parts.space_workers.pids()
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(Unavailable) as caught:
            await driver.state()
        assert caught.value.reason == "WORKER_LOST"
        assert caught.value.retry_after_s is not None
        with anyio.fail_after(10):
            after = await driver.state()
        assert (after.revision, after.chain) == (before.revision, before.chain)
        assert await driver.query(3) == (["m3"], before.revision)
        assert driver.replayed() == before.revision
        sample = driver.metrics.registry.get_sample_value
        assert sample("mlsdm_worker_restarts_total", {"kind": "minds"}) == 1


def pages_of_positions():
    return Path("/proc/self/maps").read_text().count("memfd:position")


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="reads /proc")
async def test_lost_workers_leave_no_files_open():
    async with running(workers=1) as driver:
        await driver.put(1)
        before = pages_of_positions()
        for _ in range(3):
            (pid,) = driver.engine.parts.space_workers.pids()
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(Unavailable):
                await driver.state()
            with anyio.fail_after(30):
                await driver.state()
        assert pages_of_positions() <= before


async def test_writes_during_a_loss_are_answered_or_can_be_repeated():
    async with running(workers=1) as driver:
        await driver.put(0)
        (pid,) = driver.engine.parts.space_workers.pids()

        async def write(seed):
            with anyio.fail_after(20):
                while True:
                    with contextlib.suppress(Unavailable):
                        return await driver.put(seed, request=seed.to_bytes(16, "big"))

        async with anyio.create_task_group() as tasks:
            for seed in range(1, 101):
                tasks.start_soon(write, seed)
            await anyio.wait_all_tasks_blocked()
            os.kill(pid, signal.SIGKILL)
        state = await driver.state()
        assert state.used == 101
        again = await asyncio.gather(*(write(seed) for seed in range(1, 101)))
        assert len({outcome.revision for outcome in again}) == 100
        assert (await driver.state()).used == 101


async def test_a_worker_ends_with_its_parent():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        thread = threading.Thread(target=serve, args=(theirs, MindHandler(Progress())))
        thread.start()
        greeting = await asyncio.to_thread(ours.recv, 100)
        assert pb.LinkReply.FromString(greeting[8:]).WhichOneof("kind") == "done"
        ours.close()
        await asyncio.to_thread(thread.join, 5)
        assert not thread.is_alive()


class Resting:
    """A handler with work that can wait."""

    busy = False

    def __init__(self):
        self.calls, self.begun = [], threading.Event()

    @property
    def has_idle_work(self):
        return not self.begun.is_set()

    def begin_idle_work(self):
        self.calls.append("idle")
        self.begun.set()

    def handle(self, requests, _records):
        self.calls += ["request"] * len(requests)
        return []


async def test_what_can_wait_is_done_when_no_request_came_for_a_while():
    ours, theirs = socket.socketpair()
    handler = Resting()
    with ours, theirs:
        ours.sendall(encode_frame(pb.LinkRequest(call_id=1)))
        thread = threading.Thread(target=serve, args=(theirs, handler))
        thread.start()
        assert await asyncio.to_thread(handler.begun.wait, 5)
        ours.close()
        await asyncio.to_thread(thread.join, 5)
    assert handler.calls == ["request", "idle"]


async def test_worker_failures_are_typed_replies():
    handler = make_handler("minds", "", Progress())
    requests = [
        pb.LinkRequest(call_id=1, space_id=9, view=pb.ViewRequest()),
        pb.LinkRequest(call_id=2, space_id=9, search=pb.SearchRequest()),
        pb.LinkRequest(call_id=3, space_id=1, load=pb.LoadRequest()),
        pb.LinkRequest(call_id=4, space_id=1, apply=b"damaged"),
        pb.LinkRequest(call_id=5, space_id=1, load=pb.LoadRequest(snapshot_path="/no/such/file")),
        pb.LinkRequest(call_id=6, space_id=1, search=pb.SearchRequest()),
        pb.LinkRequest(call_id=7, space_id=1, page=pb.PageRequest(limit=1)),
        pb.LinkRequest(call_id=8, space_id=1, get=pb.GetRequest(memory_id="m")),
        pb.LinkRequest(call_id=9, space_id=1, view=pb.ViewRequest()),
    ]
    replies = {r.call_id: r for r in await asyncio.to_thread(answers, handler, *requests)}
    reasons = {i: reply.failure.reason for i, reply in replies.items()}
    assert reasons == {
        1: "WORKER_LOST",
        2: "WORKER_LOST",
        3: "",
        4: "DATA_DAMAGED",
        5: "INTERNAL",
        6: "SPACE_NOT_FOUND",
        7: "",
        8: "",
        9: "",
    }
    assert not replies[7].memories.memories
    assert not replies[8].memories.memories
    assert not replies[9].view.exists


def test_frames_survive_any_cut():
    messages = [pb.LinkReply(call_id=i, revision=i * i) for i in range(1, 20)]
    stream = b"".join(encode_frame(message) for message in messages)
    for size in (1, 3, 7, len(stream)):
        reader, frames = FrameReader(), []
        for start in range(0, len(stream), size):
            frames.extend(reader.feed(stream[start : start + size]))
        assert [pb.LinkReply.FromString(frame) for frame, _ in frames] == messages


async def test_a_large_record_goes_behind_its_message():
    ours, theirs = socket.socketpair()
    link = SocketLink(on_ready=lambda: None, on_lost=lambda: None)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(lambda: link, sock=ours)
    records = [bytes([i]) * (300_000 + i) for i in range(3)]
    waiting = [
        link.request(pb.LinkRequest(space_id=i, apply=b""), record=record)
        for i, record in enumerate(records)
    ]
    waiting.append(link.request(pb.LinkRequest(space_id=9, apply=b"small")))
    reader, found = FrameReader(), []
    while len(found) < 4:
        found += reader.feed(await asyncio.to_thread(theirs.recv, 70_000))
    assert [record for _, record in found] == [*records, b""]
    messages = [pb.LinkRequest.FromString(message) for message, _ in found]
    assert [(m.call_id, m.space_id, m.apply) for m in messages] == [
        (1, 0, b""), (2, 1, b""), (3, 2, b""), (4, 9, b"small"),
    ]  # fmt: skip
    transport.abort()
    theirs.close()
    for each in await asyncio.gather(*waiting, return_exceptions=True):
        assert each.reason == "WORKER_LOST"


def test_a_frame_that_is_too_long_is_refused():
    with pytest.raises(ValueError, match="A frame has"):
        list(FrameReader().feed(struct.pack("<II", MAX_FRAME_BYTES, 1)))


def test_texts_without_a_known_word_are_violations():
    nothing = Vector(np.zeros(4, np.float32), 0.0)
    with pytest.raises(InvalidInput) as caught:
        check_embedded({"memory.text": nothing, "other": Vector(np.ones(4, np.float32), 0.5)})
    assert [v.field for v in caught.value.violations] == ["memory.text"]


async def test_a_defect_in_the_core_costs_one_space_only(monkeypatch):
    handler = MindHandler(Progress())
    create = encode_record(
        Record(1, 0, bytes(16), 1, CreateSpace(SpaceParameters(dimension=4, capacity=4)))
    )
    for space in (1, 2):
        requests = [
            pb.LinkRequest(call_id=1, space_id=space, load=pb.LoadRequest()),
            pb.LinkRequest(call_id=2, space_id=space, apply=create),
        ]
        assert answers(handler, *requests)[1].outcome.space_created.created
    again = handler.handle([pb.LinkRequest(call_id=3, space_id=1, apply=create)])[0]
    assert not again.failure.reason

    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(Mind, "applying", broken)
    failed = handler.handle([pb.LinkRequest(call_id=4, space_id=1, apply=create)])[0]
    assert failed.failure.reason == "DATA_DAMAGED"
    lost, fine = handler.handle(
        [pb.LinkRequest(call_id=i, space_id=i, view=pb.ViewRequest()) for i in (1, 2)]
    )
    assert lost.failure.reason == "WORKER_LOST"
    assert fine.view.exists


async def test_a_defect_that_passes_is_healed_by_loading_again(monkeypatch):
    async with running() as driver:
        await driver.put(1, 2)
        with monkeypatch.context() as broken:

            def fails(*_):
                raise MemoryError

            broken.setattr(Mind, "applying", fails)
            with pytest.raises(DataLoss):
                await driver.put(3)
        assert (await driver.state()).used == 3
        assert await driver.query(2) == (["m2"], 3)


async def test_a_load_that_is_cancelled_leaves_no_mind_behind(monkeypatch):
    async with running() as driver:
        await driver.put(1)
        pool = driver.engine.parts.space_workers
        link, minds = await pool.ready(0), pool.link(0).handler.minds
        before = set(minds)
        request = type(link).request

        def cancelled(self, message):
            future = request(self, message)
            if message.WhichOneof("kind") == "load":
                scope.cancel()
            return future

        with monkeypatch.context() as hasty, anyio.CancelScope() as scope:
            hasty.setattr(type(link), "request", cancelled)
            async with driver.engine.directory.apart(KEY):
                pass
        await driver.state()
        assert set(minds) == before
