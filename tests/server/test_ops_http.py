from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import aiohttp
import pytest
from serving import in_process

from mlsdm_grpc.config import Address
from mlsdm_grpc.errors import InvalidInput, Unauthenticated
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.security.principal import Principal
from mlsdm_grpc.server.ops_access import OpsAccess
from mlsdm_grpc.server.ops_http import OpsServer
from tests.security.test_tokens import token_entry

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


@asynccontextmanager
async def _guarded(guard=None, hosts=()):
    server = OpsServer(Metrics(), dict, OpsAccess(hosts, guard))
    address = await server.start(Address("127.0.0.1", 0))
    try:
        async with aiohttp.ClientSession(f"http://{address}") as session:
            yield session, address
    finally:
        await server.stop()


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("localhost", 200),
        ("LOCALHOST:9464", 200),
        ("[::1]:9464", 200),
        ("10.1.2.3:80", 200),
        ("ops.acme.example", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("ops.acme.example.evil", 421),
        ("127.0.0.1.evil.example", 421),
        ("[::1", 421),
    ],
)
async def test_the_host_has_to_be_known(host, status):
    async with (
        _guarded(hosts=("ops.acme.example",)) as (session, _),
        session.get("/livez", headers={"Host": host}) as response,
    ):
        assert response.status == status


class Guard:
    """Knows one token of an operator and one of a reader."""

    def authenticate(self, metadata, repeated, *_):
        value = metadata.get("authorization")
        if repeated & {"authorization"} or value not in {"Bearer ops", "Bearer read"}:
            raise Unauthenticated("No.")
        permissions = {"admin.read"} if value == "Bearer ops" else {"memory.read"}
        return Principal("a", "b", frozenset(permissions))


async def test_metrics_need_a_credential_and_probes_do_not():
    async with _guarded(Guard()) as (session, _):

        async def ask(path, token=None):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            async with session.get(path, headers=headers) as response:
                return response.status, response.headers

        for path in ("/livez", "/readyz"):
            assert (await ask(path))[0] == 200
        status, headers = await ask("/metrics")
        assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")
        assert (await ask("/metrics", "wrong"))[0] == 401
        assert (await ask("/metrics", "read"))[0] == 403
        assert (await ask("/metrics", "ops"))[0] == 200
        assert (await ask("/console"))[0] == 401
        twice = [("Authorization", "Bearer ops"), ("Authorization", "Bearer ops")]
        async with session.get("/metrics", headers=twice) as response:
            assert response.status == 401


async def test_every_answer_has_the_headers_of_owasp():
    async with _guarded(Guard()) as (session, _):
        for path in ("/livez", "/metrics", "/none"):
            async with session.get(path) as response:
                found = response.headers
                assert found["X-Content-Type-Options"] == "nosniff"
                assert found["X-Frame-Options"] == "deny"
                assert found["Content-Security-Policy"].startswith("default-src 'none'")
                assert found["Referrer-Policy"] == "no-referrer"
                assert found["Cache-Control"].startswith("no-store")
                assert found["Cross-Origin-Opener-Policy"] == "same-origin"
                assert found["Server"] == "mlsdm"
                assert "Strict-Transport-Security" not in found


@pytest.mark.parametrize("mode", ["dev", "token"])
async def test_off_loopback_a_server_asks_for_a_credential(tmp_path, mode):
    tokens = tmp_path / "tokens.toml"
    text = token_entry("plain") + token_entry("ops") + "platform = true\n"
    await asyncio.to_thread(tokens.write_text, text)
    security = {"mode": mode, "tokens_file": str(tokens)}
    async with (
        in_process(server={"ops": "0.0.0.0:0"}, security=security) as server,
        aiohttp.ClientSession(f"http://127.0.0.1:{server.ops.port}") as session,
    ):

        async def ask(path, token):
            headers = {"Authorization": f"Bearer {token}"}
            async with session.get(path, headers=headers) as response:
                return response.status

        assert await ask("/livez", "none") == 200
        wanted = [401, 401, 401] if mode == "dev" else [401, 403, 200]
        assert [await ask("/metrics", each) for each in ("none", "plain", "ops")] == wanted
