"""Rows that change in memory are found, and restored or reported; other data is unaffected."""

import re
from pathlib import Path

import anyio
import pytest
from drive import KEY, running, vector

from mlsdm_grpc.core.mind.pelm import unit_row
from mlsdm_grpc.engine.memory_reads import PageOf
from mlsdm_grpc.errors import DataLoss, Unavailable
from mlsdm_grpc.journal.memory_journal import MemoryJournal
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.journal.sqlite.sqlite_journal import SqliteJournal
from mlsdm_grpc.workers.link import InlineLink

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="writes to a process by /proc"),
]

_MAP = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw")


def flip_a_bit(pid, row):
    """Flip one bit of a row at its address in the memory of a process."""
    wanted, found = row.tobytes(), 0
    with Path(f"/proc/{pid}/mem").open("r+b", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            area = _MAP.match(line)
            if area is None:
                continue
            start, end = (int(bound, 16) for bound in area.groups())
            try:
                memory.seek(start)
                content = memory.read(end - start)
            except OSError:
                continue
            at = content.find(wanted)
            while at >= 0:
                memory.seek(start + at + 5)
                memory.write(bytes([content[at + 5] ^ 0x10]))
                found += 1
                at = content.find(wanted, at + 1)
    assert found


def damage(driver, seed):
    (pid,) = driver.engine.parts.space_workers.pids()
    flip_a_bit(pid, unit_row(vector(seed)))


async def get(driver, seed, *, include_embedding=True):
    found, _ = await driver.engine.reads.get(
        KEY,
        f"m{seed}",
        include_embedding=include_embedding,
        min_revision=0,
        deadline_s=anyio.current_time() + 20,
    )
    return found


async def sweep(driver):
    for space in driver.engine.directory:
        await driver.engine.parts.scrubber.sweep(space)


def rows(driver, result):
    name = "mlsdm_scrub_rows_total"
    return driver.metrics.registry.get_sample_value(name, {"kind": result}) or 0


async def mended(driver):
    """Wait until a row was repaired."""
    with anyio.fail_after(20):
        while not rows(driver, "repaired"):  # noqa: ASYNC110 - nothing tells of a repair
            await anyio.sleep(0.01)


async def test_a_flipped_bit_is_found_and_mended_while_nothing_happens(logs):
    async with running(workers=1, scrub_rows_per_s=100_000) as driver:
        await driver.put(*range(40))
        damage(driver, 7)
        await mended(driver)
        assert (await get(driver, 7)).row.tobytes() == unit_row(vector(7)).tobytes()
        assert (rows(driver, "damaged"), rows(driver, "lost")) == (1, 0)
        assert logs.events("rows_repaired")[0]["count"] == 1


async def test_a_snapshot_never_blesses_a_damaged_row(tmp_path):
    journal = SqliteJournal(tmp_path)
    await journal.open()
    async with running(journal, workers=1, scrub_rows_per_s=0, snapshot_every=30) as driver:
        await driver.put(*range(20))
        damage(driver, 3)
    assert (rows(driver, "damaged"), rows(driver, "repaired")) == (1, 1)
    async with running(journal, workers=1, scrub_rows_per_s=0) as driver:
        assert (await get(driver, 3)).row.tobytes() == unit_row(vector(3)).tobytes()
        assert driver.replayed() == 0
    await journal.close()


async def test_what_cannot_be_mended_is_data_loss_for_that_memory_only(tmp_path, monkeypatch, logs):
    journal = SqliteJournal(tmp_path)
    await journal.open()
    async with running(journal, workers=1, scrub_rows_per_s=0) as driver:
        await driver.put(*range(20))
        damage(driver, 3)

        async def gone(*_, **__):
            raise DataLoss("The journal's file is damaged.")

        with monkeypatch.context() as broken:
            broken.setattr(journal, "load_snapshot", gone)
            await sweep(driver)
        assert (rows(driver, "damaged"), rows(driver, "lost")) == (1, 1)
        assert logs.events("rows_lost")[0]["memory_ids"] == ["m3"]
        await sweep(driver)
        assert rows(driver, "damaged") == 1  # it is known
        await lost_is_lost(driver)
        assert (await driver.state()).used == 20
    # The loss is not forgotten by a snapshot and a restart, and a new vector ends it.
    async with running(journal, workers=1, scrub_rows_per_s=0) as driver:
        assert (await driver.state()).used == 20
        with pytest.raises(Unavailable):
            await get(driver, 3)  # it is known to be damaged, and not yet that it is lost
        await sweep(driver)
        await lost_is_lost(driver)
        await driver.put(3)
        assert (await get(driver, 3)).row.tobytes() == unit_row(vector(3)).tobytes()
        assert (await driver.query(3))[0] == ["m3"]
    await journal.close()


async def lost_is_lost(driver):
    with pytest.raises(DataLoss) as caught:
        await get(driver, 3, include_embedding=False)
    assert caught.value.metadata["memory_id"] == "m3"
    assert (await driver.query(3, top_k=20, phase_tolerance=1.0))[0].count("m3") == 0
    for seed in (2, 4):
        assert (await get(driver, seed)).row.tobytes() == unit_row(vector(seed)).tobytes()
        assert (await driver.query(seed))[0] == [f"m{seed}"]
    page = PageOf(after_sequence=0, limit=100, include_embedding=True)
    found, _, _ = await driver.engine.reads.page(
        KEY, page, min_revision=0, deadline_s=anyio.current_time() + 20
    )
    assert [one.memory.memory_id for one in found if one.row is None] == ["m3"]
    assert len(found) == 20


async def test_what_cannot_be_scrubbed_for_long_is_told_once(monkeypatch, logs):
    monkeypatch.setattr("mlsdm_grpc.spaces.scrubber.TICK_S", 0.01)
    often, journal = anyio.Event(), MemoryJournal()
    load, attempts, failing = journal.load_snapshot, 0, True

    async def load_snapshot(key):
        nonlocal attempts
        attempts += 1
        if attempts == 10:
            often.set()
        if failing:
            raise Unavailable("gone", reason="JOURNAL_UNAVAILABLE", retry_after_s=0.1)
        return await load(key)

    await journal.open()
    async with running(journal, workers=1, scrub_rows_per_s=100_000) as driver:
        await driver.put(*range(40))
        monkeypatch.setattr(journal, "load_snapshot", load_snapshot)
        damage(driver, 7)
        with anyio.fail_after(20):
            await often.wait()
        assert len(logs.events("scrub_failed")) == 1
        failing = False
        await mended(driver)
        assert rows(driver, "repaired") == 1
    await journal.close()


async def test_a_busy_worker_keeps_no_other_from_being_scrubbed(monkeypatch):
    monkeypatch.setattr("mlsdm_grpc.spaces.scrubber.TICK_S", 0.001)
    seen, done = set(), anyio.Event()
    request = InlineLink.request

    def noted(link, message, **more):
        if message.WhichOneof("kind") == "scrub":
            seen.add(message.space_id)
        if len(seen) == 3:
            done.set()
        return request(link, message, **more)

    monkeypatch.setattr(InlineLink, "request", noted)
    async with running() as driver:
        for name in ("a", "b", "c"):
            await driver.put(1, key=SpaceKey("dev", name))
        monkeypatch.setattr(InlineLink, "pending", property(lambda _: 1))
        with anyio.fail_after(20):
            await done.wait()


async def test_a_snapshot_waits_for_a_repair_that_has_to_be_repeated(tmp_path, monkeypatch):
    journal = SqliteJournal(tmp_path)
    await journal.open()
    async with running(journal, workers=1, scrub_rows_per_s=0) as driver:
        await driver.put(*range(20))
        damage(driver, 3)
        (space,) = driver.engine.directory

        async def later(*_, **__):
            raise Unavailable("The journal cannot be read.", retry_after_s=1.0)

        with monkeypatch.context() as busy:
            busy.setattr(journal, "load_snapshot", later)
            await driver.engine.parts.snapshots.take(space)
        assert await journal.load_snapshot(KEY) is None
        await driver.engine.parts.snapshots.take(space)
        assert (await journal.load_snapshot(KEY)).revision == space.applied
        assert (await get(driver, 3)).row.tobytes() == unit_row(vector(3)).tobytes()
    await journal.close()


async def test_snapshots_at_the_end_take_no_longer_than_they_may(logs):
    journal = MemoryJournal()
    await journal.open()
    async with running(journal, stop_snapshots_s=0.0) as first:
        await first.put(*range(10))
        before = await first.state()
    (line,) = logs.events("snapshots_left_out")
    assert line["count"] == 1
    async with running(journal) as second:
        assert (await second.state()).chain == before.chain
        assert second.replayed() == before.revision
    async with running(journal) as third:
        assert (await third.state()).chain == before.chain
        assert third.replayed() == 0
    await journal.close()
