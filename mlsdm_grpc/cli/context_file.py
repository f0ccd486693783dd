"""Place of the file of contexts; imports nothing, because the cheap health check asks too."""

import os
from pathlib import Path

__all__ = ["CONTEXTS_VARIABLE", "CONTEXT_VARIABLE", "contexts_file", "has_contexts"]

CONTEXT_VARIABLE = "MLSDM_CONTEXT"
"""Environment variable with the name of a context; see `mlsdm context`."""
CONTEXTS_VARIABLE = "MLSDM_CONTEXTS"
"""Environment variable with the path of the file of contexts."""


def contexts_file() -> Path:
    """Return the path of the file of contexts."""
    if given := os.environ.get(CONTEXTS_VARIABLE):
        return Path(given)
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "mlsdm" / "contexts.toml"


def has_contexts() -> bool:
    """Return True if a context may choose the server."""
    return CONTEXT_VARIABLE in os.environ or contexts_file().is_file()
