from __future__ import annotations

from contextlib import asynccontextmanager

import aiohttp
import pytest

from mlsdm_grpc.config import Address
from mlsdm_grpc.errors import InvalidInput
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.server.ops_http import OpsServer

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def _ops(reasons=None):
    metrics = Metrics()
    server = OpsServer(metrics, lambda: reasons or {})
    address = await server.start(Address("127.0.0.1", 0))
    try:
        async with aiohttp.ClientSession(f"http://{address}") as session:
            yield session, metrics, address
    finally:
        await server.stop()


async def test_metrics_in_the_old_form():
    async with _ops() as (session, metrics, _):
        metrics.worker_restarts.labels("mind").inc()
        async with session.get("/metrics") as response:
            text = await response.text()
            assert response.status == 200
            assert response.headers["Content-Type"].startswith("text/plain")
        assert 'mlsdm_worker_restarts_total{kind="mind"} 1.0' in text
        assert not text.endswith("# EOF\n")


async def test_metrics_in_openmetrics_when_asked_for():
    async with _ops() as (session, _, _):
        accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
        async with session.get("/metrics", headers=accept) as response:
            assert response.headers["Content-Type"].startswith("application/openmetrics-text")
            assert (await response.text()).endswith("# EOF\n")


async def test_two_servers_do_not_share_metrics():
    async with _ops() as (_, first, _), _ops() as (session, _, _):
        first.worker_restarts.labels("mind").inc()
        async with session.get("/metrics") as response:
            assert 'kind="mind"' not in await response.text()


async def test_live_and_ready():
    async with _ops() as (session, _, _):
        for path, status in (("/livez", "live"), ("/readyz", "ready")):
            async with session.get(path) as response:
                assert (response.status, await response.json()) == (200, {"status": status})


async def test_not_ready_says_why():
    async with _ops({"journal": "replaying"}) as (session, _, _):
        async with session.get("/readyz") as response:
            assert response.status == 503
            assert (await response.json())["reasons"] == {"journal": "replaying"}
        async with session.get("/livez") as response:
            assert response.status == 200


async def test_nothing_else_is_there():
    async with _ops() as (session, _, _):
        for path in ("/", "/metrics/", "/debug", "/readyz/x"):
            async with session.get(path) as response:
                assert response.status == 404
        async with session.post("/metrics") as response:
            assert response.status == 405


async def test_a_taken_address_is_named():
    async with _ops() as (_, _, address):
        with pytest.raises(InvalidInput, match=str(address)) as raised:
            await OpsServer(Metrics(), dict).start(address)
        assert raised.value.violations[0].field == "server.ops"
