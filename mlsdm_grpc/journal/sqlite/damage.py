"""Damage of a data folder: its description, its log events, and the folder for damaged files.

Damaged data are never deleted. A file is kept in ``damaged/<time>/`` before it is replaced or
overwritten. Calls to a damaged space get ``DataLoss`` until ``mlsdm recover`` accepts the loss.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import structlog

from mlsdm_grpc import errors
from mlsdm_grpc.file_sync import sync_directory
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.value_classes import value_class

__all__ = ["Damage", "DamagedFolder", "OnDamage", "Reporter", "data_loss"]

OnDamage = Callable[[str], None]
"""Callback for each detected damage, with its kind.

Kinds are ``wal``, ``heads``, ``database``, ``space``, ``snapshot`` and ``record``.
"""
_log = structlog.get_logger(__name__)


@value_class
class Damage:
    """Unreadable revisions of one space.

    The state before ``first_lost`` is intact, unless the record that created the space is lost.
    """

    first_lost: int
    last_lost: int
    """Last unreadable revision; below ``first_lost`` if only the name of the space is uncertain."""
    file: str
    """File that should contain the revisions, by its name within the data folder."""
    detail: str
    """Sentence about the evidence for the loss."""


def data_loss(key: SpaceKey, damage: Damage) -> errors.DataLoss:
    """Return the error for every call to a damaged space."""
    return errors.DataLoss(
        f"The space is damaged: revisions {damage.first_lost} to {damage.last_lost} cannot be read"
        f" from {damage.file}. Restore the data folder from a backup, or stop the server and run"
        " mlsdm recover.",
        metadata={
            "space": key.space,
            "revision": str(damage.first_lost),
            "last_revision": str(damage.last_lost),
            "file": damage.file,
        },
    )


class Reporter:
    """Reporter that logs and counts each damage once.

    Args:
        on_damage: Callback for each damage, with its kind.
    """

    def __init__(self, on_damage: OnDamage | None = None) -> None:
        self._on_damage = on_damage
        self._reported: set[tuple[object, ...]] = set()
        self._failed = False

    def report(self, kind: str, **fields: object) -> None:
        """Log a damage unless it was logged before."""
        fields = {name: value for name, value in fields.items() if value is not None}
        key = kind, *sorted((name, str(value)) for name, value in fields.items())
        if key in self._reported:
            return
        self._reported.add(key)
        _log.error("journal_damaged", kind=kind, **fields)
        if self._on_damage is not None:
            self._on_damage(kind)

    def report_failure(self, detail: str) -> None:
        """Log once that writes stay impossible until the journal is opened again."""
        if not self._failed:
            self._failed = True
            _log.error("journal_failed", detail=detail)

    def report_space(self, key: SpaceKey, damage: Damage) -> None:
        """Log a damaged space."""
        self.report(
            "space",
            tenant=key.tenant,
            space=key.space,
            revision=damage.first_lost,
            last_revision=damage.last_lost,
            file=damage.file,
            detail=damage.detail,
        )

    def report_snapshot(
        self, key: SpaceKey, revision: int, name: str, problem: str, kept: str
    ) -> None:
        """Log an unusable snapshot."""
        self.report(
            "snapshot",
            tenant=key.tenant,
            space=key.space,
            revision=revision,
            file=f"snapshots/{name}",
            detail=problem,
            kept=kept,
        )


class DamagedFolder:
    """Folder ``damaged/`` of a data folder. Each start of the server uses a new subfolder."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        self._path = data_dir / "damaged" / stamp

    def copy(self, name: str) -> str:
        """Copy a file of the data folder; return the name of the copy, or "" for an absent file.

        The file must not be the database: the locks of SQLite would be lost when the copied file is
        closed.
        """
        return self._keep(name, _copy)

    def link(self, name: str) -> str:
        """Make a hard link to a file that will be replaced; return its name, or "" if absent."""
        return self._keep(name, _link)

    def move(self, name: str) -> str:
        """Move a file of the data folder here; return its new name, or "" for an absent file."""
        return self._keep(name, _move)

    def _keep(self, name: str, how: Callable[[Path, Path], None]) -> str:
        source = self._data_dir / name
        if not source.exists():
            return ""
        target = self._free(name)
        how(source, target)
        return self._made(target)

    def _free(self, name: str) -> Path:
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        base = self._path / Path(name).name
        target, serial = base, 1
        while target.exists():
            serial += 1
            target = base.with_name(f"{base.name}.{serial}")
        return target

    def _made(self, target: Path) -> str:
        for folder in (self._path, self._path.parent, self._data_dir):
            sync_directory(folder)
        return str(target.relative_to(self._data_dir))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    _sync(target)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # Some file systems have no hard links.
        _copy(source, target)


def _move(source: Path, target: Path) -> None:
    source.rename(target)
    sync_directory(source.parent)
