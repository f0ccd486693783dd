"""Random schedules of a worker: its state equals the result of its records for every order.

The model is in ``schedules.py``. Faults are planted as well, each of a kind that code can have that
suspends between two states: a model that does not find them would be worthless.
"""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest
from schedules import first_wrong

from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.mind.pelm import Pelm
from mlsdm_grpc.core.mind.request_window import RequestWindow
from mlsdm_grpc.core.mind.stream_marks import StreamMarks
from mlsdm_grpc.core.store.memory_table import Lattice
from mlsdm_grpc.core.store.snapshot_view import Frozen
from mlsdm_grpc.journal.codec import snapshot_state, snapshots
from mlsdm_grpc.workers import scheduler, space_worker
from mlsdm_grpc.workers.scheduler import LockMode, Slices

CHUNKS, CHUNK = 10, 200
ENOUGH = 2_000
"""Schedules in which a planted fault has to be found."""


@pytest.fixture
def folder(tmp_path):
    """Return a folder for snapshot files, in memory where there is such a place."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    folder = memory / f"mlsdm-{os.getpid()}-{tmp_path.name}"
    folder.mkdir()
    yield folder
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


@pytest.mark.load
@pytest.mark.timeout(240)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_worker_is_where_its_records_are(folder, chunk):
    assert first_wrong(folder, range(chunk * CHUNK, (chunk + 1) * CHUNK)) is None


@pytest.mark.slow
@pytest.mark.parametrize("piece", range(8))
def test_a_worker_is_where_its_records_are_in_many_schedules(folder, evidence, piece):
    count = int(os.environ.get("MLSDM_SCHEDULES", "25000"))
    first = 1_000_000 + piece * count
    evidence["first seed"], evidence["schedules"] = first, count
    assert first_wrong(folder, range(first, first + count), actions=16) is None


def test_schedules_reach_what_they_are_for(folder, monkeypatch):
    """Records in many slices with a concurrent snapshot, kills in the middle, copies, merges."""
    seen = set()
    begin, applying = Slices.begin, Mind.applying

    def begun(self, job, **fields):
        kind = job.request.WhichOneof("kind")
        others = {each.request.WhichOneof("kind") for each in self._turns if hasattr(each, "steps")}
        seen.update((kind, other) for other in others)
        return begin(self, job, **fields)

    def applied(self, record):
        seen.add(type(record.body).__name__)
        return (yield from applying(self, record))

    monkeypatch.setattr(Slices, "begin", begun)
    monkeypatch.setattr(Mind, "applying", applied)
    assert first_wrong(folder, range(90)) is None
    assert {("apply", "snapshot"), ("snapshot", "plan"), ("apply", "plan")} <= seen
    assert {"PutMemories", "StreamItems", "ProcessEvent", "Consolidate", "UpdateSpace"} <= seen


# Planted faults.


def _freezes_at_its_first_slice(patch):
    patch.setattr(space_worker, "STARTED_AT_ONCE", space_worker.STARTED_AT_ONCE - {"snapshot"})


def _freezes_late_and_writes_no_proof(patch):
    _freezes_at_its_first_slice(patch)

    def unproven(mind, file):
        revision, state = mind.revision, snapshots.snapshot_bytes(mind)
        file.write(state)
        yield
        return snapshots.Written(revision, hashlib.sha256(state).digest(), len(state))

    patch.setattr(space_worker, "snapshot_writer", unproven)


def _copies_nothing_that_changes(patch):
    patch.setattr(Frozen, "keep", lambda *_: None)


def _announces_no_update(patch):
    update = Lattice.update

    def quiet(self, slot, memory):
        told, self.before_change = self.before_change, []
        update(self, slot, memory)
        self.before_change = told

    patch.setattr(Lattice, "update", quiet)


def _shares_the_request_window(patch):
    patch.setattr(RequestWindow, "copy", lambda self: self)


def _restores_results_without_their_time(patch):
    entry = snapshots.entry_from_proto
    patch.setattr(snapshots, "entry_from_proto", lambda message: replace(entry(message), time_ns=0))


def _knows_no_exclusion(patch):
    patch.setattr(Slices, "is_exclusive", lambda *_: False)


def _lets_single_reads_in(patch):
    holds = Slices.holds
    patch.setattr(
        Slices,
        "holds",
        lambda self, request, claim: (
            claim is not LockMode.POINT_READ and holds(self, request, claim)
        ),
    )


def _lets_later_requests_overtake(patch):
    def holds(self, request, claim):
        if not self._turns or self._open(request.space_id, claim):
            return False
        self._held.setdefault(request.space_id, scheduler.deque()).append(
            scheduler.HeldRequest(request, claim)
        )
        return True

    patch.setattr(Slices, "holds", holds)


def _pages_beside_changes(patch):
    patch.setitem(space_worker.LOCK_MODES, "page", LockMode.READ)


def _searches_beside_changes(patch):
    patch.setitem(space_worker.LOCK_MODES, "search", LockMode.READ)


def _replays_beside_reads(patch):
    patch.setitem(space_worker.LOCK_MODES, "apply", LockMode.READ)


def _names_the_revision_at_the_end(patch):
    writer = space_worker.snapshot_writer

    def late(mind, file):
        written = yield from writer(mind, file)
        return written._replace(revision=mind.revision)

    patch.setattr(space_worker, "snapshot_writer", late)


def _forgets_the_order_of_the_ring(patch):
    def backwards(self):
        for slot in self._lattice.order(0)[::-1].tolist():
            if not self._lattice.flags(slot)[0]:
                self._ring.append(slot)
        yield

    patch.setattr(Pelm, "order_ring", backwards)


def _forgets_streams(patch):
    patch.setattr(snapshot_state, "StreamMarks", lambda *_: StreamMarks())


def _applies_again(patch):
    applying = Mind.applying

    def again(self, record):
        if record.revision == self.revision > 1:
            self.revision -= 1
        return (yield from applying(self, record))

    patch.setattr(Mind, "applying", again)


def _takes_any_row_for_the_damaged_one(patch):
    def mend(self, slot, row):
        self.rows.reveal(slot, row[::-1], float(self.columns["phase"][slot]))
        self.damaged.discard(slot)
        return True

    patch.setattr(Lattice, "mend", mend)


FAULTS = (
    _freezes_at_its_first_slice,
    _freezes_late_and_writes_no_proof,
    _copies_nothing_that_changes,
    _announces_no_update,
    _shares_the_request_window,
    _restores_results_without_their_time,
    _knows_no_exclusion,
    _lets_single_reads_in,
    _lets_later_requests_overtake,
    _pages_beside_changes,
    _searches_beside_changes,
    _replays_beside_reads,
    _names_the_revision_at_the_end,
    _forgets_the_order_of_the_ring,
    _forgets_streams,
    _applies_again,
    _takes_any_row_for_the_damaged_one,
)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__.strip("_"))
def test_a_planted_fault_is_found(folder, monkeypatch, fault):
    fault(monkeypatch)
    assert first_wrong(folder, range(ENOUGH)) is not None
