"""The provider ``anthropic`` against a server that speaks its protocol."""

from __future__ import annotations

import asyncio
import json

import pytest
from extras import NEEDS_ANTHROPIC
from setting import asking, gateway_over, streamed
from upstream import KEY, SECRET_BODY, Upstream, both, hangs, http, says, sse

from mlsdm_grpc.config import AnthropicSettings
from mlsdm_grpc.errors import MlsdmError

pytestmark = [pytest.mark.anyio, NEEDS_ANTHROPIC]


def message(content, stop="end_turn", **more):
    found = {
        "id": "1",
        "type": "message",
        "role": "assistant",
        "model": "small-2026",
        "content": content,
        "stop_reason": stop,
        "usage": {"input_tokens": 7, "output_tokens": 4},
    }
    return json.dumps(found | more).encode()


def text(said):
    return [{"type": "text", "text": said}]


def event(**fields):
    return json.dumps(fields)


BEGIN = event(
    type="message_start",
    message={"model": "small-2026", "usage": {"input_tokens": 7, "output_tokens": 1}},
)


def delta(said):
    return event(type="content_block_delta", index=0, delta={"type": "text_delta", "text": said})


def ending(stop):
    return event(type="message_delta", delta={"stop_reason": stop}, usage={"output_tokens": 4})


STOP = event(type="message_stop")
BLOCK = event(type="content_block_start", index=0, content_block={"type": "text", "text": ""})


def answers(said="Yes, it is.", stop="end_turn"):
    words = [word if not i else f" {word}" for i, word in enumerate(said.split(" "))]
    pieces = [delta(word) for word in words]
    return both(
        says(http(200, message(text(said), stop))),
        says(sse(BEGIN, BLOCK, event(type="ping"), *pieces, ending(stop), STOP)),
    )


def over(server, tmp_path, **more):
    key = tmp_path / "key"
    key.write_text(KEY)
    settings = AnthropicSettings(
        base_url=f"http://127.0.0.1:{server.port}", key_file=key, model="small", **more
    )
    clock = asyncio.get_running_loop().time

    def make():
        from mlsdm_grpc.llm.providers.anthropic import AnthropicProvider

        return AnthropicProvider(settings, clock=clock, max_connections=8)

    return make


@pytest.mark.parametrize("mode", ["whole", "streamed"])
@pytest.mark.parametrize(
    ("stop", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("refusal", "refused"),
    ],
)
async def test_answers(mode, stop, finish, tmp_path):
    async with (
        Upstream(answers(stop=stop)).serving() as server,
        gateway_over(over(server, tmp_path)) as gateway,
    ):
        if mode == "whole":
            found = await gateway.complete(asking(), tenant="t")
        else:
            pieces, found = await streamed(gateway, asking())
            assert pieces == ["Yes,", " it", " is."]
    assert (found.text, found.finish) == ("Yes, it is.", finish)
    assert (found.usage.prompt_tokens, found.usage.completion_tokens) == (7, 4)
    assert (found.provider, found.model) == ("anthropic", "small-2026")


async def test_a_request_says_what_it_has_to_and_no_more(tmp_path, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "another-key")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Extra: 1")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:1/steal")
    async with (
        Upstream(answers()).serving() as server,
        gateway_over(over(server, tmp_path)) as gateway,
    ):
        request = asking("Is it?", system="Be brief.", max_tokens=9, temperature=1.5, stop=("END",))
        await gateway.complete(request, tenant="t")
    (sent,) = server.requests
    assert KEY in sent.headers.get("authorization", "") + sent.headers.get("x-api-key", "")
    assert "anthropic-version" in sent.headers
    assert "x-extra" not in sent.headers
    assert "another-key" not in sent.head
    assert sent.body == {
        "model": "small",
        "messages": [{"role": "user", "content": "Is it?"}],
        "system": "Be brief.",
        "max_tokens": 9,
        "temperature": 1.0,
        "stop_sequences": ["END"],
    }


ERROR = event(type="error", error={"type": "overloaded_error", "message": SECRET_BODY})


MALFORMED = ("PROVIDER_UNAVAILABLE", "malformed", 1)
FAULTS = {
    "overloaded": (says(http(529, SECRET_BODY.encode())), "PROVIDER_UNAVAILABLE", "status", 3),
    "bad key": (says(http(401, SECRET_BODY.encode())), "PROVIDER_REJECTED", "401", 1),
    "redirect": (says(http(302, b"", "location: /x")), "PROVIDER_REJECTED", "302", 1),
    "hangs": (hangs, "PROVIDER_UNAVAILABLE", "timeout", 3),
    "closed": (says(), "PROVIDER_UNAVAILABLE", "reset", 3),
    "cut": (says(http(200, b"{")), *MALFORMED),
    "content is a text": (says(http(200, message("yes"))), *MALFORMED),
    "block is a number": (says(http(200, message([7]))), *MALFORMED),
    "text is a number": (says(http(200, message(text(7)))), *MALFORMED),
    "reason is a number": (says(http(200, message(text("x"), stop=7))), *MALFORMED),
}
STREAM_FAULTS = {
    "error first": (says(sse(ERROR)), "PROVIDER_UNAVAILABLE", "upstream", 3),
    "error later": (says(sse(BEGIN, delta("x"), ERROR)), "PROVIDER_UNAVAILABLE", "upstream", 1),
    "no end": (says(sse(BEGIN, delta("x"))), "PROVIDER_UNAVAILABLE", "reset", 1),
    "text is a number": (says(sse(delta(7))), *MALFORMED),
    "type is a number": (says(sse(event(type=7))), *MALFORMED),
    "message is a text": (says(sse(event(type="message_start", message="x"))), *MALFORMED),
}


ASK = {
    "whole": lambda gateway: gateway.complete(asking(), tenant="t"),
    "streamed": lambda gateway: streamed(gateway, asking()),
}


@pytest.mark.parametrize(
    ("mode", "name"),
    [*(("whole", name) for name in FAULTS), *(("streamed", name) for name in STREAM_FAULTS)],
)
async def test_faults(mode, name, tmp_path, logs):
    script, reason, cause, calls = (FAULTS if mode == "whole" else STREAM_FAULTS)[name]
    async with (
        Upstream(script).serving() as server,
        gateway_over(over(server, tmp_path)) as gateway,
    ):
        with pytest.raises(MlsdmError) as caught:
            await ASK[mode](gateway)
    assert caught.value.reason == reason
    assert cause in caught.value.metadata.values()
    assert len(server.requests) == calls
    for shown in (str(caught.value), str(caught.value.metadata), logs.text):
        assert SECRET_BODY not in shown
        assert KEY not in shown


async def test_a_caller_that_cancels_closes_the_connection(tmp_path):
    async with (
        Upstream(hangs).serving() as server,
        gateway_over(over(server, tmp_path), timeout_s=30.0) as gateway,
    ):
        call = asyncio.create_task(gateway.complete(asking(within_s=60), tenant="t"))
        await server.received.wait()
        call.cancel()
        await asyncio.wait_for(server.closed.wait(), 1)
        with pytest.raises(asyncio.CancelledError):
            await call
