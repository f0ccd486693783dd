"""One mind: the deterministic state machine behind a space.

``apply(record)`` is the only way in. It has no clock, no randomness and no I/O; the same records
in the same order give the same state, byte for byte. A record carries the revision that it will
have, and that single rule settles redelivery (ignored) and gaps (refused).
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mlsdm_grpc.core.moral import MoralFilter
from mlsdm_grpc.core.pelm import Hit, Memory, Pelm, Query, digest_of, unit_row
from mlsdm_grpc.core.record import (
    MAX_LABELS,
    SEMANTICS_VERSION,
    CreateSpace,
    DeleteMemory,
    DeleteOutcome,
    EventOutcome,
    Float32,
    NewMemory,
    Outcome,
    ProcessEvent,
    PutItem,
    PutMemories,
    PutOutcome,
    PutResult,
    Record,
    Refusal,
    Rejection,
    SpaceCreated,
    SpaceParameters,
    UpdateMemory,
)
from mlsdm_grpc.core.rhythm import Rhythm
from mlsdm_grpc.core.synapses import Synapses
from mlsdm_grpc.core.window import RequestWindow, WindowEntry

__all__ = ["Contents", "Mind", "RevisionGap", "SemanticsUnknown", "SpaceView"]


class RevisionGap(Exception):
    """A record lies beyond the next revision: this state is stale and has to be rebuilt."""


class SemanticsUnknown(Exception):
    """The record was written by rules that this code does not have."""


class _Refused(Exception):
    """Order decided against a record."""

    def __init__(self, reason: str, message: str, **metadata: str) -> None:
        super().__init__(message)
        self.refusal = Refusal(reason, message, tuple(sorted(metadata.items())))


@dataclass(slots=True)
class Contents:
    """What an existing space holds."""

    parameters: SpaceParameters
    incarnation: int
    create_time_ns: int
    pelm: Pelm
    moral: MoralFilter
    rhythm: Rhythm
    synapses: Synapses
    step: int = 0
    """Events processed."""
    accepted: int = 0
    """Events accepted."""

    @classmethod
    def new(cls, parameters: SpaceParameters, *, incarnation: int, time_ns: int) -> Contents:
        """Return the contents of a space that was just created."""
        return cls(
            parameters=parameters,
            incarnation=incarnation,
            create_time_ns=time_ns,
            pelm=Pelm(dimension=parameters.dimension, capacity=parameters.capacity),
            moral=MoralFilter(parameters.moral),
            rhythm=Rhythm(parameters.rhythm),
            synapses=Synapses(parameters.synapses, parameters.dimension),
        )


@dataclass(frozen=True, slots=True)
class SpaceView:
    """What GetState answers; norms are computed for it."""

    parameters: SpaceParameters
    incarnation: int
    create_time_ns: int
    update_time_ns: int
    revision: int
    chain: bytes
    step: int
    accepted: int
    awake: bool
    phase: float
    phase_remaining: int
    moral_threshold: float
    moral_ema: float
    synaptic_norms: tuple[float, float, float]
    traces: Float32
    """(3, dimension): L1, L2, L3; a copy."""
    used: int
    pinned: int
    capacity: int
    vector_bytes: int
    allocated_bytes: int


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A new memory with what is computed from it once."""

    new: NewMemory
    row: Float32
    phase: float
    digest: bytes
    kept_out: bool
    """Its confidence is too low to be stored."""

    @classmethod
    def of(cls, contents: Contents, new: NewMemory) -> _Candidate:
        row = unit_row(new.vector)
        phase = _float32(contents.rhythm.phase if new.phase is None else new.phase)
        return cls(
            new=new,
            row=row,
            phase=phase,
            digest=digest_of(new.text, row, phase),
            kept_out=new.confidence < contents.parameters.min_confidence,
        )


@dataclass(slots=True)
class Mind:
    """State of one space, existing or not."""

    revision: int = 0
    """Records applied so far; never restarts."""
    chain: bytes = bytes(32)
    """SHA-256 chain over the encoded records."""
    time_ns: int = 0
    """Latest record time seen."""
    contents: Contents | None = None
    window: RequestWindow = field(default_factory=RequestWindow)

    # Writing.

    def apply(self, record: Record) -> Outcome | None:
        """Apply the next record of this space.

        Args:
            record: Its ``revision`` must be the next one; ``raw`` is what the chain covers.

        Returns:
            What became of it, or None when the record was applied before.

        Raises:
            RevisionGap: A record between is missing; the state is unchanged.
            SemanticsUnknown: Other rules are needed; the state is unchanged.
        """
        if record.revision <= self.revision:
            return None
        if record.revision > self.revision + 1:
            raise RevisionGap(record.revision, self.revision)
        if record.semantics_version != SEMANTICS_VERSION:
            raise SemanticsUnknown(record.semantics_version)
        self.revision = record.revision
        self.chain = hashlib.sha256(self.chain + record.raw).digest()
        self.time_ns = max(self.time_ns, record.time_ns)
        known = self.window.get(record.request_id) if record.request_id else None
        if known is not None:
            return self._repeat(known, record)
        outcome = replace(self._outcome(record), revision=self.revision)
        if record.request_id:
            self.window.add(
                WindowEntry(record.request_id, record.request_digest, self.time_ns, outcome)
            )
        return outcome

    def preview(self, record: Record) -> Outcome:
        """Return what ``apply`` would answer to a put, without changing anything.

        Duplicates among the memories of one batch are not foreseen.
        """
        known = self.window.get(record.request_id) if record.request_id else None
        if known is not None:
            return self._repeat(known, record)
        then = replace(self, time_ns=max(self.time_ns, record.time_ns))
        return then._foresee(record)  # noqa: SLF001 - this very mind, a little later

    def repeated(self, record: Record) -> Outcome:
        """Return what became of a record that was applied before."""
        known = self.window.get(record.request_id) if record.request_id else None
        if known is not None:
            return known.outcome
        return SpaceCreated(created=False, revision=self.revision)

    def _foresee(self, record: Record) -> Outcome:
        body = record.body
        try:
            contents = self._existing(record)
            if not isinstance(body, PutMemories):
                raise TypeError(type(body))
            prepared = self._prepare(contents, body)
        except _Refused as refused:
            return replace(refused.refusal, revision=self.revision)
        if any(candidate.kept_out for candidate in prepared):
            return PutOutcome(
                items=_kept_out(prepared),
                min_confidence=contents.parameters.min_confidence,
                revision=self.revision,
            )
        items = tuple(self._foreseen(contents, candidate) for candidate in prepared)
        created = sum(item.result is PutResult.CREATED for item in items)
        surplus = len(contents.pelm) + created - contents.pelm.capacity
        evicted = tuple(contents.pelm.next_to_leave(surplus))
        return PutOutcome(items=items, evicted=evicted, revision=self.revision)

    def _repeat(self, known: WindowEntry, record: Record) -> Outcome:
        if known.request_digest == record.request_digest:
            return known.outcome
        return Refusal(
            "REQUEST_ID_REUSED",
            "This request_id was used for another request.",
            (("request_id", str(uuid.UUID(bytes=record.request_id))),),
            self.revision,
        )

    def _outcome(self, record: Record) -> Outcome:
        body = record.body
        try:
            if isinstance(body, CreateSpace):
                return self._create(body)
            contents = self._existing(record)
            if isinstance(body, PutMemories):
                return self._put(contents, body)
            if isinstance(body, UpdateMemory):
                return self._update(contents, body)
            if isinstance(body, DeleteMemory):
                return self._delete(contents, body)
            return self._process(contents, body)
        except _Refused as refused:
            return refused.refusal

    def _existing(self, record: Record) -> Contents:
        contents = self.contents
        if contents is None:
            raise _Refused("SPACE_NOT_FOUND", "The space does not exist.")
        if record.incarnation != contents.incarnation:
            raise _Refused(
                "INCARNATION_MISMATCH",
                "The space was deleted and created again since this request was made.",
                incarnation=str(contents.incarnation),
            )
        return contents

    def _create(self, body: CreateSpace) -> SpaceCreated:
        if self.contents is not None:
            return SpaceCreated(created=False)
        self.contents = Contents.new(
            body.parameters, incarnation=self.revision, time_ns=self.time_ns
        )
        return SpaceCreated(created=True)

    # Puts.

    def _put(self, contents: Contents, body: PutMemories) -> PutOutcome:
        prepared = self._prepare(contents, body)
        if any(candidate.kept_out for candidate in prepared):
            return PutOutcome(
                items=_kept_out(prepared), min_confidence=contents.parameters.min_confidence
            )
        contents.pelm.expire(self.time_ns)
        items: list[PutItem] = []
        evicted: list[str] = []
        for candidate in prepared:
            item, left = self._store(contents, candidate)
            items.append(item)
            evicted.extend(left)
        return PutOutcome(items=tuple(items), evicted=tuple(evicted))

    def _prepare(self, contents: Contents, body: PutMemories) -> list[_Candidate]:
        """Refuse the whole batch if any of it cannot be stored; nothing has changed yet."""
        prepared: list[_Candidate] = []
        seen: set[str] = set()
        new_pinned = new_unpinned = 0
        for new in body.memories:
            _check_dimension(contents, new)
            _check_expiry(new.expire_time_ns, self.time_ns)
            old = self._living(contents.pelm.get(new.memory_id))
            if new.memory_id in seen or (old is not None and not body.allow_replace):
                raise _Refused(
                    "MEMORY_EXISTS", "A memory with this id exists.", memory_id=new.memory_id
                )
            seen.add(new.memory_id)
            _check_etag(new.etag, old, new.memory_id)
            candidate = _Candidate.of(contents, new)
            prepared.append(candidate)
            known = self._repeated(contents, candidate)
            if known is not None and len(body.memories) == 1:
                return prepared
            # In a batch what is repeated may have left before its turn, so it counts as new.
            pinned = any(there is not None and there.pinned for there in (old, known))
            new_pinned += new.pinned and not pinned
            new_unpinned += not new.pinned
        self._check_room(contents, new_pinned, new_unpinned)
        return prepared

    def _check_room(self, contents: Contents, new_pinned: int, new_unpinned: int) -> None:
        """Refuse what would find every memory pinned; counts rather too much than too little."""
        capacity = contents.pelm.capacity
        pinned = contents.pelm.pinned_living(self.time_ns) + new_pinned
        if pinned > capacity or (pinned == capacity and new_unpinned):
            raise _Refused(
                "ALL_PINNED",
                "Every memory of the space would be pinned; unpin or delete one first.",
                capacity=str(capacity),
            )

    def _foreseen(self, contents: Contents, candidate: _Candidate) -> PutItem:
        new = candidate.new
        known = self._repeated(contents, candidate)
        if known is not None:
            return _item(known, PutResult.REFRESHED)
        old = self._living(contents.pelm.get(new.memory_id))
        result = PutResult.CREATED if old is None else PutResult.REPLACED
        return PutItem(
            memory_id=new.memory_id,
            result=result,
            phase=candidate.phase,
            confidence=_float32(new.confidence),
            pinned=new.pinned,
            expire_time_ns=new.expire_time_ns,
        )

    def _store(self, contents: Contents, candidate: _Candidate) -> tuple[PutItem, list[str]]:
        """Create, refresh, replace or keep out one memory; cannot fail."""
        new, pelm = candidate.new, contents.pelm
        if candidate.kept_out:
            return PutItem(new.memory_id, PutResult.REFUSED), []
        known = self._repeated(contents, candidate)
        if known is not None:
            pelm.refresh(known, new, revision=self.revision, time_ns=self.time_ns)
            return _item(known, PutResult.REFRESHED), []
        old = pelm.get(new.memory_id)
        memory = Memory(
            memory_id=new.memory_id,
            text=new.text,
            phase=candidate.phase,
            confidence=_float32(new.confidence),
            labels=new.labels,
            metadata=new.metadata,
            provenance=new.provenance,
            pinned=new.pinned,
            caller_chosen_id=new.caller_chosen_id,
            create_time_ns=self.time_ns if old is None else old.create_time_ns,
            create_revision=self.revision if old is None else old.create_revision,
            update_time_ns=self.time_ns,
            expire_time_ns=new.expire_time_ns,
            revision=self.revision,
            sequence=0,
            ring_sequence=0,
            digest=candidate.digest,
        )
        if old is not None:
            pelm.replace(memory, candidate.row)
            return _item(memory, PutResult.REPLACED), []
        left = pelm.insert(memory, candidate.row)
        return _item(memory, PutResult.CREATED), [] if left is None else [left]

    def _repeated(self, contents: Contents, candidate: _Candidate) -> Memory | None:
        """Return the living memory that the candidate exactly repeats."""
        if candidate.new.caller_chosen_id:
            return None
        return self._living(contents.pelm.find_duplicate(candidate.digest))

    def _living(self, memory: Memory | None) -> Memory | None:
        return None if memory is None or memory.expired(self.time_ns) else memory

    # Other records.

    def _update(self, contents: Contents, body: UpdateMemory) -> PutOutcome:
        memory = self._found(contents, body.memory_id, body.etag)
        kept = set(memory.labels) - set(body.remove_labels)
        labels = tuple(sorted(kept | set(body.add_labels)))
        if len(labels) > MAX_LABELS:
            raise _Refused("FIELD_INVALID", f"The memory would have more than {MAX_LABELS} labels.")
        expire_time_ns = memory.expire_time_ns
        if body.expire_time_ns is not None:
            expire_time_ns = body.expire_time_ns
            _check_expiry(expire_time_ns, self.time_ns)
        contents.pelm.update(
            memory,
            labels=labels,
            pinned=memory.pinned if body.pinned is None else body.pinned,
            expire_time_ns=expire_time_ns,
            revision=self.revision,
            time_ns=self.time_ns,
        )
        return PutOutcome(items=(_item(memory, PutResult.REFRESHED),))

    def _delete(self, contents: Contents, body: DeleteMemory) -> DeleteOutcome:
        self._found(contents, body.memory_id, body.etag)
        contents.pelm.remove(body.memory_id)
        return DeleteOutcome()

    def _found(self, contents: Contents, memory_id: str, etag: str) -> Memory:
        memory = self._living(contents.pelm.get(memory_id))
        if memory is None:
            raise _Refused("MEMORY_NOT_FOUND", "The memory does not exist.", memory_id=memory_id)
        _check_etag(etag, memory, memory_id)
        return memory

    def _process(self, contents: Contents, body: ProcessEvent) -> EventOutcome:
        (candidate,) = self._prepare(contents, PutMemories((body.memory,)))
        moral, rhythm = contents.moral, contents.rhythm
        threshold = moral.threshold
        contents.step += 1
        passed = moral.accepts(body.moral_value)
        moral.adapt(body.moral_value, accepted=passed)
        asleep = contents.parameters.rhythm.sleep_gate and not rhythm.awake
        rejection = Rejection.MORAL if not passed else Rejection.SLEEP if asleep else Rejection.NONE
        memory_id, result, left = "", PutResult.REFUSED, list[str]()
        if rejection is Rejection.NONE:
            contents.accepted += 1
            contents.synapses.update(body.memory.vector)
            contents.pelm.expire(self.time_ns)
            item, left = self._store(contents, candidate)
            result = item.result
            memory_id = "" if result is PutResult.REFUSED else item.memory_id
        rhythm.step()
        return EventOutcome(
            rejection=rejection,
            step=contents.step,
            phase=rhythm.phase,
            moral_threshold=moral.threshold,
            moral_ema=moral.ema,
            threshold_applied=threshold,
            used=len(contents.pelm),
            capacity=contents.pelm.capacity,
            awake=rhythm.awake,
            memory_id=memory_id,
            result=result,
            evicted=tuple(left),
        )

    # Reading.

    def search(self, queries: Sequence[Query], *, now_ns: int) -> list[list[Hit]]:
        """Recall for each query; see :meth:`Pelm.search`. Empty for a space that is not there."""
        if self.contents is None:
            return [[] for _ in queries]
        traces = None
        if any(query.synaptic_bias for query in queries):
            traces = self.contents.synapses.lasting()
        return self.contents.pelm.search(queries, now_ns=now_ns, traces=traces)

    def view(self) -> SpaceView | None:
        """Return the figures of the space, or None if it does not exist."""
        contents = self.contents
        if contents is None:
            return None
        return SpaceView(
            parameters=contents.parameters,
            incarnation=contents.incarnation,
            create_time_ns=contents.create_time_ns,
            update_time_ns=self.time_ns,
            revision=self.revision,
            chain=self.chain,
            step=contents.step,
            accepted=contents.accepted,
            awake=contents.rhythm.awake,
            phase=contents.rhythm.phase,
            phase_remaining=contents.rhythm.remaining,
            moral_threshold=contents.moral.threshold,
            moral_ema=contents.moral.ema,
            synaptic_norms=contents.synapses.norms(),
            traces=np.stack((contents.synapses.l1, contents.synapses.l2, contents.synapses.l3)),
            used=len(contents.pelm),
            pinned=contents.pelm.pinned_count,
            capacity=contents.pelm.capacity,
            vector_bytes=contents.pelm.vector_bytes,
            allocated_bytes=contents.pelm.allocated_bytes,
        )


def _check_dimension(contents: Contents, new: NewMemory) -> None:
    dimension = contents.parameters.dimension
    if len(new.vector.raw) != dimension:
        raise _Refused(
            "DIMENSION_MISMATCH",
            "The embedding does not have the dimension of the space.",
            expected=str(dimension),
            actual=str(len(new.vector.raw)),
        )


def _check_expiry(expire_time_ns: int, time_ns: int) -> None:
    if 0 < expire_time_ns <= time_ns:
        raise _Refused("FIELD_INVALID", "expire_time must be in the future.")


def _check_etag(expected: str, memory: Memory | None, memory_id: str) -> None:
    if not expected or (memory is not None and memory.etag == expected):
        return
    gone = memory is None
    raise _Refused(
        "ETAG_MISMATCH",
        f"The memory {'is gone' if gone else 'changed'} since it was read.",
        resource=memory_id,
    )


def _kept_out(prepared: list[_Candidate]) -> tuple[PutItem, ...]:
    """Return the outcome of a batch of which some memories are refused, so that none is stored."""
    return tuple(
        PutItem(
            memory_id=candidate.new.memory_id,
            result=PutResult.REFUSED if candidate.kept_out else PutResult.SKIPPED,
            confidence=candidate.new.confidence,
        )
        for candidate in prepared
    )


def _item(memory: Memory, result: PutResult) -> PutItem:
    return PutItem(
        memory_id=memory.memory_id,
        result=result,
        phase=memory.phase,
        confidence=memory.confidence,
        pinned=memory.pinned,
        create_time_ns=memory.create_time_ns,
        create_revision=memory.create_revision,
        update_time_ns=memory.update_time_ns,
        expire_time_ns=memory.expire_time_ns,
        revision=memory.revision,
    )


def _float32(value: float) -> float:
    """Return ``value`` rounded to what a float32 column holds."""
    return float(np.float32(value))
