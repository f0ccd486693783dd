"""Estimated costs of texts in text workers, and division of texts into small batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from mlsdm_grpc.governance.policy.rules import Stage
from mlsdm_grpc.llm.embedders import EmbedderInfo
from mlsdm_grpc.units import KIB

__all__ = ["BATCH_TEXT_BYTES", "ToMeasure", "embedding_s", "passes", "style_s"]

_MEASURED_S: Final = 1.2e-4
# Time to measure a text by the rules of a stage, per text (above) and per character, seconds;
# measured.
_MEASURED_CHARACTER_S: Final = 2.6e-6
_STYLE_S: Final = 1e-3
# Time of quality checks or speech analysis, per text (above) and per character, seconds; measured.
_STYLE_CHARACTER_S: Final = 1.2e-6
BATCH_TEXT_BYTES: Final = 256 * KIB
"""Recommended maximum of text in one call, bytes. A text worker needs 2 to 10 microseconds of CPU
to evaluate and embed a byte, 5 in long prose (measured, see docs/operations.md). This amount takes
1.3 to 2.6 seconds. If ten clients send it at the same time, all are answered within 30 seconds."""
_PASS_S: Final = 0.005
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ToMeasure:
    """A text with the requested measurements."""

    text: str
    stage: Stage = Stage.MEMORY
    rules: tuple[str, ...] = ()
    """Ids of the rules to evaluate."""
    prompt: str = ""
    """Prompt to which the text is an answer."""
    whole: bool = False
    """True to measure moral value and injection even if no rule needs them."""
    embed: bool = False
    """True to return the vector of the text too."""
    query: bool = False
    """True if the vector is needed for a query, not for a stored text."""
    every_place: bool = False
    """True to return all findings, for redaction; otherwise at most 1,000."""

    def cost_s(self, info: EmbedderInfo | None) -> float:
        """Return the estimated time in a text worker with an embedder, seconds."""
        cost_s = embedding_s(self.text, info) if self.embed else 0.0
        if self.rules and self.stage is Stage.SPEECH:
            cost_s += style_s(self.text)
        elif self.rules or self.whole:
            cost_s += _measuring_s(self.text)
        return cost_s


def embedding_s(text: str, info: EmbedderInfo | None) -> float:
    """Return the estimated embedding time of a text, seconds."""
    return info.text_s + info.character_s * len(text) if info is not None else 0.0


def _measuring_s(text: str) -> float:
    return _MEASURED_S + _MEASURED_CHARACTER_S * len(text)


def style_s(text: str) -> float:
    """Return the estimated time to analyse the style of a text, seconds."""
    return _STYLE_S + _STYLE_CHARACTER_S * len(text)


def passes(
    texts: Sequence[_T], cost: Callable[[_T], float]
) -> Iterator[tuple[Sequence[_T], float]]:
    """Yield the texts in batches of about 5 ms of work, each with its estimated cost in seconds."""
    start, cost_s = 0, 0.0
    for end, text in enumerate(texts):
        one_s = cost(text)
        if cost_s and cost_s + one_s > _PASS_S:
            yield texts[start:end], cost_s
            start, cost_s = end, 0.0
        cost_s += one_s
    if texts:
        yield texts[start:], cost_s
