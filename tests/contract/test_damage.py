"""Damaged data folders: reports, served spaces, and recovery."""

import asyncio
import os
import shutil
import sqlite3

import anyio
import pytest
from journal_doubles import opened_folder

from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.errors import DataLoss, InvalidInput, Unavailable
from mlsdm_grpc.journal.codec.snapshots import snapshot_bytes
from mlsdm_grpc.journal.protocol import ListedSpace, SpaceKey
from mlsdm_grpc.journal.sqlite.recovery import recovering
from mlsdm_grpc.journal.sqlite.sqlite_journal import SqliteJournal

pytestmark = pytest.mark.anyio

A, B, C = (SpaceKey("tenant", name) for name in "abc")
DATABASE, WAL = "journal.sqlite3", "journal.sqlite3-wal"
FRAME = 24 + 4_096


async def fill(journal, key, count, expected=0):
    for i in range(expected, expected + count):
        await journal.append(key, [f"{key.space}{i + 1}".encode() * 50], expected=i)


async def read(journal, key, after=0):
    return [entry.revision async for batch in journal.read(key, after=after) for entry in batch]


async def snapshot(journal, key, revision):
    """Save a snapshot that can be verified."""
    path = journal.scratch_path()
    await anyio.Path(path).write_bytes(snapshot_bytes(Mind(revision=revision, semantics_version=1)))
    return await journal.save_snapshot(key, revision=revision, path=path)


async def left(folder, target):
    """Copy the folder of an open journal, as a kill would leave it."""
    await asyncio.to_thread(shutil.copytree, folder, target)
    return target


async def filled(tmp_path, *, snapshots=()):
    """Return a folder that a kill left: A, B and C with 30 records each, all in the log."""
    async with opened_folder(tmp_path / "first") as journal:
        for key in (A, B, C):
            await fill(journal, key, 30)
        for revision in snapshots:
            await snapshot(journal, A, revision)
        return await left(tmp_path / "first", tmp_path / "left")


def change(path, offset, data=None):
    """Flip a bit of a file, or overwrite a part."""
    with path.open("r+b") as file:
        file.seek(offset)
        found = file.read(1)
        file.seek(offset)
        file.write(data if data is not None else bytes([found[0] ^ 1]))


def damaged_files(folder):
    return sorted(path.name for path in (folder / "damaged").rglob("*") if path.is_file())


async def accept(folder, *names):
    """Accept the losses of these spaces; return their revisions and the earlier damage."""

    def work():
        with recovering(folder) as recovery:
            damaged = recovery.damaged
            return {each.key: recovery.accept(each) for each in recovery.choose(names)}, damaged

    return await asyncio.to_thread(work)


async def refuses_everything(journal, key, revision):
    """Every call to a damaged space is refused by name."""
    calls = (
        lambda: journal.append(key, [b"x"], expected=30),
        lambda: journal.head(key),
        lambda: journal.load_snapshot(key),
        lambda: read(journal, key),
        lambda: journal.trim(key, until=1),
        lambda: journal.erase(key, until=1),
        lambda: snapshot(journal, key, 1),
    )
    for call in calls:
        with pytest.raises(DataLoss) as caught:
            await call()
        assert caught.value.metadata["space"] == key.space
        assert caught.value.metadata["revision"] == str(revision)
        assert caught.value.metadata["file"]


async def test_a_damaged_log_damages_the_spaces_behind_and_no_other(tmp_path, logs):
    folder = await filled(tmp_path)
    size = (folder / WAL).stat().st_size
    change(folder / WAL, 32 + (size // FRAME - 20) * FRAME + 2_000)  # among the last ones of C
    kinds = []
    async with opened_folder(folder, on_damage=kinds.append) as journal:
        assert await read(journal, A) == await read(journal, B) == list(range(1, 31))
        await fill(journal, A, 1, expected=30)
        (line,) = [line for line in logs.events("journal_damaged") if line["kind"] == "space"]
        assert (line["tenant"], line["space"], line["last_revision"]) == ("tenant", "c", 30)
        assert line["file"] == WAL
        await refuses_everything(journal, C, line["revision"])
        assert await journal.spaces("tenant", after=0, limit=9) == [
            ListedSpace(1, "a"),
            ListedSpace(2, "b"),
            ListedSpace(3, "c"),
        ]
    (line,) = [line for line in logs.events("journal_damaged") if line["kind"] == "wal"]
    assert line["offset"] == 32 + (size // FRAME - 20) * FRAME
    assert damaged_files(folder).count(WAL) >= 1
    assert sorted(kinds) == ["space", "wal"]


async def test_a_start_after_that_names_it_again_and_copies_nothing(tmp_path, logs):
    folder = await filled(tmp_path)
    change(folder / WAL, 32 + 100 * FRAME)
    async with opened_folder(folder):
        pass
    files, named = damaged_files(folder), len(logs.events("journal_damaged"))
    async with opened_folder(folder) as journal:
        with pytest.raises(DataLoss):
            await journal.head(C)
    assert damaged_files(folder) == files
    assert len(logs.events("journal_damaged")) > named


async def test_a_last_record_that_is_missing_is_noticed(tmp_path, logs):
    folder = await filled(tmp_path)
    os.truncate(folder / WAL, (folder / WAL).stat().st_size - FRAME)
    async with opened_folder(folder) as journal:
        await refuses_everything(journal, C, 30)
        assert await read(journal, B) == list(range(1, 31))
    assert logs.events("journal_damaged")


async def test_what_was_not_acknowledged_is_a_torn_tail(tmp_path, logs):
    folder = await filled(tmp_path)
    heads = (folder / "heads").read_bytes()
    shutil.rmtree(folder)
    async with opened_folder(tmp_path / "first") as journal:
        await fill(journal, C, 1, expected=30)
        folder = await left(tmp_path / "first", tmp_path / "left")
    (folder / "heads").write_bytes(heads)  # as if the record had not been acknowledged
    change(folder / WAL, (folder / WAL).stat().st_size - 100)
    async with opened_folder(folder) as journal:
        assert await read(journal, C) == list(range(1, 31))
        await fill(journal, C, 1, expected=30)
    assert logs.events("journal_damaged") == []
    assert logs.events("journal_tail_dropped")


async def test_an_intact_record_above_the_head_is_there_and_the_head_follows(tmp_path, logs):
    folder = await filled(tmp_path)
    heads = (folder / "heads").read_bytes()
    shutil.rmtree(folder)
    async with opened_folder(tmp_path / "first") as journal:
        await fill(journal, A, 3, expected=30)
        folder = await left(tmp_path / "first", tmp_path / "left")
    (folder / "heads").write_bytes(heads)
    async with opened_folder(folder) as journal:
        assert await read(journal, A) == list(range(1, 34))
        again = await left(folder, tmp_path / "again")
    os.truncate(again / WAL, 0)
    async with opened_folder(again) as journal:
        with pytest.raises(DataLoss) as caught:
            await journal.head(A)
        assert caught.value.metadata["last_revision"] == "33"
    assert logs.events("heads_behind")


async def test_a_folder_without_heads_gets_them(tmp_path, logs):
    folder = await filled(tmp_path)
    (folder / "heads").unlink()
    async with opened_folder(folder) as journal:
        assert await read(journal, A) == list(range(1, 31))
        again = await left(folder, tmp_path / "again")
    os.truncate(again / WAL, 0)
    async with opened_folder(again) as journal:
        with pytest.raises(DataLoss):
            await journal.head(A)
    assert logs.events("heads_created")


async def test_damaged_heads_are_named_and_made_anew(tmp_path, logs):
    folder = await filled(tmp_path)
    change(folder / "heads", 4_096 + 256 + 10)
    async with opened_folder(folder) as journal:
        assert await read(journal, B) == list(range(1, 31))
    (line,) = logs.events("journal_damaged")
    assert (line["kind"], line["number"], line["file"]) == ("heads", 2, "heads")
    assert damaged_files(folder) == ["heads"]
    async with opened_folder(folder):
        assert len(logs.events("journal_damaged")) == 1


async def test_a_snapshot_that_the_log_forgot_is_adopted(tmp_path, logs):
    folder = await filled(tmp_path, snapshots=(10, 30))
    change(folder / WAL, 32 + 30 * FRAME)  # before the manifest row
    async with opened_folder(folder) as journal:
        assert (await journal.load_snapshot(A)).revision == 30
        assert await journal.head(A) == 30
        await fill(journal, A, 2, expected=30)
        assert await read(journal, A, after=30) == [31, 32]
        with pytest.raises(DataLoss):
            await journal.head(B)
    assert logs.events("snapshot_adopted")


async def test_a_snapshot_that_cannot_be_verified_is_kept_and_damages_its_space(tmp_path):
    folder = await filled(tmp_path, snapshots=(10, 30))
    change(folder / WAL, 32 + 30 * FRAME)
    change(folder / "snapshots" / "1-30.snap", 20)
    async with opened_folder(folder) as journal:
        with pytest.raises(DataLoss) as caught:
            await journal.head(A)
        assert caught.value.metadata["last_revision"] == "30"
    assert "1-30.snap" in damaged_files(folder)


async def test_a_damaged_snapshot_is_named_and_kept(tmp_path, logs):
    kinds = []
    async with opened_folder(tmp_path, on_damage=kinds.append) as journal:
        await fill(journal, A, 30)
        await snapshot(journal, A, 10)
        await snapshot(journal, A, 20)
        change(tmp_path / "snapshots" / "1-20.snap", 20)
        assert (await journal.load_snapshot(A)).revision == 10
        assert (await journal.load_snapshot(A)).revision == 10
    assert damaged_files(tmp_path) == ["1-20.snap"]
    (line,) = logs.events("journal_damaged")
    assert (line["space"], line["revision"], line["file"]) == ("a", 20, "snapshots/1-20.snap")
    assert kinds == ["snapshot"]


async def test_a_snapshot_that_cannot_be_read_now_is_not_damaged(tmp_path, monkeypatch):
    async with opened_folder(tmp_path) as journal:
        await fill(journal, A, 30)
        await snapshot(journal, A, 10)

        def fail(*_):
            raise OSError(5, "Input/output error")

        monkeypatch.setattr("mlsdm_grpc.journal.files.hashlib.file_digest", fail)
        with pytest.raises(Unavailable) as caught:
            await journal.load_snapshot(A)
        assert "Input/output error" in caught.value.metadata["detail"]
        monkeypatch.undo()
        assert (await journal.load_snapshot(A)).revision == 10
    assert not (tmp_path / "damaged").exists()


def rows_changed(folder, statement):
    connection = sqlite3.connect(folder / DATABASE)
    with connection:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE spaces SET space = 'b2' WHERE space = 'b'",
        "UPDATE spaces SET id = 7 WHERE space = 'b'",
        "DELETE FROM spaces WHERE space = 'b'",
    ],
)
async def test_the_name_of_a_space_is_not_taken_from_a_damaged_row(tmp_path, statement):
    async with opened_folder(tmp_path) as journal:
        for key in (A, B, C):
            await fill(journal, key, 5)
    await asyncio.to_thread(rows_changed, tmp_path, statement)
    async with opened_folder(tmp_path) as journal:
        listed = await journal.spaces("tenant", after=0, limit=9)
        assert [each.space for each in listed] == ["a", "b", "c"]
        assert await journal.head(SpaceKey("tenant", "b2")) == 0
        if "b2" in statement:
            with pytest.raises(DataLoss):
                await journal.head(B)
        else:
            assert await read(journal, B) == list(range(1, 6))
        assert await read(journal, A) == await read(journal, C) == list(range(1, 6))
        await fill(journal, SpaceKey("tenant", "d"), 1)
        assert (await journal.spaces("tenant", after=3, limit=9))[0].space == "d"


async def test_a_manifest_row_that_names_another_file_does_not_count(tmp_path, logs):
    async with opened_folder(tmp_path) as journal:
        await fill(journal, A, 30)
        await snapshot(journal, A, 10)
    statement = "UPDATE snapshots SET revision = 99 WHERE revision = 10"
    await asyncio.to_thread(rows_changed, tmp_path, statement)
    async with opened_folder(tmp_path) as journal:
        assert await journal.head(A) == 30
        assert await read(journal, A) == list(range(1, 31))
    assert logs.events("journal_damaged")[0]["kind"] == "snapshot"
    async with opened_folder(tmp_path) as journal:
        assert (await journal.load_snapshot(A)).revision == 10


async def test_a_database_without_its_first_page_is_salvaged(tmp_path, logs):
    async with opened_folder(tmp_path) as journal:
        for key in (A, B, C):
            await fill(journal, key, 30)
        await snapshot(journal, A, 20)
    change(tmp_path / DATABASE, 0, bytes(4_096))
    async with opened_folder(tmp_path) as journal:
        for key in (A, B, C):
            assert await read(journal, key) == list(range(1, 31))
        assert (await journal.load_snapshot(A)).revision == 20
        await fill(journal, A, 1, expected=30)
    assert logs.events("journal_salvaged")[0]["records"] == 90
    assert damaged_files(tmp_path) == [DATABASE]


async def test_a_page_that_cannot_be_read_takes_nothing_else_along(tmp_path):
    async with opened_folder(tmp_path) as journal:
        for key in (A, B, C):
            await fill(journal, key, 200)
    size = (tmp_path / DATABASE).stat().st_size
    change(tmp_path / DATABASE, size - 4_096, bytes(4_096))
    before = (tmp_path / DATABASE).stat().st_ino
    async with opened_folder(tmp_path) as journal:  # it was left in order, so nothing is checked
        results = []
        for key in (A, B, C):
            try:
                results.append(await read(journal, key) == list(range(1, 201)))
            except DataLoss as error:
                results.append(error.metadata["space"])
        assert all(result in {True, "a", "b", "c"} for result in results)
    await accept(tmp_path, "all")
    assert (tmp_path / DATABASE).stat().st_ino != before
    async with opened_folder(tmp_path) as journal:
        for key in (A, B, C):
            await read(journal, key)
            assert await journal.head(key) >= 200


async def test_a_salvage_that_was_cut_off_is_finished(tmp_path):
    async with opened_folder(tmp_path / "a") as journal:
        await fill(journal, A, 5)
    async with opened_folder(tmp_path / "b") as journal:
        await fill(journal, A, 3)
        folder = await left(tmp_path / "b", tmp_path / "left")
    (tmp_path / "a" / DATABASE).rename(folder / f"{DATABASE}.salvaged")
    async with opened_folder(folder) as journal:
        assert await read(journal, A) == [1, 2, 3, 4, 5]


async def test_an_empty_database_does_not_take_its_log_along(tmp_path):
    folder = await filled(tmp_path)
    os.truncate(folder / DATABASE, 0)
    async with opened_folder(folder) as journal:
        for key in (A, B, C):
            assert await read(journal, key) == list(range(1, 31))


async def test_revisions_go_on_behind_an_accepted_loss(tmp_path):
    folder = await filled(tmp_path)
    change(folder / WAL, 32 + 100 * FRAME)
    with pytest.raises(InvalidInput):
        await accept(folder, "nobody")
    accepted, damaged = await accept(folder, "c")
    assert accepted == {C: 31}
    assert [each.key for each in damaged] == [B, C]
    readable = damaged[1].readable
    async with opened_folder(folder) as journal:
        assert await read(journal, C) == [*range(1, readable + 1), 31]
        assert await read(journal, C, after=readable) == [31]
        assert [e async for e in journal.read(C, after=readable, until=30)] == []
        await fill(journal, C, 2, expected=31)
        assert await read(journal, C) == [*range(1, readable + 1), 31, 32, 33]
        with pytest.raises(DataLoss):
            await journal.head(B)
    accepted, damaged = await accept(folder, "tenant/b", "b")
    assert accepted == {B: 31}
    assert [each.key for each in damaged] == [B]
    assert await accept(folder, "all") == ({}, [])
    async with opened_folder(folder) as journal:
        assert await journal.head(B) == 31
        await fill(journal, B, 1, expected=31)


async def test_only_one_may_own_a_folder_even_without_the_lock_file(tmp_path):
    async with opened_folder(tmp_path) as journal:
        (tmp_path / "lock").unlink()
        with pytest.raises(Unavailable, match="Another process uses the data folder"):
            await SqliteJournal(tmp_path).open()
        with pytest.raises(Unavailable, match="Another process uses the data folder"):
            await accept(tmp_path)
        with pytest.raises(Unavailable):
            await fill(journal, A, 1)


def removed(folder):
    shutil.rmtree(folder)


def moved(folder):
    folder.rename(folder.with_name("moved"))


def replaced(name):
    def replace(folder):
        (folder / name).unlink()
        (folder / name).write_bytes(b"")

    return replace


def without_snapshots(folder):
    shutil.rmtree(folder / "snapshots")


def new_snapshots(folder):
    (folder / "snapshots").rmdir()
    (folder / "snapshots").mkdir()


@pytest.mark.parametrize("settled", [False, True])
@pytest.mark.parametrize(
    "do",
    [
        removed,
        moved,
        without_snapshots,
        new_snapshots,
        *(replaced(name) for name in (DATABASE, WAL, "heads", "lock")),
    ],
    ids=["removed", "moved", "no-snapshots", "new-snapshots", "database", "wal", "heads", "lock"],
)
async def test_nothing_is_acknowledged_once_the_folder_is_gone(
    tmp_path, logs, monkeypatch, do, settled
):
    if settled:
        monkeypatch.setattr("mlsdm_grpc.journal.sqlite.folder_guard.UNCHANGED_S", -10.0)
    async with opened_folder(tmp_path / "data") as journal:
        await fill(journal, A, 3)
        await asyncio.to_thread(do, tmp_path / "data")
        for _ in range(2):
            with pytest.raises(Unavailable) as caught:
                await journal.append(A, [b"x"], expected=3)
            assert caught.value.reason == "JOURNAL_UNAVAILABLE"
        health = journal.health()
        assert (health.writable, health.failed) == (False, True)
        assert await journal.head(A) == 3
    assert len(logs.events("journal_failed")) == 1


@pytest.mark.parametrize("reads", [False, True])
async def test_an_orderly_end_is_no_failure_and_leaves_no_log(tmp_path, logs, reads):
    async with opened_folder(tmp_path) as journal:
        await fill(journal, A, 3)
        if reads:
            assert await read(journal, A) == [1, 2, 3]
    assert not (tmp_path / WAL).exists()
    assert logs.events("journal_failed") == logs.events("journal_damaged") == []
    async with opened_folder(tmp_path):
        assert logs.events("heads_behind") == []


async def test_a_folder_that_is_gone_is_noticed_without_a_write(tmp_path):
    async with opened_folder(tmp_path / "data") as journal:
        await asyncio.to_thread(removed, tmp_path / "data")
        with anyio.fail_after(10):
            while journal.health().writable:  # noqa: ASYNC110 - nothing tells of it
                await anyio.sleep(0.05)
        assert journal.health().failed


async def test_starts_without_a_write_report_no_damage(tmp_path, logs):
    for _ in range(3):
        async with opened_folder(tmp_path):
            pass
    assert logs.events("journal_damaged") == []
    assert not (tmp_path / "damaged").exists()


def without_heads(folder):
    (folder / "heads").unlink()


def blank_entry(folder):
    change(folder / "heads", 4_096 + 2 * 256, bytes(256))


def faulty_entry(folder):
    change(folder / "heads", 4_096 + 2 * 256 + 10)


@pytest.mark.parametrize("do", [without_heads, blank_entry, faulty_entry])
@pytest.mark.parametrize("behind", [1, 2, 4, 20])
async def test_a_revision_is_not_given_twice_where_no_head_tells(tmp_path, do, behind):
    folder = await filled(tmp_path)
    do(folder)
    frames = (folder / WAL).stat().st_size // FRAME
    change(folder / WAL, 32 + (frames - behind) * FRAME + 2_000)
    async with opened_folder(folder) as journal:
        with pytest.raises(DataLoss) as caught:
            await journal.head(C)
        assert int(caught.value.metadata["last_revision"]) >= 30
    accepted, _ = await accept(folder, "c")
    assert accepted[C] > 30


async def test_lost_frames_that_show_all_records_damage_no_other_space(tmp_path):
    folder = await filled(tmp_path)
    without_heads(folder)
    frames = (folder / WAL).stat().st_size // FRAME
    change(folder / WAL, 32 + (frames - 20) * FRAME + 2_000)
    async with opened_folder(folder) as journal:
        assert await read(journal, A) == await read(journal, B) == list(range(1, 31))
        await refuses_everything(journal, C, 31 - 20 // 2)


@pytest.mark.parametrize("killed", [False, True])
async def test_a_blank_head_is_named(tmp_path, logs, killed):
    folder = await filled(tmp_path)
    if not killed:
        folder = tmp_path / "first"
    blank_entry(folder)
    async with opened_folder(folder) as journal:
        assert await read(journal, C) == list(range(1, 31))
    (line,) = logs.events("journal_damaged")
    assert (line["kind"], line["number"]) == ("heads", 3)
    async with opened_folder(folder):
        assert len(logs.events("journal_damaged")) == 1
