"""Interface of providers of language models, and their faults.

A provider makes one call to one upstream. It has a deadline, but no retries, fallback or other
limits; the gateway adds them. Every failure of a provider is a :class:`ProviderFault`, which
contains no text of the upstream and no secret.
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
"""Maximum length of an answer, characters; at most 1 MiB of UTF-8."""
_MAX_TOKENS: Final = 1_000_000
_KEPT: Final = "\t\n"
_DROPPED: Final = {
    **{code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in _KEPT},
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
}
_HALVES: Final = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_RETRYABLE_STATUSES: Final = frozenset({408, 409, 425, 429})


def clean(text: str) -> str:
    """Return the text of a model without control characters, except tab and line feed.

    Surrogate pairs become one character. A lone surrogate, which UTF-8 cannot encode, becomes
    U+FFFD. Cost: O(len(text)).
    """
    return _HALVES.sub(_joined, text).translate(_DROPPED)


def _joined(halves: re.Match[str]) -> str:
    return halves[0].encode("utf-16", "surrogatepass").decode("utf-16")


class Finish(StrEnum):
    """Reasons why a model stopped."""

    STOP = "stop"
    """The model ended its answer, or reached a stop sequence."""
    LENGTH = "length"
    """The answer reached the token limit."""
    REFUSED = "refused"
    """The model, or a content filter of its provider, refused to continue."""
    INCOMPLETE = "incomplete"
    """The provider reports no normal end: a tool call, a pause, no reason or an unknown reason."""

    @property
    def is_whole(self) -> bool:
        """True if the answer is complete."""
        return self in {Finish.STOP, Finish.LENGTH}


class FaultKind(StrEnum):
    """Kinds of failed calls; the values are metric labels and error metadata."""

    CONFIGURATION = "configuration"
    """The key cannot be read, or the host is not allowed."""
    CONNECT = "connect"
    """No connection: refused, unreachable, or the name does not resolve."""
    TLS = "tls"
    """The upstream's certificate was not accepted."""
    TIMEOUT = "timeout"
    """Connection, response or next piece did not arrive in time."""
    RESET = "reset"
    """The connection broke."""
    STATUS = "status"
    """An HTTP status other than 200."""
    REDIRECT = "redirect"
    """A redirect; redirects are never followed."""
    TOO_LARGE = "too_large"
    """The response exceeds the configured limit."""
    MALFORMED = "malformed"
    """The response violates the protocol."""
    UPSTREAM = "upstream"
    """The upstream reported a failure in a response with status 200."""
    CIRCUIT_OPEN = "circuit_open"
    """The circuit breaker was open, so no call was made."""


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Numbers of tokens as the provider counts them, limited to 0..1,000,000."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    @classmethod
    def reported(cls, prompt: object, completion: object) -> TokenUsage:
        """Return the usage that the provider reports, limited to plausible numbers."""
        return cls(_sane(prompt), _sane(completion))


def number_of(said: object) -> float | None:
    """Return a number or numeric text as a finite float; None for anything else."""
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
    """An earlier prompt of the conversation with its answer."""

    prompt: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One request to a model."""

    prompt: str
    """Text of the last user message, including the data block."""
    system: str = ""
    """System instructions; empty for none."""
    turns: tuple[EarlierTurn, ...] = ()
    """Earlier turns of the conversation, oldest first."""
    model: str = ""
    """Requested model; empty for the provider's default."""
    max_tokens: int = 0
    """Maximum number of tokens of the answer; 0 for the configured default."""
    temperature: float | None = None
    """Sampling temperature, 0..2; None for the provider's default."""
    stop: tuple[str, ...] = ()
    """Stop sequences, at most 4."""
    deadline_s: float
    """Event-loop time by which the answer is needed."""

    @property
    def messages(self) -> list[dict[str, str]]:
        """Earlier turns and the prompt as messages in the format of providers."""
        said = [
            {"role": role, "content": text}
            for turn in self.turns
            for role, text in (("user", turn.prompt), ("assistant", turn.answer))
        ]
        return [*said, {"role": "user", "content": self.prompt}]


@dataclass(frozen=True, slots=True)
class ModelChunk:
    """A piece of a streamed answer; the last piece has ``finish``."""

    text: str = ""
    finish: Finish | None = None
    usage: TokenUsage | None = None
    model: str = ""
    """Model that answers; empty while the provider has not named it."""


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """A complete answer."""

    text: str
    finish: Finish
    usage: TokenUsage
    model: str


class ProviderFault(Exception):
    """A failed call.

    Args:
        kind: Kind of the failure.
        retryable: Whether the same call may succeed a little later.
        rejected: Whether the upstream refused the request permanently; it is then not retried, by
            this or another provider.
        status: HTTP status; 0 if there was none.
        retry_after_s: Delay that the upstream requests, seconds, at least 0; None if it requests
            none.
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
        """Return the fault for an HTTP status of 400 or more."""
        retryable = status >= 500 or status in _RETRYABLE_STATUSES
        return cls(
            kind,
            retryable=retryable,
            rejected=not retryable,
            status=status,
            retry_after_s=retry_after_s if retryable else None,
        )


class Provider(Protocol):
    """Client of one upstream."""

    @property
    def name(self) -> str:
        """Name in configuration, metrics and answers."""
        ...

    @property
    def models(self) -> frozenset[str]:
        """Models that requests may name, including the default."""
        ...

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """Return a complete answer.

        Cancelling the call closes the connection to the upstream at once.

        Raises:
            ProviderFault: The call failed.
        """
        ...

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelChunk, None]:
        """Yield an answer in pieces; the last piece has ``finish``.

        An answer that ends without ``finish`` is incomplete. Closing the generator, or cancelling
        its consumer, closes the connection at once.

        Raises:
            ProviderFault: The call failed, possibly after some pieces.
        """
        ...

    async def aclose(self) -> None:
        """Close all idle connections."""
        ...
