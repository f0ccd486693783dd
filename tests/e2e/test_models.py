"""A running server and its upstreams: health, status, metrics, the remote embedder."""

import asyncio
import json
from contextlib import asynccontextmanager

import aiohttp
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from node import Node
from serving import channel, connected, in_process, remembering

from mlsdm_grpc._gen.mlsdm.v1 import node_pb2
from mlsdm_grpc.errors import InvalidInput, Unavailable
from mlsdm_grpc.llm.providers.provider import ModelRequest

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

UP, DEGRADED = node_pb2.COMPONENT_STATE_SERVING, node_pb2.COMPONENT_STATE_DEGRADED
DOWN = node_pb2.COMPONENT_STATE_NOT_SERVING


def asking(prompt="Is it?"):
    deadline_s = asyncio.get_running_loop().time() + 10
    return ModelRequest(prompt=prompt, deadline_s=deadline_s)


async def health_of(server):
    async with channel(server.listen) as to:
        stub = health_pb2_grpc.HealthStub(to)
        found = await stub.Check(health_pb2.HealthCheckRequest(service="llm"))
    return health_pb2.HealthCheckResponse.ServingStatus.Name(found.status)


async def until(read, wanted):
    while await read() != wanted:  # noqa: ASYNC110 - the other end of a wire
        await asyncio.sleep(0.02)


async def test_health_and_status_follow_the_breaker():
    script = ("unavailable",) * 2
    breaker = {"failures": 2, "open_s": 2.0, "successes": 1}
    llm = {"tries": 1, "echo": {"script": script}, "breaker": breaker}
    async with in_process(llm=llm) as server, Node(server) as node:
        assert await health_of(server) == "SERVING"
        status = await node.status()
        assert (status.llm, [each.provider for each in status.providers]) == (UP, ["echo"])
        lanes = {each.lane: each.permit_count for each in status.lanes}
        assert lanes["llm"] == 256

        for _ in range(2):
            with pytest.raises(Unavailable):
                await server.gateway.complete(asking(), tenant="t")
        await until(lambda: health_of(server), "NOT_SERVING")
        (provider,) = (await node.status()).providers
        if provider.state == DOWN:
            assert 0 < provider.retry_delay.ToTimedelta().total_seconds() <= 2
        assert provider.open_count == 1

        await until(lambda: health_of(server), "SERVING")
        assert (await node.status()).llm == DEGRADED
        await server.gateway.complete(asking(), tenant="t")
        assert (await node.status()).llm == UP
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{server.ops}/metrics") as response,
        ):
            metrics = await response.text()
        assert 'mlsdm_llm_breaker{kind="closed",provider="echo"} 1.0' in metrics
        assert 'mlsdm_llm_call_seconds_count{kind="status",provider="echo"} 2.0' in metrics


async def test_the_lane_bounds_the_calls_and_one_tenant_has_its_share():
    llm = {"echo": {"script": ("hang",) * 8}}
    async with in_process(llm=llm, engine={"max_pending_llm": 4}) as server:
        hanging = [
            asyncio.create_task(server.gateway.complete(asking(), tenant="a")) for _ in range(2)
        ]
        await asyncio.sleep(0.01)
        with pytest.raises(Unavailable) as caught:
            await server.gateway.complete(asking(), tenant="a")
        assert caught.value.metadata == {"lane": "llm"}
        other = asyncio.create_task(server.gateway.complete(asking(), tenant="b"))
        await asyncio.sleep(0.01)
        assert not other.done()
        for task in (*hanging, other):
            task.cancel()
        await asyncio.gather(*hanging, other, return_exceptions=True)
        lane = next(each for each in server.engine.lanes if each.lane == "llm")
        assert (lane.in_use, lane.rejected) == (0, 1)


async def test_a_chain_that_cannot_work_stops_the_start():
    with pytest.raises(InvalidInput) as caught:
        async with in_process(llm={"providers": ("openai",)}):
            pass
    assert [each.field for each in caught.value.violations] == ["llm.openai.key_file"]


@asynccontextmanager
async def counted(status):
    """Run an upstream that answers with a status and keeps the requests."""
    pytest.importorskip("openai", reason="the extra openai is not installed")
    from upstream import Upstream, http

    async def fails(_request, writer):
        writer.write(http(status, b"{}"))
        await writer.drain()

    async with Upstream(fails).serving() as upstream:
        yield f"http://127.0.0.1:{upstream.port}/v1", upstream.requests


async def test_the_client_does_not_multiply_the_tries_of_the_server():
    async with counted(500) as (url, requests):
        openai = {"base_url": url, "model": "small", "key_required": False}
        llm = {"providers": ("openai",), "openai": openai, "tries": 1}
        async with remembering(llm=llm) as memory:
            with pytest.raises(Unavailable) as caught:
                await memory.generate("Are you there?", timeout_s=20)
        assert caught.value.reason == "PROVIDER_UNAVAILABLE"
        assert caught.value.retry_after_s > 0
        assert len(requests) == 1


async def test_who_cannot_wait_for_a_breaker_learns_at_once_what_is_wrong():
    async with counted(401) as (url, _):
        embedder = {"base_url": url, "model": "remote", "dimension": 4, "key_required": False}
        async with remembering(space={"embedder": "openai"}, embedder=embedder) as memory:
            with pytest.raises(Unavailable) as caught:
                await memory.put("alpha", timeout_s=5)
        assert caught.value.reason == "EMBEDDER_UNAVAILABLE"
        assert caught.value.retry_after_s > 5


async def test_texts_are_embedded_by_a_remote_endpoint():
    pytest.importorskip("openai", reason="the extra openai is not installed")
    from upstream import Upstream, http

    async def embeds(request, writer):
        data = [
            {"index": i, "embedding": [float(len(text)), 1.0, float(ord(text[0])), 0.5]}
            for i, text in enumerate(request.body["input"])
        ]
        writer.write(http(200, json.dumps({"data": data}).encode()))
        await writer.drain()

    async with Upstream(embeds).serving() as upstream:
        url = f"http://127.0.0.1:{upstream.port}/v1"
        embedder = {"base_url": url, "model": "remote", "dimension": 4, "key_required": False}
        async with connected(space={"embedder": "openai"}, embedder=embedder) as (server, memory):
            for text in ("alpha beta", "zeta", "omega"):
                await memory.put(text)
            (match,) = (await memory.query("zeta", top_k=1)).matches
            assert match.memory.text == "zeta"
            assert server.engine.embedder.model_id == "remote-4"
        assert len(upstream.requests) == 3  # the question's vector was kept
