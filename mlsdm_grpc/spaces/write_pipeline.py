"""Write pipeline: record -> journal -> worker -> outcome.

The pipeline runs outside the task of the call. Cancelling the call therefore does not affect its
record, and every record that the journal has accepted is applied.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import structlog

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.model.bodies import UpgradeSemantics
from mlsdm_grpc.core.model.outcome import Outcome, Refusal, SemanticsUpgraded, SpaceChanged
from mlsdm_grpc.core.model.record import Record, RecordBody
from mlsdm_grpc.errors import (
    RETRY_SOON_S,
    InternalError,
    InvalidInput,
    MlsdmError,
    Unavailable,
)
from mlsdm_grpc.journal.codec.outcomes import outcome_from_proto
from mlsdm_grpc.journal.codec.records import MAX_RECORD_BYTES, encode_record
from mlsdm_grpc.journal.protocol import Journal, RevisionConflict
from mlsdm_grpc.spaces.quarantine import Quarantine
from mlsdm_grpc.spaces.record_factory import RecordFactory
from mlsdm_grpc.spaces.space import Space, SpaceStatus
from mlsdm_grpc.spaces.ticket import Ticket, outcome_unknown
from mlsdm_grpc.value_classes import value_class
from mlsdm_grpc.workers.frames import placed
from mlsdm_grpc.workers.link import worker_lost
from mlsdm_grpc.workers.space_codec import raise_failure, refusal_error

__all__ = ["MAX_BACKLOG", "Applied", "WriteObserver", "WritePipeline", "check_record_size"]

_log = structlog.get_logger(__name__)
# Time before the deadline at which a write is answered, so that the answer arrives in time;
# seconds.
_ANSWER_MARGIN_S = 0.006
# Maximum number of writes that wait for the load of one space.
MAX_BACKLOG = 1_024


@value_class
class Applied:
    """Outcome of a record that is durable and applied."""

    outcome: Outcome
    synaptic_norms: tuple[float, ...] = ()
    """Norms of the traces L1, L2 and L3 after an event or stream record; empty for other records.
    """


class WriteObserver(Protocol):
    """Observer of writes."""

    def applied(self, space: Space, outcome: Outcome | None) -> None:
        """Process a record that a worker applied; ``outcome`` is None for a repeat."""
        ...


class WritePipeline:
    """Pipeline that makes writes durable and applies them.

    Args:
        journal: Journal of the records.
        records: Factory of records.
        quarantine: Spaces that refuse writes.
        observers: Observers of applied records.
    """

    def __init__(
        self,
        journal: Journal,
        records: RecordFactory,
        *,
        quarantine: Quarantine,
        observers: Sequence[WriteObserver],
    ) -> None:
        self._journal = journal
        self._records = records
        self._quarantine = quarantine
        self.observers = observers
        # Writes in progress, with the monotonic time of their start and the callback ``done``. The
        # time is infinite while a write waits for its space.
        self._under_way: dict[asyncio.Future[Applied], tuple[float, Callable[[], None]]] = {}
        self._idle = asyncio.Event()
        self._idle.set()

    def submit(
        self,
        space: Space,
        body: RecordBody,
        ticket: Ticket,
        *,
        encoded: Sequence[bytes] = (),
        done: Callable[[], None],
    ) -> asyncio.Future[Applied]:
        """Pass one record to the journal and return a future with its outcome.

        The write cannot be cancelled: cancelling the future only ends the wait.

        Args:
            space: Space to write to.
            body: Body of the record.
            ticket: Writer, idempotency key and deadline.
            encoded: Result of :func:`encoded_body`; empty if the body is not encoded yet.
            done: Callback at the end of the write, or when the write begins to wait for its space.
                The caller then releases its place at the gate, so that other spaces are not
                delayed.

        Raises:
            InvalidInput: REQUEST_TOO_LARGE.
            Unavailable: SPACE_LOADING; too many writes wait for the space.
            DataLoss: DATA_DAMAGED; the space is in quarantine.
        """
        if space.status is not SpaceStatus.HOT and space.writes >= MAX_BACKLOG:
            raise Unavailable(
                f"The space is being loaded, and {MAX_BACKLOG} writes wait for it, the maximum;"
                " retry.",
                reason="SPACE_LOADING",
                metadata={"space": space.key.space},
                retry_after_s=RETRY_SOON_S,
            )
        # The upgrade precedes the record, so that the record is applied under the new version.
        upgrade = self._records.upgrade(space)
        # No caller waits for the upgrade: the next write follows it or fails with it.
        if upgrade is not None:
            tenant, name = space.key
            version = space.semantics_version + 1
            _log.info("space_upgraded", tenant=tenant, space=name, semantics_version=version)
            self._submit(space, upgrade, _nothing)
        return self._submit(space, self._records.record(space, body, ticket), done, encoded)

    async def outcome(
        self, space: Space, answer: asyncio.Future[Applied], ticket: Ticket
    ) -> Applied:
        """Wait for the outcome of a submitted record.

        Raises:
            MlsdmError: The state of the space refused the record.
            Unavailable: The journal did not accept the record, or the worker was lost and not
                replaced.
            DeadlineExceeded: OUTCOME_UNKNOWN; the write is still in progress.
        """
        limit = asyncio.get_running_loop().call_at(
            ticket.deadline_s - _ANSWER_MARGIN_S, _give_up, answer, ticket
        )
        try:
            applied = await answer
        finally:
            limit.cancel()
        if isinstance(applied.outcome, Refusal):
            raise refusal_error(applied.outcome, space.key.space)
        return applied

    @property
    def oldest_s(self) -> float:
        """Monotonic start of the oldest write in progress that does not wait for its space."""
        begun = (since for since, _ in self._under_way.values())
        return next((since for since in begun if since < math.inf), math.inf)

    @property
    def idle(self) -> bool:
        """True if no write is in progress."""
        return self._idle.is_set()

    async def drained(self) -> None:
        """Wait until no write is in progress."""
        await self._idle.wait()

    def settle_backlog(self, space: Space) -> None:
        """Send the records that waited for the end of a load.

        For a record that the load has already applied, the worker returns the recorded outcome. If
        the load failed, the callers get an error, and the next load reads the records from the
        journal.
        """
        backlog, space.backlog = space.backlog, []
        for raw, answer in backlog:
            if space.status is SpaceStatus.HOT:
                self._send(space, raw, answer)
            else:
                self._finish(space, answer, error=worker_lost())

    def _submit(
        self,
        space: Space,
        record: Record,
        done: Callable[[], None],
        encoded: Sequence[bytes] = (),
    ) -> asyncio.Future[Applied]:
        raw = encode_record(record, encoded)
        check_record_size(len(raw))
        answer: asyncio.Future[Applied] = asyncio.get_running_loop().create_future()
        # If the caller is cancelled, asyncio would log the error of the write as never retrieved.
        answer.add_done_callback(_retrieved)
        appended = self._journal.append(space.key, [raw], expected=space.head)
        # The revision is reserved now, so that the next record can be submitted before this one is
        # durable.
        space.head = record.revision
        space.semantics_version = record.semantics_version
        if isinstance(record.body, UpgradeSemantics):
            space.semantics_version = record.body.version
        space.writes += 1
        self._under_way[answer] = time.monotonic(), done
        self._idle.clear()
        appended.add_done_callback(partial(self._durable, space, raw, answer))
        return answer

    def _durable(
        self,
        space: Space,
        raw: bytes,
        answer: asyncio.Future[Applied],
        appended: asyncio.Future[int],
    ) -> None:
        error = appended.exception()
        if error is not None:
            # The record of the failed append may or may not be in the log. Only the journal can
            # determine the last revision.
            space.go_cold(head_unknown=True)
            self._finish(space, answer, error=_append_error(error))
        elif space.status is SpaceStatus.HOT:
            self._send(space, raw, answer)
        else:
            space.keep(raw, answer)

    def _send(self, space: Space, raw: bytes, answer: asyncio.Future[Applied]) -> None:
        try:
            self._quarantine.check_writable(space.key)
            link = space.ready_link()
        except MlsdmError as error:
            self._finish(space, answer, error=error)
            return
        inside, behind = placed(raw)
        apply = pb.LinkRequest(space_id=space.number, apply=inside)
        reply = link.request(apply, record=behind, done=partial(self._let_go, answer))
        reply.add_done_callback(partial(self._applied, space, raw, answer))

    def _applied(
        self,
        space: Space,
        raw: bytes,
        answer: asyncio.Future[Applied],
        replied: asyncio.Future[pb.LinkReply],
    ) -> None:
        try:
            reply = replied.result()
            space.heard(reply)
            if reply.defect_revision:
                self._quarantine.strike(space.key, reply.defect_revision)
            raise_failure(reply, space.key.space)
            applied = Applied(outcome_from_proto(reply.outcome), tuple(reply.synaptic_norms))
        except MlsdmError as error:
            # The record is durable. It waits for the replacement worker, which applies it during
            # the load.
            if error.reason == "WORKER_LOST":
                space.keep(raw, answer)
                return
            if space.status is SpaceStatus.HOT:
                space.go_cold()
            self._finish(space, answer, error=error)
            return
        space.advance(reply.revision)
        if isinstance(applied.outcome, SpaceChanged | SemanticsUpgraded):
            space.configured = max(space.configured, applied.outcome.revision)
        # The outcome of a repeated request is older than this record and must not be counted again.
        fresh = applied.outcome.revision == reply.revision
        try:
            for observer in self.observers:
                observer.applied(space, applied.outcome if fresh else None)
        finally:
            self._finish(space, answer, applied=applied)

    def _let_go(self, answer: asyncio.Future[Applied]) -> None:
        """Call the callback ``done`` of a write early; its age no longer counts."""
        _, done = self._under_way[answer]
        self._under_way[answer] = math.inf, _nothing
        done()

    def _finish(
        self,
        space: Space,
        answer: asyncio.Future[Applied],
        *,
        applied: Applied | None = None,
        error: MlsdmError | None = None,
    ) -> None:
        space.writes -= 1
        _, done = self._under_way.pop(answer)
        done()
        # The drain of the server waits for this event.
        if not self._under_way:
            self._idle.set()
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        elif applied is not None:
            answer.set_result(applied)


def check_record_size(size: int) -> None:
    """Raise an error for a record that is too large for the journal.

    Raises:
        InvalidInput: REQUEST_TOO_LARGE.
    """
    if size > MAX_RECORD_BYTES:
        raise InvalidInput(
            f"The record of the request has {size} bytes; at most {MAX_RECORD_BYTES} are allowed."
            " Send fewer items.",
            reason="REQUEST_TOO_LARGE",
            metadata={"limit": str(MAX_RECORD_BYTES), "actual": str(size)},
        )


def _give_up(answer: asyncio.Future[Applied], ticket: Ticket) -> None:
    """Set the error of a write that misses its deadline; the write continues."""
    if not answer.done():
        answer.set_exception(outcome_unknown(ticket))


def _nothing() -> None:
    """Do nothing; the callback of a write that holds no place at a gate."""


def _append_error(error: BaseException) -> MlsdmError:
    if isinstance(error, MlsdmError):
        return error
    if isinstance(error, RevisionConflict):
        return Unavailable(
            "An earlier write to the space failed; repeat the call with the same request_id.",
            reason="JOURNAL_UNAVAILABLE",
            metadata={"written": "no"},
            retry_after_s=0.1,
        )
    return InternalError(f"The append failed: {error!r}.")


def _retrieved(answer: asyncio.Future[Applied]) -> None:
    """Retrieve the error of a write whose caller was cancelled, so that asyncio does not log it."""
    with contextlib.suppress(asyncio.CancelledError):
        answer.exception()
