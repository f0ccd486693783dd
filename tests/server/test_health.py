from __future__ import annotations

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mlsdm_grpc.server.health import JOURNAL, LIVENESS, LLM, OVERALL, READINESS, Health
from tests.support.ping import SERVICE, Refusing, outcome, serving

pytestmark = pytest.mark.anyio

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


def _stub(running):
    return health_pb2_grpc.HealthStub(running.channel)


def _request(name):
    return health_pb2.HealthCheckRequest(service=name)


async def test_check_knows_the_server_its_services_and_its_parts():
    async with serving() as running:
        stub = _stub(running)
        for name in (OVERALL, LIVENESS, READINESS, SERVICE):
            assert (await stub.Check(_request(name))).status == SERVING
        assert (await stub.Check(_request(JOURNAL))).status == NOT_SERVING
        running.health.set_serving(JOURNAL, serving=True)
        assert (await stub.Check(_request(JOURNAL))).status == SERVING
        assert running.handled("Check", "OK", "grpc.health.v1.Health") == 6


# P7 of docs/architecture.md.
async def test_check_of_an_unknown_name_keeps_the_code_of_the_servicer():
    async with serving() as running:
        call = _stub(running).Check(_request("nope"))
        result = await outcome(call)
        assert result.code == "NOT_FOUND"
        assert result.trailers["x-request-id"]
        await running.router.in_flight.wait_idle(open_methods=True)
        assert running.handled("Check", "NOT_FOUND", "grpc.health.v1.Health") == 1


async def test_watch_tells_the_present_state_and_every_change():
    async with serving() as running:
        watch = _stub(running).Watch(_request(SERVICE))
        assert (await watch.read()).status == SERVING
        running.health.set_serving(SERVICE, serving=False)
        assert (await watch.read()).status == NOT_SERVING
        running.health.set_serving(SERVICE, serving=True)
        assert (await watch.read()).status == SERVING
        watch.cancel()
        await running.router.in_flight.wait_idle(open_methods=True)
        assert running.handled("Watch", "CANCELLED", "grpc.health.v1.Health") == 1


async def test_watch_of_an_unknown_name_stays_open_until_it_is_known():
    async with serving() as running:
        watch = _stub(running).Watch(_request("later"))
        assert (await watch.read()).status == UNKNOWN
        running.health.set_serving("later", serving=True)
        assert (await watch.read()).status == SERVING
        watch.cancel()


async def test_list_tells_all():
    async with serving() as running:
        response = await _stub(running).List(health_pb2.HealthListRequest())
        statuses = {name: each.status for name, each in response.statuses.items()}
        assert statuses == {
            OVERALL: SERVING,
            LIVENESS: SERVING,
            READINESS: SERVING,
            SERVICE: SERVING,
            "grpc.health.v1.Health": SERVING,
            "grpc.reflection.v1.ServerReflection": SERVING,
            "grpc.reflection.v1alpha.ServerReflection": SERVING,
            JOURNAL: NOT_SERVING,
            LLM: NOT_SERVING,
        }


@pytest.mark.parametrize(("extra", "code"), [(91, "OK"), (92, "RESOURCE_EXHAUSTED")])
async def test_list_has_the_limit_of_a90(extra, code):
    async with serving() as running:
        for number in range(extra):
            running.health.set_serving(f"part-{number}", serving=True)
        result = await outcome(_stub(running).List(health_pb2.HealthListRequest()))
        assert result.code == code


async def test_health_needs_no_credential():
    async with serving(authenticator=Refusing()) as running:
        assert (await _stub(running).Check(_request(""))).status == SERVING
        assert (await running.call("Unary", "hello")).code == "UNAUTHENTICATED"


async def test_a_draining_server_becomes_serving_no_more():
    health = Health(["a"])
    health.set_serving("a", READINESS, serving=True)
    health.drain()
    health.set_serving("a", READINESS, serving=True)
    assert not any(health.serving(name) for name in health.names if name != LIVENESS)
    assert health.serving(LIVENESS)
