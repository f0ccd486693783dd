"""What an existing space holds, and what each kind of record does to it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np

from mlsdm_grpc.core.mind.configuration import changed, conflict
from mlsdm_grpc.core.mind.consolidation import mergeable, merged
from mlsdm_grpc.core.mind.duplicates import first_digest, identity_digest, labels_fit, told
from mlsdm_grpc.core.mind.moral import MoralFilter
from mlsdm_grpc.core.mind.pelm import Memory, Pelm, unit_row
from mlsdm_grpc.core.mind.rhythm import Rhythm
from mlsdm_grpc.core.mind.steps import finish
from mlsdm_grpc.core.mind.stream_marks import MAX_STREAMS, StreamMark, StreamMarks
from mlsdm_grpc.core.mind.synapses import Synapses
from mlsdm_grpc.core.model.record import (
    FIRST_MERGE_MIN_COSINE,
    MAX_LABELS,
    Consolidate,
    ConsolidateOutcome,
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
    Refusal,
    Rejection,
    SpaceChanged,
    SpaceParameters,
    StreamItem,
    StreamItems,
    StreamOutcome,
    UpdateMemory,
    UpdateSpace,
    etag_of,
)
from mlsdm_grpc.core.model.semantics import Moment

__all__ = ["Contents", "ContentsBody", "Refused"]

ContentsBody: TypeAlias = (
    UpdateSpace
    | PutMemories
    | UpdateMemory
    | DeleteMemory
    | ProcessEvent
    | Consolidate
    | StreamItems
)
_Foreseen: TypeAlias = PutOutcome | SpaceChanged | ConsolidateOutcome | StreamOutcome | None


class Refused(Exception):
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
    config_revision: int = 0
    """Revision at which the parameters last changed."""
    config_time_ns: int = 0
    """Time of that change."""
    consolidated_trigger: int = 0
    """Event whose sleep was last consolidated."""
    consolidated_sequence: int = 0
    """Memories up to this creation sequence have been compared with all older ones."""
    streams: StreamMarks = field(default_factory=StreamMarks)

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
            config_revision=incarnation,
            config_time_ns=time_ns,
        )

    @property
    def etag(self) -> str:
        """Opaque version of the parameters."""
        return etag_of(self.config_revision)

    def applying(self, body: ContentsBody, now: Moment) -> Generator[None, None, Outcome]:
        """Carry out one record in steps; between them it is half done.

        Raises:
            Refused: Order decided against it; nothing has changed.
        """
        self._check_writable(body)
        if isinstance(body, PutMemories):
            return (yield from self._put(body, now))
        if isinstance(body, Consolidate):
            return (yield from self._consolidate(body, now))
        if isinstance(body, StreamItems):
            return (yield from self._stream(body, now))
        if isinstance(body, UpdateSpace):
            return (yield from self._reconfigure(body, now))
        if isinstance(body, UpdateMemory):
            return self._update(body, now)
        if isinstance(body, DeleteMemory):
            return self._delete(body, now)
        return (yield from self._process(body, now))

    def foresee(self, body: ContentsBody, now: Moment) -> _Foreseen:
        """Return what :meth:`applying` would answer, without changing anything.

        Returns:
            None for a body that only applying tells about, unless the space is read-only. Of a
            stream only its mark as it is.

        Raises:
            Refused: As :meth:`applying`.
        """
        self._check_writable(body)
        if isinstance(body, UpdateSpace):
            self._changed_parameters(body, now)
            return SpaceChanged()
        if isinstance(body, Consolidate):
            return self._foresee_consolidation(body, now)
        if isinstance(body, StreamItems):
            return StreamOutcome(self._stream_mark(body, now).sequence)
        return self._foresee_put(body, now) if isinstance(body, PutMemories) else None

    def _foresee_put(self, body: PutMemories, now: Moment) -> PutOutcome:
        prepared = finish(self._prepare(body, now))
        if prepared.kept_out:
            return self._kept_out(prepared)
        items = tuple(self._foreseen(candidate, now) for candidate in prepared)
        created = sum(item.result is PutResult.CREATED for item in items)
        surplus = len(self.pelm) + created - self.pelm.capacity
        return PutOutcome(items=items, evicted=tuple(self.pelm.next_to_leave(surplus)))

    def upgraded(self, now: Moment) -> Generator[None, None, None]:
        """Carry what the first rules left to the second ones, in steps.

        Texts of a space with an embedder count as embedded by it, and have exact duplicates as the
        new rules say. A memory whose vector its caller sent is renewed by none. The old default of
        the cosine from which memories are merged gives way to the new one.
        """
        embedder = self.parameters.embedder
        if self.parameters.merge_min_cosine == FIRST_MERGE_MIN_COSINE:
            self.parameters = replace(
                self.parameters, merge_min_cosine=SpaceParameters().merge_min_cosine
            )
            self.config_revision, self.config_time_ns = now.revision, now.time_ns
        if not embedder:
            return
        for memory_id in [memory.memory_id for memory, _ in self.pelm.in_creation_order()]:
            yield
            memory = self.pelm.get(memory_id)
            if memory is not None and memory.text:
                source = memory.provenance.source
                memory.digest = identity_digest(memory.text, memory.metadata, source, None)
                memory.embedding_model = embedder
                self.pelm.identify(memory)

    def embeds_by(self, model: str) -> bool:
        """Return whether this model makes the vectors of the space's texts."""
        return bool(model) and model == self.parameters.embedder

    # Parameters.

    def _check_writable(self, body: ContentsBody) -> None:
        if self.parameters.read_only and not isinstance(body, UpdateSpace):
            raise Refused("SPACE_READ_ONLY", "The space is configured read-only.")

    def _reconfigure(self, body: UpdateSpace, now: Moment) -> Generator[None, None, SpaceChanged]:
        """Go on under new parameters; what the space has learned stays, within the new bounds."""
        parameters = self._changed_parameters(body, now)
        yield from self.pelm.expire(now.time_ns)
        self.pelm.resize(parameters.capacity)
        self.moral.reconfigure(parameters.moral)
        self.rhythm.reconfigure(parameters.rhythm)
        self.synapses.reconfigure(parameters.synapses)
        if parameters.merge_min_cosine < self.parameters.merge_min_cosine:
            self.consolidated_sequence = 0
        self.parameters = parameters
        self.config_revision, self.config_time_ns = now.revision, now.time_ns
        return SpaceChanged()

    def _changed_parameters(self, body: UpdateSpace, now: Moment) -> SpaceParameters:
        if body.etag and body.etag != self.etag:
            raise Refused(
                "ETAG_MISMATCH", "The space was changed since it was read.", resource="space"
            )
        new = changed(self.parameters, body.change)
        found = conflict(self.parameters, new, used=self.pelm.living_count(now.time_ns))
        if found is not None:
            field, problem = found
            raise Refused("CONFIG_CONFLICT", problem, field=field)
        return new

    # Puts.

    def _put(self, body: PutMemories, now: Moment) -> Generator[None, None, PutOutcome]:
        prepared = yield from self._prepare(body, now)
        if prepared.kept_out:
            return self._kept_out(prepared)
        yield from self.pelm.expire(now.time_ns)
        items: list[PutItem] = []
        evicted: list[str] = []
        for candidate in prepared:
            if items:
                yield
            item, left = self._store(candidate, now)
            items.append(item)
            evicted.extend(left)
        return PutOutcome(items=tuple(items), evicted=tuple(evicted))

    def _kept_out(self, prepared: _Candidates) -> PutOutcome:
        """Return the outcome of a batch of which a memory is refused, so that none is stored."""
        items = tuple(
            PutItem(
                memory_id=candidate.new.memory_id,
                result=PutResult.REFUSED if candidate.kept_out else PutResult.SKIPPED,
                confidence=candidate.new.confidence,
            )
            for candidate in prepared
        )
        return PutOutcome(items=items, min_confidence=self.parameters.min_confidence)

    def _prepare(self, body: PutMemories, now: Moment) -> Generator[None, None, _Candidates]:
        """Refuse the whole batch if any of it cannot be stored; nothing has changed yet."""

        def candidate_of(new: NewMemory) -> _Candidate:
            return _Candidate.of(self, new, now, allow_replace=body.allow_replace)

        prepared = _Candidates(body.memories, candidate_of)
        seen: set[str] = set()
        brought: dict[bytes, set[str]] = {}
        new_pinned = new_unpinned = 0
        for new in body.memories:
            if seen:
                yield
            _check_dimension(self.parameters.dimension, new)
            _check_expiry(new.expire_time_ns, now.time_ns)
            old = self._living(self.pelm.get(new.memory_id), now)
            candidate = candidate_of(new)
            known = self._repeated(candidate, now)
            renews = old is not None and _renews(known, old, now)
            if renews and old is not None:  # with the labels of its equals before it in the batch
                earlier = tuple(brought.get(candidate.digest, ()))
                renews = labels_fit(old.labels, earlier, new.labels)
            brought.setdefault(candidate.digest, set()).update(new.labels)
            taken = old is not None and not (body.allow_replace or renews)
            if new.memory_id in seen or taken:
                raise Refused(
                    "MEMORY_EXISTS", "A memory with this id exists.", memory_id=new.memory_id
                )
            seen.add(new.memory_id)
            _check_etag(new.etag, old, new.memory_id)
            prepared.add(candidate)
            if known is not None and len(body.memories) == 1:
                return prepared
            # In a batch what is repeated may be gone or replaced by its turn, so it counts as new.
            # One that replaces its own id takes the place of the old one for certain.
            certain = new.caller_chosen_id or (now.semantics_version > 1 and body.allow_replace)
            replaces = old is not None and old.pinned and certain
            new_pinned += new.pinned and not replaces
            new_unpinned += not new.pinned
        self._check_room(new_pinned, new_unpinned, now)
        return prepared

    def _check_room(self, new_pinned: int, new_unpinned: int, now: Moment) -> None:
        """Refuse what would find every memory pinned; counts rather too much than too little."""
        capacity = self.pelm.capacity
        pinned = self.pelm.pinned_living(now.time_ns) + new_pinned
        if pinned > capacity or (pinned == capacity and new_unpinned):
            raise Refused(
                "ALL_PINNED",
                "Every memory of the space would be pinned; unpin or delete one first.",
                capacity=str(capacity),
            )

    def _foreseen(self, candidate: _Candidate, now: Moment) -> PutItem:
        new = candidate.new
        known = self._repeated(candidate, now)
        if known is not None:
            return _item(known, PutResult.REFRESHED)
        old = self._living(self.pelm.get(new.memory_id), now)
        result = PutResult.CREATED if old is None else PutResult.REPLACED
        return PutItem(
            memory_id=new.memory_id,
            result=result,
            phase=candidate.phase,
            confidence=_float32(new.confidence),
            pinned=new.pinned,
            expire_time_ns=new.expire_time_ns,
        )

    def _store(self, candidate: _Candidate, now: Moment) -> tuple[PutItem, list[str]]:
        """Create, refresh, replace or keep out one memory; cannot fail."""
        new, pelm = candidate.new, self.pelm
        if candidate.kept_out:
            return PutItem(new.memory_id, PutResult.REFUSED), []
        known = self._repeated(candidate, now)
        if known is not None:
            renewed = pelm.refresh(
                known, new, candidate.row, revision=now.revision, time_ns=now.time_ns
            )
            return _item(renewed, PutResult.REFRESHED), []
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
            create_time_ns=now.time_ns if old is None else old.create_time_ns,
            create_revision=now.revision if old is None else old.create_revision,
            update_time_ns=now.time_ns,
            expire_time_ns=new.expire_time_ns,
            revision=now.revision,
            sequence=0,
            ring_sequence=0,
            digest=candidate.digest,
            embedding_model=new.embedding_model,
            context=new.context,
            event_time_ns=new.event_time_ns,
            conversation_id=new.conversation_id,
            role=new.role,
        )
        if old is not None:
            pelm.replace(memory, candidate.row)
            return _item(memory, PutResult.REPLACED), []
        left = pelm.insert(memory, candidate.row)
        return _item(memory, PutResult.CREATED), [] if left is None else [left]

    def _repeated(self, candidate: _Candidate, now: Moment) -> Memory | None:
        """Return the living memory that the candidate exactly repeats.

        Of several it is the one of the same id, or the newest that has room for the labels. Under
        the first rules it is any, and labels without room are left out.
        """
        if candidate.new.caller_chosen_id:
            return None
        replaces = candidate.allow_replace and now.semantics_version > 1
        if replaces and self._living(self.pelm.get(candidate.new.memory_id), now) is not None:
            return None
        found = self.pelm.duplicates(candidate.digest)
        if now.semantics_version == 1:
            return self._living(next(found, None), now)
        fitting = (
            memory
            for memory in found
            if not memory.expired(now.time_ns) and labels_fit(memory.labels, candidate.new.labels)
        )
        own_id = candidate.new.memory_id
        if candidate.new.keeps_id:
            return next((memory for memory in fitting if memory.memory_id == own_id), None)
        return max(fitting, key=lambda m: (m.memory_id == own_id, m.sequence), default=None)

    def _living(self, memory: Memory | None, now: Moment) -> Memory | None:
        return None if memory is None or memory.expired(now.time_ns) else memory

    # Other records.

    def _update(self, body: UpdateMemory, now: Moment) -> PutOutcome:
        memory = self._found(body.memory_id, body.etag, now)
        kept = set(memory.labels) - set(body.remove_labels)
        labels = tuple(sorted(kept | set(body.add_labels)))
        if len(labels) > MAX_LABELS:
            raise Refused(
                "FIELD_INVALID",
                f"The memory would have more than {MAX_LABELS} labels.",
                field="add_labels",
            )
        expire_time_ns = memory.expire_time_ns
        if body.expire_time_ns is not None:
            expire_time_ns = body.expire_time_ns
            _check_expiry(expire_time_ns, now.time_ns)
        updated = self.pelm.update(
            memory,
            labels=labels,
            pinned=memory.pinned if body.pinned is None else body.pinned,
            expire_time_ns=expire_time_ns,
            revision=now.revision,
            time_ns=now.time_ns,
        )
        return PutOutcome(items=(_item(updated, PutResult.REFRESHED),))

    def _delete(self, body: DeleteMemory, now: Moment) -> DeleteOutcome:
        self._found(body.memory_id, body.etag, now)
        self.pelm.remove(body.memory_id)
        return DeleteOutcome()

    def _found(self, memory_id: str, etag: str, now: Moment) -> Memory:
        memory = self._living(self.pelm.get(memory_id), now)
        if memory is None:
            raise Refused("MEMORY_NOT_FOUND", "The memory does not exist.", memory_id=memory_id)
        _check_etag(etag, memory, memory_id)
        return memory

    def _consolidate(
        self, body: Consolidate, now: Moment
    ) -> Generator[None, None, ConsolidateOutcome]:
        pelm = self.pelm
        if 0 < body.trigger <= self.consolidated_trigger:
            return ConsolidateOutcome(used=len(pelm))
        before = len(pelm)
        yield from pelm.expire(now.time_ns)
        purged = before - len(pelm)
        merged_count = 0
        for group in body.groups:
            yield
            members = mergeable(pelm, group, now)
            if members:
                merged_count += len(members)
                row = pelm.row(members[0].memory_id)
                for member in members:
                    pelm.remove(member.memory_id)
                pelm.insert(merged(group.memory_id, members, now), row)
        self.consolidated_trigger = max(self.consolidated_trigger, body.trigger)
        self.consolidated_sequence = max(self.consolidated_sequence, body.examined_sequence)
        if body.move_traces:
            self.synapses.sleep()
        return ConsolidateOutcome(merged_count, purged, len(pelm))

    def _foresee_consolidation(self, body: Consolidate, now: Moment) -> ConsolidateOutcome:
        """Count what :meth:`_consolidate` would do to groups that share no memory."""
        living = self.pelm.living_count(now.time_ns)
        groups = [mergeable(self.pelm, group, now) for group in body.groups]
        sizes = [len(members) for members in groups if members]
        merged_count = sum(sizes)
        return ConsolidateOutcome(
            merged_count=merged_count,
            purged_count=len(self.pelm) - living,
            used=living - merged_count + len(sizes),
        )

    def _process(self, body: ProcessEvent, now: Moment) -> Generator[None, None, EventOutcome]:
        candidates = yield from self._prepare(PutMemories(body.memories), now)
        moral, rhythm = self.moral, self.rhythm
        threshold = moral.threshold
        self.step += 1
        passed = moral.accepts(body.moral_value)
        moral.adapt(body.moral_value, accepted=passed)
        asleep = self.parameters.rhythm.sleep_gate and not rhythm.awake
        rejection = Rejection.MORAL if not passed else Rejection.SLEEP if asleep else Rejection.NONE
        ids, result, left = [""], PutResult.REFUSED, list[str]()
        if rejection is Rejection.NONE:
            self.accepted += 1
            self.synapses.update(body.memory.vector)
            yield from self.pelm.expire(now.time_ns)
            if not candidates.kept_out:
                stored = [self._store(candidate, now) for candidate in candidates]
                ids = [item.memory_id for item, _ in stored]
                result = stored[0][0].result
                left = [gone for _, evicted in stored for gone in evicted]
        was_awake = rhythm.awake
        rhythm.step()
        return EventOutcome(
            rejection=rejection,
            step=self.step,
            phase=rhythm.phase,
            moral_threshold=moral.threshold,
            moral_ema=moral.ema,
            threshold_applied=threshold,
            used=len(self.pelm),
            capacity=self.pelm.capacity,
            awake=rhythm.awake,
            fell_asleep=was_awake and not rhythm.awake,
            memory_id=ids[0],
            result=result,
            evicted=tuple(left),
            answer_id=ids[1] if len(ids) > 1 else "",
        )

    # Streams.

    def _stream(self, body: StreamItems, now: Moment) -> Generator[None, None, StreamOutcome]:
        """Carry out the items behind the mark, then move it."""
        mark = self._stream_mark(body, now)
        outcomes: list[PutOutcome | EventOutcome | Refusal | None] = []
        for item in body.items:
            if outcomes:
                yield
            if item.sequence > mark.sequence:
                outcomes.append((yield from self._stream_item(body, item, now)))
            else:
                outcomes.append(None)
        acked = max(mark.sequence, body.last_sequence)
        ends = body.finished and body.last_sequence == acked
        finished = ends or (mark.finished and mark.sequence == acked)
        self.streams.advance(StreamMark(body.stream_id, acked, now.time_ns, finished))
        return StreamOutcome(acked, tuple(outcomes))

    def _stream_item(
        self, body: StreamItems, item: StreamItem, now: Moment
    ) -> Generator[None, None, PutOutcome | EventOutcome | Refusal]:
        outcome: PutOutcome | EventOutcome | Refusal
        try:
            if isinstance(item.body, ProcessEvent):
                outcome = yield from self._process(item.body, now)
            else:
                put = PutMemories((item.body,), body.allow_replace)
                outcome = yield from self._put(put, now)
        except Refused as refused:
            outcome = refused.refusal
        return replace(outcome, revision=now.revision)

    def _stream_mark(self, body: StreamItems, now: Moment) -> StreamMark:
        """Return how far a stream is settled; a new one begins where its writer says."""
        known = self.streams.get(body.stream_id)
        mark = known or StreamMark(body.stream_id, body.after_sequence, now.time_ns)
        if body.after_sequence > mark.sequence:
            raise Refused(
                "STREAM_SEQUENCE_INVALID",
                "Items of the stream are missing before these.",
                stream_id=body.stream_id,
                expected=str(mark.sequence + 1),
                actual=str(body.after_sequence + 1),
            )
        # One that was finished takes a place again when it goes on, not when its end is repeated.
        goes_on = mark.finished and body.last_sequence > mark.sequence
        if (known is None or goes_on) and not self.streams.has_room(now.time_ns):
            raise Refused(
                "QUOTA_EXCEEDED",
                "The space remembers as many streams as it can; go on with one of them.",
                limit=str(MAX_STREAMS),
                quota_id="streams",
            )
        return mark


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A new memory with what is computed from it once."""

    new: NewMemory
    row: Float32
    phase: float
    digest: bytes
    kept_out: bool
    """Its confidence is too low to be stored."""
    allow_replace: bool
    """It takes the place of a memory of its id."""

    @classmethod
    def of(
        cls, contents: Contents, new: NewMemory, now: Moment, *, allow_replace: bool
    ) -> _Candidate:
        row = unit_row(new.vector)
        phase = _float32(contents.rhythm.phase if new.phase is None else new.phase)
        if now.semantics_version == 1:
            digest = first_digest(new.text, row, phase)
        else:
            follows = bool(new.text) and contents.embeds_by(new.embedding_model)
            digest = identity_digest(
                new.text, new.metadata, new.provenance.source, None if follows else row, told(new)
            )
        return cls(
            new=new,
            row=row,
            phase=phase,
            digest=digest,
            kept_out=new.confidence < contents.parameters.min_confidence,
            allow_replace=allow_replace,
        )


class _Candidates:
    """The candidates of a batch; those of one that is decoded as it is read are made anew.

    Args:
        memories: The batch.
        make: Makes a candidate; the same one as long as nothing but memories has changed.
    """

    def __init__(
        self, memories: Sequence[NewMemory], make: Callable[[NewMemory], _Candidate]
    ) -> None:
        self.kept_out = False
        """One of them is kept out."""
        self._memories = memories
        self._make = make
        self._keeps = isinstance(memories, tuple)
        self._kept: list[_Candidate] = []

    def add(self, candidate: _Candidate) -> None:
        """Take the next candidate."""
        self.kept_out = self.kept_out or candidate.kept_out
        if self._keeps:
            self._kept.append(candidate)

    def __iter__(self) -> Iterator[_Candidate]:
        return iter(self._kept) if self._keeps else map(self._make, self._memories)


def _renews(known: Memory | None, old: Memory, now: Moment) -> bool:
    """Return whether a put with the id of ``old`` does nothing but renew that memory."""
    return now.semantics_version > 1 and known is not None and known.memory_id == old.memory_id


def _check_dimension(dimension: int, new: NewMemory) -> None:
    if len(new.vector.raw) != dimension:
        raise Refused(
            "DIMENSION_MISMATCH",
            "The embedding does not have the dimension of the space.",
            expected=str(dimension),
            actual=str(len(new.vector.raw)),
        )


def _check_expiry(expire_time_ns: int, time_ns: int) -> None:
    if 0 < expire_time_ns <= time_ns:
        raise Refused("FIELD_INVALID", "must be in the future.", field="expire_time")


def _check_etag(expected: str, memory: Memory | None, memory_id: str) -> None:
    if not expected or (memory is not None and memory.etag == expected):
        return
    gone = memory is None
    raise Refused(
        "ETAG_MISMATCH",
        f"The memory {'is gone' if gone else 'changed'} since it was read.",
        resource=memory_id,
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
