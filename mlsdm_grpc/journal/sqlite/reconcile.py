"""Comparison of the database with the other files of the folder, and repair of differences."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import structlog

from mlsdm_grpc.core.model import semantics
from mlsdm_grpc.journal.files import snapshot_name
from mlsdm_grpc.journal.ledger import SpaceLedger
from mlsdm_grpc.journal.sqlite import schema, store
from mlsdm_grpc.journal.sqlite.damage import Damage
from mlsdm_grpc.journal.sqlite.evidence import Evidence
from mlsdm_grpc.journal.sqlite.heads import Head, HeadsFault
from mlsdm_grpc.journal.sqlite.salvage import DATABASE, WAL
from mlsdm_grpc.journal.sqlite.semantics_mark import check_mark, read_mark, write_mark
from mlsdm_grpc.journal.sqlite.survey import Survey, survey, verified_row

__all__ = ["Loaded", "Reconciled", "adjust", "find_suspects", "load", "reconcile", "sweep"]

# Maximum number of records of a space that has one commit only.
_NEW_RECORDS: Final = 2
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Loaded:
    """Content of the database."""

    spaces: dict[int, SpaceLedger]
    position: int
    number: int
    """Highest number of a space in any row."""
    known: dict[int, Damage]
    """Damage that earlier starts found, by number of the space."""
    stray: list[tuple[int, int, str]]
    """Number, revision and file name of manifest rows whose file name is wrong."""
    mark: int | None
    """Draft mark of the folder; see :mod:`mlsdm_grpc.journal.sqlite.semantics_mark`."""


@dataclass(slots=True)
class Reconciled:
    """Verified spaces, and the repairs to write."""

    spaces: list[SpaceLedger]
    """All spaces. Damaged ones have `damage`."""
    loaded: Loaded
    restored: list[SpaceLedger] = field(default_factory=list)
    """Spaces whose row is missing or wrong."""
    surveys: dict[int, Survey] = field(default_factory=dict)
    """Results for the spaces whose records were all read, by number."""


def load(connection: sqlite3.Connection, evidence: Evidence) -> Loaded:
    """Read the spaces from the database.

    Raises:
        Unavailable: The format of the database is unknown.
        PreconditionFailed: The spaces use a draft that this version does not know.
    """
    complete = schema.check_format(connection)
    # The mark in the heads file has a checksum, so it has precedence.
    mark = evidence.heads.draft
    mark = read_mark(connection) if mark is None else mark
    check_mark(connection, mark)
    spaces, position = schema.load_spaces(connection)
    gaps = schema.load_gaps(connection) if complete else {}
    for space in spaces:
        space.gaps = gaps.get(space.number, ())
    known = schema.load_damage(connection) if complete else {}
    number = schema.highest_number(connection)
    stray = store.stray_snapshots(connection)
    if not spaces and evidence.nothing_kept:
        mark = semantics.DRAFT
    return Loaded({space.number: space for space in spaces}, position, number, known, stray, mark)


def find_suspects(evidence: Evidence, loaded: Loaded) -> dict[int, str]:
    """Return the spaces whose records may be lost from the database, with the evidence for each."""
    found: dict[int, str] = {}
    evidence.report_heads_faults(_blank_heads(evidence, loaded))
    loaded.number = max(loaded.number, *evidence.lost.revisions, 0)
    numbers = {head.key: number for number, head in evidence.heads.entries.items()}
    for number, space in loaded.spaces.items():
        named = numbers.get(space.key, number) == number
        if named and evidence.snapshots.newest(number) > space.durable:
            found[number] = (
                f"A snapshot has a later revision than the last record ({space.durable})."
            )
        last = _last_given(evidence, space, loaded)
        if last > space.durable:
            found[number] = (
                f"The write-ahead log has lost frames, and the heads file has no last revision,"
                f" which is at most {last}."
            )
    for number, head in evidence.heads.entries.items():
        row = loaded.spaces.get(number)
        if row is None:
            found[number] = "The database lacks the row of the space."
        elif row.key != head.key:
            found[number] = "The database and the heads file have different names for the space."
        elif head.revision > row.durable:
            found[number] = (
                f"Revision {head.revision} was acknowledged, but the last one found is"
                f" {row.durable}."
            )
    return found


def _last_given(evidence: Evidence, space: SpaceLedger, loaded: Loaded) -> int:
    """Return an upper bound of a space's revisions, or 0 if the heads file has the revision."""
    if not evidence.unsure(space.number):
        return 0
    return evidence.lost.last(space.number, space.durable, loaded.position)


def _blank_heads(evidence: Evidence, loaded: Loaded) -> list[HeadsFault]:
    """Return a fault for each space without an entry in the heads file.

    A new space may lack an entry after a crash between the commit and the write of the entry. That
    is not a fault.
    """
    heads = evidence.heads
    if heads.created:
        return []
    newest = max(heads.entries, default=0)
    keys = {head.key for head in heads.entries.values()}
    return [
        heads.blank(number)
        for number, space in loaded.spaces.items()
        if space.durable and number not in heads.entries and number not in evidence.faulty
        if space.key not in keys
        if not (evidence.crashed and number > newest and space.durable <= _NEW_RECORDS)
    ]


def reconcile(
    connection: sqlite3.Connection, evidence: Evidence, loaded: Loaded, suspects: dict[int, str]
) -> Reconciled:
    """Determine the verified state of each space. Blocks.

    A name in the heads file has precedence, because it has a checksum. Names in the database have
    none.
    """
    spaces = dict(loaded.spaces)
    result = Reconciled([], loaded)
    for number in suspects:
        evidence.anomalous = True
        head, row = evidence.heads.entries.get(number), loaded.spaces.get(number)
        if head is not None and (row is None or row.key != head.key):
            spaces = {n: each for n, each in spaces.items() if each.key != head.key}
            spaces[number] = SpaceLedger(head.key, number, gaps=row.gaps if row is not None else ())
            result.restored.append(spaces[number])
    for number, space in spaces.items():
        if number in loaded.known and not evidence.thorough:
            _mark(evidence, space, loaded.known[number])
        elif number in suspects or evidence.thorough:
            found = result.surveys[number] = survey(connection, space, evidence.snapshots)
            _judge(evidence, space, found, loaded, suspects.get(number, ""))
    for number, revision, name in loaded.stray:
        evidence.anomalous = True
        detail = "The manifest has a wrong file name for the snapshot."
        evidence.reporter.report(
            "snapshot", number=number, revision=revision, file=name, detail=detail
        )
    result.spaces = list(spaces.values())
    return result


def _judge(
    evidence: Evidence, space: SpaceLedger, found: Survey, loaded: Loaded, detail: str
) -> None:
    """Mark a space whose records were all read as damaged if some are missing."""
    row, known = loaded.spaces.get(space.number), loaded.known.get(space.number)
    given = _last_given(evidence, row, loaded) if row is not None else 0
    newest = max(evidence.kept(space.number), found.newest, known.last_lost if known else 0, given)
    space.head = space.durable = newest
    if newest > found.readable or (row is not None and row.key != space.key):
        file = WAL if evidence.crashed else DATABASE
        detail = detail or f"The records after revision {found.readable} are missing."
        _mark(evidence, space, Damage(found.readable + 1, newest, file, detail))


def _mark(evidence: Evidence, space: SpaceLedger, damage: Damage) -> None:
    evidence.anomalous = True
    space.damage = damage
    space.head = space.durable = max(space.durable, damage.last_lost)
    evidence.reporter.report_space(space.key, damage)


def adjust(connection: sqlite3.Connection, evidence: Evidence, result: Reconciled) -> None:
    """Write the verified state to database, snapshot folder and heads file. Blocks."""
    damaged = {space.number: space.damage for space in result.spaces if space.damage is not None}
    connection.execute("BEGIN IMMEDIATE")
    schema.add_later_tables(connection)
    for space in result.restored:
        schema.replace_space(connection, space)
    for number, revision, _ in result.loaded.stray:
        store.remove_snapshot(connection, number, revision)
    if result.loaded.mark is not None:
        write_mark(connection, result.loaded.mark)
    for number, found in result.surveys.items():
        for bad in found.bad:
            store.remove_snapshot(connection, number, bad.revision)
        if found.adopted is not None:
            store.insert_snapshot(connection, number, found.adopted)
            _log.warning("snapshot_adopted", file=found.adopted.name)
    if damaged != result.loaded.known:
        schema.replace_damage(connection, result.spaces)
    connection.execute("COMMIT")
    for space in result.spaces:
        for bad in result.surveys[space.number].bad if space.number in result.surveys else ():
            kept = evidence.folder.move(f"snapshots/{bad.name}")
            evidence.reporter.report_snapshot(space.key, bad.revision, bad.name, bad.problem, kept)
    _follow(evidence, result.spaces)
    if result.loaded.mark not in {None, evidence.heads.draft}:
        evidence.heads.put_draft(result.loaded.mark)


def _follow(evidence: Evidence, spaces: Iterable[SpaceLedger]) -> None:
    """Raise the entries of the heads file to the known revisions. An entry never decreases."""
    heads = evidence.heads
    behind = []
    for space in spaces:
        head = heads.entries.get(space.number)
        lower = head is None or head.revision < space.durable
        if space.durable and (lower or space.number in evidence.faulty):
            position = head.position if head is not None else 0
            behind.append(Head(space.number, space.key, space.durable, position))
    if not behind and not heads.faults and not heads.created:
        return
    if behind:
        created = heads.created
        _log.warning("heads_created" if created else "heads_behind", spaces=len(behind))
    heads.restore(behind)


def sweep(
    connection: sqlite3.Connection, evidence: Evidence, spaces: Iterable[SpaceLedger]
) -> dict[int, list[str]]:
    """Handle snapshot files without a manifest row.

    Temporary files are removed, or moved to ``damaged/`` if any check failed. A newer snapshot
    whose row was not written gets a row. Nothing else is removed at a start.

    Returns:
        Names of older snapshots, by number of the space. The next snapshot of the space removes
        them.
    """
    names = store.list_names(connection)
    known = {space.number: space for space in spaces}
    for name in evidence.snapshots.others:
        if evidence.anomalous:
            evidence.folder.move(f"snapshots/{name}")
        else:
            (evidence.snapshots.path / name).unlink(missing_ok=True)
    older: dict[int, list[str]] = {}
    for number, revisions in evidence.snapshots.revisions.items():
        strays = [each for each in revisions if snapshot_name(number, each) not in names]
        if number not in known and strays:
            _log.warning("snapshots_without_space", number=number, revisions=strays)
        elif strays and not evidence.anomalous:
            older[number] = _stray_snapshots(connection, evidence, known[number], strays)
    return older


def _stray_snapshots(
    connection: sqlite3.Connection, evidence: Evidence, space: SpaceLedger, strays: list[int]
) -> list[str]:
    """Add newer snapshots to the manifest, and return the names of older ones."""
    rows = store.list_snapshots(connection, space.number)
    newest = rows[0].revision if rows else 0
    older = [snapshot_name(space.number, each) for each in strays if each < newest]
    for revision in (each for each in reversed(strays) if each > newest):
        row = verified_row(evidence.snapshots.path, space.number, revision)
        if row is not None:
            older += store.insert_snapshot(connection, space.number, row)
            continue
        name, problem = snapshot_name(space.number, revision), "The file is incomplete."
        kept = evidence.folder.move(f"snapshots/{name}")
        evidence.reporter.report_snapshot(space.key, revision, name, problem, kept)
    return older
