"""Defaults of spaces."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, field_validator

from mlsdm_grpc.config.section import Section

__all__ = ["RecallPhase", "SpaceDefaults"]


class RecallPhase(StrEnum):
    """Phases that a query looks in which names none."""

    ALL = "all"
    BAND = "band"


class SpaceDefaults(Section):
    """Defaults of spaces that are created by their first write, and the rules of all."""

    dimension: int = Field(default=384, ge=1, le=4_096)
    """Dimension of a space whose first write is a vector."""
    capacity: int = Field(default=20_000, ge=1, le=1_000_000)
    """Memories of a space at most."""
    recall_phase: RecallPhase = RecallPhase.ALL
    """Phases that a query looks in which names none: ``all`` of them, or the ``band`` around the
    current one. Spaces under version 1 of the rules keep ``all``."""
    upgrade_semantics: bool = False
    """Carry spaces under older rules to the newest ones that this version has, each before its
    next write, and create spaces under these. A new data folder does so without it. The newest
    rules are a draft: versions of the server with another draft refuse the folder from the first
    start with this setting on, and older ones refuse its spaces."""
    embedder: str = "wordllama"
    """Embedder of texts: ``wordllama`` (256 dimensions, offline), ``openai`` (section `embedder`)
    or ``none``."""

    @field_validator("embedder")
    @classmethod
    def _known_embedder(cls, value: str) -> str:
        if value not in {"wordllama", "openai", "none"}:
            raise ValueError("expected 'wordllama', 'openai' or 'none'")
        return value
