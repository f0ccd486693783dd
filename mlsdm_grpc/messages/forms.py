"""Syntax of the names in the contract, with the texts of the violations."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from mlsdm_grpc.messages import limits

__all__ = ["LABEL", "LANGUAGE", "MEMORY_ID", "MODEL", "REQUEST_ID", "SPACE", "Form"]


class Form(NamedTuple):
    """Syntax of a kind of name."""

    pattern: re.Pattern[str]
    description: str
    """Text of the violation."""

    def fits(self, value: str) -> bool:
        """Return True if a name matches the pattern."""
        return self.pattern.fullmatch(value) is not None


def _matching(pattern: str) -> Form:
    return Form(re.compile(pattern), f"must match {pattern}")


SPACE: Final = _matching("[a-z0-9][a-z0-9._-]{0,62}")
MEMORY_ID: Final = _matching("[A-Za-z0-9._-]{1,64}")
"""Syntax of memory ids, stream ids and conversation ids."""
LABEL: Final = _matching("[A-Za-z0-9._:/-]{1,64}")
MODEL: Final = Form(
    re.compile(f"(?s:.){{1,{limits.MAX_MODEL_CHARS}}}"),
    f"must have 1 to {limits.MAX_MODEL_CHARS} characters",
)
LANGUAGE: Final = Form(
    re.compile("[a-z]{2}"), "must be a code of ISO 639-1, two lower-case letters"
)
REQUEST_ID: Final = Form(
    re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "must be a UUID such as 6f2c1f0e-58a4-4c0e-9a4b-0d1f0a3f5c11",
)
