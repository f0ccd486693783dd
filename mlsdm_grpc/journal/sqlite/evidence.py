"""Inspection of the files of a data folder before SQLite opens the database."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from mlsdm_grpc.journal.sqlite.damage import DamagedFolder, Reporter
from mlsdm_grpc.journal.sqlite.heads import Heads, HeadsFault
from mlsdm_grpc.journal.sqlite.lost_frames import Lost, read_lost
from mlsdm_grpc.journal.sqlite.salvage import WAL
from mlsdm_grpc.journal.sqlite.survey import SnapshotFolder
from mlsdm_grpc.journal.sqlite.wal import NO_WAL, WalReport, inspect_wal

__all__ = ["Evidence"]


@dataclass(slots=True)
class Evidence:
    """Findings about the files next to the database.

    Args:
        data_dir: Locked data folder.
        heads: Open heads file of the folder.
        reporter: Reporter of damage.
        thorough: True to read every space in full.
    """

    data_dir: Path
    heads: Heads
    reporter: Reporter
    thorough: bool
    folder: DamagedFolder = field(init=False)
    snapshots: SnapshotFolder = field(init=False)
    wal: WalReport = field(default=NO_WAL)
    lost: Lost = field(default_factory=Lost)
    """Records in those frames of the write-ahead log that SQLite does not read."""
    crashed: bool = False
    """True if a write-ahead log with content exists; a graceful stop removes it."""
    anomalous: bool = False
    """True if any file contradicts another one. Then nothing is deleted."""
    faulty: list[int] = field(default_factory=list)
    """Numbers of spaces whose entry in the heads file is unreadable."""
    kept_wal: str = ""
    """Name of the copy of the write-ahead log, or "" without a copy."""

    _kept_heads: str = ""

    def __post_init__(self) -> None:
        self.folder = DamagedFolder(self.data_dir)
        self.snapshots = SnapshotFolder.read(self.data_dir / "snapshots")
        self.anomalous = self.thorough
        self._look_at_wal()
        self._look_at_heads()

    def keep_wal(self) -> None:
        """Copy the write-ahead log, because SQLite overwrites the frames that it does not read."""
        self.anomalous = True
        if self.crashed and not self.kept_wal:
            self.kept_wal = self.folder.copy(WAL)

    @property
    def nothing_kept(self) -> bool:
        """True if no file shows that the journal ever had a space."""
        known = self.heads.entries or self.faulty or self.lost.revisions or self.wal.detail
        return not (known or self.snapshots.revisions)

    def kept(self, number: int) -> int:
        """Return the revision of a space in the heads file, or 0."""
        head = self.heads.entries.get(number)
        return 0 if head is None else head.revision

    def unsure(self, number: int) -> bool:
        """Return True if frames are lost and the heads file lacks the revision of the space."""
        known = number in self.heads.entries and number not in self.faulty
        return bool(self.lost.frames) and not known

    def _look_at_wal(self) -> None:
        path = self.data_dir / WAL
        if not path.exists():
            return
        file = os.open(path, os.O_RDONLY)
        try:
            self.crashed = os.fstat(file).st_size > 0
            self.wal = inspect_wal(file)
            self.lost = read_lost(file, self.wal)
        finally:
            os.close(file)
        if self.wal.detail:
            self.keep_wal()

    def _look_at_heads(self) -> None:
        self.report_heads_faults(self.heads.faults)

    def report_heads_faults(self, faults: list[HeadsFault]) -> None:
        """Report unreadable entries of the heads file, and keep a copy of the file."""
        if not faults:
            return
        self.anomalous = True
        self._kept_heads = self._kept_heads or self.folder.copy("heads")
        self.faulty += [fault.number for fault in faults]
        for number, offset, detail in faults:
            self.reporter.report(
                "heads",
                number=number,
                file="heads",
                offset=offset,
                detail=detail,
                kept=self._kept_heads,
            )
