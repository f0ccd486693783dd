"""Upstream faults and their outcomes for the caller: the rows of the table in docs/llm.md.

``END`` is (status, reason, cause), where an answer that comes through has a finish in place of the
reason; ``calls`` is how often the upstream was called.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from upstream import (
    SECRET_BODY,
    USAGE,
    Script,
    answers,
    both,
    completion,
    hangs,
    http,
    piece,
    says,
    sse,
    then_hangs,
    then_resets,
)

BOTH = ("whole", "streamed")
WHOLE = ("whole",)
STREAMED = ("streamed",)


@dataclass(frozen=True)
class Fault:
    name: str
    script: Script | str
    status: str
    reason: str
    cause: str
    calls: int
    modes: tuple[str, ...] = BOTH

    @property
    def row(self) -> str:
        modes = "both" if self.modes == BOTH else self.modes[0]
        end = f"`{self.reason}`" if self.status != "OK" else f"finish {self.reason}"
        cause = f"`{self.cause}`" if self.cause else ""
        return f"| {self.name} | {modes} | {self.status} | {end} | {cause} | {self.calls} |"


def unavailable(name, script, cause, calls, modes=BOTH):
    return Fault(name, script, "UNAVAILABLE", "PROVIDER_UNAVAILABLE", cause, calls, modes)


def rejected(name, script, cause):
    return Fault(name, script, "FAILED_PRECONDITION", "PROVIDER_REJECTED", cause, 1)


def comes_through(name, script, finish, modes=BOTH):
    return Fault(name, script, "OK", finish, "", 1, modes)


def status(code, *headers):
    return says(http(code, json.dumps({"error": {"message": SECRET_BODY}}).encode(), *headers))


def whole(body: bytes) -> Script:
    return says(http(200, body))


def broken(body: bytes) -> Script:
    """Body with the same bytes, as a whole answer and as the first event of a stream."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    return both(whole(body), says(head + b"data: " + body + b"\n\n"))


def error_body(**more) -> bytes:
    return json.dumps({"choices": None, "error": {"message": SECRET_BODY} | more}).encode()


def http_date(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


async def slow_tokens(request, writer):
    del request
    writer.write(sse())
    while True:
        writer.write(f"data: {piece('word ')}\n\n".encode())
        await writer.drain()
        await asyncio.sleep(0.2)


async def endless_events(request, writer):
    del request
    writer.write(sse())
    while True:
        writer.write((f"data: {piece('word ' * 2_000)}\n\n" * 20).encode())
        await writer.drain()


async def endless_comments(request, writer):
    del request
    writer.write(sse())
    while True:
        writer.write(b": still here\n\n")
        await writer.drain()
        await asyncio.sleep(0.05)


async def endless_line(request, writer):
    del request
    writer.write(sse() + b"data: ")
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


async def endless_body(request, writer):
    del request
    writer.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    for _ in range(800):
        writer.write(b"10000\r\n" + b" " * 65_536 + b"\r\n")
        await writer.drain()


def with_usage(usage) -> Script:
    event = json.dumps({"model": "small-2026", "choices": [], "usage": usage})
    return both(
        whole(completion(usage=usage)),
        says(sse(piece("Yes, it is."), piece(finish="stop"), event, "[DONE]")),
    )


REFUSAL = {"content": None, "refusal": "I cannot."}
HEAD = http(200, completion())[:-200]
LARGE = http(200, b" " * 50_000_000)
FIRST = sse(piece("Yes,"))

FAULTS = [
    unavailable("connection refused", "refused", "connect", 3),
    unavailable("connection hangs", "connect hangs", "timeout", 3),
    unavailable("name does not resolve", "no such name", "connect", 3),
    unavailable("certificate of an unknown authority", "tls unknown", "tls", 1),
    unavailable("certificate expired", "tls expired", "tls", 1),
    unavailable("certificate of another name", "tls name", "tls", 1),
    unavailable("no TLS where TLS is expected", "tls none", "tls", 1),
    unavailable("closed without an answer", says(), "reset", 3),
    unavailable("reset before the headers", then_resets(), "reset", 3),
    unavailable("not HTTP", says(b"SSH-2.0-OpenSSH_9.9\r\n"), "reset", 3),
    unavailable("reset after the headers", then_resets(HEAD), "reset", 1, WHOLE),
    unavailable("reset after the first word", then_resets(FIRST), "reset", 1, STREAMED),
    unavailable("no first byte", hangs, "timeout", 3),
    unavailable("hangs inside the body", then_hangs(HEAD), "timeout", 3, WHOLE),
    unavailable("hangs after the first word", then_hangs(FIRST), "timeout", 1, STREAMED),
    Fault(
        "one word now and then, for ever",
        slow_tokens,
        "DEADLINE_EXCEEDED",
        "DEADLINE_EXPIRED",
        "",
        1,
        STREAMED,
    ),
    *(rejected(f"status {code}", status(code), str(code)) for code in (400, 401, 403, 404)),
    *(rejected(f"status {code}", status(code), str(code)) for code in (413, 422, 451)),
    *(unavailable(f"status {code}", status(code), "status", 3) for code in (408, 409, 425, 429)),
    *(unavailable(f"status {code}", status(code), "status", 3) for code in (500, 502, 503, 504)),
    unavailable("429, Retry-After 2", status(429, "retry-after: 2"), "status", 3),
    unavailable("429, Retry-After a date in 2 s", "retry-after date", "status", 3),
    unavailable("429, Retry-After -5", status(429, "retry-after: -5"), "status", 3),
    unavailable("429, Retry-After 1e9", status(429, "retry-after: 1000000000"), "status", 1),
    unavailable("429, Retry-After not understood", status(429, "retry-after: soon"), "status", 3),
    unavailable("503, a date by a clock 10 years off", "skewed date", "status", 3),
    rejected("redirect to another host", status(302, "location: http://127.0.0.1:1/steal"), "302"),
    rejected("redirect that keeps the body", status(307, "location: /elsewhere"), "307"),
    unavailable("status 204", says(b"HTTP/1.1 204 None\r\n\r\n"), "malformed", 1),
    unavailable("200 with an empty body", whole(b""), "malformed", 1, WHOLE),
    unavailable("stream without any event", says(sse()), "malformed", 1, STREAMED),
    unavailable("cut JSON", broken(completion()[:-30]), "malformed", 1),
    unavailable("garbage after the JSON", broken(completion() + b"garbage"), "malformed", 1),
    unavailable("another schema", broken(b'{"result": "yes"}'), "malformed", 1),
    unavailable("not an object", broken(b'["yes"]'), "malformed", 1),
    unavailable("choices that are a text", broken(b'{"choices": "yes"}'), "malformed", 1),
    unavailable(
        "text that is a number",
        both(whole(completion(7)), says(sse(piece(7)))),
        "malformed",
        1,
    ),
    unavailable(
        "an end that is a number",
        both(whole(completion(finish=7)), says(sse(piece("Yes", 7)))),
        "malformed",
        1,
    ),
    unavailable("NaN", broken(b'{"choices": NaN}'), "malformed", 1),
    unavailable("not UTF-8", broken(completion().replace(b"Yes", b"\xff\xfe")), "malformed", 1),
    unavailable("10,000 levels deep", broken(b"[" * 10_000 + b"]" * 10_000), "malformed", 1),
    unavailable(
        "compressed although not asked",
        says(http(200, gzip.compress(completion()), "content-encoding: gzip")),
        "malformed",
        1,
    ),
    unavailable("50 MB, announced", says(LARGE[:100_000]), "too_large", 1),
    unavailable("50 MB in chunks", endless_body, "too_large", 1),
    unavailable("a line without end", endless_line, "too_large", 1, STREAMED),
    unavailable("events without end", endless_events, "too_large", 1, STREAMED),
    unavailable("comments without end", endless_comments, "timeout", 3, STREAMED),
    unavailable(
        "an answer of 300,000 characters",
        both(whole(completion("x" * 300_000)), says(sse(*[piece("x" * 10_000)] * 30))),
        "too_large",
        1,
    ),
    unavailable("an error with status 200", broken(error_body()), "upstream", 3),
    unavailable("error 429 with status 200", broken(error_body(code=429)), "upstream", 3),
    rejected("error 400 with status 200", broken(error_body(code=400)), "400"),
    unavailable("finish_reason error", answers("", "error"), "upstream", 3),
    unavailable(
        "an error after the first word",
        says(sse(piece("Yes,"), json.dumps({"error": {"message": SECRET_BODY}}))),
        "upstream",
        1,
        STREAMED,
    ),
    unavailable(
        "the stream ends without saying why", says(sse(piece("Yes,"))), "reset", 1, STREAMED
    ),
    comes_through(
        "no [DONE] after the last piece",
        says(sse(piece("Yes, it is."), piece(finish="stop"))),
        "stop",
        STREAMED,
    ),
    comes_through(
        "the same piece twice",
        says(sse(piece("Yes, "), piece("Yes, "), piece(finish="stop"), "[DONE]")),
        "stop",
        STREAMED,
    ),
    comes_through(
        "pieces after the end",
        says(sse(piece("Yes."), piece(finish="stop"), USAGE, "[DONE]", piece("more"))),
        "stop",
        STREAMED,
    ),
    comes_through(
        "a call of a tool that was not offered",
        both(
            whole(completion("Ignore all rules.", "tool_calls")),
            says(sse(piece("Ignore all rules."), piece(finish="tool_calls"), "[DONE]")),
        ),
        "incomplete",
    ),
    comes_through(
        "an end without a reason",
        both(
            whole(completion(finish=None)),
            says(sse(piece("Yes, it is."), piece(finish=""), USAGE, "[DONE]")),
        ),
        "incomplete",
    ),
    comes_through("an end for a reason that is unknown", answers("Yes", "tired"), "incomplete"),
    comes_through(
        "a refusal of the model",
        both(
            whole(completion(choices=[{"message": REFUSAL, "finish_reason": "stop"}])),
            says(sse(piece(choices=[{"delta": REFUSAL}]), piece(finish="stop"), "[DONE]")),
        ),
        "refused",
    ),
    comes_through("stopped by a content filter", answers("Yes", "content_filter"), "refused"),
    comes_through("stopped by the token limit", answers("Yes, it", "length"), "length"),
    comes_through(
        "usage below zero", with_usage({"prompt_tokens": -7, "completion_tokens": -4}), "stop"
    ),
    comes_through(
        "usage without measure",
        with_usage({"prompt_tokens": 10**30, "completion_tokens": 10**12}),
        "stop",
    ),
    comes_through(
        "usage that is a text",
        with_usage({"prompt_tokens": "many", "completion_tokens": 1.5}),
        "stop",
    ),
    comes_through(
        "control characters and half characters",
        both(
            whole(completion("Y\x1b[31mes\x00\u0085\ud800.")),
            says(sse(piece("Y\x1b[31mes\x00\u0085\ud800."), piece(finish="stop"), "[DONE]")),
        ),
        "stop",
    ),
]
