"""Settings of the journal."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import Field

from mlsdm_grpc.config.section import Section

__all__ = ["JournalKind", "JournalSettings"]


class JournalKind(StrEnum):
    """Kinds of journal."""

    SQLITE = "sqlite"
    MEMORY = "memory"


class JournalSettings(Section):
    """The journal, which stores the records."""

    kind: JournalKind = JournalKind.SQLITE
    """``sqlite`` is durable; ``memory`` loses everything at exit."""
    data_dir: Path = Path("data")
    """Folder of the journal and its snapshots; created if it does not exist."""
    snapshot_every: int = Field(default=5_000, ge=20)
    """Number of writes to a space between two snapshots; a batch counts as its number of items. If
    the last snapshot is less than 10 seconds old, the interval is four times as long."""
