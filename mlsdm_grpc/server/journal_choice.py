"""Selection of the journal of a server, and the time of its newest record."""

from __future__ import annotations

import contextlib
from collections import deque
from typing import assert_never

from mlsdm_grpc.config import JournalKind, Settings
from mlsdm_grpc.core.model.semantics import SemanticsUnknown
from mlsdm_grpc.errors import MlsdmError
from mlsdm_grpc.journal.codec.records import decode_record
from mlsdm_grpc.journal.memory_journal import MemoryJournal
from mlsdm_grpc.journal.protocol import Journal
from mlsdm_grpc.journal.sqlite.sqlite_journal import SqliteJournal
from mlsdm_grpc.observability.metrics import Metrics

__all__ = ["newest_record_ns", "open_journal"]


def open_journal(settings: Settings, metrics: Metrics, commit_s: deque[float]) -> Journal:
    """Return the journal that the settings select. It is not open yet.

    Args:
        settings: All settings.
        metrics: Metrics of commits and damage.
        commit_s: Receives the duration of each commit, seconds.
    """
    match settings.journal.kind:
        case JournalKind.MEMORY:
            return MemoryJournal()
        case JournalKind.SQLITE:
            return _sqlite(settings, metrics, commit_s)
        case kind:
            assert_never(kind)


def _sqlite(settings: Settings, metrics: Metrics, commit_s: deque[float]) -> SqliteJournal:
    def on_commit(records: int, seconds: float) -> None:
        metrics.journal_commit_records.observe(records)
        metrics.journal_commit_seconds.observe(seconds)
        commit_s.append(seconds)

    def on_damage(kind: str) -> None:
        metrics.journal_damage.labels(kind).inc()

    folder, upgrades = settings.journal.data_dir, settings.space.upgrade_semantics
    return SqliteJournal(folder, on_commit=on_commit, on_damage=on_damage, upgrades=upgrades)


async def newest_record_ns(journal: Journal) -> int:
    """Return the time of the newest record, Unix nanoseconds; 0 without a readable record."""
    # An unreadable record is reported when its space is loaded.
    with contextlib.suppress(MlsdmError, SemanticsUnknown):
        newest = await journal.newest()
        return decode_record(newest.payload).time_ns if newest else 0
    return 0
