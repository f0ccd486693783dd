"""What a provider of language models is, and how it fails.

A provider makes one call to one upstream: no retries, no fallback, no limits of its own besides
the deadline; the gateway owns those. Whatever goes wrong upstream leaves a provider as a
:class:`ProviderFault`, which holds no text of the upstream and no secret.
"""

from __future__ import annotations

import math
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

__all__ = [
    "MAX_ANSWER_CHARS",
    "EarlierTurn",
    "FaultKind",
    "Finish",
    "ModelAnswer",
    "ModelChunk",
    "ModelRequest",
    "Provider",
    "ProviderFault",
    "TokenUsage",
    "clean",
    "number_of",
]

MAX_ANSWER_CHARS: Final = 256 * 1_024
"""Longest answer that is taken from a provider; at most 1 MiB of UTF-8."""
_MAX_TOKENS: Final = 1_000_000
_KEPT: Final = "\t\n"
_DROPPED: Final = {
    **{code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in _KEPT},
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
}
_HALVES: Final = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_RETRYABLE_STATUSES: Final = frozenset({408, 409, 425, 429})


def clean(text: str) -> str:
    """Return text of a model without control characters; tab and line feed stay.

    Two surrogates that belong together become their character; lone ones, which no message can
    carry, become U+FFFD. Cost: O(len).
    """
    return _HALVES.sub(_joined, text).translate(_DROPPED)


def _joined(halves: re.Match[str]) -> str:
    return halves[0].encode("utf-16", "surrogatepass").decode("utf-16")


class Finish(StrEnum):
    """Why a model stopped."""

    STOP = "stop"
    """It was done, or reached a stop sequence."""
    LENGTH = "length"
    """The token limit was reached."""
    REFUSED = "refused"
    """The model, or a content filter of its provider, refused to go on."""
    INCOMPLETE = "incomplete"
    """Its provider does not say that it was done: it wants to call a tool, pauses, gives no reason
    or one that is not known here."""

    @property
    def is_whole(self) -> bool:
        """Whether the answer may count as what the model has to say."""
        return self in {Finish.STOP, Finish.LENGTH}


class FaultKind(StrEnum):
    """What went wrong with one call; names of a metric label and of the metadata of errors."""

    CONFIGURATION = "configuration"
    """The key cannot be read, or the host is not one of the allowed ones."""
    CONNECT = "connect"
    """No connection: refused, unreachable, or the name does not resolve."""
    TLS = "tls"
    """The upstream could not prove who it is."""
    TIMEOUT = "timeout"
    """No connection, no answer or no further piece in time."""
    RESET = "reset"
    """The connection broke off."""
    STATUS = "status"
    """An HTTP status other than 200."""
    REDIRECT = "redirect"
    """A redirect; none is followed."""
    TOO_LARGE = "too_large"
    """The response is larger than the configured limit."""
    MALFORMED = "malformed"
    """The response is not what the protocol says."""
    UPSTREAM = "upstream"
    """The upstream said in a response with status 200 that it failed."""
    CIRCUIT_OPEN = "circuit_open"
    """No call was made because too many had failed before."""


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens as the provider counted them; whatever it says becomes a number in 0..1,000,000."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    @classmethod
    def reported(cls, prompt: object, completion: object) -> TokenUsage:
        """Return what an upstream reported, made sane: no negative or absurd numbers."""
        return cls(_sane(prompt), _sane(completion))


def number_of(said: object) -> float | None:
    """Return a finite number that comes as number or as text; None for anything else."""
    if isinstance(said, bool) or not isinstance(said, int | float | str):
        return None
    try:
        number = float(said)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _sane(count: object) -> int:
    return int(min(max(number_of(count) or 0.0, 0.0), _MAX_TOKENS))


class EarlierTurn(NamedTuple):
    """A prompt and its answer, earlier in a conversation."""

    prompt: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One question to a model."""

    prompt: str
    """What the user turn says, data block included."""
    system: str = ""
    """Instructions; empty for none."""
    turns: tuple[EarlierTurn, ...] = ()
    """What was said before, oldest first."""
    model: str = ""
    """Model; empty for the provider's own."""
    max_tokens: int = 0
    """Most tokens of the answer; 0 for the configured default."""
    temperature: float | None = None
    """0..2; None for that of the provider."""
    stop: tuple[str, ...] = ()
    """Texts at which the answer ends, at most 4."""
    deadline_s: float
    """Event-loop time by which the answer is wanted."""

    @property
    def messages(self) -> list[dict[str, str]]:
        """The turns and the prompt, as providers take them."""
        said = [
            {"role": role, "content": text}
            for turn in self.turns
            for role, text in (("user", turn.prompt), ("assistant", turn.answer))
        ]
        return [*said, {"role": "user", "content": self.prompt}]


@dataclass(frozen=True, slots=True)
class ModelChunk:
    """A piece of an answer; the last one says why it ended."""

    text: str = ""
    finish: Finish | None = None
    usage: TokenUsage | None = None
    model: str = ""
    """Model that answers, where the provider has said so."""


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """A whole answer."""

    text: str
    finish: Finish
    usage: TokenUsage
    model: str


class ProviderFault(Exception):
    """One call failed.

    Args:
        kind: What went wrong.
        retryable: The same call may succeed a little later.
        rejected: The upstream refused this request for good; no other try, here or at another
            provider, is made.
        status: HTTP status, 0 where there was none.
        retry_after_s: How long the upstream asked to wait, seconds, at least 0; None if it did
            not.
    """

    def __init__(
        self,
        kind: FaultKind,
        *,
        retryable: bool = False,
        rejected: bool = False,
        status: int = 0,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(kind.value)
        self.kind = kind
        self.retryable = retryable
        self.rejected = rejected
        self.status = status
        self.retry_after_s = retry_after_s

    @classmethod
    def of_status(
        cls, kind: FaultKind, status: int, *, retry_after_s: float | None = None
    ) -> ProviderFault:
        """Return the fault that an HTTP status from 400 on is."""
        retryable = status >= 500 or status in _RETRYABLE_STATUSES
        return cls(
            kind,
            retryable=retryable,
            rejected=not retryable,
            status=status,
            retry_after_s=retry_after_s if retryable else None,
        )


class Provider(Protocol):
    """One upstream."""

    @property
    def name(self) -> str:
        """Name in configuration, metrics and answers."""
        ...

    @property
    def models(self) -> frozenset[str]:
        """Models that callers may ask for; the default one is among them."""
        ...

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """Return a whole answer.

        Cancelling it closes the connection to the upstream at once.

        Raises:
            ProviderFault: The call failed.
        """
        ...

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelChunk, None]:
        """Yield an answer piece by piece, ``finish`` in the last; without it it is incomplete.

        Closing it, or cancelling who waits for the next piece, closes the connection at once.

        Raises:
            ProviderFault: The call failed; pieces may have come before.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections that are kept open."""
        ...
