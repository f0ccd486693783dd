"""Default parameters of spaces."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, field_validator

from mlsdm_grpc.config.section import Section

__all__ = ["RecallPhase", "SpaceDefaults"]


class RecallPhase(StrEnum):
    """Phases searched by a query without a phase."""

    ALL = "all"
    BAND = "band"


class SpaceDefaults(Section):
    """Defaults of spaces that their first write creates, and the rules of all spaces."""

    dimension: int = Field(default=384, ge=1, le=4_096)
    """Dimension of a space whose first write is a vector."""
    capacity: int = Field(default=20_000, ge=1, le=1_000_000)
    """Maximum number of memories of a space."""
    recall_phase: RecallPhase = RecallPhase.ALL
    """Phases searched by a query without a phase: ``all``, or the ``band`` around the current
    phase. Spaces under version 1 of the rules use ``all``."""
    upgrade_semantics: bool = False
    """Upgrade spaces under older rules to the newest version, each before its next write, and
    create spaces under the newest version. New data folders always use the newest version. It is a
    draft: after the first start with this setting, server versions with another draft refuse the
    data folder, and older server versions refuse its spaces."""
    embedder: str = "wordllama"
    """Embedder of texts: ``wordllama`` (256 dimensions, offline), ``e5`` (384 dimensions, offline,
    finds more but takes 100 times as long; extra `semantic`), ``openai`` (section `embedder`) or
    ``none``."""

    @field_validator("embedder")
    @classmethod
    def _known_embedder(cls, value: str) -> str:
        if value not in {"wordllama", "e5", "openai", "none"}:
            raise ValueError("must be one of 'wordllama', 'e5', 'openai', 'none'")
        return value
