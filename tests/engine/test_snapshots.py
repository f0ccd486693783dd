"""Snapshots come often enough that a replay is short, and seldom enough to cost little."""

import anyio
import pytest
from drive import KEY, running

from mlsdm_grpc.journal.memory import MemoryJournal

pytestmark = pytest.mark.anyio


async def snapshot_taken(driver):
    """Return the revision of the newest snapshot once none is under way, 0 if there is none."""
    with anyio.fail_after(20):
        while driver.engine._upkeep._snapshotting:
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
