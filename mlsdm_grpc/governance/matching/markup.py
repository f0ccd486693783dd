"""Markup that a model would read as a turn of a conversation, found in text of a user or tool.

Tokens of chat templates are told from ordinary text by their form. Lines and tags that name a role
count only with text behind them; headings and closing marks are weak evidence, which never decides
alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from mlsdm_grpc.package_data import expand_pattern, read_table

__all__ = ["Mark", "find_markup", "mark_patterns"]


class Mark(NamedTuple):
    """A place of markup."""

    start: int
    end: int
    kind: str
    """One of those in ``data/markup.toml``."""


@cache
def mark_patterns() -> Mapping[str, re.Pattern[str]]:
    """Return the pattern of each kind of mark, in the order in which they are looked for."""
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
