"""Memory that a worker needs for an answer in progress."""

import asyncio
import re
import sys
from pathlib import Path

import pytest
from drive import KEY, running

from mlsdm_grpc.engine.memory_reads import PageOf
from mlsdm_grpc.units import MIB

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

DIMENSION = 384


def most_resident_bytes(pid):
    """Return the most that a process ever had."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return 1_024 * int(re.search(r"VmHWM:\s+(\d+)", status)[1])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_a_page_with_vectors_takes_a_few_times_its_size():
    async with running(workers=1, space={"dimension": DIMENSION}) as driver:
        await driver.put(*range(1_000))
        (pid,) = driver.engine.parts.space_workers.pids()
        await driver.query(1)
        before = await asyncio.to_thread(most_resident_bytes, pid)
        wanted = PageOf(0, 1_000, include_embedding=True, max_bytes=MIB)
        deadline_s = asyncio.get_running_loop().time() + 60
        found, more, _ = await driver.engine.reads.page(
            KEY, wanted, min_revision=0, deadline_s=deadline_s
        )
        assert more
        assert 4 * DIMENSION * len(found) > 0.8 * MIB
        assert all(each.row.shape == (DIMENSION,) for each in found)
        grown = await asyncio.to_thread(most_resident_bytes, pid) - before
        assert grown < 16 * MIB
