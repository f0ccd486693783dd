"""Every shape of a provider's answer through Generate and StreamGenerate of a real server.

Each row is checked for text, finish reason, usage, retry decision and what the memory holds after.
"""

from __future__ import annotations

import asyncio
import itertools

import grpc
import pytest
from extras import NEEDS_ANTHROPIC
from forks import run_forked
from google.protobuf.message import Message
from node import Refusal
from shapes import STREAMED, YES, Shape
from shapes_anthropic import ANTHROPIC
from shapes_openai import OPENAI
from talk import talking
from upstream import SECRET_BODY, Upstream, says

from mlsdm_grpc._gen.mlsdm.v1 import error_reason_pb2, memory_query_pb2
from mlsdm_grpc._gen.mlsdm.v1 import generation_service_pb2 as pb

pytest.importorskip("openai", reason="the extra openai is not installed")
pytestmark = [pytest.mark.anyio, NEEDS_ANTHROPIC]

SHAPES = OPENAI + ANTHROPIC
NOT_REMEMBERED = error_reason_pb2.ERROR_REASON_NOT_REMEMBERED
PROMPT = "Is the garden gate green?"
MODELS = {"openai": "small-2026", "anthropic": "haiku-2026"}
_spaces = (f"shape-{number}" for number in itertools.count())


def settings(port: int) -> dict:
    """Return settings of a server that asks one upstream by both protocols, quickly."""
    endpoints = {
        kind: {
            "base_url": f"http://127.0.0.1:{port}{'/v1' if kind == 'openai' else ''}",
            "model": model,
            "key_required": False,
        }
        for kind, model in MODELS.items()
    }
    return {
        "providers": tuple(MODELS),
        "retry_initial_s": 0.001,
        "retry_jitter_s": 0.0,
        "retry_floor": 1_000,
        "breaker": {"failures": 1_000, "window_calls": 4_096},
        **endpoints,
    }


@pytest.fixture(scope="module")
async def asked():
    """Serve all rows with one server and one upstream."""
    async with (
        Upstream(says()).serving() as upstream,
        talking(llm=settings(upstream.port)) as talk,
    ):
        yield upstream, talk


class Outcome:
    """Outcome of a call for its caller."""

    def __init__(self) -> None:
        self.text = ""
        self.end: Message | None = None
        self.usage: Message | None = None
        self.refusal: Refusal | None = None
        self.request_id = ""


async def outcome(talk, shape: Shape, space: str) -> Outcome:
    """Ask for an answer in the way of a row, and let it be remembered."""
    found = Outcome()
    fields = {"space": space, "model": MODELS[shape.kind], "repair_speech": False}
    try:
        if shape.mode == STREAMED:
            async for event in talk.streaming(PROMPT, **fields):
                found.text += event.token.text
                kind = event.WhichOneof("event")
                found.usage = event.usage if kind == "usage" else found.usage
                found.end = event.final if kind == "final" else found.end
            assert found.end.text == found.text
        else:
            found.end = await talk.generate(PROMPT, **fields)
            found.text, found.usage = found.end.text, found.end.usage
    except grpc.aio.AioRpcError as error:
        found.refusal = Refusal(error)
        found.request_id = dict(error.trailing_metadata())["x-request-id"]
        assert SECRET_BODY not in str(error)
    return found


async def remembered(talk, space: str) -> list[str]:
    """Return the texts in a space."""
    request = memory_query_pb2.ListMemoriesRequest(space=space)
    try:
        return [memory.text for memory in (await talk.memory.ListMemories(request)).memories]
    except grpc.aio.AioRpcError as error:
        assert error.code() is grpc.StatusCode.NOT_FOUND
        return []


@pytest.mark.parametrize("shape", SHAPES, ids=str)
async def test_a_shape_of_an_answer(asked, shape, logs):
    upstream, talk = asked
    upstream.script = says(shape.raw)
    upstream.requests.clear()
    space = next(_spaces)
    found = await outcome(talk, shape, space)
    if shape.reason:
        assert found.refusal is not None, (found.text, found.end)
        assert found.refusal.reason == shape.reason
        metadata = found.refusal.metadata
        assert metadata.get("cause", metadata.get("status")) == shape.cause
        assert shape.text.startswith(found.text)
        lines = logs.events("provider_call_failed")
        assert [line["request_id"] for line in lines] == [found.request_id] * shape.calls
    else:
        assert found.refusal is None
        finish = pb.FinishReason.Name(found.end.finish_reason)
        usage = (found.usage.prompt_token_count, found.usage.completion_token_count)
        assert (found.text, finish, usage) == (
            shape.text,
            f"FINISH_REASON_{shape.finish.upper()}",
            shape.usage,
        )
        assert found.usage.model == MODELS[shape.kind]
        assert not logs.events("provider_call_failed")
    assert len(upstream.requests) == shape.calls
    kept = [PROMPT, shape.text] if shape.remembered else []
    assert await remembered(talk, space) == kept
    if found.end is not None:
        assert len(found.end.memory_ids) == len(kept)
        untold = shape.finish == "incomplete" and shape.text != ""
        assert found.end.remember_status.reason == (NOT_REMEMBERED if untold else 0)
    assert SECRET_BODY not in logs.text


async def test_the_command_line_says_that_an_answer_may_lack_its_end(asked):
    upstream, talk = asked
    (shape,) = [
        each for each in SHAPES if str(each) == "openai, streamed, finish_reason something_new"
    ]
    upstream.script = says(shape.raw)
    options = ("--space", next(_spaces), "--target", str(talk.server.listen))
    done = await asyncio.to_thread(run_forked, "generate", PROMPT, *options)
    assert (done.returncode, done.stdout) == (0, f"{YES}\n")
    told = done.stderr.splitlines()
    assert told[0] == "[the answer may be incomplete]"
    assert told[1].startswith("[not remembered: ")


def test_there_are_enough_shapes():
    names = [str(shape) for shape in SHAPES]
    assert len(names) == len(set(names)) >= 60
