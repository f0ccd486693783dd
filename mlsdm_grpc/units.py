"""Units of sizes."""

from __future__ import annotations

from typing import Final

__all__ = ["KIB", "MIB"]

KIB: Final = 1_024
"""Bytes of a kibibyte."""
MIB: Final = 1_024 * KIB
"""Bytes of a mebibyte."""
