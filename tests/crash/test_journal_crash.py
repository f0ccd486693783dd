"""kill -9 of a process that writes to the journal: nothing acknowledged is lost."""

import asyncio
import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from journal_writer import SPACES, payload

from mlsdm_grpc.journal.sqlite.sqlite_journal import SqliteJournal

KILLS = 15


def run_until_killed(folder, seed, delay_s):
    """Return the last acknowledged revision of each space."""
    script = Path(__file__).parents[1] / "support" / "journal_writer.py"
    child = subprocess.Popen(
        [sys.executable, str(script), str(folder), str(seed)], stdout=subprocess.PIPE, text=True
    )
    acked = {}
    with child:
        assert child.stdout.readline() == "open\n"
        timer = threading.Timer(delay_s, child.kill)
        timer.start()
        for line in child.stdout:
            if line.endswith("\n"):
                space, revision = line.split()
                acked[space] = int(revision)
        assert child.wait(10) == -9
    timer.join()
    return acked


async def verify(folder, acked):
    """Every existing record is correct, and none is missing."""
    journal = SqliteJournal(folder)
    await journal.open()
    heads = {}
    for key in SPACES:
        heads[key.space] = head = await journal.head(key)
        assert head >= acked.get(key.space, 0), "an acknowledged record is gone"
        snapshot = await journal.load_snapshot(key)
        start = 0
        if snapshot is not None:
            assert snapshot.path.read_bytes() == payload(key, -snapshot.revision) + b"!"
            start = snapshot.revision
        revision = start
        async for entries in journal.read(key, after=start):
            for entry in entries:
                revision += 1
                assert (entry.revision, entry.payload) == (revision, payload(key, revision))
        assert revision == head
    await journal.close()
    return heads


def campaign(folder, kills, seed):
    rng = random.Random(seed)
    heads = {}
    for i in range(kills):
        acked = run_until_killed(folder, rng.getrandbits(32), rng.uniform(0.01, 0.15))
        after = asyncio.run(verify(folder, acked))
        assert all(after[space] >= head for space, head in heads.items()), f"kill {i}"
        heads = after
    assert sum(heads.values()) > kills


@pytest.mark.timeout(120)
def test_fifteen_kills(tmp_path):
    campaign(tmp_path, KILLS, seed=7)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_many_kills(tmp_path, evidence):
    evidence["seed"] = seed = int(os.environ.get("MLSDM_SEED", "1"))
    evidence["kills"] = kills = int(os.environ.get("MLSDM_KILLS", "1000"))
    campaign(tmp_path, kills, seed)
