"""Marks of tests that need an optional library, and names of such libraries."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

NEEDS_ANTHROPIC = pytest.mark.skipif(
    find_spec("anthropic") is None, reason="the extra anthropic is not installed"
)
"""Does not import the library, which takes each process that collects tests five seconds."""
NEEDS_LANGCHAIN = pytest.mark.skipif(
    find_spec("langchain_core") is None, reason="the extra langchain is not installed"
)
NEEDS_MCP = pytest.mark.skipif(find_spec("mcp") is None, reason="the extra mcp is not installed")


class LazyNames:
    """Names of modules that are imported on first use, because their import takes seconds."""

    def __init__(self, *modules: str) -> None:
        self._modules = modules

    def __getattr__(self, name: str) -> Any:
        for module in map(import_module, self._modules):
            if hasattr(module, name):
                return getattr(module, name)
        raise AttributeError(name)
