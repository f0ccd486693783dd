"""Likeness of labelled lines to the lines of the test splits, by the letter sequences they share.

A line that trains and says what a line of a test split says, in nearly the same words, would make
the rates of that split a test of memory. Sequences that many lines have count little.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

__all__ = ["NEAR", "TestLines"]

NEAR: Final = 0.4
"""Cosine from which two lines are near: they share about half of their rare words."""
_LENGTHS: Final = (4, 5)


class TestLines:
    """Lines of the test splits.

    Args:
        lines: These lines.
        others: Further lines, from which the frequency of sequences is known as well.
    """

    __test__ = False

    def __init__(self, lines: Sequence[str], others: Iterable[str]) -> None:
        found = [_sequences(line) for line in lines]
        counted = [*found, *map(_sequences, others)]
        self._lines = len(counted)
        self._seen = Counter(each for sequences in counted for each in sequences)
        # Weights of the lines with a sequence, by number of the line.
        self._holders = defaultdict[str, dict[int, float]](dict)
        for number, sequences in enumerate(found):
            for sequence, weight in self._unit(sequences).items():
                self._holders[sequence][number] = weight

    def likeness(self, text: str) -> float:
        """Return the cosine between a text and the line most like it, 0 to 1."""
        sums = defaultdict[int, float](float)
        for sequence, weight in self._unit(_sequences(text)).items():
            for number, other in self._holders.get(sequence, {}).items():
                sums[number] += weight * other
        return max(sums.values(), default=0.0)

    def _unit(self, sequences: Counter[str]) -> dict[str, float]:
        weights = {
            each: (1 + math.log(count)) * math.log(self._lines / max(self._seen[each], 1))
            for each, count in sequences.items()
        }
        length = math.sqrt(sum(weight**2 for weight in weights.values())) or 1.0
        return {each: weight / length for each, weight in weights.items()}


def _sequences(text: str) -> Counter[str]:
    return Counter(each for word in re.findall(r"\w+", text.casefold()) for each in _of_word(word))


def _of_word(word: str) -> Iterator[str]:
    framed = f"_{word}_"
    yield f"={word}"
    for size in _LENGTHS:
        yield from (framed[i : i + size] for i in range(len(framed) - size + 1))
