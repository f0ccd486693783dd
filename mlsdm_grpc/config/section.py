"""The base class of all sections of the settings."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict

__all__ = ["KIB", "MIB", "Section"]

KIB: Final = 1_024
MIB: Final = 1_024 * KIB


class Section(BaseModel):
    """A table of settings: frozen, without unknown names, described by its docstrings."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
