"""Provider without a model, which makes deterministic answers from the prompt, offline.

It repeats the question and quotes the recalled memories that share the most words with it. This is
enough to demonstrate and test memory, governance and streaming. For a request to repair a text it
returns the text unchanged.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from typing import Final

from mlsdm_grpc.config import EchoSettings
from mlsdm_grpc.llm.prompt import split_prompt
from mlsdm_grpc.llm.providers.provider import (
    FaultKind,
    Finish,
    ModelAnswer,
    ModelChunk,
    ModelRequest,
    ProviderFault,
    TokenUsage,
    clean,
)
from mlsdm_grpc.speech import draft_of

__all__ = ["EchoProvider"]

_MODEL: Final = "echo-1"
_ASKED: Final = "You asked me about this: "
_MAX_QUOTED: Final = 2
_MAX_QUESTION_CHARS: Final = 160
_MAX_QUOTE_CHARS: Final = 600
_WORD: Final = re.compile(r"\s*\S+")
_SHORTEST_WORD: Final = 3
_COMMON: Final = frozenset(
    ("the", "and", "for", "are", "was", "what", "why", "who", "how", "when", "where", "you", "your")
)
_FAULTS: Final = {
    "unavailable": ProviderFault(FaultKind.STATUS, retryable=True, status=503),
    "rejected": ProviderFault(FaultKind.STATUS, rejected=True, status=400),
}


class EchoProvider:
    """Provider without a model; the module describes its answers.

    Args:
        settings: Style of the answers, and scripted failures.
        name: Name; tests with several such providers need different ones.
    """

    def __init__(self, settings: EchoSettings, *, name: str = "echo") -> None:
        self.name = name
        self.models = frozenset({_MODEL})
        self._settings = settings
        self._script = deque(settings.script)

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """Return a whole answer; see :class:`Provider`."""
        texts = list[str]()
        finish, usage = Finish.STOP, TokenUsage()
        async for chunk in self.stream(request):
            texts.append(chunk.text)
            finish, usage = chunk.finish or finish, chunk.usage or usage
        return ModelAnswer("".join(texts), finish, usage, _MODEL)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelChunk, None]:
        """Yield an answer word by word; each word counts as a token."""
        step = self._script.popleft() if self._script else "ok"
        if step == "hang":
            await asyncio.Event().wait()
        if step in _FAULTS:
            fault = _FAULTS[step]
            raise ProviderFault(
                fault.kind,
                retryable=fault.retryable,
                rejected=fault.rejected,
                status=fault.status,
            )
        words, finish = _cut(self._answer(request), request)
        for number, word in enumerate(words):
            if step == "reset" and number == 3:
                raise ProviderFault(FaultKind.RESET)
            await asyncio.sleep(self._settings.chunk_delay_s)
            yield ModelChunk(word, model=_MODEL)
        texts = (request.system, *(each["content"] for each in request.messages))
        asked = sum(len(text.split()) for text in texts)
        yield ModelChunk(finish=finish, usage=TokenUsage(asked, len(words)), model=_MODEL)

    async def aclose(self) -> None:
        """Do nothing: there is no connection to close."""

    def _answer(self, request: ModelRequest) -> str:
        draft = draft_of(request.prompt)
        memories, question = split_prompt(request.prompt)
        match self._settings.style:
            case "telegraphic":
                return "Question heard. Memory searched. Fact found. Answer given. Work done."
            case "looping":
                return "I am not sure what you mean. " * (request.max_tokens // 7 + 1)
            case "empty":
                return ""
            case _:
                return _sentences(memories, question) if draft is None else draft


def _sentences(memories: Sequence[str], question: str) -> str:
    asked = " ".join(clean(question).split())
    if len(asked) > _MAX_QUESTION_CHARS:
        asked = asked[:_MAX_QUESTION_CHARS] + "..."
    quoted = _closest(memories, question)
    if not quoted:
        return f'{_ASKED}"{asked}" I do not remember anything that would help with it.'
    quotes = " ".join(
        f'What I remember of it is this: "{" ".join(clean(each).split())[:_MAX_QUOTE_CHARS]}"'
        for each in quoted
    )
    return f'{_ASKED}"{asked}" {quotes}'


def _closest(memories: Sequence[str], question: str) -> list[str]:
    """Return the memories that share the most words with a question, best first.

    Memories that quote an answer of this provider are left out, because otherwise answers
    would grow by quoting each other.
    """
    wanted = _words(question)
    shared = [(len(wanted & _words(text)), text) for text in memories if _ASKED not in text]
    found = sorted((each for each in shared if each[0]), key=lambda each: -each[0])
    return [text for _, text in found[:_MAX_QUOTED]]


def _words(text: str) -> set[str]:
    words = (word.strip(".,;:!?\"'()").casefold() for word in text.split())
    return {word for word in words if len(word) >= _SHORTEST_WORD} - _COMMON


def _cut(text: str, request: ModelRequest) -> tuple[list[str], Finish]:
    """Return the words of an answer, with their spaces, up to a stop sequence or the limit."""
    ends = [at for stop in request.stop if (at := text.find(stop)) >= 0]
    if ends:
        text = text[: min(ends)]
    words = _WORD.findall(text)
    if len(words) > request.max_tokens:
        return words[: request.max_tokens], Finish.LENGTH
    return words, Finish.STOP
