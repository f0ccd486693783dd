"""Selection of the part of a text that matches a query, with highlighted words."""

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["matched_passage"]

_CHARS = 120
_BEFORE = 30
_WORD = re.compile(r"\w+(?:['.@+:/,-]\w+)*")
_STYLE = "bold"


class _Span(NamedTuple):
    start: int
    end: int
    terms: frozenset[str]


def matched_passage(text: str, query: str) -> "Text":
    """Return about 120 characters of a text, chosen to contain as many query words as possible.

    Args:
        text: Text of a memory; line breaks become spaces.
        query: Text of the query; without one, no word is highlighted.
    """
    from rich.text import Text

    line = " ".join(text.split())
    spans = _spans(line, query) if query else []
    start, end = _window(line, spans)
    # A Text object, because rich would read a str as markup.
    shown = Text("..." if start else "")
    shown.append(line[start:end])
    for span in spans:
        if start <= span.start and span.end <= end:
            moved = (3 if start else 0) - start
            shown.stylize(_STYLE, span.start + moved, span.end + moved)
    return shown.append("..." if end < len(line) else "")


def _spans(line: str, query: str) -> list[_Span]:
    """Return the spans of the query words in the line, in any inflected form."""
    from mlsdm_grpc.lexical import index_terms, query_terms

    sought = {term for word in query_terms(query).terms for term in word.terms}
    words = ((found, sought.intersection(index_terms(found[0]))) for found in _WORD.finditer(line))
    return [_Span(*found.span(), frozenset(terms)) for found, terms in words if terms]


def _window(line: str, spans: list[_Span]) -> tuple[int, int]:
    if len(line) <= _CHARS:
        return 0, len(line)
    width = _CHARS - 6
    best, most = 0, 0
    for first in spans:
        start = max(first.start - _BEFORE, 0)
        held = [span.terms for span in spans if start <= span.start and span.end <= start + width]
        count = len(frozenset().union(*held))
        if count > most:
            best, most = start, count
    start = best and line.rfind(" ", 0, best + 1) + 1
    end = start + width
    return start, len(line) if end >= len(line) else max(line.rfind(" ", start, end), start + 1)
