"""A record that crashes every worker quarantines its own space and no other."""

import asyncio
import os

import anyio
import pytest
from drive import KEY, running, ticket, vector
from journal_doubles import opened_folder

from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.model.bodies import DeleteMemory, PutMemories
from mlsdm_grpc.core.model.new_memory import NewMemory
from mlsdm_grpc.errors import DataLoss, Unavailable
from mlsdm_grpc.journal.memory_journal import MemoryJournal
from mlsdm_grpc.spaces.quarantine import Quarantine
from mlsdm_grpc.workers.progress import LOADING

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

OTHERS = [KEY._replace(space=f"other{i}") for i in range(4)]
PLANT = """
import os, signal, sys

if any("mlsdm_grpc.workers.main" in each for each in sys.orig_argv):
    import mlsdm_grpc.core.mind.mind as minds
    from mlsdm_grpc.core.model.record import PutMemories

    applying = minds.Mind.applying

    def planted(self, record):
        body = record.body
        if isinstance(body, PutMemories) and any(m.text == "POISON" for m in body.memories):
            os.kill(os.getpid(), signal.SIGSEGV)
        return applying(self, record)

    minds.Mind.applying = planted
"""


KILLED = """
import os, signal, sys

if any("mlsdm_grpc.workers.main" in each for each in sys.orig_argv):
    import mlsdm_grpc.journal.codec.snapshots as snapshots

    reader = snapshots.snapshot_reader

    def killed(file):
        left = os.listdir({left!r})
        if left:
            os.remove(os.path.join({left!r}, left[0]))
            os.kill(os.getpid(), signal.SIGKILL)
        return (yield from reader(file))

    snapshots.snapshot_reader = killed
"""


@pytest.fixture(name="path")
def planted(tmp_path, monkeypatch):
    """Make workers crash on one record, as a fault in native code would; is the path without."""
    folder = tmp_path / "planted"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(PLANT)
    path = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(folder), path])))
    return path


async def patiently(call):
    """Call again while the answer is to wait, as clients do."""
    with anyio.fail_after(60):
        while True:
            try:
                return await call()
            except Unavailable as error:
                assert error.retry_after_s is not None
                await anyio.sleep(0.02)


async def poison(driver, request=b"p" * 16):
    body = PutMemories((NewMemory("poison", vector(99), True, text="POISON"),))
    return (await driver.engine.intake.put(KEY, body, ticket(request), paths=[""])).outcome


@pytest.mark.usefixtures("path")
async def test_a_record_that_crashes_its_worker_bars_its_space_only(tmp_path, logs):
    async with opened_folder(tmp_path / "data") as journal, running(journal, workers=1) as driver:
        for key in (KEY, *OTHERS):
            await driver.put(1, 2, 3, key=key)
        before = await driver.state()
        with pytest.raises((DataLoss, Unavailable)):
            await poison(driver)
        found = await patiently(lambda: driver.query(2))
        assert found == (["m2"], before.revision)
        assert (await driver.state()).chain == before.chain
        assert dict(driver.engine.quarantine.spaces) == {KEY: before.revision + 1}
        sample = driver.metrics.registry.get_sample_value
        assert sample("mlsdm_spaces_quarantined_count") == 1
        assert sample("mlsdm_worker_restarts_total", {"kind": "minds"}) == 2
        (line,) = logs.events("space_quarantined")
        assert (line["space"], line["revision"]) == (KEY.space, before.revision + 1)
        await refuses_writes(driver, before.revision)
        for key in OTHERS:
            assert (await patiently(lambda key=key: driver.put(4, key=key))).revision == 3
            assert await driver.query(4, key=key) == (["m4"], 3)
        assert sample("mlsdm_worker_restarts_total", {"kind": "minds"}) == 2


async def refuses_writes(driver, revision):
    for write in (
        lambda: driver.put(5),
        lambda: driver.engine.intake.delete(KEY, DeleteMemory("m1"), ticket(b"d" * 16)),
        lambda: poison(driver),
    ):
        with pytest.raises(DataLoss) as caught:
            await write()
        assert caught.value.reason == "DATA_DAMAGED"
        assert caught.value.metadata["revision"] == str(revision + 1)
    assert await driver.query(1) == (["m1"], revision)


async def test_a_quarantine_ends_with_the_server_and_begins_anew(tmp_path, monkeypatch, path):
    async with opened_folder(tmp_path / "data") as journal:
        async with running(journal, workers=1) as driver:
            await driver.put(1)
            await driver.put(1, key=OTHERS[0])
            with pytest.raises((DataLoss, Unavailable)):
                await poison(driver)
            await patiently(driver.state)
            assert KEY in driver.engine.quarantine.spaces
        async with running(journal, workers=1) as driver:
            assert not driver.engine.quarantine.spaces
            assert (await patiently(driver.state)).revision == 2
            assert dict(driver.engine.quarantine.spaces) == {KEY: 3}
            assert (await driver.state(OTHERS[0])).used == 1
        monkeypatch.setenv("PYTHONPATH", path)
        async with running(journal, workers=1) as driver:
            assert (await driver.state()).revision == 3
            assert await driver.query(99) == (["poison"], 3)
            assert not driver.engine.quarantine.spaces
            assert (await driver.put(5)).revision == 4


@pytest.mark.usefixtures("path")
async def test_a_quarantined_space_may_leave_ram_and_stays_barred():
    async with running(workers=1, scrub_rows_per_s=0) as driver:  # no other call is in progress
        await driver.put(1)
        with pytest.raises((DataLoss, Unavailable)):
            await poison(driver)
        await patiently(driver.state)
        await driver.engine.evictor.evict_idle()
        assert len(driver.engine.directory) == 0
        assert await driver.query(1) == (["m1"], 2)
        await refuses_writes(driver, 2)


async def test_a_defect_that_stays_bars_its_space(monkeypatch):
    applying = Mind.applying

    def fails(self, record):
        if isinstance(record.body, PutMemories) and record.body.memories[0].text == "POISON":
            raise ZeroDivisionError
        return applying(self, record)

    monkeypatch.setattr(Mind, "applying", fails)
    async with running() as driver:
        await driver.put(1)
        await driver.put(1, key=OTHERS[0])
        writes = await asyncio.gather(
            poison(driver),
            driver.put(2, request=b"2" * 16, text="judged like the other"),
            return_exceptions=True,
        )
        assert all(isinstance(each, DataLoss) for each in writes)
        assert await driver.query(1) == (["m1"], 2)
        await refuses_writes(driver, 2)
        assert (await driver.put(2, key=OTHERS[0])).revision == 3
        assert dict(driver.engine.quarantine.spaces) == {KEY: 3}
        async with driver.engine.directory.apart(KEY) as copy:
            assert copy.applied == 2


async def test_a_defect_while_loading_bars_the_space_at_once(monkeypatch):
    journal = MemoryJournal()
    await journal.open()
    async with running(journal) as driver:
        for seed in range(5):
            await driver.put(seed)
        for space in driver.engine.directory:
            space.snapshot_revision = space.applied  # as if there were no time for snapshots
    applying = Mind.applying

    def fails(self, record):
        if record.revision == 4:
            raise ZeroDivisionError
        return applying(self, record)

    monkeypatch.setattr(Mind, "applying", fails)
    async with running(journal) as driver:
        assert await driver.query(1) == (["m1"], 3)
        assert dict(driver.engine.quarantine.spaces) == {KEY: 4}
    await journal.close()


def test_two_strikes_in_a_row_at_one_record_bar_a_space():
    quarantine, other = Quarantine(), OTHERS[0]
    quarantine.strike(KEY, 7)
    quarantine.strike(other, 7)
    quarantine.strike(KEY, 8)
    assert not quarantine.spaces
    quarantine.passed(other)
    quarantine.strike(other, 7)
    assert not quarantine.spaces
    quarantine.strike(KEY, 8)
    assert quarantine.spaces == {KEY: 8}
    assert quarantine.last_served(KEY) == 7
    assert quarantine.last_served(other) is None
    quarantine.check_writable(other)
    with pytest.raises(DataLoss):
        quarantine.check_writable(KEY)


def test_a_snapshot_that_nothing_survives_bars_reads_too():
    quarantine = Quarantine()
    for _ in range(5):
        assert quarantine.last_served(KEY) is None
        quarantine.strike(KEY, LOADING)
    with pytest.raises(DataLoss):
        quarantine.last_served(KEY)


@pytest.mark.parametrize("deaths", [2, 4, 100])
async def test_a_snapshot_is_given_up_when_it_takes_every_worker_down(
    tmp_path, monkeypatch, deaths, logs
):
    """Some of them may have been killed from outside; a load is long enough to be met twice."""
    async with opened_folder(tmp_path / "data") as journal:
        async with running(journal) as driver:
            for key in (KEY, OTHERS[0]):
                await driver.put(1, 2, 3, key=key)
        folder, left = tmp_path / "planted", tmp_path / "deaths"
        for each in (folder, left):
            each.mkdir()
        for number in range(deaths):
            (left / str(number)).touch()
        (folder / "sitecustomize.py").write_text(KILLED.format(left=str(left)))
        path = [str(folder), os.environ.get("PYTHONPATH", "")]
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, path)))
        async with running(journal, workers=1) as driver:
            if deaths < 5:
                assert await patiently(lambda: driver.query(2)) == (["m2"], 2)
                assert not list(left.iterdir())
            else:
                with pytest.raises(DataLoss):
                    await patiently(lambda: driver.query(2))
                assert len(list(left.iterdir())) == deaths - 5
                for each in left.iterdir():
                    each.unlink()
            assert await patiently(lambda: driver.query(2, key=OTHERS[0])) == (["m2"], 2)
            assert len(logs.events("space_quarantined")) == (deaths > 5)
