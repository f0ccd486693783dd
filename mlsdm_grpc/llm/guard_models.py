"""Requests to moderation endpoints and guard models, and conversion of answers to moral values.

A guard model is a language model that classifies a text. Llama Guard and similar models answer
``safe`` or ``unsafe`` with categories; others answer a question with yes or no.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from mlsdm_grpc.config import ModerationProtocol, ModerationSettings
from mlsdm_grpc.llm.providers.provider import number_of

__all__ = ["Dialect", "dialect_of", "guard_value_of", "moral_value_of", "yes_no_value_of"]

_ROUNDING: Final = 1e-6
_FLAGGED_VALUE: Final = 0.25
"""Moral value of a flagged text; below 0.30, the lowest threshold of any space."""
_SAFE_VALUE: Final = 0.8
"""Moral value of a text that a guard model calls safe; every space accepts it."""
_DOUBTED_VALUE: Final = 0.5
"""Moral value of a text that a guard model calls controversial."""
_ANSWER_TOKENS: Final = 64
_GUARD_VERDICT: Final = re.compile(r"\b(unsafe|safe|controversial)\b", re.IGNORECASE)
_YES_NO: Final = re.compile(r"\b(yes|no)\b", re.IGNORECASE)


class Dialect(NamedTuple):
    """Form of the requests and responses of a protocol."""

    request: Callable[[str], dict[str, Any]]
    """Function that returns the JSON body of the request for a text."""
    value_of: Callable[[Any], float]
    """Function that returns the moral value of a response; raises ValueError for another form."""


def dialect_of(settings: ModerationSettings) -> Dialect:
    """Return the dialect of an endpoint."""
    model = settings.model

    def chat(*messages: tuple[str, str]) -> dict[str, Any]:
        return {
            "model": model,
            "messages": [{"role": role, "content": content} for role, content in messages],
            "max_tokens": _ANSWER_TOKENS,
            "temperature": 0,
        }

    match settings.protocol:
        case ModerationProtocol.MODERATIONS:
            return Dialect(lambda text: {"model": model, "input": text}, moral_value_of)
        case ModerationProtocol.GUARD:
            return Dialect(lambda text: chat(("user", text)), guard_value_of)
        case ModerationProtocol.YES_NO:
            question = settings.question
            return Dialect(lambda text: chat(("system", question), ("user", text)), yes_no_value_of)


def guard_value_of(answer: Any) -> float:
    """Return the moral value of a completion: ``safe``, or ``unsafe`` with categories.

    Raises:
        ValueError: The completion contains no verdict.
    """
    verdict = _first(_GUARD_VERDICT, answer)
    return {"safe": _SAFE_VALUE, "unsafe": _FLAGGED_VALUE}.get(verdict, _DOUBTED_VALUE)


def yes_no_value_of(answer: Any) -> float:
    """Return the moral value of a completion that says yes (harmful) or no.

    Raises:
        ValueError: The completion contains neither word.
    """
    return _FLAGGED_VALUE if _first(_YES_NO, answer) == "yes" else _SAFE_VALUE


def _first(pattern: re.Pattern[str], answer: Any) -> str:
    try:
        content = answer["choices"][0]["message"]["content"]
        if not isinstance(content, str):
            content = "".join(part["text"] for part in content)
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError("the response has no completion") from error
    found = pattern.search(content)
    if found is None:
        raise ValueError("the completion contains no verdict")
    return found[1].lower()


def moral_value_of(answer: Any) -> float:
    """Return the moral value of a response of a moderation endpoint.

    Args:
        answer: JSON of the response for one text.

    Raises:
        ValueError: The response violates the protocol.
    """
    try:
        (result,) = answer["results"]
        scores, flagged = result["category_scores"], result.get("flagged")
        # Mistral's endpoint flags single categories only.
        if flagged is None:
            flagged = any((result.get("categories") or {}).values())
        known = [_score(value) for value in scores.values() if value is not None]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("the response has no results") from error
    if not isinstance(flagged, bool) or not known:
        raise ValueError("the response has no scores")
    value = 1.0 - max(known)
    return min(value, _FLAGGED_VALUE) if flagged else value


def _score(value: object) -> float:
    """Return a score in 0..1; a rounding error of single precision above 1 is corrected."""
    score = number_of(value)
    if score is None or not 0.0 <= score <= 1.0 + _ROUNDING:
        raise ValueError("a score is not a number from 0 to 1")
    return min(score, 1.0)
