"""Detector of markup in a text of a user or tool that a model could read as another speaker's turn.

Tokens of chat templates are recognised by their form. Lines and tags that name a role count only if
text follows them. Headings and closing marks are weak evidence, which never decides alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Final, NamedTuple

from mlsdm_grpc.package_data import expand_pattern, read_table

__all__ = ["Mark", "find_markup", "mark_kinds"]

_LINE_START: Final = r"(?:^|\n)"


class Mark(NamedTuple):
    """Place of markup in a text."""

    start: int
    end: int
    kind: str
    """One of the kinds in ``data/markup.toml``."""


class _MarkKind(NamedTuple):
    """Kind of mark."""

    pattern: re.Pattern[str]
    at_lines: bool
    """True if the pattern begins at the start of the text or with a line feed."""
    needed: tuple[tuple[str, ...], ...]
    """Groups of strings; a text with such a mark contains at least one string of each group."""


@cache
def mark_kinds() -> Mapping[str, _MarkKind]:
    """Return the kinds of marks, in the order of the search."""
    table = read_table("mlsdm_grpc.governance", "markup")
    fragments = {name: expand_pattern(entry, {}) for name, entry in table["fragments"].items()}
    patterns = {name: expand_pattern(entry, fragments) for name, entry in table["kinds"].items()}
    return {
        name: _MarkKind(
            re.compile(pattern),
            at_lines=pattern.startswith(_LINE_START),
            needed=tuple(map(tuple, table["needed"].get(name, ()))),
        )
        for name, pattern in patterns.items()
    }


def find_markup(plain: str) -> Iterator[Mark]:
    """Yield the marks in ``plain`` text.

    Cost: O(len(plain)).
    """
    for name, kind in mark_kinds().items():
        if _has_needed(plain, kind.needed):
            find = _at_lines if kind.at_lines else re.Pattern.finditer
            for match in find(kind.pattern, plain):
                yield Mark(*match.span(), name)


def _has_needed(plain: str, needed: Iterable[Iterable[str]]) -> bool:
    """Return whether a text contains one string of each group."""
    for some in needed:
        for each in some:
            if each in plain:
                break
        else:
            return False
    return True


def _at_lines(pattern: re.Pattern[str], plain: str) -> Iterator[re.Match[str]]:
    """Yield the matches of a pattern that can start only at the text's start or at a line feed."""
    start = 0
    while start >= 0:
        match = pattern.match(plain, start)
        if match:
            yield match
        start = plain.find("\n", max(match.end(), start + 1) if match else start + 1)
