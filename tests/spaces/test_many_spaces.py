"""Many more spaces than memory allows: the processes stay within the budget."""

import asyncio
import itertools
import mmap
import os
import random
from pathlib import Path

import anyio
import pytest
from drive import KEY, running

from mlsdm_grpc.journal.sqlite.sqlite_journal import SqliteJournal

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc"),
]

MIB = 1_024 * 1_024
CALLERS = 32


def resident_bytes(pids):
    pages = (Path(f"/proc/{pid}/statm").read_text().split()[1] for pid in pids)
    return sum(map(int, pages)) * mmap.PAGESIZE


async def in_parallel(work, do):
    """Do something with every item, several at a time."""
    items = iter(work)

    async def some():
        for item in items:
            await do(item)

    async with anyio.create_task_group() as tasks:
        for _ in range(CALLERS):
            tasks.start_soon(some)


async def touch_many(folder, count, budget_bytes, figures):
    journal = SqliteJournal(folder)
    await journal.open()
    keys = [KEY._replace(space=f"s{i}") for i in range(count)]
    shuffled = random.Random(20261123).sample(keys, count)
    async with running(
        journal, workers=2, memory_budget_bytes=budget_bytes, space={"dimension": 384}
    ) as driver:
        pids = driver.engine.parts.space_workers.pids()
        for number in range(8):  # what every worker needs once, even when empty
            key = KEY._replace(space=f"first{number}")
            await driver.put(1, key=key)
            await driver.query(1, key=key)
        await driver.engine.evictor.evict_idle()
        base = await asyncio.to_thread(resident_bytes, pids)
        parent = await asyncio.to_thread(resident_bytes, [os.getpid()])
        most, calls = 0, itertools.count(1)

        async def sampled(call):
            nonlocal most
            if next(calls) % CALLERS == 0:
                most = max(most, await asyncio.to_thread(resident_bytes, pids))
            return await call

        async def create(key):
            assert (await sampled(driver.put(1, 2, key=key))).revision == 2

        async def change(key):
            assert (await sampled(driver.put(3, key=key))).revision == 3

        async def ask(key):
            found = await sampled(driver.query(3, key=key, top_k=3))
            assert found[0][0] == "m3"
            assert (set(found[0]), found[1]) == ({"m1", "m2", "m3"}, 3)

        await in_parallel(keys, create)
        await in_parallel(shuffled, change)
        await in_parallel(keys, ask)
        sample = driver.metrics.registry.get_sample_value
        grown = await asyncio.to_thread(resident_bytes, [os.getpid()]) - parent
        figures |= {
            "spaces": count,
            "budget MiB": budget_bytes // MIB,
            "base of the workers MiB": base // MIB,
            "most above that MiB": (most - base) // MIB,
            "server grew by MiB": grown // MIB,
            "evictions": int(sample("mlsdm_space_evictions_total")),
        }
        assert sample("mlsdm_space_evictions_total") > count
        assert most - base <= budget_bytes
        assert grown <= 64 * MIB
        assert sample("mlsdm_worker_restarts_total", {"kind": "minds"}) is None
    await journal.close()


@pytest.mark.timeout(300)
async def test_many_spaces_under_a_small_budget(tmp_path):
    await touch_many(tmp_path, 300, 64 * MIB, {})


@pytest.mark.slow
async def test_ten_thousand_spaces_under_a_small_budget(tmp_path, evidence):
    await touch_many(tmp_path, 10_000, 256 * MIB, evidence)
