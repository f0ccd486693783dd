"""Validation of all memories of a put before any is stored."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence

import numpy as np

from mlsdm_grpc.core.mind.duplicates import (
    circumstances_of,
    first_digest,
    identity_digest,
    labels_fit,
)
from mlsdm_grpc.core.mind.pelm import unit_row
from mlsdm_grpc.core.mind.refused import Refused, check_dimension, check_etag, check_expiry
from mlsdm_grpc.core.mind.space_state import Contents
from mlsdm_grpc.core.model.bodies import PutMemories
from mlsdm_grpc.core.model.new_memory import Float32, NewMemory
from mlsdm_grpc.core.model.semantics import Moment
from mlsdm_grpc.core.store.memory_value import Memory
from mlsdm_grpc.value_classes import value_class

__all__ = ["PutCandidate", "PutCandidates", "float32", "living", "prepare", "repeated"]


@value_class
class PutCandidate:
    """New memory with the values derived from it."""

    new: NewMemory
    row: Float32
    phase: float
    digest: bytes
    kept_out: bool
    """True if the confidence is below the minimum of the space; the memory is not stored."""
    allow_replace: bool
    """True if the memory may replace a memory with the same id."""

    @classmethod
    def of(
        cls, contents: Contents, new: NewMemory, now: Moment, *, allow_replace: bool
    ) -> PutCandidate:
        """Return the candidate of a new memory under the version of the rules of its record."""
        row = unit_row(new.vector)
        phase = float32(contents.rhythm.phase if new.phase is None else new.phase)
        if now.semantics_version == 1:
            digest = first_digest(new.text, row, phase)
        else:
            follows = bool(new.text) and contents.embeds_by(new.embedding_model)
            digest = identity_digest(
                new.text,
                new.metadata,
                new.provenance.source,
                None if follows else row,
                circumstances_of(new),
            )
        return cls(
            new=new,
            row=row,
            phase=phase,
            digest=digest,
            kept_out=new.confidence < contents.parameters.min_confidence,
            allow_replace=allow_replace,
        )


class PutCandidates:
    """Candidates of a batch.

    If the memories are decoded on access, candidates are not stored but computed again in each
    pass, to limit the RAM of a large batch.

    Args:
        memories: The batch: a tuple, or a sequence that decodes on access.
        make: Creates a candidate. It must return the same result while only memories change.
    """

    def __init__(
        self, memories: Sequence[NewMemory], make: Callable[[NewMemory], PutCandidate]
    ) -> None:
        self.kept_out = False
        """True if the confidence of any candidate is too low; then none of the batch is stored."""
        self._memories = memories
        self._make = make
        self._keeps = isinstance(memories, tuple)
        self._kept: list[PutCandidate] = []

    def add(self, candidate: PutCandidate) -> None:
        """Append the next candidate."""
        self.kept_out = self.kept_out or candidate.kept_out
        if self._keeps:
            self._kept.append(candidate)

    def __iter__(self) -> Iterator[PutCandidate]:
        return iter(self._kept) if self._keeps else map(self._make, self._memories)


def prepare(
    contents: Contents, body: PutMemories, now: Moment
) -> Generator[None, None, PutCandidates]:
    """Validate a batch in steps and return its candidates; changes nothing.

    Raises:
        Refused: A memory of the batch cannot be stored.
    """

    def candidate_of(new: NewMemory) -> PutCandidate:
        return PutCandidate.of(contents, new, now, allow_replace=body.allow_replace)

    prepared = PutCandidates(body.memories, candidate_of)
    seen: set[str] = set()
    brought: dict[bytes, tuple[str, ...]] = {}
    new_pinned = new_unpinned = 0
    for new in body.memories:
        if seen:
            yield
        check_dimension(contents.parameters.dimension, new)
        check_expiry(new.expire_time_ns, now.time_ns)
        old = living(contents.pelm.get(new.memory_id), now)
        candidate = candidate_of(new)
        known = repeated(contents, candidate, now)
        renews = old is not None and _renews(known, old, now)
        earlier = brought.get(candidate.digest, ())
        if renews and old is not None:
            # Labels of earlier duplicates in the batch count towards the limit.
            renews = labels_fit(old.labels, earlier, new.labels)
        if len(body.memories) > 1 and contents.pelm.duplicates(candidate.digest):
            # Only a stored memory can be refreshed, so only labels of its duplicates are kept. The
            # labels of all memories would need more RAM than the batch.
            brought[candidate.digest] = tuple({*earlier, *new.labels})
        taken = old is not None and not (body.allow_replace or renews)
        if new.memory_id in seen or taken:
            raise Refused("MEMORY_EXISTS", "A memory with this id exists.", memory_id=new.memory_id)
        seen.add(new.memory_id)
        check_etag(new.etag, old, new.memory_id)
        prepared.add(candidate)
        if known is not None and len(body.memories) == 1:
            return prepared
        # In a batch, an earlier memory may remove or replace the repeated one, so a repetition
        # counts as a new memory. A pinned memory is not counted only if it certainly replaces
        # another pinned one.
        certain = new.caller_chosen_id or (now.semantics_version > 1 and body.allow_replace)
        replaces = old is not None and old.pinned and certain
        new_pinned += new.pinned and not replaces
        new_unpinned += not new.pinned
    _check_room(contents, new_pinned, new_unpinned, now)
    return prepared


def repeated(contents: Contents, candidate: PutCandidate, now: Moment) -> Memory | None:
    """Return the unexpired memory of which a candidate is an exact duplicate.

    If there are several, it is the memory with the same id, or else the newest one that has space
    for the labels. Under version 1 of the rules it is any of them, and surplus labels are dropped.
    """
    if candidate.new.caller_chosen_id:
        return None
    replaces = candidate.allow_replace and now.semantics_version > 1
    if replaces and living(contents.pelm.get(candidate.new.memory_id), now) is not None:
        return None
    found = contents.pelm.duplicates(candidate.digest)
    if not found:
        return None
    if now.semantics_version == 1:
        return living(found[0], now)
    fitting = (
        memory
        for memory in found
        if not memory.expired(now.time_ns) and labels_fit(memory.labels, candidate.new.labels)
    )
    own_id = candidate.new.memory_id
    if candidate.new.keeps_id:
        return next((memory for memory in fitting if memory.memory_id == own_id), None)
    return max(fitting, key=lambda m: (m.memory_id == own_id, m.sequence), default=None)


def living(memory: Memory | None, now: Moment) -> Memory | None:
    """Return the memory if it exists and has not expired."""
    return None if memory is None or memory.expired(now.time_ns) else memory


def _check_room(contents: Contents, new_pinned: int, new_unpinned: int, now: Moment) -> None:
    """Refuse a batch if all memories may become pinned; the estimate errs towards refusal."""
    capacity = contents.pelm.capacity
    pinned = contents.pelm.pinned_living(now.time_ns) + new_pinned
    if pinned > capacity or (pinned == capacity and new_unpinned):
        raise Refused(
            "ALL_PINNED",
            "Every memory of the space would be pinned; unpin or delete one first.",
            capacity=str(capacity),
        )


def _renews(known: Memory | None, old: Memory, now: Moment) -> bool:
    """Return True if a put with the id of ``old`` only refreshes that memory."""
    return now.semantics_version > 1 and known is not None and known.memory_id == old.memory_id


def float32(value: float) -> float:
    """Return ``value`` rounded to float32."""
    return float(np.float32(value))
