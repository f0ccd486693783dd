"""The mark of a data folder: its writers, its effects, and its protection."""

import asyncio
import sqlite3
from contextlib import closing, contextmanager

import pytest

from mlsdm_grpc.core.model import semantics
from mlsdm_grpc.core.model.bodies import AcceptLoss, CreateSpace, DeleteMemory, UpgradeSemantics
from mlsdm_grpc.core.model.parameters import SpaceParameters
from mlsdm_grpc.core.model.record import Record
from mlsdm_grpc.errors import PreconditionFailed
from mlsdm_grpc.journal.codec.records import decode_record, encode_record, version_after
from mlsdm_grpc.journal.memory_journal import MemoryJournal
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.journal.sqlite.damage import Reporter
from mlsdm_grpc.journal.sqlite.heads import Heads
from mlsdm_grpc.journal.sqlite.opening import foreseen_version, take_over
from mlsdm_grpc.journal.sqlite.recovery import recovering
from mlsdm_grpc.journal.sqlite.sqlite_journal import SqliteJournal

pytestmark = pytest.mark.anyio

A, B = SpaceKey("tenant", "a"), SpaceKey("tenant", "b")
CURE = "Start the server version that wrote it, export its spaces, and import them"


def record(revision, version, body=None):
    body = body or CreateSpace(SpaceParameters(dimension=4))
    return encode_record(Record(revision, 0, bytes(16), revision, body, semantics_version=version))


async def journal_of(folder, **options):
    journal = SqliteJournal(folder, **options)
    await journal.open()
    return journal


async def closed(folder, **options):
    """Open and close a folder; return which rules its new spaces get."""
    journal = await journal_of(folder, **options)
    version = journal.new_spaces_version
    await journal.close()
    return version


@contextmanager
def database(folder):
    with closing(sqlite3.connect(folder / "journal.sqlite3")) as connection, connection:
        yield connection


def mark_of(folder):
    with database(folder) as connection:
        query = "SELECT value FROM meta WHERE key = 'semantics_draft'"
        return connection.execute(query).fetchone()


def unmark(folder):
    """Make the folder one that never had a mark."""
    with database(folder) as connection:
        connection.execute("DELETE FROM meta WHERE key = 'semantics_draft'")
    (folder / "heads").unlink()


async def old_folder(folder, *versions):
    """Leave a folder without a mark that has a space whose records are of these versions."""
    journal = await journal_of(folder)
    for revision, version in enumerate(versions, start=1):
        await journal.append(A, [record(revision, version)], expected=revision - 1)
    await journal.close()
    await asyncio.to_thread(unmark, folder)
    return folder


async def foreseen(folder):
    return await asyncio.to_thread(foreseen_version, folder)


def accept_loss(folder):
    """Accept the loss of the one damaged space of a folder."""
    with recovering(folder) as recovery:
        (lost,) = recovery.damaged
        recovery.accept(lost)


def heads_of(folder):
    heads = Heads(folder / "heads")
    heads.close()
    return heads


def unmark_heads(folder):
    heads = Heads(folder / "heads")
    heads.draft = None
    heads.restore(list(heads.entries.values()))
    heads.close()


def files(folder):
    """Return the content of a folder, without the empty files that reading a database creates."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.stat().st_size and not path.name.endswith("-shm")
    }


async def test_a_journal_in_memory_has_the_newest_rules():
    assert MemoryJournal().new_spaces_version == semantics.newest()


async def test_a_new_folder_is_marked_and_has_the_newest_rules(tmp_path):
    assert await closed(tmp_path) == semantics.newest()
    assert mark_of(tmp_path) == (semantics.DRAFT,)
    assert await closed(tmp_path) == semantics.newest()


async def test_a_folder_to_which_nothing_was_written_counts_as_new(tmp_path):
    await closed(tmp_path)
    await asyncio.to_thread(unmark, tmp_path)
    assert await foreseen(tmp_path) == semantics.newest()
    assert await closed(tmp_path) == semantics.newest()
    assert mark_of(tmp_path) == (semantics.DRAFT,)


async def test_an_old_folder_stays_without_a_mark(tmp_path):
    folder = await old_folder(tmp_path, 1, 1)
    for _ in range(2):
        assert await foreseen(folder) == semantics.oldest()
        assert await closed(folder) == semantics.oldest()
        assert mark_of(folder) is None


async def test_an_old_folder_is_marked_where_its_spaces_may_be_upgraded(tmp_path, logs):
    folder = await old_folder(tmp_path, 1, 1)
    assert await closed(folder, upgrades=True) == semantics.newest()
    assert [line["draft"] for line in logs.events("semantics_draft_recorded")] == [semantics.DRAFT]
    assert mark_of(folder) == (semantics.DRAFT,)
    assert await closed(folder) == semantics.newest()


async def test_the_mark_is_durable_before_a_record_can_be_written(tmp_path):
    """The state after a kill right after the takeover is marked."""
    folder = await old_folder(tmp_path / "data", 1)
    opened = await asyncio.to_thread(
        take_over, folder, sqlite3.Connection, Reporter(), upgrades=True
    )
    killed = tmp_path / "killed"
    killed.mkdir()
    for name in ("journal.sqlite3", "journal.sqlite3-wal"):
        (killed / name).write_bytes((folder / name).read_bytes())
    opened.connection.close()
    opened.release()
    assert await closed(killed) == semantics.newest()


@pytest.mark.parametrize("upgrades", [False, True])
async def test_another_draft_is_refused_and_the_cure_is_named(tmp_path, monkeypatch, upgrades):
    journal = await journal_of(tmp_path)
    await journal.append(A, [record(1, semantics.newest())], expected=0)
    await journal.close()
    monkeypatch.setattr(semantics, "DRAFT", semantics.DRAFT + 1)
    before = await asyncio.to_thread(files, tmp_path)
    for _ in range(2):
        with pytest.raises(PreconditionFailed) as caught:
            await journal_of(tmp_path, upgrades=upgrades)
        error = caught.value
        assert error.reason == "SEMANTICS_UNSUPPORTED"
        expected = {"actual": str(semantics.DRAFT - 1), "expected": str(semantics.DRAFT)}
        assert error.metadata == {**expected, "data_dir": str(tmp_path)}
        assert f"draft {semantics.DRAFT - 1} of" in error.message
        assert CURE in error.message
    with pytest.raises(PreconditionFailed, match=CURE):
        await asyncio.to_thread(accept_loss, tmp_path)
    with pytest.raises(PreconditionFailed, match=CURE):
        await foreseen(tmp_path)
    assert await asyncio.to_thread(files, tmp_path) == before
    monkeypatch.undo()
    assert await closed(tmp_path) == semantics.newest()


@pytest.mark.parametrize("upgrades", [False, True])
@pytest.mark.parametrize("versions", [(2,), (1, 2), (1, "upgrade"), (2, "long")])
async def test_spaces_of_an_unknown_draft_are_refused(tmp_path, versions, upgrades):
    bodies = {
        "upgrade": record(2, 1, UpgradeSemantics(2)),
        "long": record(2, 2, DeleteMemory("m" * 300)),
    }
    journal = await journal_of(tmp_path)
    await journal.append(B, [record(1, 1)], expected=0)
    for revision, version in enumerate(versions, start=1):
        raw = bodies.get(version) or record(revision, version)
        await journal.append(A, [raw], expected=revision - 1)
    await journal.close()
    await asyncio.to_thread(unmark, tmp_path)
    for attempt in (lambda: closed(tmp_path, upgrades=upgrades), lambda: closed(tmp_path)):
        with pytest.raises(PreconditionFailed, match="of an unknown draft") as caught:
            await attempt()
        assert CURE in caught.value.message
        assert caught.value.metadata["actual"] == "none"
    with pytest.raises(PreconditionFailed):
        await foreseen(tmp_path)
    assert mark_of(tmp_path) is None


def test_the_version_behind_a_record_is_seen_from_its_start():
    long = record(2, 2, DeleteMemory("m" * 300))
    assert version_after(long[:256], len(long)) == 2
    assert version_after(record(2, 1), len(record(2, 1))) == 1
    upgrade = record(2, 1, UpgradeSemantics(2))
    assert version_after(upgrade, len(upgrade)) == 2
    unknown = record(2, 7)
    assert version_after(unknown, len(unknown)) == 7
    for junk in (b"", b"1", b"\x01", bytes(300)):
        assert version_after(junk[:256], len(junk)) == 0


def damage(folder):
    """Damage a database of some pages, and leave a log, so that its structure is checked."""
    with (folder / "journal.sqlite3").open("r+b") as file:
        file.seek(8 * 4_096)
        file.write(bytes(4_096))
    (folder / "journal.sqlite3-wal").write_bytes(b"torn")


async def test_a_damaged_folder_of_another_draft_is_left_as_it_is(tmp_path, monkeypatch):
    journal = await journal_of(tmp_path)
    for revision in range(1, 400):
        raw = record(revision, 2, DeleteMemory("m" * 200))
        await journal.append(A, [raw], expected=revision - 1)
    await journal.close()
    damage(tmp_path)
    before = await asyncio.to_thread(files, tmp_path)
    monkeypatch.setattr(semantics, "DRAFT", semantics.DRAFT + 1)
    with pytest.raises(PreconditionFailed, match=CURE):
        await journal_of(tmp_path)
    assert await asyncio.to_thread(files, tmp_path) == before


@pytest.mark.parametrize("kept", ["database", "heads"])
async def test_a_salvaged_database_keeps_the_mark(tmp_path, logs, kept):
    journal = await journal_of(tmp_path)
    for revision in range(1, 400):
        raw = record(revision, 2, DeleteMemory("m" * 200))
        await journal.append(A, [raw], expected=revision - 1)
    await journal.close()
    if kept == "heads":
        with database(tmp_path) as connection:
            connection.execute("DELETE FROM meta WHERE key = 'semantics_draft'")
    else:
        await asyncio.to_thread(unmark_heads, tmp_path)
    damage(tmp_path)
    assert await closed(tmp_path) == semantics.newest()
    assert logs.events("journal_salvaged")
    assert mark_of(tmp_path) == (semantics.DRAFT,)


async def test_the_heads_file_tells_the_mark_that_the_database_has_lost(tmp_path):
    journal = await journal_of(tmp_path)
    await journal.append(A, [record(1, 2)], expected=0)
    await journal.close()
    with database(tmp_path) as connection:
        connection.execute("DELETE FROM meta WHERE key = 'semantics_draft'")
    assert await foreseen(tmp_path) == semantics.newest()
    assert await closed(tmp_path) == semantics.newest()
    assert mark_of(tmp_path) == (semantics.DRAFT,)


async def test_a_mark_that_is_damaged_in_the_database_is_the_one_of_the_heads_file(tmp_path):
    await closed(tmp_path)
    with database(tmp_path) as connection:
        connection.execute("UPDATE meta SET value = 77 WHERE key = 'semantics_draft'")
    assert await closed(tmp_path) == semantics.newest()
    assert mark_of(tmp_path) == (semantics.DRAFT,)


@pytest.mark.parametrize("damage", ["gone", "blank", "torn"])
async def test_the_database_tells_the_mark_that_the_heads_file_has_lost(tmp_path, damage):
    journal = await journal_of(tmp_path)
    await journal.append(A, [record(1, 2)], expected=0)
    await journal.close()
    path = tmp_path / "heads"
    if damage == "gone":
        path.unlink()
    else:
        page = {"blank": bytes(4_096), "torn": path.read_bytes()[:9] + bytes(4_087)}[damage]
        path.write_bytes(page + path.read_bytes()[4_096:])
    assert await closed(tmp_path) == semantics.newest()
    heads = await asyncio.to_thread(heads_of, tmp_path)
    assert (heads.draft, heads.faults) == (semantics.DRAFT, [])


async def test_a_copy_of_the_folder_has_the_mark(tmp_path):
    await closed(tmp_path / "data")
    (tmp_path / "data").rename(tmp_path / "elsewhere")
    assert await closed(tmp_path / "elsewhere") == semantics.newest()


@pytest.mark.parametrize(("mark", "version"), [(True, 2), (False, 1)])
async def test_a_loss_is_accepted_under_the_rules_of_the_folder(tmp_path, mark, version):
    """A space without remaining data gets the rules of the record that accepts the loss."""
    journal = await journal_of(tmp_path)
    await journal.append(A, [record(1, version)], expected=0)
    await journal.append(B, [record(1, version)], expected=0)
    await journal.close()
    with database(tmp_path) as connection:
        connection.execute("DELETE FROM records WHERE space_id = 1")
        if not mark:
            connection.execute("DELETE FROM meta WHERE key = 'semantics_draft'")
    if not mark:
        await asyncio.to_thread(unmark_heads, tmp_path)
    await asyncio.to_thread(accept_loss, tmp_path)
    journal = await journal_of(tmp_path)
    found = [decode_record(e.payload) async for es in journal.read(A, after=0) for e in es]
    assert [(type(each.body), each.semantics_version) for each in found] == [(AcceptLoss, version)]
    assert journal.new_spaces_version == version
    await journal.close()
