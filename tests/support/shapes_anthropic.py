"""Answers of Anthropic, and of endpoints that speak its messages protocol."""

from __future__ import annotations

import json

from shapes import STREAMED, WHOLE, YES, Rows, chunked, cut, head
from upstream import SECRET_BODY, http, sse


def message(content, stop="end_turn", **more) -> bytes:
    found = {
        "id": "1",
        "type": "message",
        "role": "assistant",
        "model": "haiku-2026",
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": 7, "output_tokens": 4},
    }
    return json.dumps(found | more).encode()


def block(text=YES) -> dict:
    return {"type": "text", "text": text}


def event(kind, **fields) -> str:
    return json.dumps({"type": kind} | fields)


def delta(text) -> str:
    return event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})


def ending(stop, **usage) -> str:
    said = {"stop_reason": stop, "stop_sequence": None}
    return event("message_delta", delta=said, usage=usage or {"output_tokens": 4})


def named(*datas: str) -> bytes:
    """Return a stream as Anthropic sends it, each event with its name."""
    lines = (f"event: {json.loads(data)['type']}\ndata: {data}\n\n" for data in datas)
    return head() + "".join(lines).encode()


def error(kind) -> str:
    return event("error", error={"type": kind, "message": SECRET_BODY})


BEGIN = event(
    "message_start",
    message={"model": "haiku-2026", "content": [], "usage": {"input_tokens": 7}},
)
OPEN = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
CLOSE = event("content_block_stop", index=0)
PING = event("ping")
STOP = event("message_stop")
PIECES = (OPEN, delta("Yes,"), delta(" it is."), CLOSE)
TAIL = (ending("end_turn"), STOP)
BODY = (BEGIN, PING, *PIECES, *TAIL)

_rows = Rows("anthropic")
whole, length, empty = _rows.whole, _rows.length, _rows.empty
refused, incomplete = _rows.refused, _rows.incomplete
fails, rejected = _rows.fails, _rows.rejected
ANTHROPIC = _rows.rows

whole("as documented", STREAMED, named(*BODY))
whole("as documented", WHOLE, http(200, message([block()])))
whole("no names of events", STREAMED, sse(*BODY))
untyped = json.loads(delta(YES))
del untyped["type"]
only_named = f"event: content_block_delta\ndata: {json.dumps(untyped)}\n\n".encode()
whole("the type only in the name", STREAMED, named(BEGIN) + only_named + sse(*TAIL)[len(head()) :])
whole("parts of 5 bytes", STREAMED, chunked(*cut(named(*BODY)[len(head()) :], 5)))
whole("events that are new", STREAMED, named(BEGIN, event("content_note", x=1), *PIECES, *TAIL))
thinks = (
    event("content_block_start", index=0, content_block={"type": "thinking", "thinking": ""}),
    event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "Is it?"}),
    event("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "x"}),
    CLOSE,
)
whole("thoughts before the answer", STREAMED, named(BEGIN, *thinks, *PIECES, *TAIL))
thought = {"type": "thinking", "thinking": "Is it?", "signature": "x"}
whole("thoughts before the answer", WHOLE, http(200, message([thought, block()])))
filled = event("content_block_start", index=0, content_block={"type": "text", "text": "Yes,"})
whole("text where a block begins", STREAMED, named(BEGIN, filled, delta(" it is."), *TAIL))
halves = [delta("Yes \ud83d"), delta("\ude00.")]
whole("a character in two halves", STREAMED, named(BEGIN, *halves, *TAIL), text="Yes 😀.")
null = event("message_delta", delta={"stop_reason": "end_turn"}, usage=None)
whole("usage null", STREAMED, named(BEGIN, *PIECES, null, STOP), usage=(7, 0))
whole("usage null", WHOLE, http(200, message([block()], usage=None)), usage=(0, 0))
late = ending("end_turn", input_tokens=7.0, output_tokens="4")
whole("usage at the end", STREAMED, named(*PIECES, late, STOP))
whole("vLLM: [DONE] at the end", STREAMED, named(BEGIN, *PIECES, *TAIL) + b"data: [DONE]\n\n")
whole("no message_stop", STREAMED, named(BEGIN, *PIECES, ending("end_turn")))
whole("one answer although a stream was asked for", STREAMED, http(200, message([block()])))
whole("a stream although one answer was asked for", WHOLE, named(*BODY))
empty("no text at all", WHOLE, http(200, message([])))
empty("no text at all", STREAMED, named(BEGIN, *TAIL))

FINISHES = {
    "stop_sequence": whole,
    "max_tokens": length,
    "model_context_window_exceeded": length,
    "refusal": refused,
    "tool_use": incomplete,
    "pause_turn": incomplete,
    "something_new": incomplete,
}
for said, ends in FINISHES.items():
    ends(f"stop_reason {said}", STREAMED, named(BEGIN, *PIECES, ending(said), STOP))
    ends(f"stop_reason {said}", WHOLE, http(200, message([block()], said)))
incomplete("no stop_reason", STREAMED, named(BEGIN, *PIECES, STOP), usage=(7, 0))
incomplete("no stop_reason", WHOLE, http(200, message([block()], None)))
tool = event(
    "content_block_start", index=1, content_block={"type": "tool_use", "name": "x", "input": {}}
)
arguments = event(
    "content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": "{}"}
)
incomplete(
    "a call of a tool behind text",
    STREAMED,
    named(BEGIN, *PIECES, tool, arguments, ending("tool_use"), STOP),
)

for kind in ("overloaded_error", "api_error", "rate_limit_error", "timeout_error", "new_error"):
    fails(f"{kind} at once", STREAMED, named(error(kind)), "upstream", 3)
fails("overloaded_error", WHOLE, http(200, error("overloaded_error").encode()), "upstream", 3)
fails(
    "overloaded_error behind text",
    STREAMED,
    named(BEGIN, *PIECES, error("overloaded_error")),
    "upstream",
    1,
    text=YES,
)
for kind in ("invalid_request_error", "authentication_error", "permission_error"):
    rejected(f"{kind} at once", STREAMED, named(BEGIN, error(kind)), "upstream")
rejected("request_too_large", WHOLE, http(200, error("request_too_large").encode()), "upstream")
fails("closed behind text", STREAMED, named(BEGIN, *PIECES), "reset", 1, text=YES)
fails("closed inside the end", STREAMED, named(BEGIN, *PIECES, *TAIL)[:-90], "reset", 1, text=YES)
fails("no event", STREAMED, named(), "malformed", 1)
