from __future__ import annotations

import asyncio

import pytest

from mlsdm_grpc.config import EchoSettings
from mlsdm_grpc.llm.prompt import RecalledText, join_prompt
from mlsdm_grpc.llm.providers.echo import EchoProvider
from mlsdm_grpc.llm.providers.provider import FaultKind, Finish, ModelRequest, ProviderFault, clean
from mlsdm_grpc.speech import instruction

pytestmark = pytest.mark.anyio


def request(prompt="Is it so?", **more):
    return ModelRequest(prompt=prompt, deadline_s=0.0, **({"max_tokens": 100} | more))


async def said(prompt="Is it so?", settings=None, **more):
    return await EchoProvider(settings or EchoSettings()).complete(request(prompt, **more))


async def test_the_same_prompt_has_the_same_answer():
    assert await said() == await said()


async def test_it_quotes_what_shares_most_words_best_first():
    memories = [
        RecalledText("1", "The weather in Lviv was cold.", 0.9),
        RecalledText("2", "The cold harbour of Odesa has green lights.", 0.5),
        RecalledText("3", "Nothing of that kind.", 0.4),
        RecalledText("4", "The harbour is large.", 0.3),
    ]
    found = await said(join_prompt(memories, "Which lights has the harbour of Odesa?"))
    first = found.text.index("The cold harbour of Odesa has green lights.")
    assert first < found.text.index("The harbour is large.")
    assert "Lviv" not in found.text
    assert "Nothing" not in found.text


async def test_what_it_is_to_rewrite_it_gives_back():
    draft = "Bus late.\n\n- No seat.\n- Sad."
    found = await said(instruction(draft, prompt="How was it?", language="en"))
    assert found.text == draft


async def test_it_does_not_quote_itself():
    before = await said("What is the harbour like?")
    prompt = join_prompt([RecalledText("1", before.text, 0.9)], "What is the harbour like?")
    assert (await said(prompt)).text == before.text


async def test_long_questions_and_memories_are_cut():
    prompt = join_prompt([RecalledText("1", "harbour " * 5_000, 0.9)], "harbour " * 5_000)
    assert len((await said(prompt, max_tokens=4_096)).text) < 1_000


@pytest.mark.parametrize(
    ("more", "text", "finish"),
    [
        ({"max_tokens": 3}, "You asked me", Finish.LENGTH),
        ({"stop": ("about", "none")}, "You asked me", Finish.STOP),
        ({"stop": ("me", "asked")}, "You", Finish.STOP),
    ],
)
async def test_limits(more, text, finish):
    found = await said(**more)
    assert (found.text, found.finish) == (text, finish)


@pytest.mark.parametrize(
    ("style", "start"), [("telegraphic", "Question heard."), ("looping", "I am not"), ("empty", "")]
)
async def test_styles(style, start):
    found = await said(settings=EchoSettings(style=style))
    assert found.text.startswith(start)
    assert bool(found.text) == bool(start)


async def test_a_script_says_what_the_first_calls_do():
    provider = EchoProvider(EchoSettings(script=("unavailable", "rejected", "hang", "reset")))
    for retryable, rejected in ((True, False), (False, True)):
        with pytest.raises(ProviderFault) as caught:
            await provider.complete(request())
        assert (caught.value.retryable, caught.value.rejected) == (retryable, rejected)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await provider.complete(request())
    chunks = provider.stream(request())
    assert [(await anext(chunks)).text for _ in range(3)] == ["You", " asked", " me"]
    with pytest.raises(ProviderFault) as caught:
        await anext(chunks)
    assert caught.value.kind is FaultKind.RESET
    assert (await provider.complete(request())).finish is Finish.STOP


def test_clean_text():
    assert clean("a\tb\nc") == "a\tb\nc"
    assert clean("a\x00\x07\x1b[1m\r\x7f\x85b") == "a[1mb"
    assert clean("\ud800x\udfff") == "\ufffdx\ufffd"
    assert clean("日本語 \U0001f600") == "日本語 \U0001f600"
