"""Cache of results for single words, with the read speed of a dict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

__all__ = ["WordCache"]

_T = TypeVar("_T")
# Maximum length of a word that is cached, characters; ordinary words are shorter.
_KEPT_CHARS: Final = 40


class WordCache(dict[str, _T]):
    """Cache of results by word; ``cache[word]`` computes a missing result.

    When the cache holds ``most`` words, it becomes the older half, and the previous older half is
    dropped. A word that is read from the older half is kept.

    Args:
        make: Function that computes the result of a word.
        most: Number of words in one half.
    """

    def __init__(self, make: Callable[[str], _T], most: int = 8_192) -> None:
        super().__init__()
        self._make = make
        self._most = most
        self._older: dict[str, _T] = {}

    def __missing__(self, word: str) -> _T:
        """Return the result of a word that is not in the newer half."""
        result = self._older.get(word)
        if result is None:
            result = self._make(word)
        if len(word) <= _KEPT_CHARS:
            if len(self) >= self._most:
                self._older = dict(self)
                self.clear()
            self[word] = result
        return result
