"""Words of a text with the lexicon classes they belong to, in all ways of writing them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from mlsdm_grpc.governance.matching.layout import Layout
from mlsdm_grpc.governance.matching.lexicon import Lexicon
from mlsdm_grpc.governance.matching.plain_words import PlainWords

__all__ = ["Occurrences"]

_Word = tuple[int, int, tuple[int, ...]]


class Occurrences:
    """Classes of the words of a text, and the slots of these words.

    Words written with separated letters, and letters joined by signs, are added as words if they
    belong to a class. A French article is split off if the whole word belongs to no class.

    Args:
        words: Words of the text.
        lexicon: Lexicon of the classes.

    Cost: O(len(text)).
    """

    def __init__(self, words: PlainWords, lexicon: Lexicon) -> None:
        self._words = words
        self._places = words.places
        self._edits: list[tuple[int, int]] = []
        self.classes: Sequence[tuple[int, ...]] = list(map(lexicon.classes, words.words))
        """Classes of each word, empty for none; in order of the ends of the words."""
        more = list[_Word]()
        if words.spelled:
            more += self._spelled(lexicon)
        for start, end, word in words.chained:
            found = lexicon.classes(word)
            if found:
                more.append((end, start, found))
        if words.elided:
            more += self._articles(lexicon)
        self._insert(more)

    def layout(self) -> Layout:
        """Return the slots of the words; lexicons with the same words share the layout."""
        return self._words.layout(tuple(self._edits), self._places)

    def _spelled(self, lexicon: Lexicon) -> list[_Word]:
        """Return the words in separated letters; remove the single letters from the words."""
        found, within = list[_Word](), set[int]()
        text = self._words.folded.text
        for letters in self._words.spelled:
            joined = "".join([text[i] for i in letters])
            for first, end in lexicon.words_within(joined):
                within.update(letters[first:end])
                classes = lexicon.classes(joined[first:end])
                found.append((letters[end - 1] + 1, letters[first], classes))
        left = [i for i, (start, _) in enumerate(self._places) if start not in within]
        self._edits += ((start, -1) for start in sorted(within))
        self._places = [self._places[i] for i in left]
        self.classes = [self.classes[i] for i in left]
        return found

    def _articles(self, lexicon: Lexicon) -> list[_Word]:
        """Return the French articles, and cut them off from their words."""
        found = list[_Word]()
        places, classes = list(self._places), list(self.classes)
        for i, length in self._words.elided:
            start, end = self._words.places[i]
            at = i if len(places) == len(self._words.places) else bisect_left(places, (start, end))
            if at == len(places) or places[at] != (start, end) or classes[at]:
                continue
            word, middle = self._words.words[i], start + length
            found.append((middle, start, lexicon.classes(word[:length])))
            places[at], classes[at] = (middle, end), lexicon.classes(word[length:])
        self._places, self.classes = places, classes
        return found

    def _insert(self, more: list[_Word]) -> None:
        """Insert words in order of end, start and classes."""
        if not more:
            return
        ends = [end for _, end in self._places]
        places, classes = list[tuple[int, int]](), list[tuple[int, ...]]()
        done = 0
        for word in sorted(more):
            end, start, found = word
            at = bisect_left(ends, end, done)
            while at < len(ends) and (ends[at], self._places[at][0], self.classes[at]) < word:
                at += 1
            places += (*self._places[done:at], (start, end))
            classes += (*self.classes[done:at], found)
            self._edits.append((start, end))
            done = at
        self._places = [*places, *self._places[done:]]
        self.classes = [*classes, *self.classes[done:]]
