"""Path of the contexts file. Imports no other module: the fast health check needs it too."""

import os
from pathlib import Path

__all__ = ["CONTEXTS_VARIABLE", "CONTEXT_VARIABLE", "contexts_file", "has_contexts"]

CONTEXT_VARIABLE = "MLSDM_CONTEXT"
"""Environment variable with the name of the context to use; see `mlsdm context`."""
CONTEXTS_VARIABLE = "MLSDM_CONTEXTS"
"""Environment variable with the path of the contexts file."""


def contexts_file() -> Path:
    """Return the path of the contexts file; an unusable path for a user without a home folder."""
    if given := os.environ.get(CONTEXTS_VARIABLE):
        return Path(given)
    # Path.expanduser raises an error for a user without a home folder.
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111
    # A relative path would let the current folder choose the server.
    return Path(base if os.path.isabs(base) else os.devnull, "mlsdm", "contexts.toml")  # noqa: PTH117


def has_contexts() -> bool:
    """Return True if a context may select the server."""
    return CONTEXT_VARIABLE in os.environ or os.path.isfile(contexts_file())  # noqa: PTH113
