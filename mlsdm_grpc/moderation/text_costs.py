"""Estimates of the time that a text takes a text worker, and passes of a few milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from mlsdm_grpc.config import KIB
from mlsdm_grpc.governance.policy.rules import Stage

__all__ = ["BATCH_TEXT_BYTES", "ToMeasure", "embedding_s", "passes", "style_s"]

_TEXT_S: Final = 6e-5
_CHARACTER_S: Final = 5e-7
"""Time that a text, and each character of it, takes the embedder, seconds; measured."""
_MEASURED_S: Final = 1.2e-4
_MEASURED_CHARACTER_S: Final = 2.6e-6
"""The same for the rules of a stage."""
_STYLE_S: Final = 1e-3
_STYLE_CHARACTER_S: Final = 1.2e-6
"""The same for the style of an answer: checks of quality, or the analysis of speech."""
BATCH_TEXT_BYTES: Final = 256 * KIB
"""Bytes of text that one call should bring, at most. To judge and embed a byte takes a text worker
2 to 10 microseconds of CPU, 5 in long prose; measured, see docs/operations.md. So this much takes
1.3 seconds, at most 2.6, and ten clients that send it at once are answered within 30 seconds."""
_PASS_S: Final = 0.005
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ToMeasure:
    """A text and what is wanted of it."""

    text: str
    stage: Stage = Stage.MEMORY
    rules: tuple[str, ...] = ()
    """Ids of the rules whose scores are wanted."""
    prompt: str = ""
    """What the text answers."""
    whole: bool = False
    """Measure moral value and injection whatever the rules."""
    embed: bool = False
    """Return its vector too."""
    every_place: bool = False
    """Return all findings, as many as there are: it is to be redacted. Else at most 1,000."""

    @property
    def cost_s(self) -> float:
        """Estimated time of a text worker, seconds."""
        cost_s = embedding_s(self.text) if self.embed else 0.0
        if self.rules and self.stage is Stage.SPEECH:
            cost_s += style_s(self.text)
        elif self.rules or self.whole:
            cost_s += _measuring_s(self.text)
        return cost_s


def embedding_s(text: str) -> float:
    """Return what embedding a text takes, seconds."""
    return _TEXT_S + _CHARACTER_S * len(text)


def _measuring_s(text: str) -> float:
    return _MEASURED_S + _MEASURED_CHARACTER_S * len(text)


def style_s(text: str) -> float:
    """Return what the analysis of the style of a text takes, seconds."""
    return _STYLE_S + _STYLE_CHARACTER_S * len(text)


def passes(
    texts: Sequence[_T], cost: Callable[[_T], float]
) -> Iterator[tuple[Sequence[_T], float]]:
    """Yield the texts in runs of some milliseconds, each with what it costs, seconds."""
    start, cost_s = 0, 0.0
    for end, text in enumerate(texts):
        one_s = cost(text)
        if cost_s and cost_s + one_s > _PASS_S:
            yield texts[start:end], cost_s
            start, cost_s = end, 0.0
        cost_s += one_s
    if texts:
        yield texts[start:], cost_s
