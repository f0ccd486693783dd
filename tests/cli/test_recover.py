"""``mlsdm recover`` as people run it."""

import json
import sqlite3
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mlsdm_grpc.core.model.bodies import CreateSpace, PutMemories
from mlsdm_grpc.core.model.new_memory import NewMemory, Vector
from mlsdm_grpc.core.model.parameters import SpaceParameters
from mlsdm_grpc.core.model.record import Record
from mlsdm_grpc.core.store.kernel import inverse_norm
from mlsdm_grpc.journal.codec.records import encode_record
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.journal.sqlite.sqlite_journal import SqliteJournal

pytestmark = pytest.mark.anyio

KEYS = [SpaceKey("acme", "whole"), SpaceKey("acme", "broken"), SpaceKey("zeta", "broken")]


def raw(revision):
    if revision == 1:
        body = CreateSpace(SpaceParameters(dimension=4, capacity=9))
    else:
        row = np.full(4, revision, np.float32)
        body = PutMemories((NewMemory(f"m{revision}", Vector(row, inverse_norm(row))),))
    incarnation = int(revision > 1)
    return encode_record(Record(revision, incarnation, bytes(16), revision, body))


@pytest.fixture
async def folder(tmp_path):
    """A folder with three spaces of five records; two of them have lost the last ones."""
    journal = SqliteJournal(tmp_path / "data")
    await journal.open()
    for key in KEYS:
        for revision in range(1, 6):
            await journal.append(key, [raw(revision)], expected=revision - 1)
    await journal.close()
    return tmp_path / "data"


def lose(folder: Path, kept: int) -> None:
    database = sqlite3.connect(folder / "journal.sqlite3")
    with database:
        database.execute("DELETE FROM records WHERE space_id > 1 AND revision > ?", (kept,))
    database.close()


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


async def run(mlsdm, *arguments):
    import anyio

    return await anyio.to_thread.run_sync(lambda: mlsdm("recover", *map(str, arguments)))


async def test_a_whole_folder_is_said_to_be_whole(folder, mlsdm):
    done = await run(mlsdm, folder)
    assert (done.returncode, done.stdout) == (0, "No damage found.\n")
    done = await run(mlsdm, folder, "--accept-loss", "all")
    assert done.returncode == 0


async def test_damage_is_shown_and_accepted(folder, mlsdm):
    lose(folder, 3)
    done = await run(mlsdm, folder)
    assert done.returncode == 1
    first, second = done.stdout.splitlines()
    assert first.startswith("acme/broken: lost revisions 4 to 5; readable up to revision 3")
    assert second.startswith("zeta/broken: lost revisions 4 to 5")
    ambiguous = await run(mlsdm, folder, "--accept-loss", "broken")
    assert ambiguous.returncode == 2
    assert "TENANT/SPACE" in ambiguous.stderr
    done = await run(mlsdm, folder, "--accept-loss", "zeta/broken", "--json")
    assert done.returncode == 1
    assert [line["accepted_at_revision"] for line in lines(done)] == [0, 6]
    done = await run(mlsdm, folder, "--accept-loss", "broken")
    assert done.returncode == 0
    assert "loss accepted, the space continues at revision 6" in done.stdout
    done = await run(mlsdm, folder)
    assert (done.returncode, done.stdout) == (0, "No damage found.\n")


async def test_a_space_that_is_lost_as_a_whole(folder, mlsdm):
    lose(folder, 0)
    done = await run(mlsdm, folder, "--accept-loss", "all", "--json")
    assert done.returncode == 0
    assert [line["readable_revision"] for line in lines(done)] == [0, 0]
    journal = SqliteJournal(folder)
    await journal.open()
    assert await journal.head(KEYS[1]) == 6
    await journal.append(KEYS[1], [raw(1)], expected=6)
    await journal.close()


async def test_the_folder_of_a_running_server_is_refused(folder, mlsdm):
    journal = SqliteJournal(folder)
    await journal.open()
    done = await run(mlsdm, folder, "--accept-loss", "all")
    assert done.returncode == 1
    assert "uses the data folder" in done.stderr
    await journal.close()


async def test_a_folder_without_a_journal_is_refused(tmp_path, mlsdm):
    done = await run(mlsdm, tmp_path)
    assert done.returncode == 2
    assert "contains no journal" in done.stderr
    assert list(tmp_path.iterdir()) == []
