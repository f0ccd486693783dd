"""Counts of tests: small ones for every change, full ones for ``make slow``."""

from hypothesis import settings

THOROUGH = 1_000
"""Examples of a property under ``make slow``."""


def count(small: int, full: int) -> int:
    """Return the count of this run."""
    return full if settings().max_examples >= THOROUGH else small
