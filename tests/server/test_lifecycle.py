from __future__ import annotations

import asyncio

import anyio
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mlsdm_grpc.config import ServerSettings
from mlsdm_grpc.errors import InvalidInput, Unavailable
from mlsdm_grpc.interceptors.drain import DrainInterceptor
from mlsdm_grpc.server.grpc_aio import AioPort
from mlsdm_grpc.server.health import LIVENESS, READINESS, Health
from mlsdm_grpc.server.lifecycle import GrpcServer
from mlsdm_grpc.server.router import Router
from tests.support.ping import SERVICE, SHAPES, outcome, serving

pytestmark = pytest.mark.anyio

LONG_S = 20.0


def _assert_draining(result):
    assert result.code == "UNAVAILABLE"
    assert isinstance(result.error, Unavailable)
    assert result.error.reason == "DRAINING"
    assert result.error.retry_after_s is not None
    assert result.trailers["grpc-retry-pushback-ms"]


async def _until_refused(running):
    """Make calls until the server refuses them; return the refusal."""
    while (result := await running.call("Unary", "hello")).code == "OK":
        pass
    return result


# P13 of docs/architecture.md.
@pytest.mark.parametrize("name", SHAPES)
async def test_drain_finishes_what_is_in_flight_and_refuses_what_is_new(name):
    async with serving() as running, anyio.create_task_group() as tasks:
        old = asyncio.ensure_future(running.call(name, "wait"))
        await running.ping.begun.wait()
        tasks.start_soon(lambda: running.server.drain(delay_s=0, grace_s=LONG_S))
        _assert_draining(await _until_refused(running))
        assert running.handled("Unary", "UNAVAILABLE") == 1
        assert not old.done()
        running.ping.release.set()
        assert (await old).code == "OK"


@pytest.mark.parametrize("name", SHAPES)
async def test_a_call_that_outlives_the_grace_is_told_so(name):
    async with serving() as running:
        old = asyncio.ensure_future(running.call(name, "hang"))
        await running.ping.begun.wait()
        await running.server.drain(delay_s=0, grace_s=0.05)
        _assert_draining(await old)
        assert running.ping.cleaned.is_set()
        assert running.handled(name, "UNAVAILABLE") == 1


async def test_health_goes_first_and_calls_are_still_served_during_the_delay():
    async with serving() as running, anyio.create_task_group() as tasks:
        stub = health_pb2_grpc.HealthStub(running.channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest(service=READINESS))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        tasks.start_soon(lambda: running.server.drain(delay_s=LONG_S, grace_s=0))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert (await running.call("Unary", "hello")).code == "OK"
        live = await stub.Check(health_pb2.HealthCheckRequest(service=LIVENESS))
        assert live.status == health_pb2.HealthCheckResponse.SERVING
        tasks.cancel_scope.cancel()


# P21 of docs/architecture.md.
async def test_a_watch_of_health_does_not_hold_the_drain_up():
    async with serving() as running:
        stub = health_pb2_grpc.HealthStub(running.channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest(service=SERVICE))
        await watch.read()
        with anyio.fail_after(LONG_S / 2):
            await running.server.drain(delay_s=0, grace_s=LONG_S)
        _assert_draining(await outcome(watch))


async def test_a_draining_server_answers_health():
    async with serving() as running:
        running.drain.draining = True
        stub = health_pb2_grpc.HealthStub(running.channel)
        assert (await outcome(stub.Check(health_pb2.HealthCheckRequest()))).code == "OK"
        _assert_draining(await running.call("Unary", "hello"))


async def test_the_port_is_closed_after_the_drain():
    async with serving() as running:
        assert (await running.call("Unary", "hello")).code == "OK"
        await running.server.drain(delay_s=0, grace_s=LONG_S)
        await running.server.stop()
        with pytest.raises(OSError, match="attempts failed"):
            await anyio.connect_tcp("127.0.0.1", int(running.target.rpartition(":")[2]))


async def test_a_stop_without_a_drain_ends_what_is_in_flight():
    async with serving() as running:
        old = asyncio.ensure_future(running.call("Unary", "hang"))
        await running.ping.begun.wait()
        await running.server.stop()
        _assert_draining(await old)


async def test_stop_may_be_repeated():
    async with serving() as running:
        await running.server.stop()
        await running.server.stop()


async def test_a_taken_address_is_named():
    async with serving() as running:
        settings = ServerSettings(listen=running.target)
        router = Router(())
        second = GrpcServer(
            settings,
            port=AioPort(settings, router),
            router=router,
            health=Health(),
            drain=DrainInterceptor(),
        )
        with pytest.raises(InvalidInput, match=running.target) as raised:
            await second.start()
        assert raised.value.violations[0].field == "server.listen"
        assert (await running.call("Unary", "hello")).code == "OK"


async def test_the_channel_reports_a_stopped_server_as_unavailable():
    async with serving() as running:
        await running.server.stop()
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await running.start("Unary", "hello")
        assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
