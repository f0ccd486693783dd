"""Detector of markup that a model reads as a turn of a conversation, in text of a user or a tool.

Tokens of chat templates are recognised by their form. Lines and tags that name a role count only if
text follows them. Headings and closing marks are weak evidence and never decide alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from mlsdm_grpc.package_data import expand_pattern, read_table

__all__ = ["Mark", "find_markup", "mark_patterns"]


class Mark(NamedTuple):
    """Place of markup in a text."""

    start: int
    end: int
    kind: str
    """One of the kinds in ``data/markup.toml``."""


@cache
def mark_patterns() -> Mapping[str, re.Pattern[str]]:
    """Return the pattern of each kind of mark, in the order of the search."""
    table = read_table("mlsdm_grpc.governance", "markup")
    fragments = {name: expand_pattern(entry, {}) for name, entry in table["fragments"].items()}
    return {
        kind: re.compile(expand_pattern(entry, fragments)) for kind, entry in table["kinds"].items()
    }


def find_markup(plain: str) -> Iterator[Mark]:
    """Yield the marks in ``plain`` text.

    Cost: O(len(plain)).
    """
    for kind, pattern in mark_patterns().items():
        for match in pattern.finditer(plain):
            yield Mark(*match.span(), kind)
