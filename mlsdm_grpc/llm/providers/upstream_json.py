"""Fields of JSON that providers send: null where something is missing, errors inside a 200.

Nothing that comes from an upstream is taken to have the type that its documentation promises.
"""

from __future__ import annotations

import json
from typing import Any, Final

from mlsdm_grpc.llm.providers.provider import FaultKind, Finish, ProviderFault, clean, number_of

__all__ = ["finish_of", "model_name", "parse_json", "part_of", "raise_error", "text_of"]

_MAX_MODEL_CHARS: Final = 128
_TEXT_PARTS: Final = (None, "text", "text_delta", "output_text")

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
"""Reasons of all protocols in one table, for gateways pass on those of others."""
_UNSAID: Final = frozenset({"", "null", "none"})
"""Texts in place of null: older Ollama and SGLang, DashScope."""
_BROKEN: Final = frozenset(
    {
        *("error", "abort", "aborted", "cancel", "canceled", "cancelled", "timeout"),
        *("network_error", "insufficient_system_resource"),
    }
)
"""The upstream failed: OpenRouter and Mistral, vLLM and SGLang, Zhipu, DeepSeek."""
_REJECTIONS: Final = frozenset(
    {
        *("invalid_request_error", "authentication_error", "permission_error", "billing_error"),
        *("not_found_error", "request_too_large", "invalid_api_key", "model_not_found"),
        *("context_length_exceeded", "content_filter", "badrequesterror", "notfounderror"),
        *("authenticationerror", "permissiondeniederror", "validation"),
    }
)
"""Types and codes of errors that come again with the same request."""


def parse_json(body: bytes | bytearray) -> dict[str, Any]:
    """Return the object that a response is.

    Raises:
        ProviderFault: MALFORMED; it is none, is cut or too deep, or is not UTF-8.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise ProviderFault(FaultKind.MALFORMED) from None
    if not isinstance(found, dict):
        raise ProviderFault(FaultKind.MALFORMED)
    return found


def part_of(found: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an object within another; an empty one where it is missing or null.

    Raises:
        ProviderFault: MALFORMED; it is something else.
    """
    part = found.get(name)
    if part is None:
        return {}
    if not isinstance(part, dict):
        raise ProviderFault(FaultKind.MALFORMED)
    return part


def text_of(content: object) -> str:
    """Return the text of a message, which comes as text, as null or in parts; as it came.

    Thoughts, calls of tools and other parts without text are left out.

    Raises:
        ProviderFault: MALFORMED; something stands where a text should.
    """
    parts = content if isinstance(content, list) else [content]
    return "".join(map(_text_of_part, parts))


def finish_of(said: object) -> Finish | None:
    """Return why an answer ended; None where the upstream has not said it yet.

    A call of a tool, a pause and a reason that is not known leave the answer incomplete.

    Raises:
        ProviderFault: UPSTREAM; the reason is a failure. MALFORMED; it is no text.
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
    """Return the model that a response names; empty where it names none."""
    model = found.get("model")
    return clean(model)[:_MAX_MODEL_CHARS] if isinstance(model, str) else ""


def raise_error(found: dict[str, Any], *, named: bool = False) -> None:
    """Raise the error that a response with status 200 holds, if it holds one.

    It is tried again as a status would be, by the code that it names; without one unless its type
    says that the request is at fault.

    Args:
        found: A body, an event or a choice.
        named: It is one by the name of its event.

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
    said = (fields.get("type"), fields.get("code"), found.get("error_type"))  # TGI's is the last
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
    """Return the HTTP status that an error names, as number or as text; 0 without one."""
    for name in ("status", "code", "status_code"):
        status = number_of(error.get(name)) or 0.0
        if status.is_integer() and 400 <= status < 600:
            return int(status)
    return 0
