"""Snapshots come often enough that a replay is short, and seldom enough to cost little."""

import struct
import zlib

import anyio
import pytest
from drive import KEY, running

from mlsdm_grpc._gen.mlsdm.internal.v1 import snapshot_pb2
from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.mind.steps import finish
from mlsdm_grpc.errors import DataLoss
from mlsdm_grpc.journal.codec.records import decode_record
from mlsdm_grpc.journal.codec.snapshots import snapshot_writer
from mlsdm_grpc.journal.memory_journal import MemoryJournal
from mlsdm_grpc.journal.sqlite.sqlite_journal import SqliteJournal
from mlsdm_grpc.workers import space_worker

pytestmark = pytest.mark.anyio


async def snapshot_taken(driver):
    """Return the revision of the newest snapshot once none is under way, 0 if there is none."""
    with anyio.fail_after(20):
        while not driver.engine.parts.snapshots.idle:
            await anyio.lowlevel.checkpoint()
    found = await driver.journal.load_snapshot(KEY)
    return found.revision if found else 0


async def test_a_snapshot_is_due_by_writes_not_by_records():
    async with running(snapshot_every=100) as driver:
        await driver.put(*range(80))
        assert await snapshot_taken(driver) == 0
        await driver.put(*range(80, 110))
        assert await snapshot_taken(driver) == 3


async def test_a_space_that_is_written_to_fast_rests_between_snapshots():
    async with running(snapshot_every=100) as driver:
        await driver.put(*range(110))
        assert await snapshot_taken(driver) == 2
        await driver.put(*range(200))
        await driver.put(*range(190))
        assert await snapshot_taken(driver) == 2
        await driver.put(*range(20))
        assert await snapshot_taken(driver) == 5  # four times as many as are due
        await driver.put(*range(110))
        (space,) = driver.engine.directory
        space.snapshot_s -= 10.0
        assert await snapshot_taken(driver) == 5
        await driver.put(1)
        assert await snapshot_taken(driver) == 7


async def test_what_was_replayed_is_due_as_well():
    journal = MemoryJournal()
    await journal.open()
    async with running(journal) as driver:
        await driver.put(*range(90))
        for space in driver.engine.directory:
            space.snapshot_revision = space.applied  # as if there were no time for snapshots
    async with running(journal, snapshot_every=100) as driver:
        await driver.put(1)
        assert await snapshot_taken(driver) == 0
        await driver.put(*range(20))
        assert await snapshot_taken(driver) == 4
    await journal.close()


def _kept(folder):
    return [path.name for path in folder.rglob("damaged/**/*") if path.is_file()]


async def write_wrong_snapshot(journal):
    """Publish a file with the right checksums and a proof that its state does not fit."""
    mind = Mind()
    async for entries in journal.read(KEY, after=0):
        for entry in entries:
            mind.apply(decode_record(entry.payload))
    path = journal.scratch_path()
    await anyio.to_thread.run_sync(_write_wrong, mind, path)
    assert await journal.save_snapshot(KEY, revision=mind.revision, path=path)


def _write_wrong(mind, path):
    with path.open("xb") as file:
        finish(snapshot_writer(mind, file))
    proof = snapshot_pb2.SnapshotProof(chain=mind.chain, step=0, memory_count=3, memory_digest=1)
    frame = snapshot_pb2.SnapshotFrame(proof=proof).SerializeToString()
    data = path.read_bytes()
    end = len(data) - len(snapshot_pb2.SnapshotFrame(proof=mind.seal._asdict()).SerializeToString())
    path.write_bytes(data[: end - 8] + struct.pack("<II", len(frame), zlib.crc32(frame)) + frame)


@pytest.mark.parametrize("workers", [0, 1])
async def test_a_snapshot_that_does_not_fit_its_proof_gives_way_to_records(tmp_path, workers):
    journal = SqliteJournal(tmp_path)
    await journal.open()
    async with running(journal) as driver:
        await driver.put(1, 2)
        await driver.put(3)
        for space in driver.engine.directory:
            space.snapshot_revision = space.applied  # as if there were no time for snapshots
    await write_wrong_snapshot(journal)
    async with running(journal, workers=workers) as driver:
        assert await driver.query(3) == (["m3"], 3)
        assert (await driver.state()).used == 3
        assert await journal.load_snapshot(KEY) is None
    assert await anyio.to_thread.run_sync(_kept, tmp_path) == ["1-3.snap"]
    await journal.close()


async def test_a_loader_that_fails_says_nothing_of_the_snapshot(tmp_path, monkeypatch):
    journal = SqliteJournal(tmp_path)
    await journal.open()
    async with running(journal) as driver:
        await driver.put(1, 2)
    reader = space_worker.snapshot_reader

    def short_of_memory(file):
        raise MemoryError
        yield from reader(file)

    with monkeypatch.context() as failing:
        failing.setattr(space_worker, "snapshot_reader", short_of_memory)
        async with running(journal) as driver:
            with pytest.raises(DataLoss):
                await driver.query(1)
    assert await anyio.to_thread.run_sync(_kept, tmp_path) == []
    async with running(journal) as driver:
        assert await driver.query(1) == (["m1"], 2)
    await journal.close()


async def test_a_file_that_lost_its_end_is_not_published(monkeypatch):
    writer = space_worker.snapshot_writer

    def cut(mind, file):
        written = yield from writer(mind, file)
        file.truncate(written.size // 2)
        return written

    monkeypatch.setattr(space_worker, "snapshot_writer", cut)
    async with running(snapshot_every=100) as driver:
        await driver.put(*range(110))
        assert await snapshot_taken(driver) == 0
        name, labels = "mlsdm_space_snapshots_total", {"kind": "failed"}
        assert driver.metrics.registry.get_sample_value(name, labels) == 1
        monkeypatch.undo()
        await driver.put(*range(110))
        assert await snapshot_taken(driver) == 3


async def test_a_space_whose_snapshot_was_all_there_was_is_lost_and_says_so():
    journal = MemoryJournal()
    await journal.open()
    async with running(journal) as driver:
        await driver.put(1, 2, 3)
        await driver.put(4)
        for space in driver.engine.directory:
            space.snapshot_revision = space.applied
    await write_wrong_snapshot(journal)
    await journal.erase(KEY, until=2)
    async with running(journal) as driver:
        with pytest.raises(DataLoss):
            await driver.query(1)
        await driver.put(1, key=KEY._replace(space="other"))
    await journal.close()
