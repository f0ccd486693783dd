"""Reading of JSON from providers, tolerant of null for missing fields and of errors in status 200.

No field is assumed to have the type that the provider documents.
"""

from __future__ import annotations

import json
from typing import Any, Final

from mlsdm_grpc.llm.providers.provider import FaultKind, Finish, ProviderFault, clean, number_of

__all__ = ["finish_of", "model_name", "parse_json", "part_of", "raise_error", "text_of"]

_MAX_MODEL_CHARS: Final = 128
_TEXT_PARTS: Final = (None, "text", "text_delta", "output_text")

# Reasons of all protocols in one table, because gateways forward the reasons of other protocols.
_FINISHES: Final = {
    said: finish
    for finish, words in {
        Finish.STOP: "stop eos eos_token end_turn stop_sequence complete completed",
        Finish.LENGTH: (
            "length max_length model_length max_tokens max_output_tokens"
            " model_context_window_exceeded"
        ),
        Finish.REFUSED: (
            "content_filter content_filtered refusal safety recitation blocklist"
            " prohibited_content spii sensitive guardrail_intervened"
        ),
    }.items()
    for said in words.split()
}
# Texts that stand for null; older Ollama and SGLang versions and DashScope send them.
_UNSAID: Final = frozenset({"", "null", "none"})
# Reasons that mean a failure; sent by OpenRouter, Mistral, vLLM, SGLang, Zhipu and DeepSeek.
_BROKEN: Final = frozenset(
    {
        *("error", "abort", "aborted", "cancel", "canceled", "cancelled", "timeout"),
        *("network_error", "insufficient_system_resource"),
    }
)
# Error types and codes that mean that the same request would fail again.
_REJECTIONS: Final = frozenset(
    {
        *("invalid_request_error", "authentication_error", "permission_error", "billing_error"),
        *("not_found_error", "request_too_large", "invalid_api_key", "model_not_found"),
        *("context_length_exceeded", "content_filter", "badrequesterror", "notfounderror"),
        *("authenticationerror", "permissiondeniederror", "validation"),
    }
)


def parse_json(body: bytes | bytearray) -> dict[str, Any]:
    """Return the JSON object of a response.

    Raises:
        ProviderFault: MALFORMED; the body is not a JSON object, truncated, too deeply nested, or
            not UTF-8.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise ProviderFault(FaultKind.MALFORMED) from None
    if not isinstance(found, dict):
        raise ProviderFault(FaultKind.MALFORMED)
    return found


def part_of(found: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a nested object; empty if it is missing or null.

    Raises:
        ProviderFault: MALFORMED; the field has another type.
    """
    part = found.get(name)
    if part is None:
        return {}
    if not isinstance(part, dict):
        raise ProviderFault(FaultKind.MALFORMED)
    return part


def text_of(content: object) -> str:
    """Return the text of a message content: a text, null, or a list of parts.

    Parts without text, such as thoughts and tool calls, are skipped.

    Raises:
        ProviderFault: MALFORMED; a part or its text has another type.
    """
    parts = content if isinstance(content, list) else [content]
    return "".join(map(_text_of_part, parts))


def finish_of(said: object) -> Finish | None:
    """Return the reason why an answer ended; None while it has not ended.

    Tool calls, pauses and unknown reasons make the answer incomplete.

    Raises:
        ProviderFault: UPSTREAM: the reason is a failure. MALFORMED: the reason is not a text.
    """
    if isinstance(said, dict):
        said = said.get("type")
    if said is None:
        return None
    if not isinstance(said, str):
        raise ProviderFault(FaultKind.MALFORMED)
    reason = said.strip().lower()
    if reason in _BROKEN:
        raise ProviderFault(FaultKind.UPSTREAM, retryable=True)
    return None if reason in _UNSAID else _FINISHES.get(reason, Finish.INCOMPLETE)


def model_name(found: dict[str, Any]) -> str:
    """Return the model that a response names; empty if it names none."""
    model = found.get("model")
    return clean(model)[:_MAX_MODEL_CHARS] if isinstance(model, str) else ""


def raise_error(found: dict[str, Any], *, named: bool = False) -> None:
    """Raise the error that a response with status 200 contains, if there is one.

    A status code in the error decides whether the call is retried. Without a code, it is retried
    unless the error type means that the request is wrong.

    Args:
        found: A body, an event or a choice.
        named: Whether the name of the event marks it as an error.

    Raises:
        ProviderFault: UPSTREAM.
    """
    error = found.get("error")
    if not error and (named or "error" in (found.get("object"), found.get("type"))):
        error = found
    if not error:
        return
    fields = error if isinstance(error, dict) else {}
    if status := _status(fields):
        raise ProviderFault.of_status(FaultKind.UPSTREAM, status)
    said = (fields.get("type"), fields.get("code"), found.get("error_type"))  # last: TGI
    names = {str(name).lower() for name in said}
    rejected = not names.isdisjoint(_REJECTIONS)
    raise ProviderFault(FaultKind.UPSTREAM, retryable=not rejected, rejected=rejected)


def _text_of_part(part: object) -> str:
    if isinstance(part, dict):
        part = part.get("text") if part.get("type") in _TEXT_PARTS else None
    if part is None:
        return ""
    if not isinstance(part, str):
        raise ProviderFault(FaultKind.MALFORMED)
    return part


def _status(error: dict[str, Any]) -> int:
    """Return the HTTP status in an error, from a number or text; 0 if absent."""
    for name in ("status", "code", "status_code"):
        status = number_of(error.get(name)) or 0.0
        if status.is_integer() and 400 <= status < 600:
            return int(status)
    return 0
