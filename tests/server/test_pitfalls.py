"""Pitfalls of grpc.aio, numbered as in docs/architecture.md, that no other test meets."""

from __future__ import annotations

import asyncio
import gc
import sys
from contextvars import ContextVar
from pathlib import Path

import anyio
import grpc.aio
import pytest

from mlsdm_grpc.server.room import Holding
from mlsdm_grpc.wire.call import Call, Interceptor
from tests.support.ping import SERVICE, SHAPES, PingResponse, serving

pytestmark = pytest.mark.anyio

# An error that grpc keeps, the state of a call in this server, and its task.
LEFT = (grpc.aio.AbortError, Holding, asyncio.Task, Call)
SEEN: ContextVar[str] = ContextVar("seen", default="nothing")


@pytest.mark.parametrize("count", [20])
async def test_p3_p4_calls_whose_message_never_comes_stop_no_other_and_end_with_their_connection(
    count,
):
    ages = {
        "max_connection_age_s": 1.0,
        "max_connection_age_grace_s": 1.0,
        "max_stream_age_s": 0.5,
    }
    async with serving(**ages) as running:
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(running.target, options=options) as other:
            silent = [other.stream_unary(f"/{SERVICE}/Unary")() for _ in range(count)]
            await asyncio.gather(*(call.wait_for_connection() for call in silent))
            assert (await running.call("Unary", "hello")).code == "OK"
            assert len(running.router.in_flight.calls) <= count
            with anyio.fail_after(5 * (1.0 + 1.0)):
                codes = await asyncio.gather(*(call.code() for call in silent))
        assert set(codes) <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}


async def test_p4_a_call_without_a_deadline_does_not_wait_for_its_message_for_ever():
    async with serving(default_deadline_s=0.5) as running:
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(running.target, options=options) as other:
            silent = other.stream_unary(f"/{SERVICE}/Unary")()
            with anyio.fail_after(5 * 0.5 + 2.5):
                assert await silent.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert not running.router.in_flight.calls


async def test_a_unary_call_that_ends_without_a_message_is_told_so():
    async with serving() as running:
        call = running.channel.stream_unary(f"/{SERVICE}/Unary")()
        await call.done_writing()
        with anyio.fail_after(10):
            assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert await call.details() == "The call has no request message."


class _Sets(Interceptor):
    """Servicer that sets a context variable, and reports its later value in a trailer."""

    def before(self, call: Call):
        SEEN.set(f"{SEEN.get()} before {call.method.name}")

    def after(self, call: Call):
        call.trailers["x-seen"] = SEEN.get()


@pytest.mark.parametrize("name", SHAPES)
async def test_p10_context_variables_reach_the_servicer_and_no_other_call(name):
    async with serving(extra=[_Sets()]) as running:

        async def told(text, _call):
            SEEN.set(f"{SEEN.get()} {text}")
            return PingResponse(text=SEEN.get())

        running.ping.do = told
        for text in ("one", "two"):
            expected = f"nothing before {name} {text}"
            result = await running.call(name, text)
            assert (result.texts[-1], result.trailers["x-seen"]) == (expected, expected)


async def test_p12_no_worker_ever_loads_grpc():
    command = "import sys, mlsdm_grpc.workers.main; sys.exit('grpc' in sys.modules)"
    done = await anyio.run_process([sys.executable, "-c", command], check=False)
    assert done.returncode == 0, done.stderr
    source = Path(__file__).parents[2] / "mlsdm_grpc"
    texts = {path.name: await anyio.Path(path).read_text() for path in sorted(source.rglob("*.py"))}
    forking = ("os.fork(", "import multiprocessing")
    found = [name for name, text in texts.items() if any(each in text for each in forking)]
    # The fork server has one thread and does not load grpc either.
    assert found == ["fork_server.py"]


@pytest.mark.parametrize("name", SHAPES)
async def test_a_refused_call_leaves_nothing_to_the_garbage_collector(name):
    async with serving() as running:
        await running.call(name, "fail")
        gc.collect()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            for text in ("fail", "crash", "inner"):
                await running.call(name, text)
            gc.collect()
            found = [type(each) for each in gc.garbage if isinstance(each, LEFT)]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
        assert found == []
