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
    """The journal, which keeps the records."""

    kind: JournalKind = JournalKind.SQLITE
    """``sqlite`` is durable; ``memory`` forgets everything at exit."""
    data_dir: Path = Path("data")
    """Folder of the journal and its snapshots; created if it is missing."""
    snapshot_every: int = Field(default=5_000, ge=20)
    """Writes to one space between two snapshots; a batch counts as many as it holds. A space that
    had one in the last 10 seconds has the next after four times as many."""
