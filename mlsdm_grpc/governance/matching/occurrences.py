"""Words of a text that belong to classes of a lexicon, in all ways in which they are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mlsdm_grpc.governance.matching.layout import Layout
from mlsdm_grpc.governance.matching.lexicon import Lexicon
from mlsdm_grpc.governance.matching.plain_words import PlainWords

__all__ = ["Occurrences"]

_Word = tuple[int, int, tuple[int, ...]]


class Occurrences(NamedTuple):
    """Classes of the words of a text, and the places of these words."""

    words: PlainWords
    classes: Sequence[tuple[int, ...]]
    """Classes of each word, also of words without one."""
    places: tuple[tuple[int, int], ...] | None
    """End and start of each word; None if they are those of ``words``."""

    @classmethod
    def of(cls, words: PlainWords, lexicon: Lexicon) -> Occurrences:
        """Return the words of a text and their classes in a lexicon.

        Words in separated letters, and letters joined by signs, are words in addition to the
        others if they have a class. A French article is a word of its own if the whole has none.

        Cost: O(len(text)).
        """
        classes = list(map(lexicon.classes, words.words))
        more, within = _spelled(words, lexicon)
        for start, end, word in words.chained:
            found = lexicon.classes(word)
            if found:
                more.append((end, start, found))
        articles = [(i, length) for i, length in words.elided if not classes[i]]
        if not (more or within or articles):
            return cls(words, classes, None)
        ends, starts = words.ends.tolist(), words.starts.tolist()
        left_out = set[int]()
        for i, length in articles:
            middle, word = starts[i] + length, words.words[i]
            if starts[i] not in within:
                left_out.add(i)
                more.append((middle, starts[i], lexicon.classes(word[:length])))
                more.append((ends[i], middle, lexicon.classes(word[length:])))
        more += (
            (ends[i], starts[i], each)
            for i, each in enumerate(classes)
            if i not in left_out and starts[i] not in within
        )
        more.sort()
        places = tuple([(end, start) for end, start, _ in more])
        return cls(words, [each for _, _, each in more], places)

    def layout(self) -> Layout:
        """Return the slots of the words; lexicons that see the same words share them."""
        return self.words.layout(self.places)


def _spelled(words: PlainWords, lexicon: Lexicon) -> tuple[list[_Word], set[int]]:
    """Return the words in separated letters, and the places of their letters."""
    found, within = list[_Word](), set[int]()
    text = words.folded.text
    for letters in words.spelled:
        joined = "".join([text[i] for i in letters])
        for first, end in lexicon.words_within(joined):
            within.update(letters[first:end])
            classes = lexicon.classes(joined[first:end])
            found.append((letters[end - 1] + 1, letters[first], classes))
    return found, within
