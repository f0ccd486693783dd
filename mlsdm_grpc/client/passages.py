"""Division of a text into passages about one topic each; each passage becomes one memory.

Invariants: a passage has at most ``max_chars`` characters and is never blank. Passages are slices
of the text in order. Only white space and invisible characters between them are left out. The same
text always has the same passages.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Final

from mlsdm_grpc.client.values import integer, string
from mlsdm_grpc.messages.blank import is_blank

__all__ = ["DEFAULT_PASSAGE_CHARS", "passage_context", "split_passages"]

DEFAULT_PASSAGE_CHARS: Final = 800
"""About 150 words: long enough to be understood alone, short enough to have one topic."""

_MAX_CONTEXT_CHARS: Final = 400
_PARAGRAPH: Final = re.compile(r"\n(?:[^\S\n]*\n)+")
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+")
_WHITE_SPACE: Final = re.compile(r"\s+")
_MARKUP: Final = " \t#*=-_~^"


def split_passages(text: str, *, max_chars: int = DEFAULT_PASSAGE_CHARS) -> list[str]:
    """Return the text as passages of at most ``max_chars`` characters, in order.

    A passage ends at the last paragraph border in its second half; without one, at the last
    sentence border there, then at the last white space, then at ``max_chars`` inside of a word.

    Args:
        text: Any text; line ends and indentation inside a passage are kept.
        max_chars: Maximum length of a passage, characters, at least 1.

    Returns:
        Passages without surrounding white space; an empty list for a blank text.

    Raises:
        InvalidInput: The text is not a string, or ``max_chars`` is less than 1.

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
    """Return the end of a passage that begins at ``start`` and ends at ``limit`` at the latest."""
    middle = start + (limit - start) // 2
    for pattern, earliest in ((_PARAGRAPH, middle), (_SENTENCE, middle), (_WHITE_SPACE, start)):
        border = 0
        # Search one character further, because white space right after the limit is a border too.
        for match in pattern.finditer(text, max(earliest, start + 1), limit + 1):
            border = match.start()
        if border:
            return border
    return limit


def passage_context(text: str) -> str:
    """Return the heading and the first sentence of a text, as context for its passages.

    A passage from the middle of a text rarely names the topic of the text. Indexed together with
    heading and first sentence, it is found by that topic.

    Returns:
        ``Heading: First sentence.`` on one line, at most 400 characters. If the text has only one
        of the two, that one; if it has neither, an empty string.
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
