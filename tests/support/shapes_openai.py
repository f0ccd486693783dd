"""Answers of endpoints that speak the chat completions protocol of OpenAI.

Names in the rows are those of the endpoints whose documentation or bug reports show the shape.
"""

from __future__ import annotations

import gzip
import json

from shapes import STREAMED, WHOLE, YES, Rows, chunked, cut, head
from upstream import SECRET_BODY, USAGE, completion, events, http, piece, sse

DONE = "[DONE]"
PIECES = (piece("Yes,"), piece(" it is."))
STOP = piece(finish="stop")
TAIL = (STOP, USAGE, DONE)
USED = {"prompt_tokens": 7, "completion_tokens": 4}
BODY = events(*PIECES, *TAIL)


def chunk(*choices, **more) -> str:
    return json.dumps({"model": "small-2026", "choices": choices} | more)


def delta(finish=None, index=0, **fields) -> dict:
    return {"index": index, "delta": fields, "finish_reason": finish}


def message(content=YES, finish="stop", **more) -> bytes:
    """Return a whole answer; ``more`` is added to its choice."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": content},
        "finish_reason": finish,
    }
    return completion(choices=[choice | more])


def body(found) -> bytes:
    return http(200, json.dumps(found).encode())


def error(**fields) -> dict:
    return {"error": {"message": SECRET_BODY} | fields}


def failed(**fields) -> str:
    return json.dumps(error(**fields))


def used(usage, **more) -> str:
    return json.dumps({"model": "small-2026", "choices": [], "usage": usage} | more)


_rows = Rows("openai")
whole, length, empty = _rows.whole, _rows.length, _rows.empty
refused, incomplete = _rows.refused, _rows.incomplete
fails, rejected = _rows.fails, _rows.rejected
OPENAI = _rows.rows

# Lines and events.

role = chunk(delta(role="assistant", content="", refusal=None))
whole("OpenAI: as documented", STREAMED, sse(role, *PIECES, *TAIL))
whole("OpenAI: as documented", WHOLE, http(200, completion()))
whole("a byte order mark", STREAMED, head() + b"\xef\xbb\xbf" + BODY)
whole("a byte order mark in two parts", STREAMED, chunked(b"\xef", b"\xbb\xbf" + BODY))
whole("a byte order mark", WHOLE, http(200, b"\xef\xbb\xbf" + completion()))
whole("lines end in CR LF", STREAMED, head() + BODY.replace(b"\n", b"\r\n"))
whole("lines end in CR", STREAMED, head() + BODY.replace(b"\n", b"\r"))
whole("CR and LF in two parts", STREAMED, chunked(*BODY.replace(b"\n", b"\r|\n").split(b"|")))
whole("all line ends mixed", STREAMED, head() + BODY.replace(b"\n\n", b"\r\n\r", 2))
SPEECH = "Ja, größer – 日本語 😀 e\u0301."
SPOKEN = json.dumps(json.loads(piece(SPEECH)), ensure_ascii=False)
spoken = events(SPOKEN, *TAIL)
for size in (1, 3, 7):
    name = f"parts of {size} bytes: inside lines, names and characters"
    whole(name, STREAMED, chunked(*cut(spoken, size)), text=SPEECH)
whole("no space behind the colon", STREAMED, head() + BODY.replace(b"data: ", b"data:"))
whole(
    "OpenRouter, DeepSeek: comments and empty data while it waits",
    STREAMED,
    head() + b": OPENROUTER PROCESSING\n\n: keep-alive\n\ndata:\n\ndata\n\n" + BODY,
)
whole(
    "fields event, id and retry",
    STREAMED,
    head() + BODY.replace(b"data", b"event: message\nid: 1\nretry: 100\ndata"),
)
pretty = json.dumps(json.loads(piece(YES)), indent=2).replace("\n", "\ndata: ")
whole("data over several lines", STREAMED, sse(pretty, *TAIL))
whole("DeepSeek: blank lines before the stream", STREAMED, head() + b"\n\n\n" + BODY)
whole("DeepSeek: blank lines before the answer", WHOLE, http(200, b"\n\n\n" + completion()))
whole("llama.cpp: no blank line behind [DONE]", STREAMED, head() + BODY.removesuffix(b"\n"))
whole("no line end at the end", STREAMED, head() + BODY.removesuffix(b"\n\n"))
whole(
    "no [DONE], no line end",
    STREAMED,
    sse(*PIECES, chunk(delta("stop"), usage=USED)).removesuffix(b"\n\n"),
)
whole("no [DONE]", STREAMED, sse(*PIECES, STOP, USAGE))
whole("spaces around [DONE]", STREAMED, sse(*PIECES, STOP, USAGE, " [DONE]  "))
whole("no space before [DONE]", STREAMED, head() + BODY.replace(b" [DONE]", b"[DONE]"))
whole("pieces behind [DONE]", STREAMED, sse(*PIECES, *TAIL, piece("more")))

# Not what was asked for.

whole("a stream that is called JSON", STREAMED, head(kind="application/json") + BODY)
whole("a stream that is called text", STREAMED, head(kind="text/plain") + BODY)
whole("an answer that is called text", WHOLE, http(200, completion(), kind="text/plain"))
whole("LiteLLM: one answer although a stream was asked for", STREAMED, http(200, completion()))
whole(
    "one answer in parts although a stream was asked for",
    STREAMED,
    chunked(b" \n", *cut(completion(), 11), kind="application/json"),
)
whole("a stream although one answer was asked for", WHOLE, head() + BODY)
whole(
    "a whole answer as the only event of a stream",
    STREAMED,
    sse(completion(object="chat.completion").decode(), DONE),
)
packed = gzip.compress(completion())
fails("compressed", WHOLE, http(200, packed, "content-encoding: gzip"), "malformed", 1)
packed = gzip.compress(BODY)
fails("compressed", STREAMED, http(200, packed, "content-encoding: gzip"), "malformed", 1)
page = http(200, b"<html><body>Log in</body></html>", kind="text/html")
fails("a page for people", WHOLE, page, "malformed", 1)
fails("a page for people", STREAMED, page, "malformed", 1)

# Chunks.

whole("usage with choices null", STREAMED, sse(*PIECES, STOP, used(USED, choices=None), DONE))
bare = json.dumps({"object": "chat.completion.chunk", "usage": USED})
whole("ATOM, Bedrock: usage without choices", STREAMED, sse(*PIECES, STOP, bare, DONE))
whole(
    "a chunk without delta",
    STREAMED,
    sse(*PIECES, chunk({"index": 0, "finish_reason": None}), *TAIL),
)
whole(
    "delta null",
    STREAMED,
    sse(*PIECES, chunk({"index": 0, "delta": None, "finish_reason": "stop"}), USAGE, DONE),
)
whole("content null", STREAMED, sse(chunk(delta(content=None)), *PIECES, *TAIL))
whole("a chunk of nothing", STREAMED, sse("{}", *PIECES, "{}", *TAIL))
filtered = {"hate": {"filtered": False, "severity": "safe"}}
azure = chunk(
    model="", prompt_filter_results=[{"prompt_index": 0, "content_filter_results": filtered}]
)
offsets = {"check_offset": 0, "start_offset": 0, "end_offset": 9}
note = {
    "index": 0,
    "finish_reason": None,
    "content_filter_results": filtered,
    "content_filter_offsets": offsets,
}
whole(
    "Azure: results of filters in chunks of their own",
    STREAMED,
    sse(azure, role, *PIECES, chunk(note), *TAIL),
)
detailed = {"index": 0, "delta": {}, "finish_details": {"type": "stop", "stop": "<|im_end|>"}}
whole("Azure: finish_details", STREAMED, sse(*PIECES, chunk(detailed), USAGE, DONE))
old = [chunk(delta("", role="assistant", content=text)) for text in ("Yes,", " it is.")]
whole("Ollama, SGLang: finish_reason empty until the end", STREAMED, sse(*old, *TAIL))
said_null = [chunk(delta("null", content=text)) for text in ("Yes,", " it is.")]
whole('DashScope: finish_reason "null" until the end', STREAMED, sse(*said_null, *TAIL))
vllm = chunk(
    {**delta("stop", content=" it is."), "logprobs": None, "stop_reason": None},
    usage={"prompt_tokens": 7, "completion_tokens": 4, "total_tokens": 11},
    prompt_token_ids=None,
)
first = chunk(delta(content="Yes,"), usage={"prompt_tokens": 7, "completion_tokens": 1})
whole("vLLM: the end with the last piece, usage in all", STREAMED, sse(role, first, vllm, DONE))
stopped = {**delta("stop"), "stop_reason": "END", "matched_stop": 151645}
whole("vLLM, SGLang: what it stopped at", STREAMED, sse(*PIECES, chunk(stopped), USAGE, DONE))
whole(
    "LiteLLM: finish_reason stop in each chunk",
    STREAMED,
    sse(piece("Yes,", "stop"), piece(" it is.", "stop"), USAGE, DONE),
)
thought = [chunk(delta(content=None, reasoning_content="Is it?", reasoning="Is it?"))]
whole("DeepSeek, vLLM: thoughts before the answer", STREAMED, sse(*thought, *PIECES, *TAIL))
thinks = {"role": "assistant", "content": YES, "reasoning_content": "Is it?"}
whole("DeepSeek: thoughts beside the answer", WHOLE, http(200, message(message=thinks)))
empty("thoughts and no answer", STREAMED, sse(*thought, *TAIL))
empty("no text at all", STREAMED, sse(role, *TAIL))
empty("no text at all", WHOLE, http(200, completion("")))
empty("content null", WHOLE, http(200, completion(None)))
thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "Is it?"}]}
parts = [{"type": "text", "text": "Yes,"}, {"type": "text", "text": " it is."}]
listed = [chunk(delta(content=[thinking])), chunk(delta(content=parts))]
whole("Mistral: content as parts", STREAMED, sse(*listed, *TAIL))
whole("Mistral: content as parts", WHOLE, http(200, completion([thinking, *parts])))
halves = [chunk(delta(content=half)) for half in ("Yes \ud83d", "\ude00.")]
whole("a character in two halves", STREAMED, sse(*halves, *TAIL), text="Yes 😀.")
between = (chunk(delta(content="")), chunk(delta(role="assistant")))
whole(
    "a character in two halves with empty chunks between",
    STREAMED,
    sse(halves[0], *between, halves[1], *TAIL),
    text="Yes 😀.",
)
whole(
    "half a character at the end",
    STREAMED,
    sse(halves[0], *TAIL),
    text="Yes \ufffd",
)
whole("control characters", STREAMED, sse(piece("Y\x1b[1mes\x00."), *TAIL), text="Y[1mes.")
second = [chunk(delta(index=1, content="No.")), chunk(delta("length", index=1))]
whole("a second choice nobody asked for", STREAMED, sse(PIECES[0], *second, PIECES[1], *TAIL))
both = chunk(delta(index=1, content="No."), delta(content=YES))
whole("two choices in one chunk", STREAMED, sse(both, *TAIL))
other = {"index": 1, "message": {"content": "No."}, "finish_reason": "stop"}
mine = {"index": 0, "message": {"content": YES}, "finish_reason": "stop"}
whole("a second choice that comes first", WHOLE, http(200, completion(choices=[other, mine])))
unnumbered = {"message": {"content": YES}, "finish_reason": "stop"}
whole("a choice without number", WHOLE, http(200, completion(choices=[unnumbered])))

# Ends.

for said in ("eos", "eos_token", "end_turn", "stop_sequence", "STOP", "COMPLETE"):
    whole(f"finish_reason {said}", STREAMED, sse(*PIECES, piece(finish=said), USAGE, DONE))
for said in ("length", "max_tokens", "MAX_TOKENS", "model_length"):
    length(f"finish_reason {said}", STREAMED, sse(*PIECES, piece(finish=said), USAGE, DONE))
length("finish_reason length", WHOLE, http(200, completion(finish="length")))
for said in ("content_filter", "SAFETY", "guardrail_intervened", "refusal"):
    refused(f"finish_reason {said}", STREAMED, sse(*PIECES, piece(finish=said), USAGE, DONE))
refused("finish_reason content_filter", WHOLE, http(200, completion(finish="content_filter")))
for said in ("tool_calls", "function_call", "something_new", "OTHER"):
    incomplete(f"finish_reason {said}", STREAMED, sse(*PIECES, piece(finish=said), USAGE, DONE))
    incomplete(f"finish_reason {said}", WHOLE, http(200, completion(finish=said)))
for said in ("", None):
    incomplete(f"finish_reason {said!r}", WHOLE, http(200, completion(finish=said)))
incomplete("Ollama: finish_reason empty to the end", STREAMED, sse(*old, USAGE, DONE))
incomplete("vLLM, SGLang: [DONE] without a reason", STREAMED, sse(*PIECES, USAGE, DONE))
call = {"index": 0, "id": "1", "function": {"name": "look", "arguments": "{}"}}
called = [chunk(delta(content=None, tool_calls=[call])), piece(finish="tool_calls")]
incomplete("a call of a tool and no text", STREAMED, sse(*called, USAGE, DONE), text="")
for said in ("error", "abort", "cancelled", "insufficient_system_resource"):
    broken = piece(finish=said)
    fails(f"finish_reason {said} at once", STREAMED, sse(broken, DONE), "upstream", 3)
    broken = sse(*PIECES, broken, USAGE, DONE)
    fails(f"finish_reason {said} behind text", STREAMED, broken, "upstream", 1, text=YES)
    fails(f"finish_reason {said}", WHOLE, http(200, completion(finish=said)), "upstream", 3)
no = [chunk(delta(refusal=text)) for text in ("I cannot", " help.")]
refused("OpenAI: a refusal in pieces", STREAMED, sse(role, *no, *TAIL), text="I cannot help.")
refused("a refusal behind text", STREAMED, sse(PIECES[0], *no, *TAIL), text="Yes,I cannot help.")
said_no = {"role": "assistant", "content": None, "refusal": "I cannot help."}
refused("OpenAI: a refusal", WHOLE, http(200, message(message=said_no)), text="I cannot help.")
said_both = {"role": "assistant", "content": YES, "refusal": "I cannot help."}
refused("text and a refusal", WHOLE, http(200, message(message=said_both)))
calm = {"role": "assistant", "content": YES, "refusal": ""}
whole("an empty refusal", WHOLE, http(200, message(message=calm)))

# Errors inside a 200.

whole("error null in each chunk", STREAMED, sse(*[chunk(delta(content=YES), error=None)], *TAIL))
whole("error null", WHOLE, http(200, completion(error=None)))
limited = {"choices": None, "error": {"code": 429, "message": SECRET_BODY}}
fails("OpenRouter: too many requests", WHOLE, body(limited), "upstream", 3)
fails("OpenRouter: too many requests", STREAMED, sse(json.dumps(limited)), "upstream", 3)
fails("an error as body although a stream was asked for", STREAMED, body(limited), "upstream", 3)
silent = json.loads(completion(None, error={"code": 429, "message": SECRET_BODY}))
fails("OpenRouter: an error beside an empty answer", WHOLE, body(silent), "upstream", 3)
inside = message(finish="error", error={"code": 502, "message": SECRET_BODY})
fails("OpenRouter: an error in the choice", WHOLE, http(200, inside), "upstream", 3)
middle = chunk(delta("error", content=""), error={"code": 502, "message": SECRET_BODY})
fails("OpenRouter: an error behind text", STREAMED, sse(*PIECES, middle), "upstream", 1, text=YES)
fails("Ollama: an error as text", WHOLE, body({"error": SECRET_BODY}), "upstream", 3)
fails("Ollama: an error as text", STREAMED, sse(json.dumps({"error": "x"})), "upstream", 3)
fails("LiteLLM: the code as text", STREAMED, sse(failed(code="500", type=None)), "upstream", 3)
fails("OpenAI: server_error", STREAMED, sse(failed(type="server_error")), "upstream", 3)
by_name = failed(type="requests", code="rate_limit_exceeded")
fails("OpenAI: rate_limit_exceeded", STREAMED, sse(by_name), "upstream", 3)
fails(
    "Groq: event error",
    STREAMED,
    head() + f"event: error\ndata: {failed(type='api_error')}\n\n".encode(),
    "upstream",
    3,
)
fails(
    "event error whose data names no error",
    STREAMED,
    sse(*PIECES) + b'event: error\ndata: {"message": "x"}\n\n',
    "upstream",
    1,
    text=YES,
)
fails("an error behind the end", STREAMED, sse(*PIECES, STOP, failed()), "upstream", 1, text=YES)
older = {"object": "error", "message": SECRET_BODY, "type": "InternalServerError", "code": 500}
fails("vLLM: object error", WHOLE, body(older), "upstream", 3)
tgi = {"error": "Request failed during generation", "error_type": "generation"}
fails(
    "TGI: an error as text with a type",
    STREAMED,
    sse(*PIECES, json.dumps(tgi)),
    "upstream",
    1,
    text=YES,
)
tgi = {"error": "Input validation error", "error_type": "validation"}
rejected("TGI: an error as text, validation", STREAMED, sse(json.dumps(tgi)), "upstream")
rejected("vLLM: object error, bad request", WHOLE, body(older | {"code": 400}), "400")
rejected("a bad request", WHOLE, body(error(code=400)), "400")
rejected("a bad request", STREAMED, sse(failed(code=400)), "400")
rejected("OpenRouter: no credit", STREAMED, sse(failed(code=402)), "402")
rejected("OpenRouter: moderation", WHOLE, body(error(code=403)), "403")
unknown_key = error(type="invalid_request_error", code="invalid_api_key")
rejected("OpenAI: a key that is unknown", WHOLE, body(unknown_key), "upstream")
filtering = error(code="content_filter", status=400, param="prompt")
rejected("Azure: the filter refuses the prompt", STREAMED, sse(json.dumps(filtering)), "400")
too_long = b'error: {"code":400,"message":"too long","type":"invalid_request_error"}\n\n'
rejected("llama.cpp: a field error", STREAMED, head() + too_long + b"data: [DONE]\n\n", "400")
late = sse(*PIECES, failed(code=400))
rejected("a bad request behind text", STREAMED, late, "400", text=YES)
nothing = {"id": "1", "object": "chat.completion", "choices": None}
fails("9Router: choices null and no error", WHOLE, body(nothing), "malformed", 1)

# Usage.

for name, usage, counted in (
    ("numbers with a point", {"prompt_tokens": 7.0, "completion_tokens": 4.0}, (7, 4)),
    ("texts", {"prompt_tokens": "7", "completion_tokens": "4.0"}, (7, 4)),
    ("null", None, (0, 0)),
    ("null inside", {"prompt_tokens": None, "completion_tokens": 4}, (0, 4)),
    ("below zero", {"prompt_tokens": -7, "completion_tokens": 4}, (0, 4)),
    ("a list", [7, 4], (0, 0)),
    ("no numbers", {"prompt_tokens": True, "completion_tokens": "many"}, (0, 0)),
    ("other names", {"input_tokens": 7, "output_tokens": 4}, (7, 4)),
):
    whole(f"usage: {name}", STREAMED, sse(*PIECES, STOP, used(usage), DONE), usage=counted)
    whole(f"usage: {name}", WHOLE, http(200, completion(usage=usage)), usage=counted)
whole(
    "usage: NaN",
    WHOLE,
    http(200, completion(usage={"prompt_tokens": float("nan")} | {})),
    usage=(0, 0),
)
zeros = used({"prompt_tokens": 0, "completion_tokens": 0})
whole("usage: zeros behind the figures", STREAMED, sse(*PIECES, STOP, USAGE, zeros, DONE))
groq = chunk(delta("stop"), x_groq={"id": "1", "usage": USED})
whole("Groq: usage in x_groq", STREAMED, sse(*PIECES, groq, DONE))
kimi = chunk({**delta("stop"), "usage": USED})
whole("Moonshot: usage in the choice", STREAMED, sse(*PIECES, kimi, DONE))

# Cut off.

fails("no event", STREAMED, sse(), "malformed", 1)
fails("no body", WHOLE, http(200, b""), "malformed", 1)
fails("[DONE] and nothing else", STREAMED, sse(DONE), "malformed", 1)
fails("closed behind the role", STREAMED, sse(role), "reset", 1)
fails("closed behind text", STREAMED, sse(*PIECES), "reset", 1, text=YES)
fails("closed inside an event", STREAMED, sse(*PIECES, STOP)[:-40], "reset", 1, text=YES)
fails("closed inside a chunk", STREAMED, chunked(BODY, closed=False)[:-100], "reset", 1, text=YES)
fails(
    "closed without the last chunk",
    STREAMED,
    chunked(events(*PIECES), closed=False),
    "reset",
    1,
    text=YES,
)
short = http(200, BODY, kind="text/event-stream")
fails("less than announced", STREAMED, short[:-100], "reset", 1, text=YES)
fails("less than announced", WHOLE, http(200, completion())[:-9], "reset", 1)
fails(
    "closed inside the answer",
    WHOLE,
    head(kind="application/json") + completion()[:-9],
    "malformed",
    1,
)
