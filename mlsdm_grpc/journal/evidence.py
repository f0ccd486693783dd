"""The files of a data folder that a start looks at before SQLite does."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from mlsdm_grpc.journal.damage import DamagedFolder, Reporter
from mlsdm_grpc.journal.heads import Heads
from mlsdm_grpc.journal.salvage import WAL
from mlsdm_grpc.journal.survey import SnapshotFolder
from mlsdm_grpc.journal.wal import NO_WAL, WalReport, inspect_wal

__all__ = ["Evidence"]


@dataclass(slots=True)
class Evidence:
    """What lies beside the database, and what of it does not fit.

    Args:
        data_dir: The folder, locked.
        heads: Its heads file.
        reporter: Names what is damaged.
        thorough: Doubt every space.
    """

    data_dir: Path
    heads: Heads
    reporter: Reporter
    thorough: bool
    folder: DamagedFolder = field(init=False)
    snapshots: SnapshotFolder = field(init=False)
    wal: WalReport = field(default=NO_WAL)
    crashed: bool = False
    """Whether a write-ahead log was left, which an orderly end removes."""
    anomalous: bool = False
    """Whether anything does not fit; then nothing is deleted."""
    faulty: list[int] = field(default_factory=list)
    """Numbers whose entry in the heads file cannot be read."""
    kept_wal: str = ""
    """Name of the copy of the write-ahead log, if one was made."""

    def __post_init__(self) -> None:
        self.folder = DamagedFolder(self.data_dir)
        self.snapshots = SnapshotFolder.read(self.data_dir / "snapshots")
        self.anomalous = self.thorough
        self._look_at_wal()
        self._look_at_heads()

    def keep_wal(self) -> None:
        """Copy the write-ahead log before SQLite overwrites what it does not read."""
        self.anomalous = True
        if self.crashed and not self.kept_wal:
            self.kept_wal = self.folder.copy(WAL)

    def kept(self, number: int) -> int:
        """Return the revision of a space that the heads file has; 0 if it has none."""
        head = self.heads.entries.get(number)
        return 0 if head is None else head.revision

    def _look_at_wal(self) -> None:
        path = self.data_dir / WAL
        if not path.exists():
            return
        file = os.open(path, os.O_RDONLY)
        try:
            self.crashed = os.fstat(file).st_size > 0
            self.wal = inspect_wal(file)
        finally:
            os.close(file)
        if self.wal.detail:
            self.keep_wal()

    def _look_at_heads(self) -> None:
        if not self.heads.faults:
            return
        self.anomalous = True
        kept = self.folder.copy("heads")
        self.faulty = [fault.number for fault in self.heads.faults]
        for number, offset, detail in self.heads.faults:
            self.reporter.tell(
                "heads", number=number, file="heads", offset=offset, detail=detail, kept=kept
            )
