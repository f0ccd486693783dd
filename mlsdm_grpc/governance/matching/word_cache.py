"""Cache of what is known about single words, read at the speed of a dictionary."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

__all__ = ["WordCache"]

_T = TypeVar("_T")
# Length of the longest word that is kept, characters; ordinary words are shorter.
_KEPT_CHARS: Final = 40


class WordCache(dict[str, _T]):
    """Results by word; ``cache[word]`` makes a missing one.

    When ``most`` words are kept, all that were not used since the last such time are dropped.

    Args:
        make: Function that makes the result of a word.
        most: Number of words; twice as many are kept for a time.
    """

    def __init__(self, make: Callable[[str], _T], most: int = 8_192) -> None:
        super().__init__()
        self._make = make
        self._most = most
        self._older: dict[str, _T] = {}

    def __missing__(self, word: str) -> _T:
        """Return the result of a word that was not used lately."""
        result = self._older.get(word)
        if result is None:
            result = self._make(word)
        if len(word) <= _KEPT_CHARS:
            if len(self) >= self._most:
                self._older = dict(self)
                self.clear()
            self[word] = result
        return result
