"""Reader of model answers in response bodies, whether streamed or in one JSON object.

An endpoint may send one JSON object for a requested stream, or a stream for a requested object, so
one reader handles both. An answer counts as complete only if the endpoint states that it ended.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from mlsdm_grpc.llm.providers.events import DONE, ServerSentEvent, events_of
from mlsdm_grpc.llm.providers.provider import (
    FaultKind,
    Finish,
    ModelAnswer,
    ModelChunk,
    ProviderFault,
    TokenUsage,
    clean,
)
from mlsdm_grpc.llm.providers.upstream_json import finish_of, parse_json, raise_error

__all__ = ["AnswerPiece", "Dialect", "pieces_of", "whole_of"]

_HIGH_HALVES: Final = ("\ud800", "\udbff")


@dataclass(frozen=True, slots=True)
class AnswerPiece:
    """Part of an answer in one event or body."""

    text: str = ""
    """Text as received; it may end in the first half of a surrogate pair."""
    finish: object = None
    """Reason of the end, as the upstream states it."""
    refused: bool = False
    """True if the model refuses to answer, regardless of ``finish``."""
    usage: TokenUsage | None = None
    model: str = ""
    last: bool = False
    """True if the stream announces that it ends with this event."""


Dialect: TypeAlias = Callable[[dict[str, Any], ServerSentEvent], AnswerPiece | None]
"""Function that reads the part of an answer in a JSON object; None if the object has none."""


async def pieces_of(
    parts: AsyncGenerator[bytes, None], dialect: Dialect, *, model: str
) -> AsyncGenerator[ModelChunk, None]:
    """Yield an answer in pieces; only the last piece has a ``finish``.

    Args:
        parts: Body of the response; it is closed at the end.
        dialect: Reader of the JSON objects of the protocol.
        model: Requested model; reported if the response names none.

    Raises:
        ProviderFault: UPSTREAM: the upstream reports a failure. RESET: the body ended before the
            answer. MALFORMED: the body is not an answer.
    """
    answer = _Answer(model)
    async with aclosing(events_of(parts)) as events:
        async for event in events:
            if event.data.strip() == DONE:
                break
            found = parse_json(event.data)
            raise_error(found, named=event.name == b"error")
            said = dialect(found, event)
            if said is None:
                continue
            yield answer.add(said)
            if said.last or event.whole:
                break
        else:
            if answer.begun and answer.finish is None:
                raise ProviderFault(FaultKind.RESET)
    yield answer.end()


async def whole_of(pieces: AsyncIterator[ModelChunk]) -> ModelAnswer:
    """Return the complete answer from all its pieces."""
    texts, last = list[str](), ModelChunk()
    async for last in pieces:
        texts.append(last.text)
    return ModelAnswer(
        "".join(texts), last.finish or Finish.INCOMPLETE, last.usage or TokenUsage(), last.model
    )


class _Answer:
    """Part of an answer that has been received."""

    def __init__(self, model: str) -> None:
        self.begun = False
        self.finish: Finish | None = None
        self._refused = False
        self._usage = TokenUsage()
        self._model = model
        # First half of a surrogate pair; the second half is in the next piece.
        self._half = ""

    def add(self, said: AnswerPiece) -> ModelChunk:
        self.begun = True
        self.finish = finish_of(said.finish) or self.finish
        self._refused = self._refused or said.refused or self.finish is Finish.REFUSED
        if said.usage is not None:
            self._usage = TokenUsage(
                said.usage.prompt_tokens or self._usage.prompt_tokens,
                said.usage.completion_tokens or self._usage.completion_tokens,
            )
        self._model = said.model or self._model
        text, self._half = self._half + said.text, ""
        if text and _HIGH_HALVES[0] <= text[-1] <= _HIGH_HALVES[1]:
            text, self._half = text[:-1], text[-1]
        return ModelChunk(clean(text), None, self._usage, self._model)

    def end(self) -> ModelChunk:
        """Return the last piece, which has the reason of the end."""
        if not self.begun:
            raise ProviderFault(FaultKind.MALFORMED)
        finish = Finish.REFUSED if self._refused else self.finish or Finish.INCOMPLETE
        return ModelChunk(clean(self._half), finish, self._usage, self._model)
