"""Handler of the requests on the spaces of a worker: load, apply, search, read and snapshot."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.mind.mind import Mind, RevisionGap
from mlsdm_grpc.core.model.outcome import EventOutcome, Outcome, StreamOutcome
from mlsdm_grpc.core.model.record import Record
from mlsdm_grpc.core.model.semantics import SemanticsUnknown
from mlsdm_grpc.errors import (
    DataLoss,
    MlsdmError,
    PreconditionFailed,
)
from mlsdm_grpc.journal.codec.outcomes import write_outcome
from mlsdm_grpc.journal.codec.records import decode_record
from mlsdm_grpc.journal.codec.snapshot_rows import SnapshotDamaged
from mlsdm_grpc.journal.codec.snapshots import snapshot_reader, snapshot_writer
from mlsdm_grpc.workers import space_reads
from mlsdm_grpc.workers.frames import NO_RECORDS
from mlsdm_grpc.workers.progress import LOADING, Progress
from mlsdm_grpc.workers.scheduler import Job, LockMode, Slices
from mlsdm_grpc.workers.space_codec import (
    add_failure,
    writes_of,
)
from mlsdm_grpc.workers.space_integrity import repair, scrub
from mlsdm_grpc.workers.space_reads import Action, check_deadline
from mlsdm_grpc.workers.space_search import Searches
from mlsdm_grpc.workers.space_words import WordEntries

__all__ = ["LOCK_MODES", "MAX_KEPT_BYTES", "STARTED_AT_ONCE", "MindHandler"]

# Lock mode of each kind of request; all other kinds are point reads.
LOCK_MODES: Final = {
    "load": LockMode.EXCLUSIVE,
    "replay": LockMode.EXCLUSIVE,
    "unload": LockMode.EXCLUSIVE,
    "apply": LockMode.WRITE,
    "repair": LockMode.WRITE,
    "search": LockMode.SNAPSHOT_READ,
    "page": LockMode.SNAPSHOT_READ,
    "plan": LockMode.READ,
    "scrub": LockMode.READ,
    "snapshot": LockMode.FROZEN_COPY,
}
# Kinds of requests that run even after their deadline has passed.
_CHANGES: Final = frozenset(
    kind for kind, claim in LOCK_MODES.items() if claim in {LockMode.WRITE, LockMode.EXCLUSIVE}
)
STARTED_AT_ONCE: Final = frozenset({"apply", "repair", "snapshot", "unload"})
"""Kinds of requests whose first slice runs immediately. They are seldom long. A snapshot must also
contain the state at its admission, without a write that begins later."""
MAX_KEPT_BYTES: Final = 64 * 1_024 * 1_024
"""Size of the copies for a snapshot in progress above which writes wait for its end, bytes."""
# Size of a record above which its reply always reports the size of the space, bytes.
_SMALL_BYTES: Final = 16 * 1_024
# Of the smaller records, one in this many reports it too.
_SIZED: Final = 8
# Approximate size of an empty space in worker and server, bytes.
_MIND_BYTES: Final = 32 * 1024
# Approximate size of an entry of the request window, bytes.
_WINDOW_ENTRY_BYTES: Final = 512
# Approximate size of the mark of a stream, bytes.
_MARK_BYTES: Final = 256
_log = logging.getLogger(__name__)


class MindHandler:
    """Handler of the minds of one worker, by the number that the server assigned to each space.

    Args:
        position: Progress page of the worker.
        clock: Monotonic clock that ends slices, seconds.
    """

    def __init__(self, position: Progress, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._position = position
        self._minds: dict[int, Mind] = {}
        self.slices = Slices(clock)
        """Scheduler of the long requests."""
        self._words = WordEntries(self._minds, self.slices)
        self._records: dict[int, bytes] = {}
        self._searches = Searches(
            position, mind_of=self._mind, is_held=self._minds.__contains__, fail=self._fail
        )
        self._actions: dict[str, Action] = {
            **space_reads.actions(self._mind),
            "load": self._load,
            "apply": self._apply,
            "preview": self._preview,
            "replay": self._replay,
            "search": self._searches.search_many,
            "scrub": partial(scrub, self._mind),
            "repair": partial(repair, self._mind, self._minds.get),
            "snapshot": self._snapshot,
            "unload": self._unload,
        }

    @property
    def minds(self) -> Mapping[int, Mind]:
        """Minds by the number of their space."""
        return self._minds

    @property
    def busy(self) -> bool:
        """True if a long request is in progress."""
        return len(self.slices) > 0

    @property
    def has_idle_work(self) -> bool:
        """True if texts wait to be indexed."""
        return len(self._words) > 0

    def begin_idle_work(self) -> None:
        """Start indexing the texts that wait."""
        self._words.begin()

    def handle(
        self, requests: Sequence[pb.LinkRequest], records: Mapping[int, bytes] = NO_RECORDS
    ) -> list[pb.LinkReply]:
        """Handle requests; queries of a space that arrive between two writes share one scan."""
        self._records |= records
        replies: list[pb.LinkReply] = []
        searches: dict[int, list[pb.LinkRequest]] = {}
        for request in requests:
            kind = request.WhichOneof("kind") or ""
            claim = self._claim(kind, request)
            if kind == "cancel":
                given_up = self.slices.cancel(request.cancel)
                if given_up is not None:
                    self._records.pop(request.cancel, None)
                    replies.append(given_up)
            elif self.slices.holds(request, claim) or (
                kind == "search" and self._words.defers(request)
            ):
                replies.append(pb.LinkReply(call_id=request.call_id, waits=True))
            elif kind == "search" and claim is LockMode.POINT_READ:
                searches.setdefault(request.space_id, []).append(request)
            else:
                changes = claim is LockMode.WRITE or claim is LockMode.EXCLUSIVE
                if changes and request.space_id in searches:
                    # A query that arrived before a write must not see it, so it is answered first.
                    replies += self._searches.search(searches.pop(request.space_id))
                replies += self._begin(kind, request, claim)
        for waiting in searches.values():
            replies += self._searches.search(waiting)
        return replies

    def step(self) -> list[pb.LinkReply]:
        """Run one slice of the next job."""
        self._position.enter()
        replies: list[pb.LinkReply] = []

        def begin(request: pb.LinkRequest, claim: LockMode) -> None:
            replies.extend(self._begin(request.WhichOneof("kind") or "", request, claim))

        done, point_reads = self.slices.step(begin)
        if done is not None and done.again:
            point_reads = [done.request, *point_reads]
        elif done is not None and done.request.call_id:
            replies.append(done.reply)
        return replies + self.handle(point_reads)

    def _claim(self, kind: str, request: pb.LinkRequest) -> LockMode:
        """Return the lock mode of a request."""
        if kind == "search" and not request.search.batch:
            return LockMode.POINT_READ
        claim = LOCK_MODES.get(kind, LockMode.POINT_READ)
        if claim is LockMode.WRITE and self.busy:
            mind = self._minds.get(request.space_id)
            if mind and mind.contents and mind.contents.pelm.kept_bytes >= MAX_KEPT_BYTES:
                return LockMode.EXCLUSIVE  # an exclusive lock waits for the snapshot
        return claim

    def _begin(self, kind: str, request: pb.LinkRequest, claim: LockMode) -> list[pb.LinkReply]:
        """Begin a request; return its reply if it has ended."""
        self._position.enter()
        reply = pb.LinkReply(call_id=request.call_id)
        job = Job(request, reply, self._steps(self._actions[kind], request, reply), claim)
        at_once = claim is LockMode.POINT_READ or kind in STARTED_AT_ONCE
        return [reply] if self.slices.begin(job, at_once=at_once) else []

    def _steps(
        self, action: Action, request: pb.LinkRequest, reply: pb.LinkReply
    ) -> Iterator[None]:
        """Run a request in steps; its reply then contains the result or the error."""
        try:
            if request.WhichOneof("kind") not in _CHANGES:
                check_deadline(request)
            yield from action(request, reply) or ()
        except Exception as error:  # noqa: BLE001 - the top of the worker's loop
            self._fail(request, reply, error)
        self._records.pop(request.call_id, None)
        self._position.enter()
        mind = self._minds.get(request.space_id)
        reply.revision = 0 if mind is None else mind.revision
        reply.unloaded = mind is None
        if mind is not None:
            self._words.note(request.space_id, mind)

    def _fail(self, request: pb.LinkRequest, reply: pb.LinkReply, error: Exception) -> None:
        if isinstance(error, MlsdmError):
            reply.snapshot_damaged = isinstance(error, SnapshotDamaged)
            add_failure(reply, error)
        elif isinstance(error, RevisionGap):
            add_failure(reply, DataLoss(f"A record of the space cannot be applied: {error}"))
        elif isinstance(error, SemanticsUnknown):
            add_failure(reply, _unsupported(error))
        elif isinstance(error, OSError):
            add_failure(reply, MlsdmError(f"The snapshot file cannot be used: {error.strerror}."))
        else:
            # A defect must not stop the other spaces of this worker. The state may be changed in
            # part, so it is discarded. The server then loads the space again, and its replay
            # reaches the same record.
            _log.error("worker_defect", exc_info=error)
            self._minds.pop(request.space_id, None)
            if applying := self._position.applying:
                reply.defect_revision = applying.revision
            add_failure(
                reply,
                DataLoss("A defect of the worker ended the request; the space is loaded again."),
            )

    def _mind(self, request: pb.LinkRequest) -> Mind:
        mind = self._minds.get(request.space_id)
        if mind is None:
            raise MlsdmError(
                "The worker does not hold the space, which must be loaded again.",
                reason="WORKER_LOST",
            )
        return mind

    def _load(self, request: pb.LinkRequest, reply: pb.LinkReply) -> Iterator[None]:
        path, mind = request.load.snapshot_path, Mind()
        if path:
            with Path(path).open("rb") as file:
                mind = yield from self._reading(request.space_id, file)
            yield from _prepare(mind)
        self._minds[request.space_id] = mind
        reply.space_bytes = _bytes(mind)
        reply.done.SetInParent()

    def _reading(self, space_id: int, file: BinaryIO) -> Generator[None, None, Mind]:
        """Read a snapshot in steps; the progress page shows the step."""
        steps, size = snapshot_reader(file), os.fstat(file.fileno()).st_size
        while True:
            self._position.enter(space_id, LOADING, step_bytes=size)
            try:
                next(steps)
            except StopIteration as end:
                mind: Mind = end.value
                return mind
            self._position.enter()
            yield

    def _replay(self, request: pb.LinkRequest, reply: pb.LinkReply) -> Iterator[None]:
        mind = self._mind(request)
        before = mind.revision
        for raw in request.replay.records:
            _, outcome = yield from self._applying(mind, request.space_id, raw)
            reply.done.writes += writes_of(outcome)
            self._position.enter()
            yield
        yield from _prepare(mind)
        reply.done.count = mind.revision - before
        reply.space_bytes = _bytes(mind)

    def _apply(self, request: pb.LinkRequest, reply: pb.LinkReply) -> Iterator[None]:
        mind = self._mind(request)
        raw = self._records.pop(request.call_id, request.apply)
        record, outcome = yield from self._applying(mind, request.space_id, raw)
        outcome = outcome or mind.repeated(record)
        if len(raw) > _SMALL_BYTES or mind.revision < _SIZED or not mind.revision % _SIZED:
            reply.space_bytes = _bytes(mind)
        write_outcome(outcome, reply.outcome)
        if isinstance(outcome, EventOutcome | StreamOutcome) and mind.contents is not None:
            reply.synaptic_norms.extend(mind.contents.synapses.norms())

    def _applying(
        self, mind: Mind, space_id: int, raw: bytes
    ) -> Generator[None, None, tuple[Record, Outcome | None]]:
        """Apply a record in steps; the progress page shows the record during each step."""
        revision = mind.revision + 1
        self._position.enter(space_id, revision)
        record = decode_record(raw)
        steps = mind.applying(record)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                outcome: Outcome | None = end.value
                return record, outcome
            self._position.enter()
            yield
            self._position.enter(space_id, revision)

    def _preview(self, request: pb.LinkRequest, reply: pb.LinkReply) -> None:
        raw = self._records.pop(request.call_id, request.preview)
        outcome = self._mind(request).preview(decode_record(raw))
        reply.outcome.SetInParent()
        if outcome is not None:
            write_outcome(outcome, reply.outcome)

    def _unload(self, request: pb.LinkRequest, reply: pb.LinkReply) -> None:
        self._minds.pop(request.space_id, None)
        reply.done.SetInParent()

    def _snapshot(self, request: pb.LinkRequest, reply: pb.LinkReply) -> Iterator[None]:
        mind = self._mind(request)
        with open(request.snapshot.path, "xb", opener=_private) as file:
            written = yield from snapshot_writer(mind, file)
        reply.done.MergeFrom(
            pb.DoneReply(
                sha256=written.sha256, count=written.size, snapshot_revision=written.revision
            )
        )
        reply.space_bytes = _bytes(mind)


def _private(path: str, flags: int) -> int:
    """Open a file with access for its owner only."""
    return os.open(path, flags, 0o600)


def _bytes(mind: Mind) -> int:
    """Return the approximate RAM that a space takes in worker and server, bytes."""
    held = 0
    if mind.contents is not None:
        held = mind.contents.pelm.allocated_bytes + mind.contents.pelm.lexical_bytes
    marks, decisions = 0, 0
    if mind.contents is not None:
        marks, decisions = len(mind.contents.streams), mind.contents.decisions.size
    taken = (
        _MIND_BYTES
        + held
        + decisions
        + _WINDOW_ENTRY_BYTES * len(mind.window)
        + _MARK_BYTES * marks
    )
    return taken + taken // 4  # freed memory that the allocator does not return to the system


def _unsupported(error: SemanticsUnknown) -> MlsdmError:
    return PreconditionFailed(
        f"This server cannot read the space. {error}",
        reason="SEMANTICS_UNSUPPORTED",
        metadata={
            "expected": ", ".join(map(str, error.expected)),
            "actual": str(error.actual),
        },
    )


def _prepare(mind: Mind) -> Iterator[None]:
    """Prepare the rows for the first query, so that it does not delay other requests."""
    if mind.contents is not None:
        yield from mind.contents.pelm.prepare()
