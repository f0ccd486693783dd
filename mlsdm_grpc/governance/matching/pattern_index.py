"""Index of patterns by their rarest word, which selects the patterns that may match a text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final

from mlsdm_grpc.governance.matching.lexicon import Lexicon
from mlsdm_grpc.governance.matching.patterns import Element
from mlsdm_grpc.governance.matching.sentence_languages import stop_words

__all__ = ["PatternIndex"]

# Weight of a stop word in the estimate of how frequent a class is, in uses by patterns.
_USES: Final = 20


class PatternIndex:
    """Index of patterns by the classes of their word that is probably the rarest in ordinary text.

    Args:
        patterns: Elements of each pattern.
        lexicon: Lexicon of the classes, with all of its words.
    """

    def __init__(self, patterns: Sequence[Sequence[Element]], lexicon: Lexicon) -> None:
        common = Counter(number for word in stop_words() for number in lexicon.classes(word))
        common = Counter({number: count * _USES for number, count in common.items()})
        common.update(
            number for elements in patterns for each in elements for number in each.classes
        )
        self._begun_by: dict[int, list[tuple[int, tuple[frozenset[int], ...]]]] = {}
        for number, elements in enumerate(patterns):
            rarest = min(elements, key=lambda each: sum(common[each] for each in each.classes))
            others = {frozenset(each.classes) for each in elements if each is not rarest}
            for each in set(rarest.classes):
                self._begun_by.setdefault(each, []).append((number, tuple(others)))

    def candidates(self, present: Collection[int]) -> list[int]:
        """Return, ascending, the numbers of patterns whose words all have a class in ``present``.

        Args:
            present: Distinct classes of the words of a text.
        """
        found = set[int]()
        for each in self._begun_by.keys() & present:
            for number, others in self._begun_by[each]:
                for other in others:
                    if other.isdisjoint(present):
                        break
                else:
                    found.add(number)
        return sorted(found)
