"""Classes of secrets: keys, tokens, passwords and private keys.

``data/credentials.toml`` contains their patterns and explains how to add one. Conditions that a
pattern cannot express are in this module.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

from mlsdm_grpc.package_data import expand_pattern, read_table

__all__ = ["SecretClass", "secret_classes", "secret_hints"]

_Check = Callable[[re.Match[str]], bool]


@dataclass(frozen=True, slots=True)
class SecretClass:
    """Syntax of one class of secrets."""

    category: str
    hints: tuple[str, ...]
    """Lower-case strings; only a text with at least one of them is searched."""
    pattern: re.Pattern[str]
    """Pattern of the class; its group ``v``, if present, is the secret."""
    accepts: _Check
    """Further condition that a match must meet."""
    score: float


@cache
def secret_classes() -> tuple[SecretClass, ...]:
    """Return all classes, the most specific first; of overlapping matches the first one is used."""
    table = read_table("mlsdm_grpc.governance", "credentials")
    return tuple(
        SecretClass(
            category=entry["category"],
            hints=tuple(entry["hints"]),
            pattern=re.compile(expand_pattern(entry["pattern"], table["fragments"])),
            accepts=_CHECKS[entry["check"]] if "check" in entry else bool,
            score=entry.get("score", 0.95),
        )
        for entry in table["secrets"]
    )


@cache
def secret_hints() -> tuple[str, ...]:
    """Return the hints of all classes, each once."""
    return tuple(dict.fromkeys(hint for each in secret_classes() for hint in each.hints))


@cache
def _values() -> Mapping[str, re.Pattern[str]]:
    """Return the patterns of values that are not secrets, and of words near secrets."""
    entries = read_table("mlsdm_grpc.governance", "credentials")["values"]
    return {name: re.compile(expand_pattern(entry, {})) for name, entry in entries.items()}


def _is_value(match: re.Match[str]) -> bool:
    return _values()["placeholder"].fullmatch(match["v"]) is None


def _is_said_value(match: re.Match[str]) -> bool:
    """Return whether a value in prose may be a secret: digits together with other characters."""
    digits = sum(each.isdigit() for each in match["v"])
    return 0 < digits < len(match["v"]) and _is_value(match)


def _is_aws_secret(match: re.Match[str]) -> bool:
    value = match["v"]
    before = match.string[max(match.start("v") - 60, 0) : match.start("v")]
    mixed = any(map(str.isdigit, value)) and any(map(str.isupper, value))
    return mixed and not value.isupper() and _values()["aws_near"].search(before) is not None


def _has_password(match: re.Match[str]) -> bool:
    return _values()["placeholder"].fullmatch(match["p"]) is None and match["p"] != match["u"]


def _is_assigned(match: re.Match[str]) -> bool:
    """Return whether an assigned value may be a secret: quoted, at a line end, or not a word."""
    value = match["v"]
    if not _is_value(match):
        return False
    # Mixed case within a word is rare in prose and common in secrets.
    if not value.isalpha() or (value != value.lower() and not value.istitle()):
        return True
    rest = match.string[match.end("v") :][:2]
    quoted = match.string[match.start("v") - 1] in "\"'`" or "=" in match["sign"]
    return (quoted or not rest.strip() or rest[0] == "\n") and not _says_state(value)


def _is_stated(match: re.Match[str]) -> bool:
    """Return whether a value after "is" may be a secret: "is orange" is one, "is required" not."""
    return _is_value(match) and not _says_state(match["v"])


def _says_state(value: str) -> bool:
    return _values()["state"].search(value) is not None


def _is_login(match: re.Match[str]) -> bool:
    """Return whether the value decodes to NAME:PASSWORD, as in HTTP Basic authentication."""
    try:
        decoded = base64.b64decode(match["v"] + "=" * (-len(match["v"]) % 4), validate=True)
    except binascii.Error:
        return False
    return b":" in decoded and decoded.isascii()


# Conditions by their name in the table.
_CHECKS: Final[Mapping[str, _Check]] = MappingProxyType(
    {
        "has_password": _has_password,
        "is_assigned": _is_assigned,
        "is_aws_secret": _is_aws_secret,
        "is_login": _is_login,
        "is_said_value": _is_said_value,
        "is_stated": _is_stated,
    }
)
