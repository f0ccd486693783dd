"""Answers read from the body of a response, whatever form it comes in.

A stream that is asked for may come as one JSON object and the other way round; so there is one
reader for both. An answer counts as complete only where its end is told.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
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
    """One event, or a whole body, as far as it says something of an answer."""

    text: str = ""
    """As it came: it may end in half a character."""
    finish: object = None
    """Reason of the end, in the words of the upstream."""
    refused: bool = False
    """The model refuses, whatever the reason of the end is."""
    usage: TokenUsage | None = None
    model: str = ""
    last: bool = False
    """The stream says that it ends here."""


Dialect: TypeAlias = Callable[[dict[str, Any], ServerSentEvent], AnswerPiece | None]
"""What an object says in a protocol; None where it says nothing of an answer."""


async def pieces_of(
    parts: AsyncIterator[bytes], dialect: Dialect, *, model: str
) -> AsyncGenerator[ModelChunk, None]:
    """Yield an answer piece by piece; the last piece, and no other, has a finish.

    Args:
        parts: Body of the response.
        dialect: Reads its objects.
        model: Model that was asked.

    Raises:
        ProviderFault: UPSTREAM; the upstream says that it failed. RESET; the body ended before the
            answer did. MALFORMED; it is no answer.
    """
    answer = _Answer(model)
    async for event in events_of(parts):
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
    """Return an answer whose pieces have all come."""
    texts, last = list[str](), ModelChunk()
    async for last in pieces:
        texts.append(last.text)
    return ModelAnswer(
        "".join(texts), last.finish or Finish.INCOMPLETE, last.usage or TokenUsage(), last.model
    )


class _Answer:
    """What has come of an answer."""

    def __init__(self, model: str) -> None:
        self.begun = False
        self.finish: Finish | None = None
        self._refused = False
        self._usage = TokenUsage()
        self._model = model
        self._half = ""
        """First half of a character whose second half comes with the next piece."""

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
        """Return the last piece: why the answer ended."""
        if not self.begun:
            raise ProviderFault(FaultKind.MALFORMED)
        finish = Finish.REFUSED if self._refused else self.finish or Finish.INCOMPLETE
        return ModelChunk(clean(self._half), finish, self._usage, self._model)
