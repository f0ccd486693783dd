"""Data that leaves this machine, and the time in which a connection is closed."""

from __future__ import annotations

import asyncio
import functools
import json

import anyio.to_thread
import pytest

pytest.importorskip("openai", reason="the extra openai is not installed")

from setting import asking, gateway_over, openai_settings, streamed
from upstream import (
    KEY,
    Upstream,
    answers,
    hangs,
    http,
    piece,
    says,
    sse,
    then_hangs,
)

from mlsdm_grpc.errors import DeadlineExceeded, PreconditionFailed, Unavailable
from mlsdm_grpc.llm.endpoints import KeyFile, Secret
from mlsdm_grpc.llm.providers.http import http_client
from mlsdm_grpc.llm.providers.openai import OpenAIProvider
from mlsdm_grpc.llm.providers.provider import FaultKind, ProviderFault

pytestmark = pytest.mark.anyio

CLOSED_WITHIN_S = 0.1


def over(server, tmp_path, *, path="/v1", **more):
    """Return a factory of providers for a running upstream."""
    settings = openai_settings(f"http://127.0.0.1:{server.port}{path}", tmp_path, **more)
    clock = asyncio.get_running_loop().time
    return functools.partial(OpenAIProvider, settings, clock=clock, max_connections=8)


async def closed_after_s(script, tmp_path, leave, **settings):
    """Return how soon the upstream sees its connection closed, the quickest of three times.

    ``leave`` gets a gateway and the upstream, and returns when the caller left.
    """
    loop = asyncio.get_running_loop()
    found = []
    for _ in range(3):  # a busy machine may hold one of them up
        async with (
            Upstream(script).serving() as server,
            gateway_over(over(server, tmp_path), timeout_s=30.0, **settings) as gateway,
        ):
            left_s = await leave(gateway, server)
            await asyncio.wait_for(server.closed.wait(), 5)
            found.append(loop.time() - left_s)
            await asyncio.sleep(0.01)
            assert (gateway.permits.inside_count, gateway.turns.in_flight) == (0, 0)
    return min(found)


def cancels(ask):
    async def leave(gateway, server):
        call = asyncio.create_task(ask(gateway))
        await server.received.wait()
        await asyncio.sleep(0.05)
        assert not server.closed.is_set()
        left_s = asyncio.get_running_loop().time()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        return left_s

    return leave


@pytest.mark.parametrize(
    "script", [hangs, then_hangs(http(200, b"{}" * 50)[:-20])], ids=["head", "body"]
)
async def test_a_caller_that_cancels_closes_the_connection(script, tmp_path):
    leave = cancels(lambda gateway: gateway.complete(asking(within_s=60), tenant="t"))
    assert await closed_after_s(script, tmp_path, leave) < CLOSED_WITHIN_S


@pytest.mark.parametrize("script", [hangs, then_hangs(sse(piece("Yes,")))], ids=["head", "word"])
async def test_a_caller_that_cancels_a_stream_closes_the_connection(script, tmp_path):
    leave = cancels(lambda gateway: streamed(gateway, asking(within_s=60)))
    quickest_s = await closed_after_s(script, tmp_path, leave, stream_idle_timeout_s=30.0)
    assert quickest_s < CLOSED_WITHIN_S


async def test_leaving_a_stream_closes_the_connection(tmp_path):
    async def leave(gateway, server):
        del server
        async with gateway.stream(asking(), tenant="t") as answer:
            async for text in answer:
                assert text == "Yes,"
                break
            return asyncio.get_running_loop().time()

    script = then_hangs(sse(piece("Yes,")))
    assert await closed_after_s(script, tmp_path, leave) < CLOSED_WITHIN_S


async def test_a_deadline_closes_the_connection(tmp_path):
    async def leave(gateway, server):
        del server
        request = asking(within_s=0.3)
        with pytest.raises(DeadlineExceeded):
            await gateway.complete(request, tenant="t")
        return request.deadline_s - 0.05  # the margin

    assert await closed_after_s(hangs, tmp_path, leave) < CLOSED_WITHIN_S


async def test_a_request_says_what_it_has_to_and_no_more(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "another-key")
    monkeypatch.setenv("OPENAI_ORG_ID", "an-organisation")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/steal")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Extra: 1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with (
        Upstream(answers()).serving() as server,
        gateway_over(over(server, tmp_path)) as gateway,
    ):
        request = asking(
            "Is it?",
            system="Be brief.",
            max_tokens=9,
            temperature=0.5,
            stop=("END",),
            model="large",
        )
        found = await gateway.complete(request, tenant="t")
        await streamed(gateway, request)
    assert found.text == "Yes, it is."
    assert found.model == "small-2026"
    assert (found.usage.prompt_tokens, found.usage.completion_tokens) == (7, 4)
    whole, stream = server.requests
    assert set(whole.headers) == {
        "host",
        "content-type",
        "content-length",
        "accept",
        "accept-encoding",
        "authorization",
        "user-agent",
    }
    assert whole.headers["authorization"] == f"Bearer {KEY}"
    assert whole.headers["accept-encoding"] == "identity"
    assert whole.body == {
        "model": "large",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Is it?"},
        ],
        "max_tokens": 9,
        "temperature": 0.5,
        "stop": ["END"],
    }
    assert stream.body == whole.body | {
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def test_newer_models_want_another_name_of_the_limit(tmp_path):
    async with Upstream(answers()).serving() as server:
        make = over(server, tmp_path, max_tokens_field="max_completion_tokens")
        async with gateway_over(make) as gateway:
            await gateway.complete(asking(max_tokens=9), tenant="t")
    assert server.requests[0].body["max_completion_tokens"] == 9
    assert "max_tokens" not in server.requests[0].body


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(code, tmp_path):
    async with Upstream(answers()).serving() as thief:
        location = f"location: http://127.0.0.1:{thief.port}/v1/chat/completions"
        async with (
            Upstream(says(http(code, b"", location))).serving() as server,
            gateway_over(over(server, tmp_path)) as gateway,
        ):
            with pytest.raises(PreconditionFailed) as caught:
                await gateway.complete(asking(), tenant="t")
    assert caught.value.metadata["status"] == str(code)
    assert thief.requests == []


async def test_a_changed_key_is_used_from_the_next_call_on(tmp_path):
    async with (
        Upstream(answers()).serving() as server,
        gateway_over(over(server, tmp_path)) as gateway,
    ):
        await gateway.complete(asking(), tenant="t")
        new = tmp_path / "new"
        new.write_text("sk-rotated\n")
        new.replace(tmp_path / "key")
        await gateway.complete(asking(), tenant="t")
    sent = [each.headers["authorization"] for each in server.requests]
    assert sent == [f"Bearer {KEY}", "Bearer sk-rotated"]


async def test_without_a_key_none_is_sent(tmp_path):
    async with (
        Upstream(answers()).serving() as server,
        gateway_over(over(server, tmp_path, key_file=None)) as gateway,
    ):
        await gateway.complete(asking(), tenant="t")
    assert "authorization" not in server.requests[0].headers


async def test_a_key_that_has_gone_is_a_fault_of_the_configuration(tmp_path):
    async with (
        Upstream(answers()).serving() as server,
        gateway_over(over(server, tmp_path)) as gateway,
    ):
        (tmp_path / "key").unlink()
        with pytest.raises(Unavailable) as caught:
            await gateway.complete(asking(), tenant="t")
    assert caught.value.metadata["cause"] == "configuration"
    assert server.requests == []


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"\xff\xfe", b"a\x00b", b"a\nb"])
def test_a_key_is_one_word(content, tmp_path):
    file = tmp_path / "key"
    file.write_bytes(content)
    with pytest.raises(ProviderFault) as caught:
        KeyFile(file).read()
    assert caught.value.kind is FaultKind.CONFIGURATION


def test_a_secret_does_not_show():
    assert KEY not in f"{Secret(KEY)!r} {Secret(KEY)} {[Secret(KEY)]}"


async def test_no_other_host_is_called(tmp_path):
    async with Upstream(answers()).serving() as server:
        settings = openai_settings("http://localhost/v1", tmp_path)
        make = functools.partial(http_client, settings, max_connections=1)
        async with await anyio.to_thread.run_sync(make) as client:
            with pytest.raises(ProviderFault) as caught:
                await client.post(f"http://127.0.0.1:{server.port}/v1", json={})
    assert caught.value.kind is FaultKind.CONFIGURATION
    assert server.requests == []


async def test_connections_are_used_again(tmp_path):
    body = json.dumps(
        {"choices": [{"message": {"content": "Yes."}, "finish_reason": "stop"}]}
    ).encode()
    ports = set()

    async def serve(reader, writer):
        ports.add(writer.get_extra_info("peername"))
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        except asyncio.IncompleteReadError:
            writer.close()
            await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        server.port = server.sockets[0].getsockname()[1]
        async with gateway_over(over(server, tmp_path)) as gateway:
            for _ in range(5):
                await gateway.complete(asking(), tenant="t")
    assert len(ports) == 1
