"""Reading of data files in packages: tables of words, rules and patterns (TOML), binary weights.

The files of a package are in its folder ``data``. Callers cache the results, so a process reads
each file at most once. docs/adr/0020-tables-of-words.md has the reasons.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

__all__ = ["expand_pattern", "read_bytes", "read_table"]


def read_bytes(package: str, name: str) -> bytes:
    """Return the content of the file ``name`` in the folder ``data`` of ``package``."""
    return files(package).joinpath("data", *name.split("/")).read_bytes()


def read_table(package: str, name: str) -> dict[str, Any]:
    """Return the table in the file ``name`` (without ``.toml``) of the data of ``package``.

    Cost: about 3 ms of CPU for 100 KB of literal strings (``'''``), twice that for basic ones.
    """
    return tomllib.loads(read_bytes(package, f"{name}.toml").decode())


def expand_pattern(pattern: str | Sequence[str], fragments: Mapping[str, str]) -> str:
    """Return a regular expression with its parts joined and each ``{{name}}`` replaced.

    Args:
        pattern: One string, or a list of parts to join.
        fragments: Expressions by name. A fragment may contain only names that precede it.
    """
    joined = pattern if isinstance(pattern, str) else "".join(pattern)
    for name in reversed(list(fragments)):
        joined = joined.replace("{{" + name + "}}", fragments[name])
    return joined
