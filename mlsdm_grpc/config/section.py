"""Base class of all sections of the settings."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["Section"]


class Section(BaseModel):
    """Immutable table of settings without unknown keys; field docstrings describe the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
