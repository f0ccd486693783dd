"""Damage to folders left by kills: nothing is lost silently, nothing is answered wrongly.

Every space either has the state that its acknowledged records give, or answers DATA_LOSS and is
named in the log; no file is deleted. Then the loss is accepted, and the space goes on.
"""

import asyncio
import io
import os
import random
import shutil
from collections import Counter

import pytest
from damage_history import SPACES, Expected, load
from damages import KINDS, Plan, copy, damage, digests, prepare

from mlsdm_grpc.core.model.bodies import AcceptLoss
from mlsdm_grpc.errors import DataLoss
from mlsdm_grpc.journal.codec.records import decode_record
from mlsdm_grpc.journal.codec.snapshots import read_snapshot, snapshot_bytes
from mlsdm_grpc.journal.sqlite.recovery import recovering
from mlsdm_grpc.journal.sqlite.sqlite_journal import SqliteJournal

PLANS = (
    Plan(1, 300, 0, 10**9),  # everything is in the log
    Plan(2, 500, 25, 300_000),  # snapshots, and a log that was moved in part
    Plan(3, 200, 20, 10**9, before=400),  # a database, and a log behind it
    Plan(4, 500, 0, 400_000),  # records only, most of them moved
    Plan(5, 300, 15, 10**9),  # snapshots, and a long log
)


async def verify(folder, prepared):
    """Return the spaces that answer DATA_LOSS; all others are as they were acknowledged."""
    journal = SqliteJournal(folder)
    await journal.open()
    damaged = set()
    try:
        for key in SPACES:
            expected = prepared.expected[key.space]
            try:
                mind = await load(journal, key)
            except DataLoss as error:
                assert error.metadata["space"] == key.space
                damaged.add(key)
                continue
            assert mind.revision >= expected.acked, f"{key.space} has lost records silently"
            assert snapshot_bytes(mind) == expected.state(mind.revision), f"{key.space} is wrong"
    finally:
        await journal.close()
    return damaged


async def verify_recovered(folder, prepared, accepted):
    """Check that every space continues from its best remaining state, in a new incarnation."""
    journal = SqliteJournal(folder)
    await journal.open()
    try:
        for key in SPACES:
            expected = prepared.expected[key.space]
            mind = await load(journal, key)
            head = await journal.head(key)
            if key in accepted:
                (record,) = await anext(journal.read(key, after=head - 1))
                assert head == mind.revision > expected.acked
                assert snapshot_bytes(mind) == accepted_state(expected, record.payload)
            await journal.append(key, [b"more"], expected=head)
            assert await journal.head(key) == head + 1
    finally:
        await journal.close()


def accepted_state(expected: Expected, raw: bytes) -> bytes:
    """Return the state before a loss with the record applied that accepts it."""
    record = decode_record(raw)
    assert isinstance(record.body, AcceptLoss)
    mind = read_snapshot(io.BytesIO(expected.state(record.body.first_lost - 1)))
    mind.apply(record)
    if mind.contents is not None:
        assert mind.contents.incarnation == record.revision
    return snapshot_bytes(mind)


def examine(folder, prepared, what, logs):
    """Verify a folder, accept the losses, verify again; return the results."""
    files, told = digests(folder, ".snap"), logs.text.count("journal_damaged")
    try:
        damaged = asyncio.run(verify(folder, prepared))
    except AssertionError as error:
        raise AssertionError(f"after {what}") from error
    named = logs.text.count("journal_damaged") > told
    assert named or not damaged, what
    assert files <= digests(folder), f"a file was deleted after {what}"
    with recovering(folder) as recovery:
        found = {each.key: each for each in recovery.damaged}
        assert damaged <= found.keys(), what
        for each in found.values():
            assert recovery.accept(each) > prepared.expected[each.key.space].acked
        assert not recovery.damaged
    try:
        asyncio.run(verify_recovered(folder, prepared, found))
    except (AssertionError, DataLoss) as error:
        raise AssertionError(f"recovered after {what}") from error
    assert files <= digests(folder), f"a file was deleted after {what}"
    return "damaged" if damaged else "named" if named else "harmless"


def campaign(tmp_path, count, seed, logs):
    rng, results = random.Random(seed), Counter()
    prepared = [prepare(tmp_path / f"plan{plan.seed}", plan) for plan in PLANS]
    for each in prepared:  # what is not damaged is all there
        assert examine(copy(each, tmp_path / "work"), each, "no damage", logs) == "harmless"
    for i in range(count):
        each = prepared[i % len(prepared)]
        folder = copy(each, tmp_path / "work")
        what = damage(rng, folder, KINDS[i // len(prepared) % len(KINDS)])
        results[examine(folder, each, f"damage {i}, {what}, plan {each.plan.seed}", logs)] += 1
    return results


@pytest.mark.load
@pytest.mark.timeout(300)
def test_some_damages(tmp_path, logs):
    results = campaign(tmp_path, 20, 1, logs)
    assert results["damaged"] > 2


def short_writes(tmp_path, count, seed, logs):
    """Let the disk take 100 bytes of one write and say that it was all."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    rng, results = random.Random(seed), Counter()
    for i in range(count):
        plan = Plan(100 + i, 150, 0, 200_000, short_write=rng.randint(60, 900))
        folder = tmp_path / f"short{i}"
        prepared = prepare(folder, plan)
        results[examine(folder, prepared, f"short write {plan.short_write}", logs)] += 1
        shutil.rmtree(folder)
    return results


@pytest.mark.root
@pytest.mark.timeout(300)
@pytest.mark.skipif(os.geteuid() != 0, reason="strace injects faults as root only")
def test_four_short_writes(tmp_path, logs):
    short_writes(tmp_path, 4, 1, logs)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_three_hundred_damages(tmp_path, logs, evidence):
    evidence["seed"] = seed = int(os.environ.get("MLSDM_SEED", "1"))
    evidence["damages"] = count = int(os.environ.get("MLSDM_DAMAGES", "260"))
    results = campaign(tmp_path, count, seed, logs)
    if os.geteuid() == 0 and shutil.which("strace") is not None:
        evidence["short_writes"] = short = count * 40 // 260
        results += short_writes(tmp_path, short, seed, logs)
    evidence.update(results)
