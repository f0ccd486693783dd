"""State that the records of a journal give, for comparison with answers and files of a server.

Records leave the journal behind snapshots. So that all of them can be replayed, a trigger in the
database keeps what is removed, in the transaction that removes it.
"""

import sqlite3
from contextlib import closing

import numpy as np

from mlsdm_grpc._gen.mlsdm.v1 import (
    cognition_service_pb2,
    cognition_service_pb2_grpc,
    memory_service_pb2_grpc,
    memory_stream_pb2,
)
from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.model.bodies import StreamItems
from mlsdm_grpc.core.model.outcome import EventOutcome, PutOutcome
from mlsdm_grpc.errors import DataLoss
from mlsdm_grpc.journal.codec.records import decode_record
from mlsdm_grpc.journal.codec.snapshots import read_snapshot, snapshot_bytes
from mlsdm_grpc.journal.sqlite.sqlite_journal import SqliteJournal

FILE = "journal.sqlite3"
_KEEP = """
CREATE TABLE kept AS SELECT space_id, revision, payload FROM records;
CREATE TRIGGER keep BEFORE DELETE ON records BEGIN
    INSERT INTO kept VALUES (old.space_id, old.revision, old.payload);
END;
"""


async def keep_all_records(folder):
    """Make a journal that keeps the records removed from it."""
    journal = SqliteJournal(folder)
    await journal.open()
    await journal.close()
    with closing(sqlite3.connect(folder / FILE)) as database:
        database.executescript(_KEEP)


class Truth:
    """State and outcomes of one space, from its records.

    Args:
        folder: Data folder of a server that was stopped.
        name: Of the space.
        snapshots: Folder of the snapshots that were published.
        at: Revision at which the space was read.
    """

    def __init__(self, folder, name, *, snapshots, at):
        with closing(sqlite3.connect(folder / FILE)) as database:
            (number,) = database.execute(
                "SELECT id FROM spaces WHERE space = ?", (name,)
            ).fetchone()
            records = database.execute(
                "SELECT revision, payload FROM kept WHERE space_id = ?1 UNION ALL "
                "SELECT revision, payload FROM records WHERE space_id = ?1 ORDER BY revision",
                (number,),
            ).fetchall()
        self.snapshots = {
            int(path.stem.rpartition("-")[2]): path for path in snapshots.glob(f"{number}-*.snap")
        }
        assert [revision for revision, _ in records] == list(range(1, len(records) + 1))
        self.items = {}
        """Outcome of every item of a stream, by name of the stream and sequence."""
        self.revisions = {}
        """Revision of the first record of every request id."""
        self.torn = []
        """Revisions of snapshots that are not the states of these."""
        self.mind = Mind()
        for _, payload in records:
            self._apply(decode_record(payload))
            revision = self.mind.revision
            if revision in self.snapshots and not self._holds(self.snapshots[revision]):
                self.torn.append(revision)
            if revision == at:
                self.seen = seen_in(self.mind)

    def _apply(self, record):
        outcome = self.mind.apply(record)
        if record.request_id:
            self.revisions.setdefault(record.request_id, record.revision)
        if not isinstance(record.body, StreamItems):
            return
        for item, became in zip(record.body.items, outcome.items, strict=True):
            place = record.body.stream_id, item.sequence
            if isinstance(became, EventOutcome):
                self.items[place] = became.memory_id, became.step, outcome.revision
            elif isinstance(became, PutOutcome):
                self.items[place] = became.items[0].memory_id

    def _holds(self, path):
        with path.open("rb") as file:
            try:
                return snapshot_bytes(read_snapshot(file)) == snapshot_bytes(self.mind)
            except DataLoss:
                return False

    def differences(self, writer, served):
        """Yield the answers, states and snapshots that contradict the records."""
        for stream in writer.streams:
            mark = self.mind.contents.streams.get(stream.stream_id)
            if stream.acked > (mark.sequence if mark else 0):
                yield f"{stream.stream_id}: acknowledged to {stream.acked}, recorded to {mark}"
            wrong = [
                sequence
                for sequence, outcome in stream.told.items()
                if self.items.get((stream.stream_id, sequence)) != outcome
            ]
            if wrong:
                yield f"{stream.stream_id}: {len(wrong)} outcomes differ, first of {min(wrong)}"
        wrong = [told for told in writer.told.items() if self.revisions.get(told[0]) != told[1]]
        if wrong:
            yield f"{len(wrong)} single writes differ"
        for name, value in served.items():
            if self.seen[name] != value:
                yield f"{name} served: {_short(value)}, recorded: {_short(self.seen[name])}"
        if self.torn:
            yield f"torn snapshots of revisions {self.torn}, of {len(self.snapshots)}"
        if self.mind.revision not in self.snapshots:
            yield "the server left no snapshot of the last state when it stopped"


def _short(value):
    return f"{len(value)} memories" if isinstance(value, list) else value


def seen_in(mind):
    """Return the state of a mind in the form of :func:`served_by`."""
    view = mind.view()
    return {
        "revision": view.revision,
        "chain": view.chain.hex(),
        "step": view.step,
        "used": view.used,
        "threshold": view.moral_threshold,
        "ema": view.moral_ema,
        "traces": [bytes(trace.astype("<f4").tobytes()) for trace in view.traces],
        "memories": [
            (memory.memory_id, memory.labels, np.float32(memory.phase), row.tobytes())
            for memory, row in mind.contents.pelm.history.after(0, now_ns=0)
        ],
    }


async def served_by(one, space):
    """Return the state that a server reports for a space, at a revision stable meanwhile."""
    request = cognition_service_pb2.GetStateRequest(space=space, include_traces=True)
    minds = cognition_service_pb2_grpc.CognitionServiceStub(one)
    export = memory_service_pb2_grpc.MemoryServiceStub(one).ExportMemories
    before = None
    while True:
        state = (await minds.GetState(request, timeout=60)).state
        if before is not None and before.revision == state.revision:
            break
        before = state
        wanted = memory_stream_pb2.ExportMemoriesRequest(space=space, include_embedding=True)
        memories = [memory async for chunk in export(wanted) for memory in chunk.memories]
    traces = state.synaptic_traces
    return {
        "revision": state.revision,
        "chain": state.chain_head.hex(),
        "step": state.step,
        "used": state.memory.used,
        "threshold": state.moral.threshold,
        "ema": state.moral.ema,
        "traces": [trace.f32_le for trace in (traces.l1, traces.l2, traces.l3)],
        "memories": [
            (
                memory.memory_id,
                tuple(memory.labels),
                np.float32(memory.phase),
                memory.embedding.f32_le,
            )
            for memory in memories
        ],
    }
