"""Marks of tests that need an optional library."""

from importlib.util import find_spec

import pytest

NEEDS_ANTHROPIC = pytest.mark.skipif(
    find_spec("anthropic") is None, reason="the extra anthropic is not installed"
)
"""Does not import the library, which takes each process that collects tests five seconds."""
