"""Cut a text into passages that are each about one thing, to store one memory a passage.

Invariants: a passage is at most ``max_chars`` long and never blank; passages are slices of the
text in its order and only white space and invisible characters lie between them, so nothing is
lost; the same text is always cut in the same way.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Final

from mlsdm_grpc.client.values import integer, string
from mlsdm_grpc.governance.matching.normalization import is_blank

__all__ = ["DEFAULT_PASSAGE_CHARS", "passage_context", "split_passages"]

DEFAULT_PASSAGE_CHARS: Final = 800
"""About 150 words: enough to stand alone, short enough that its vector is about one thing."""

_MAX_CONTEXT_CHARS: Final = 400
_PARAGRAPH: Final = re.compile(r"\n(?:[^\S\n]*\n)+")
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+")
_WHITE_SPACE: Final = re.compile(r"\s+")
_MARKUP: Final = " \t#*=-_~^"


def split_passages(text: str, *, max_chars: int = DEFAULT_PASSAGE_CHARS) -> list[str]:
    """Return the text as passages of at most ``max_chars`` characters, in order.

    A passage ends at the last paragraph border of its second half, or else at the last sentence
    border there, or else at the last white space, or else, in a word that is longer than a
    passage, at ``max_chars``.

    Args:
        text: Anything; line ends and indentation inside a passage stay as they are.
        max_chars: Longest passage, characters, at least 1.

    Returns:
        Passages without white space at their ends; none for a blank text.

    Raises:
        InvalidInput: The text is none, or ``max_chars`` is less than 1.

    Cost: linear in the length of the text.
    """
    most = integer("max_chars", max_chars, low=1, high=sys.maxsize)
    return list(_passages(string("text", text), most))


def _passages(text: str, max_chars: int) -> Iterator[str]:
    start, end = 0, len(text.rstrip())
    while start < end:
        if text[start].isspace():
            start += 1
            continue
        stop = end if end - start <= max_chars else _border(text, start, start + max_chars)
        if not is_blank(passage := text[start:stop].rstrip()):
            yield passage
        start = stop


def _border(text: str, start: int, limit: int) -> int:
    """Return where to end a passage that begins at ``start`` and may reach ``limit``."""
    middle = start + (limit - start) // 2
    for pattern, earliest in ((_PARAGRAPH, middle), (_SENTENCE, middle), (_WHITE_SPACE, start)):
        border = 0
        # One more character is looked at: white space right behind the limit is a border too.
        for match in pattern.finditer(text, max(earliest, start + 1), limit + 1):
            border = match.start()
        if border:
            return border
    return limit


def passage_context(text: str) -> str:
    """Return the heading of a text and its first sentence, to be the context of its passages.

    A passage out of the middle of a text rarely names what the text is about; with its heading and
    first sentence as its context it is found by that as well.

    Returns:
        ``Heading: First sentence.`` on one line, at most 400 characters; only one of the two, or
        an empty string, where the text has no more.
    """
    heading = ""
    for paragraph in _PARAGRAPH.split(string("text", text).strip()):
        lines = [line.strip() for line in paragraph.splitlines() if line.strip(_MARKUP)]
        prose = " ".join(lines)
        is_prose = prose.endswith((".", "!", "?", ":")) and not paragraph[0].isspace()
        if is_prose:
            sentence = _SENTENCE.split(prose)[0]
            return (f"{heading}: {sentence}" if heading else sentence)[:_MAX_CONTEXT_CHARS]
        heading = heading or prose.strip(_MARKUP)[:_MAX_CONTEXT_CHARS]
    return heading
