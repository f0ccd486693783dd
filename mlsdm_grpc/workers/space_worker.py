"""What a worker does with its spaces: load, apply, search, read, snapshot."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.mind.consolidation import Rules, Window, plan
from mlsdm_grpc.core.mind.mind import Mind, RevisionGap
from mlsdm_grpc.core.mind.pelm import Query, RecalledSlots
from mlsdm_grpc.core.mind.space_state import Contents
from mlsdm_grpc.core.model.record import EventOutcome, Outcome, Record, StreamOutcome
from mlsdm_grpc.core.model.semantics import SemanticsUnknown
from mlsdm_grpc.errors import (
    DataLoss,
    DeadlineExceeded,
    InvalidInput,
    MlsdmError,
    NotFound,
    PreconditionFailed,
    Unavailable,
)
from mlsdm_grpc.journal.codec.parameters import parameters_to_proto
from mlsdm_grpc.journal.codec.policies import policy_to_proto
from mlsdm_grpc.journal.codec.records import decode_record, group_to_proto, outcome_to_proto
from mlsdm_grpc.journal.codec.snapshots import SnapshotDamaged, snapshot_reader, snapshot_writer
from mlsdm_grpc.workers.link import NO_RECORDS
from mlsdm_grpc.workers.progress import LOADING, Progress
from mlsdm_grpc.workers.query_decoder import queries_of
from mlsdm_grpc.workers.query_encoder import Answers
from mlsdm_grpc.workers.scheduler import SLICE_S, Job, LockMode, Slices
from mlsdm_grpc.workers.space_codec import (
    add_failure,
    add_memory,
    answer_bytes,
    row_bytes,
    writes_of,
)
from mlsdm_grpc.workers.space_words import completing, know_words, lacks_words

__all__ = ["MindHandler"]

_Action: TypeAlias = Callable[[pb.LinkRequest, pb.LinkReply], Iterator[None] | None]
_Asked: TypeAlias = tuple[pb.LinkRequest, pb.LinkReply, Query]
_CLAIMS: Final = {
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
"""What requests want of their space that do not only glance at it."""
_CHANGES: Final = frozenset(
    kind for kind, claim in _CLAIMS.items() if claim in {LockMode.WRITE, LockMode.EXCLUSIVE}
)
"""Which of them are done at any time."""
_AT_ONCE: Final = frozenset({"apply", "repair", "snapshot", "unload"})
"""Which of them are begun at once: they are seldom long, and a snapshot is of the state that was
there when it was let in, not of the middle of a change that began before its first slice."""
_MOST_KEPT_BYTES: Final = 64 * 1_024 * 1_024
"""Writes wait for a snapshot for which this much of a space was copied."""
_FIRST_QUERIES: Final = 8
"""Queries of a batch that are answered before it is known how long one takes."""
_MIND_BYTES: Final = 32 * 1024
"""About what a space takes that holds nothing, here and in the server."""
_WINDOW_ENTRY_BYTES: Final = 512
"""About what a remembered request takes."""
_MARK_BYTES: Final = 256
"""About what the mark of a stream takes."""
_SCANNED_AT_ONCE: Final = 256
"""Queries of one scan that together have the time which a step over all rows has."""
_SCRUBBED_AT_ONCE: Final = 256
"""Rows that are compared with their checksums in one step."""
_log = logging.getLogger(__name__)


class MindHandler:
    """The minds of one worker, by the number that the parent gave each space.

    Args:
        position: Where the worker says what it is doing.
        clock: Seconds, monotonic; says when a slice ends.
    """

    def __init__(self, position: Progress, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._position = position
        self._minds: dict[int, Mind] = {}
        self._slices = Slices(clock)
        self._answers = Answers()
        self._records: dict[int, bytes] = {}
        """Records of requests that are not begun, by call; others are in the requests."""
        self._actions: dict[str, _Action] = {
            "load": self._load,
            "apply": self._apply,
            "preview": self._preview,
            "replay": self._replay,
            "search": self._search_many,
            "get": self._get,
            "page": self._page,
            "plan": self._plan,
            "scrub": self._scrub,
            "repair": self._repair,
            "view": self._view,
            "policy": self._policy,
            "snapshot": self._snapshot,
            "unload": self._unload,
        }

    @property
    def busy(self) -> bool:
        """Whether a long request is in progress."""
        return len(self._slices) > 0

    def handle(
        self, requests: Sequence[pb.LinkRequest], records: Mapping[int, bytes] = NO_RECORDS
    ) -> list[pb.LinkReply]:
        """Take what was waiting; queries between two writes of a space share one scan."""
        self._records |= records
        replies: list[pb.LinkReply] = []
        searches: dict[int, list[pb.LinkRequest]] = {}
        for request in requests:
            kind = request.WhichOneof("kind") or ""
            claim = self._claim(kind, request)
            if kind == "cancel":
                given_up = self._slices.cancel(request.cancel)
                if given_up is not None:
                    self._records.pop(request.cancel, None)
                    replies.append(given_up)
            elif self._slices.holds(request, claim) or self._begins_later(kind, request):
                replies.append(pb.LinkReply(call_id=request.call_id, waits=True))
            elif kind == "search" and claim is LockMode.POINT_READ:
                searches.setdefault(request.space_id, []).append(request)
            else:
                if claim is LockMode.WRITE or claim is LockMode.EXCLUSIVE:
                    replies += self._search(searches.pop(request.space_id, []))
                replies += self._begin(kind, request, claim)
        for waiting in searches.values():
            replies += self._search(waiting)
        return replies

    def step(self) -> list[pb.LinkReply]:
        """Do a slice of what is left."""
        self._position.enter()
        replies: list[pb.LinkReply] = []

        def begin(request: pb.LinkRequest, claim: LockMode) -> None:
            replies.extend(self._begin(request.WhichOneof("kind") or "", request, claim))

        done, glances = self._slices.step(begin)
        if done is not None and done.again:
            glances = [done.request, *glances]
        elif done is not None and done.request.call_id:
            replies.append(done.reply)
        return replies + self.handle(glances)

    def _claim(self, kind: str, request: pb.LinkRequest) -> LockMode:
        """Return what a request wants of its space."""
        if kind == "search" and not request.search.batch:
            return LockMode.POINT_READ
        claim = _CLAIMS.get(kind, LockMode.POINT_READ)
        if claim is LockMode.WRITE and self.busy:
            mind = self._minds.get(request.space_id)
            if mind and mind.contents and mind.contents.pelm.kept_bytes >= _MOST_KEPT_BYTES:
                return LockMode.EXCLUSIVE  # which waits for the snapshot
        return claim

    def _begin(self, kind: str, request: pb.LinkRequest, claim: LockMode) -> list[pb.LinkReply]:
        """Begin a request, and return its reply if it is done."""
        self._position.enter()
        reply = pb.LinkReply(call_id=request.call_id)
        job = Job(request, reply, self._steps(self._actions[kind], request, reply), claim)
        at_once = claim is LockMode.POINT_READ or kind in _AT_ONCE
        return [reply] if self._slices.begin(job, at_once=at_once) else []

    def _steps(
        self, action: _Action, request: pb.LinkRequest, reply: pb.LinkReply
    ) -> Iterator[None]:
        """Do what a request wants; its reply says how it went."""
        try:
            if request.WhichOneof("kind") not in _CHANGES:
                _check_deadline(request)
            yield from action(request, reply) or ()
        except Exception as error:  # noqa: BLE001 - the top of the worker's loop
            self._fail(request, reply, error)
        self._records.pop(request.call_id, None)
        self._position.enter()
        mind = self._minds.get(request.space_id)
        reply.revision = 0 if mind is None else mind.revision
        reply.unloaded = mind is None
        if mind is not None:
            self._learn_words(request.space_id, mind)

    # Words.

    def _learn_words(self, space_id: int, mind: Mind) -> None:
        """Keep up with the words of a space from now on; those that it has are read behind this."""
        if know_words(mind):
            steps = self._completing(space_id, mind)
            job = Job(pb.LinkRequest(space_id=space_id), pb.LinkReply(), steps, LockMode.POINT_READ)
            self._slices.begin(job, at_once=False)

    def _begins_later(self, kind: str, request: pb.LinkRequest) -> bool:
        """Keep a search for words until the words of all texts are known."""
        mind = self._minds.get(request.space_id)
        if mind is None or kind != "search" or not lacks_words(mind, request.search):
            return False
        steps = self._completing(request.space_id, mind)
        job = Job(
            request, pb.LinkReply(call_id=request.call_id), steps, LockMode.POINT_READ, again=True
        )
        self._slices.begin(job, at_once=False)
        return True

    def _completing(self, space_id: int, mind: Mind) -> Iterator[None]:
        """Learn the words that a space has, as long as it is here; it may change meanwhile."""
        for _ in completing(mind):
            if self._minds.get(space_id) is not mind:
                return
            yield

    def _fail(self, request: pb.LinkRequest, reply: pb.LinkReply, error: Exception) -> None:
        if isinstance(error, MlsdmError):
            reply.snapshot_damaged = isinstance(error, SnapshotDamaged)
            add_failure(reply, error)
        elif isinstance(error, RevisionGap):
            add_failure(reply, DataLoss(f"A record cannot be applied: {error!r}"))
        elif isinstance(error, SemanticsUnknown):
            add_failure(reply, _unsupported(error))
        elif isinstance(error, OSError):
            add_failure(reply, MlsdmError(f"A file cannot be used: {error.strerror}"))
        else:
            # A defect must not take the other spaces of this worker along, and a state that may
            # be half changed must not be used; loading it again meets the same record.
            _log.error("defect in a worker", exc_info=error)
            self._minds.pop(request.space_id, None)
            if applying := self._position.applying:
                reply.defect_revision = applying.revision
            add_failure(reply, DataLoss("The space cannot be brought up to date by this version."))

    def _mind(self, request: pb.LinkRequest) -> Mind:
        mind = self._minds.get(request.space_id)
        if mind is None:
            raise MlsdmError("The space is not loaded.", reason="WORKER_LOST")
        return mind

    # Writing.

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
        """Read a snapshot in steps, and say so in each."""
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
        reply.space_bytes = _bytes(mind)
        reply.outcome.CopyFrom(outcome_to_proto(outcome))
        if isinstance(outcome, EventOutcome | StreamOutcome) and mind.contents is not None:
            reply.synaptic_norms.extend(mind.contents.synapses.norms())

    def _applying(
        self, mind: Mind, space_id: int, raw: bytes
    ) -> Generator[None, None, tuple[Record, Outcome | None]]:
        """Apply a record in steps, and say so in each; what comes after the last does so itself."""
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
            reply.outcome.CopyFrom(outcome_to_proto(outcome))

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

    # Integrity.

    def _scrub(self, request: pb.LinkRequest, reply: pb.LinkReply) -> Iterator[None]:
        yield
        mind, wanted = self._mind(request), request.scrub
        reply.scrub.SetInParent()
        if mind.contents is None:
            return
        start, end = wanted.start, wanted.start + wanted.count
        while start < end:
            count = min(_SCRUBBED_AT_ONCE, end - start)
            damaged, checked, start = mind.contents.pelm.scrub(start, count)
            reply.scrub.damaged.extend(damaged)
            reply.scrub.checked += checked
            if not start:
                break
            yield
        reply.scrub.next = start

    def _repair(self, request: pb.LinkRequest, reply: pb.LinkReply) -> None:
        mind = self._mind(request)
        copy = self._minds.get(request.repair.copy_id)
        reply.repair.SetInParent()
        if mind.contents is None:
            return
        pelm = mind.contents.pelm
        spare = None if copy is None or copy.contents is None else copy.contents.pelm
        for memory_id in request.repair.memory_ids:
            if pelm.get(memory_id) is None or pelm.is_sound(memory_id):
                continue
            row = None if spare is None or spare.get(memory_id) is None else spare.row(memory_id)
            if row is not None and pelm.mend(memory_id, row):
                reply.repair.repaired.append(memory_id)
            else:
                pelm.lose(memory_id)
                reply.repair.lost.append(memory_id)

    # Reading.

    def _search(self, requests: Sequence[pb.LinkRequest]) -> list[pb.LinkReply]:
        """Answer single queries of one space by one scan; a fault in one spoils no other."""
        replies, asked, began_ns = list[pb.LinkReply](), list[_Asked](), time.thread_time_ns()
        for request in requests:
            reply = pb.LinkReply(call_id=request.call_id)
            replies.append(reply)
            try:
                _check_deadline(request)
                mind = self._mind(request)
                asked.append((request, reply, queries_of(_contents(mind), request.search)[0]))
                reply.revision = mind.revision
            except MlsdmError as error:
                self._fail(request, reply, error)
                reply.unloaded = request.space_id not in self._minds
        if not asked:
            return replies
        try:
            now_ns = max(request.now_ns for request, _, _ in asked)
            found = self._find(mind, [query for _, _, query in asked], now_ns=now_ns)
            for (request, reply, query), one in zip(asked, found, strict=True):
                self._answer(mind, request, reply, [(query, one)])
        except Exception as error:  # noqa: BLE001 - the top of the worker's loop
            for request, reply, _ in asked:
                self._fail(request, reply, error)
            return replies
        first = asked[0][1]
        if first.WhichOneof("kind") == "search":
            first.search.batch_count = len(asked)
            first.search.query_cost_ns = (time.thread_time_ns() - began_ns) // len(asked)
        return replies

    def _search_many(self, request: pb.LinkRequest, reply: pb.LinkReply) -> Iterator[None]:
        """Answer a batch of queries, as many at a time as a slice is long."""
        yield
        mind = self._mind(request)
        queries = queries_of(_contents(mind), request.search)
        results: list[tuple[Query, RecalledSlots]] = []
        spent_ns, cost_ns, count = 0, 0, _FIRST_QUERIES
        while len(results) < len(queries):
            _check_deadline(request)
            some = queries[len(results) : len(results) + count]
            began_ns = time.thread_time_ns()
            found = self._find(mind, some, now_ns=request.now_ns)
            spent_ns += time.thread_time_ns() - began_ns
            results += zip(some, found, strict=True)
            cost_ns = spent_ns // len(results)
            count = max(1, int(SLICE_S * 1e9) // max(cost_ns, 1))
            yield
        self._answer(mind, request, reply, results)
        if reply.WhichOneof("kind") == "search":
            reply.search.batch_count, reply.search.query_cost_ns = len(queries), cost_ns

    def _find(self, mind: Mind, queries: Sequence[Query], *, now_ns: int) -> list[RecalledSlots]:
        """Scan once for some queries, and say how much that is."""
        rows = _contents(mind).pelm.vector_bytes
        self._position.enter(step_bytes=rows * len(queries) // _SCANNED_AT_ONCE)
        return mind.find(queries, now_ns=now_ns)

    def _answer(
        self,
        mind: Mind,
        request: pb.LinkRequest,
        reply: pb.LinkReply,
        found: Sequence[tuple[Query, RecalledSlots]],
    ) -> None:
        pelm = _contents(mind).pelm
        try:
            reply.search.answer = self._answers.encode(request, pelm, found, mind.revision)
        except InvalidInput as error:
            add_failure(reply, error)

    def _get(self, request: pb.LinkRequest, reply: pb.LinkReply) -> None:
        mind, wanted = self._mind(request), request.get
        reply.memories.SetInParent()
        if mind.contents is None:
            return
        pelm = mind.contents.pelm
        memory = pelm.get(wanted.memory_id)
        if memory is None or memory.expired(request.now_ns):
            return
        if not pelm.is_sound(wanted.memory_id):
            raise _unsound(wanted.memory_id, lost=pelm.is_lost(wanted.memory_id))
        add_memory(reply.memories, memory)
        if wanted.include_embedding:
            reply.memories.rows_f32_le = row_bytes(pelm.row(wanted.memory_id))

    def _page(self, request: pb.LinkRequest, reply: pb.LinkReply) -> Iterator[None]:
        yield
        mind, wanted = self._mind(request), request.page
        reply.memories.SetInParent()
        if mind.contents is None:
            return
        pelm, labels, size = mind.contents.pelm, frozenset(wanted.labels), 0
        rows = bytearray()
        sources = frozenset(wanted.sources)
        memories = pelm.after(wanted.after_sequence, now_ns=request.now_ns)
        if wanted.newest_first:
            memories = pelm.newest_of(wanted.conversation_id, now_ns=request.now_ns)
        for memory, row in memories:
            yield
            if not labels.issubset(memory.labels):
                continue
            if sources and memory.provenance.source not in sources:
                continue
            if wanted.conversation_id not in {"", memory.conversation_id}:
                continue
            size += answer_bytes(memory, row if wanted.include_embedding else None)
            full = len(reply.memories.memories) >= wanted.limit or size > wanted.max_bytes
            if full and reply.memories.memories:
                reply.memories.more = True
                break
            if wanted.include_embedding:
                if not (memory.owns(row) or pelm.is_sound(memory.memory_id)):
                    reply.memories.damaged.append(len(reply.memories.memories))
                rows += row_bytes(row)
            add_memory(reply.memories, memory)
        reply.memories.rows_f32_le = bytes(rows)

    def _plan(self, request: pb.LinkRequest, reply: pb.LinkReply) -> Iterator[None]:
        yield
        mind, wanted = self._mind(request), request.plan
        contents = _contents(mind)
        pelm, after, last = contents.pelm, wanted.after_sequence, wanted.before_sequence - 1
        if not wanted.before_sequence:
            after = contents.consolidated_sequence if wanted.unexamined_only else 0
            last = pelm.sequence_at(wanted.window or len(pelm), after=after)
        min_cosine = contents.parameters.merge_min_cosine
        if wanted.HasField("min_cosine"):
            min_cosine = wanted.min_cosine
        groups, before = yield from plan(
            pelm,
            Window(after, last + 1),
            Rules(mind.semantics_version, contents.parameters.embedder, min_cosine),
            texts=not wanted.before_sequence,
            now_ns=request.now_ns,
        )
        reply.plan.groups.extend(map(group_to_proto, groups))
        reply.plan.after_sequence, reply.plan.last_sequence = after, last
        reply.plan.before_sequence = before

    def _view(self, request: pb.LinkRequest, reply: pb.LinkReply) -> None:
        mind = self._mind(request)
        view = mind.view()
        reply.view.semantics_version = mind.semantics_version
        reply.view.exists = view is not None
        if view is None:
            return
        parameters = view.parameters
        if request.view.omit_ontology:
            parameters = replace(parameters, ontology=())
        reply.view.MergeFrom(
            pb.ViewReply(
                parameters=parameters_to_proto(parameters),
                incarnation=view.incarnation,
                create_time_ns=view.create_time_ns,
                update_time_ns=view.update_time_ns,
                config_revision=view.config_revision,
                config_time_ns=view.config_time_ns,
                chain=view.chain,
                step=view.step,
                accepted=view.accepted,
                awake=view.awake,
                phase=view.phase,
                phase_remaining=view.phase_remaining,
                moral_threshold=view.moral_threshold,
                moral_ema=view.moral_ema,
                synaptic_norms=view.synaptic_norms,
                traces_f32_le=view.traces.astype("<f4", copy=False).tobytes(),
                used=view.used,
                pinned=view.pinned,
                capacity=view.capacity,
                vector_bytes=view.vector_bytes,
                allocated_bytes=view.allocated_bytes,
                lexical_bytes=view.lexical_bytes,
            )
        )

    def _policy(self, request: pb.LinkRequest, reply: pb.LinkReply) -> None:
        policy = self._mind(request).policy
        reply.policy.SetInParent()
        if policy is not None:
            reply.policy.policy.CopyFrom(policy_to_proto(policy))


def _private(path: str, flags: int) -> int:
    """Open a file that nobody but its owner may read."""
    return os.open(path, flags, 0o600)


def _bytes(mind: Mind) -> int:
    """Return about how much memory a space takes."""
    held = 0
    if mind.contents is not None:
        held = mind.contents.pelm.allocated_bytes + mind.contents.pelm.lexical_bytes
    marks = 0 if mind.contents is None else len(mind.contents.streams)
    taken = _MIND_BYTES + held + _WINDOW_ENTRY_BYTES * len(mind.window) + _MARK_BYTES * marks
    return taken + taken // 4  # what the allocator keeps between spaces that come and go


def _unsupported(error: SemanticsUnknown) -> MlsdmError:
    return PreconditionFailed(
        f"The space cannot be used by this version of the server: {error}",
        reason="SEMANTICS_UNSUPPORTED",
        metadata={
            "expected": ", ".join(map(str, error.expected)),
            "actual": str(error.actual),
        },
    )


def _unsound(memory_id: str, *, lost: bool) -> MlsdmError:
    metadata = {"memory_id": memory_id}
    if lost:
        return DataLoss("The vector of the memory is damaged beyond repair.", metadata=metadata)
    return Unavailable(
        "The vector of the memory is damaged and is being restored.",
        reason="SPACE_LOADING",
        metadata=metadata,
    )


def _contents(mind: Mind) -> Contents:
    if mind.contents is None:
        raise NotFound("The space does not exist.", reason="SPACE_NOT_FOUND")
    return mind.contents


def _prepare(mind: Mind) -> Iterator[None]:
    """Spare the first query what is done once, so that it does not hold up others."""
    if mind.contents is not None:
        yield from mind.contents.pelm.prepare()


def _check_deadline(request: pb.LinkRequest) -> None:
    """Refuse what nobody waits for any more."""
    if request.deadline_ns and time.monotonic_ns() >= request.deadline_ns:
        raise DeadlineExceeded(
            "The deadline passed before the work was done; nothing was written.",
            reason="DEADLINE_EXPIRED",
        )
