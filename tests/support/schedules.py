"""Model of the environment of a worker: its parent, the journal, snapshot files, and kills.

:class:`World` drives the real worker code with a clock of its own, so that a random source decides
where every slice ends, which request comes between which slices, and when the worker is killed.
Every reply, every snapshot file, and the state that a new worker computes from snapshot and records
is compared with the state that the records give one after another.
"""

import random
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from searching import by_vector, search_of

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc._gen.mlsdm.v1.memory_query_pb2 import (
    BatchQueryMemoriesResponse,
    QueryMemoriesResponse,
)
from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.model.bodies import (
    Consolidate,
    CreateSpace,
    DeleteMemory,
    MergeGroup,
    MergeMember,
    ProcessEvent,
    PutMemories,
    SpaceChange,
    StreamItem,
    StreamItems,
    UpdateMemory,
    UpdateSpace,
)
from mlsdm_grpc.core.model.new_memory import NewMemory, Vector
from mlsdm_grpc.core.model.outcome import etag_of
from mlsdm_grpc.core.model.parameters import RhythmParameters, SpaceParameters
from mlsdm_grpc.core.model.record import Record
from mlsdm_grpc.core.store.kernel import inverse_norm
from mlsdm_grpc.errors import DataLoss
from mlsdm_grpc.journal.codec.records import decode_record, encode_record
from mlsdm_grpc.journal.codec.snapshots import read_snapshot, snapshot_bytes
from mlsdm_grpc.workers.progress import Progress
from mlsdm_grpc.workers.space_codec import found_memories
from mlsdm_grpc.workers.space_worker import MindHandler

DIMENSION = 4
SECOND = 1_000_000_000
ACTIONS = {
    "write": 8,
    "step": 12,
    "snapshot": 4,
    "read": 5,
    "plan": 1,
    "scrub": 1,
    "cancel": 1,
    "evict": 1,
    "kill": 1,
}
"""Possible next events, with their relative frequencies."""


class Wrong(AssertionError):
    """The state of a worker differs from that of the records."""


def _vectors():
    rows = np.random.default_rng(7).standard_normal((12, DIMENSION)).astype(np.float32)
    return [Vector(row, inverse_norm(row)) for row in rows]


VECTORS = _vectors()


@dataclass
class Ticks:
    """Clock that jumps past the end of a slice at random."""

    rng: random.Random
    now_s: float = 0.0

    def __call__(self):
        self.now_s += self.rng.choice((0.0, 0.0, 1.0))
        return self.now_s


@contextmanager
def small_steps():
    """Let a step of a snapshot be one memory or a few bytes, so that much comes in between."""
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr("mlsdm_grpc.journal.codec.snapshots.MEMORIES_A_STEP", 1)
        changed.setattr("mlsdm_grpc.journal.codec.snapshots.PART_BYTES", 512)
        changed.setattr("mlsdm_grpc.workers.space_integrity.SCRUBBED_AT_ONCE", 2)
        changed.setattr("mlsdm_grpc.workers.space_search.FIRST_QUERIES", 1)
        yield


@dataclass
class History:
    """The durable records of a space, and their results."""

    records: list[bytes] = field(default_factory=list)
    mind: Mind = field(default_factory=Mind)
    """After all of them."""
    states: list[bytes] = field(default_factory=lambda: [snapshot_bytes(Mind())])
    """After each number of them."""
    views: list[tuple] = field(default_factory=lambda: [()])
    pages: list[list[tuple[str, int, int]]] = field(default_factory=lambda: [[]])
    """Ids, revisions and expiries of the memories, oldest first."""

    def append(self, raw):
        self.records.append(raw)
        self.mind.apply(decode_record(raw))
        self.states.append(snapshot_bytes(self.mind))
        view, contents = self.mind.view(), self.mind.contents
        self.views.append((view.chain, view.step, view.used, view.update_time_ns))
        found = contents.pelm.history.memories()
        self.pages.append([(m.memory_id, m.revision, m.expire_time_ns) for m, _ in found])

    def page(self, revision, now_ns):
        """Return ids and revisions of the memories that lived at a time."""
        page = self.pages[revision]
        return [(id_, changed) for id_, changed, end_ns in page if not 0 < end_ns <= now_ns]


@dataclass
class Asked:
    """Request in progress."""

    kind: str
    request: pb.LinkRequest
    least: int
    """Revision that the worker had answered for when it was sent."""


class World:
    """One space, its journal and its worker.

    Args:
        seed: Decides everything.
        folder: Where snapshot files go; on a fast file system.
    """

    def __init__(self, seed, folder):
        self.rng = random.Random(seed)
        self.folder = Path(folder)
        self.history = History()
        self.snapshots: list[tuple[int, Path]] = []
        """Revision and file of those that the journal took over, newest last."""
        self.files = 0
        self.calls = 0
        self.time_ns = SECOND
        self.asked: dict[int, Asked] = {}
        self.late: deque[bytes] = deque()
        """Durable records that were not sent to the worker yet."""
        self.kills = 0
        self._start()
        self._append(CreateSpace(self._parameters()))
        self._deliver()

    # The parent.

    def run(self, actions=24):
        """Do random actions, then kill the worker and compare the state of the next one."""
        kinds, weights = list(ACTIONS), list(ACTIONS.values())
        for kind in self.rng.choices(kinds, weights, k=actions):
            getattr(self, f"_{kind}")()
        if self.rng.random() < 0.5:
            self._finish()
            self._compare(self._held(1), "at rest")
        self._kill()

    def _send(self, *requests):
        for request, kind in requests:
            self.calls += 1
            request.call_id = self.calls
            request.space_id = request.space_id or 1
            request.now_ns = self.time_ns
            self.asked[self.calls] = Asked(kind, request, self.applied)
        self._heard(self.handler.handle([request for request, _ in requests]))

    def _heard(self, replies):
        for reply in replies:
            if reply.waits:
                continue
            asked = self.asked.pop(reply.call_id, None)
            if asked is not None:
                self._check(asked, reply)

    def _write(self):
        """Make some records durable, and send most of them."""
        for _ in range(self.rng.choice((1, 1, 2))):
            self._append(self._body())
        if self.rng.random() < 0.8:
            self._deliver()

    def _append(self, body):
        self.time_ns += self.rng.choice((0, SECOND))
        revision = len(self.history.records) + 1
        contents = self.history.mind.contents
        record = Record(
            revision=revision,
            incarnation=0 if contents is None else contents.incarnation,
            record_id=revision.to_bytes(16, "big"),
            time_ns=self.time_ns,
            body=body,
            request_id=self.rng.randrange(1, 6).to_bytes(16, "big"),
            request_digest=bytes([self.rng.randrange(2)]) * 32,
        )
        if self.rng.random() < 0.7:
            record = Record(**{**_fields(record), "request_id": revision.to_bytes(16, "little")})
        raw = encode_record(record)
        self.history.append(raw)
        self.late.append(raw)

    def _deliver(self):
        while self.late:
            self._send((pb.LinkRequest(apply=self.late.popleft()), "apply"))

    def _step(self):
        if self.handler.busy:
            self._heard(self.handler.step())

    def _finish(self):
        while self.late or self.handler.busy:
            self._deliver()
            self._step()
        self._heard(self.handler.handle([]))
        if self.asked:
            raise Wrong(f"without a reply: {[asked.kind for asked in self.asked.values()]}")

    def _snapshot(self):
        if any(asked.kind == "snapshot" for asked in self.asked.values()):
            return
        self.files += 1
        path = self.folder / f"tmp-{self.files}"
        wanted = pb.SnapshotRequest(path=str(path))
        self._send((pb.LinkRequest(snapshot=wanted), "snapshot"))

    def _read(self):
        kind = self.rng.choice(("search", "searches", "batch", "get", "page", "view", "preview"))
        if kind == "searches":
            self._send((self._question(1), "search"), (self._question(1), "search"))
            return
        request = {
            "search": lambda: self._question(1),
            "batch": lambda: self._question(3),
            "get": lambda: pb.LinkRequest(get=pb.GetRequest(memory_id=self._id())),
            "page": lambda: pb.LinkRequest(page=pb.PageRequest(limit=50, max_bytes=10**9)),
            "view": lambda: pb.LinkRequest(view=pb.ViewRequest()),
            "preview": lambda: pb.LinkRequest(preview=self._previewed()),
        }[kind]()
        self._send((request, kind))

    def _question(self, count):
        queries = [by_vector(self.rng.choice(VECTORS), top_k=50) for _ in range(count)]
        return pb.LinkRequest(search=search_of(*queries, batch=count > 1))

    def _previewed(self):
        """Return a record with an id that was used: its preview is the outcome of the first."""
        return self.rng.choice(self.history.records)

    def _plan(self):
        wanted = pb.PlanRequest(window=20, unexamined_only=self.rng.random() < 0.5)
        self._send((pb.LinkRequest(plan=wanted), "plan"))

    def _scrub(self):
        """Look for damage, of which there may be some, and have it repaired from a copy."""
        mind = self._held(1)
        if mind.contents is not None and self.rng.random() < 0.5:
            used = np.flatnonzero(mind.contents.pelm.table.columns["sequence"])
            if len(used) and not (self.handler.busy or self.late):
                slot = self.rng.choice(used.tolist())
                mind.contents.pelm.table.rows.vectors[slot, 0] += 0.5
                self._mend()
                return
        self._send((pb.LinkRequest(scrub=pb.ScrubRequest(start=0, count=64)), "scrub"))

    def _mend(self):
        """Repair a damaged row like the parent, with concurrent writes."""
        self._send((pb.LinkRequest(scrub=pb.ScrubRequest(start=0, count=64)), "scrub"))
        while self.handler.busy:
            self._step()
        self._load(2)
        if self.rng.random() < 0.5:
            self._write()
        damaged = list(self.damaged)
        repair = pb.RepairRequest(copy_id=2, memory_ids=damaged)
        self._send((pb.LinkRequest(repair=repair), "repair"))
        while self.handler.busy:
            self._step()
        self._send((pb.LinkRequest(space_id=2, unload=pb.UnloadRequest()), "unload"))
        while self.handler.busy:
            self._step()

    def _cancel(self):
        reading = [n for n, asked in self.asked.items() if asked.kind != "apply"]
        if reading:
            given_up = self.rng.choice(reading)
            self.asked[given_up].kind = "cancelled"
            self._send((pb.LinkRequest(cancel=given_up), "cancel"))
            del self.asked[self.calls]

    def _evict(self):
        """Evict the space like a parent without other calls, and load it again."""
        while self.handler.busy:
            self._step()
        self._send((pb.LinkRequest(unload=pb.UnloadRequest()), "unload"))
        while self.handler.busy:
            self._step()
        if 1 in self.handler.minds:
            raise Wrong("a space that was unloaded is there still")
        self._bring_back()

    def _kill(self):
        """Kill the worker with all its work, and compare the state of a new one."""
        self.kills += 1
        self._start()
        self._bring_back()
        self._finish()
        self._compare(self._held(1), "after a kill")

    # The worker.

    def _start(self):
        self.handler = MindHandler(Progress(), clock=Ticks(self.rng))
        self.asked.clear()
        self.applied = 0
        self.damaged: list[str] = []
        self.handler.handle([pb.LinkRequest(call_id=0, space_id=1, load=pb.LoadRequest())])
        while self.handler.busy:
            self.handler.step()

    def _bring_back(self):
        self.late.clear()
        self._load(1)
        self.applied = self._held(1).revision

    def _load(self, number):
        """Load the newest snapshot and the records after it, a few at a time."""
        revision, path = self.snapshots[-1] if self.snapshots else (0, "")
        wanted = pb.LoadRequest(snapshot_path=str(path))
        self._send((pb.LinkRequest(space_id=number, load=wanted), "load"))
        while self.handler.busy:
            self._step()
        # What was applied before may come again; the worker has to leave it out.
        records = self.history.records[max(0, revision - self.rng.randrange(3)) :]
        while records:
            count = self.rng.randrange(1, 8)
            replay = pb.ReplayRequest(records=records[:count])
            del records[:count]
            self._send((pb.LinkRequest(space_id=number, replay=replay), "replay"))
            while self.handler.busy:
                self._step()

    def _held(self, number):
        return self.handler.minds[number]

    # What has to be.

    def _check(self, asked, reply):
        kind = asked.kind
        if reply.WhichOneof("kind") == "failure":
            raise Wrong(f"{kind} failed: {reply.failure.message}")
        if kind in {"load", "replay", "unload", "cancelled"} or asked.request.space_id != 1:
            return
        if not asked.least <= reply.revision <= len(self.history.records):
            raise Wrong(f"{kind}: revision {reply.revision} after {asked.least}")
        self.applied = max(self.applied, reply.revision)
        checks = {
            "snapshot": self._check_snapshot,
            "view": self._check_view,
            "page": self._check_page,
            "search": self._check_search,
            "batch": self._check_search,
            "scrub": self._check_scrub,
            "plan": self._check_plan,
            "apply": self._check_apply,
        }
        if kind in checks:
            checks[kind](asked, reply)

    def _check_apply(self, asked, reply):
        revision = decode_record(asked.request.apply).revision
        if reply.revision < revision:
            raise Wrong(f"record {revision} is answered at revision {reply.revision}")

    def _check_snapshot(self, asked, reply):
        path, revision = Path(asked.request.snapshot.path), reply.done.snapshot_revision
        try:
            with path.open("rb") as file:
                mind = read_snapshot(file)
        except DataLoss as error:
            raise Wrong(f"a snapshot cannot be read: {error}") from error
        if mind.revision != revision:
            raise Wrong(f"a snapshot of {mind.revision} calls itself {revision}")
        self._compare(mind, "in a snapshot")
        if not self.snapshots or self.snapshots[-1][0] < revision:
            self.snapshots.append((revision, path))

    def _check_view(self, _asked, reply):
        view = reply.view
        got = (view.chain, view.step, view.used, view.update_time_ns) if view.exists else ()
        self._same("view", got, self.history.views[reply.revision], reply)

    def _check_page(self, asked, reply):
        found = [each.memory for each in found_memories(reply.memories)]
        got = [(memory.memory_id, memory.revision) for memory in found]
        self._same("page", got, self.history.page(reply.revision, asked.request.now_ns), reply)

    def _check_search(self, asked, reply):
        if asked.kind == "batch":
            results = BatchQueryMemoriesResponse.FromString(reply.search.answer).results
        else:
            results = [QueryMemoriesResponse.FromString(reply.search.answer)]
        for result in results:
            got = sorted(match.memory.memory_id for match in result.matches)
            # What waited together is answered as of the time of the latest question.
            times = range(asked.request.now_ns, self.time_ns + 1, SECOND)
            pages = [self.history.page(reply.revision, time_ns) for time_ns in times]
            living = [sorted(memory_id for memory_id, _ in page) for page in pages]
            self._same("search", got, got if got in living else living[0], reply)

    def _check_scrub(self, _asked, reply):
        self.damaged = list(reply.scrub.damaged)

    def _check_plan(self, _asked, reply):
        """Write the planned merge like the parent; each member has the etag of some revision."""
        pages = self.history.pages[: reply.revision + 1]
        known = {
            (memory_id, etag_of(revision)) for page in pages for memory_id, revision, _ in page
        }
        groups = []
        for n, group in enumerate(reply.plan.groups):
            for member in group.members:
                if (member.memory_id, member.etag) not in known:
                    raise Wrong("a plan names what no revision had")
            members = tuple(MergeMember(m.memory_id, m.etag) for m in group.members)
            name = f"s{len(self.history.records)}-{n}"
            groups.append(MergeGroup(name, members))
        body = Consolidate(
            tuple(groups),
            trigger=self.rng.choice((0, self.history.mind.contents.step)),
            examined_sequence=reply.plan.last_sequence,
            move_traces=self.rng.random() < 0.5,
        )
        self._append(body)

    def _same(self, what, got, expected, reply):
        if got != expected:
            raise Wrong(f"{what} at revision {reply.revision}: {got} instead of {expected}")

    def _compare(self, mind, where):
        expected = len(self.history.records) if where != "in a snapshot" else mind.revision
        if mind.revision != expected or snapshot_bytes(mind) != self.history.states[mind.revision]:
            raise Wrong(
                f"{where}: the state of revision {mind.revision} of {expected} is not what its"
                " records give"
            )

    # Random records.

    def _parameters(self):
        return SpaceParameters(
            dimension=DIMENSION,
            capacity=self.rng.randrange(3, 12),
            rhythm=RhythmParameters(wake_duration=2, sleep_duration=1),
            merge_min_cosine=0.98,
        )

    def _body(self):
        kind = self.rng.choice(("put", "put", "put", "stream", "stream", "event", "rest"))
        if kind == "put":
            count = self.rng.choice((1, 2, 5, 8))
            ids = self.rng.sample(range(20), count)
            memories = tuple(self._memory(f"m{n}") for n in ids)
            return PutMemories(memories, allow_replace=self.rng.random() < 0.8)
        if kind == "stream":
            return self._stream()
        if kind == "event":
            return self._event()
        return self.rng.choice((self._update, self._delete, self._reconfigure))()

    def _memory(self, memory_id):
        return NewMemory(
            memory_id,
            self.rng.choice(VECTORS),
            caller_chosen_id=self.rng.random() < 0.3,
            text=self.rng.choice(("", "one", "two")),
            labels=self.rng.choice(((), ("a",), ("a", "b"))),
            pinned=self.rng.random() < 0.1,
            expire_time_ns=self.rng.choice((0, 0, 0, self.time_ns + 3 * SECOND)),
        )

    def _event(self):
        answer = self._memory(f"a{self.calls}") if self.rng.random() < 0.3 else None
        return ProcessEvent(self._memory(self._id()), self.rng.random(), answer)

    def _stream(self):
        name = self.rng.choice("st")
        mark = self.history.mind.contents.streams.get(name)
        after = mark.sequence if mark else 0
        count = self.rng.choice((1, 4, 9))
        items = tuple(
            StreamItem(
                after + 1 + n,
                self._event() if self.rng.random() < 0.5 else self._memory(self._id()),
            )
            for n in range(count)
        )
        return StreamItems(name, after, after + count, items, allow_replace=True)

    def _update(self):
        return UpdateMemory(
            self._id(), add_labels=("c",), pinned=self.rng.choice((None, True, False))
        )

    def _delete(self):
        return DeleteMemory(self._id())

    def _reconfigure(self):
        return UpdateSpace("", SpaceChange(capacity=self.rng.randrange(3, 14)))

    def _id(self):
        return f"m{self.rng.randrange(20)}"


def _fields(record):
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


def first_wrong(folder, seeds, actions=24):
    """Run schedules until one is wrong; return their number and the fault."""
    with small_steps():
        for count, seed in enumerate(seeds, 1):
            try:
                World(seed, _emptied(folder)).run(actions)
            except Exception as wrong:  # noqa: BLE001 - whatever a fault comes to
                return count, f"seed {seed}: {wrong!r}"
    return None


def _emptied(folder):
    for path in folder.iterdir():
        path.unlink()
    return folder
