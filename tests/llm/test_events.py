"""Server-sent events, however they are cut, and texts whose characters come in halves."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc.llm.providers.answer_reader import AnswerPiece, pieces_of, whole_of
from mlsdm_grpc.llm.providers.events import ServerSentEvent, events_of
from mlsdm_grpc.llm.providers.provider import (
    FaultKind,
    ModelChunk,
    ProviderFault,
    TokenUsage,
    clean,
)

pytestmark = pytest.mark.anyio

BODY = (
    b"\xef\xbb\xbf: hello\n\ndata: one\n\ndata:two\n\ndata:\n\n"
    b'event: x\nid: 3\ndata: a\ndata: b\n\n\nerror: no\n\ndata: {"last": 1}'
)
EVENTS = [
    ServerSentEvent(b"one"),
    ServerSentEvent(b"two"),
    ServerSentEvent(b"a\nb", b"x"),
    ServerSentEvent(b"no", b"error"),
    ServerSentEvent(b'{"last": 1}'),
]


async def parts(*given):
    for part in given:
        yield part


async def events(*given):
    return [event async for event in events_of(parts(*given))]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CR LF", "CR"])
async def test_events_are_found_at_every_cut(end):
    body = BODY.replace(b"\n", end)
    assert await events(*(body[at : at + 1] for at in range(len(body)))) == EVENTS
    for at in range(len(body) + 1):
        assert await events(body[:at], body[at:]) == EVENTS
        assert await events(body[:at], b"", body[at:]) == EVENTS


async def test_a_cr_ends_an_event_without_waiting_for_more():
    async def endless():
        yield b"data: one\r\r"
        raise AssertionError("more was asked for")

    async for event in events_of(endless()):
        assert event == ServerSentEvent(b"one")
        break


async def test_an_event_that_is_cut_is_none():
    assert await events(b'data: {"a": 1}\n\ndata: {"a"') == [ServerSentEvent(b'{"a": 1}')]
    assert await events(b"data: [DONE]") == [ServerSentEvent(b"[DONE]")]


@pytest.mark.parametrize("body", [b'{"a": 1}', b' \r\n{\n"a": [1]\n}\n', b'\xef\xbb\xbf[{"a": 1}]'])
async def test_a_body_of_json_is_one_event(body):
    for at in range(len(body)):
        (event,) = await events(body[:at], body[at:])
        assert event.whole
        assert json.loads(event.data) == json.loads(body.removeprefix(b"\xef\xbb\xbf"))


async def test_an_event_has_a_largest_size():
    for line in (b"data: x\n", b"x" * 8):
        with pytest.raises(ProviderFault) as caught:
            await events(*[line] * 100_000)
        assert caught.value.kind is FaultKind.TOO_LARGE


def units(text):
    """Return the UTF-16 units of a text, as JSON escapes them."""
    raw = text.encode("utf-16-le", "surrogatepass")
    return [chr(int.from_bytes(raw[at : at + 2], "little")) for at in range(0, len(raw), 2)]


@pytest.mark.anyio
@given(st.text(st.characters(codec="utf-8")), st.lists(st.booleans()))
async def test_no_cut_between_halves_changes_a_text(text, cuts):
    said, piece = [], ""
    for unit, ends in zip(units(text), cuts + [False] * len(text) * 2, strict=False):
        piece += unit
        if ends:
            said.append(piece)
            piece = ""
    bodies = [b"data: " + json.dumps({"t": each}).encode() + b"\n\n" for each in [*said, piece]]
    found = [
        each
        async for each in pieces_of(
            parts(*bodies, b"data: [DONE]\n\n"), lambda found, _: AnswerPiece(found["t"]), model="m"
        )
    ]
    assert "".join(each.text for each in found) == clean(text)
    assert all(each.finish is None for each in found[:-1])
    for each in found:
        each.text.encode()


@given(st.text(st.characters()))
def test_a_clean_text_can_be_sent(text):
    found = clean(text)
    found.encode()
    assert clean(found) == found


@pytest.mark.parametrize(
    ("said", "counted"),
    [
        (26.0, 26),
        ("26", 26),
        (" 26.9 ", 26),
        (-1, 0),
        (10**400, 0),
        (10**30, 1_000_000),
        (float("inf"), 0),
        (float("nan"), 0),
        ("nan", 0),
        ("many", 0),
        (True, 0),
        (None, 0),
        ([1], 0),
        ({}, 0),
    ],
    ids=repr,
)
def test_usage_becomes_a_sane_number(said, counted):
    assert TokenUsage.reported(said, said) == TokenUsage(counted, counted)


async def test_an_answer_without_pieces_is_incomplete():
    answer = await whole_of(parts(ModelChunk("Yes", model="m")))
    assert (answer.text, answer.finish.is_whole, answer.usage) == ("Yes", False, TokenUsage())
