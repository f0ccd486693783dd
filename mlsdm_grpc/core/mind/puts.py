"""Application of puts: all memories of a batch are created, refreshed or replaced, or none."""

from __future__ import annotations

from collections.abc import Generator

from mlsdm_grpc.core.mind.put_candidates import (
    PutCandidate,
    PutCandidates,
    float32,
    living,
    prepare,
    repeated,
)
from mlsdm_grpc.core.mind.space_state import Contents
from mlsdm_grpc.core.mind.steps import finish
from mlsdm_grpc.core.model.bodies import PutMemories
from mlsdm_grpc.core.model.outcome import PutItem, PutOutcome, PutResult
from mlsdm_grpc.core.model.semantics import Moment
from mlsdm_grpc.core.store.memory_value import Memory

__all__ = ["foresee_put", "item_of", "put", "store"]


def put(contents: Contents, body: PutMemories, now: Moment) -> Generator[None, None, PutOutcome]:
    """Apply a put in steps; stores the whole batch or nothing.

    Raises:
        Refused: A memory of the batch cannot be stored; nothing has changed.
    """
    prepared = yield from prepare(contents, body, now)
    if prepared.kept_out:
        return _refused_batch(contents, prepared)
    yield from contents.pelm.expire(now.time_ns)
    items: list[PutItem] = []
    evicted: list[str] = []
    for candidate in prepared:
        if items:
            yield
        item, left = store(contents, candidate, now)
        items.append(item)
        evicted.extend(left)
    return PutOutcome(items=tuple(items), evicted=tuple(evicted), revision=now.revision)


def foresee_put(contents: Contents, body: PutMemories, now: Moment) -> PutOutcome:
    """Return the outcome that a put would have; duplicates within the batch count as new."""
    prepared = finish(prepare(contents, body, now))
    if prepared.kept_out:
        return _refused_batch(contents, prepared)
    items = tuple(_foreseen(contents, candidate, now) for candidate in prepared)
    created = sum(item.result is PutResult.CREATED for item in items)
    surplus = len(contents.pelm) + created - contents.pelm.capacity
    return PutOutcome(items=items, evicted=tuple(contents.pelm.next_to_leave(surplus)))


def store(contents: Contents, candidate: PutCandidate, now: Moment) -> tuple[PutItem, list[str]]:
    """Create, refresh, replace or reject one validated memory; never fails.

    Returns:
        Result for the memory, and the ids of evicted memories.
    """
    new, pelm = candidate.new, contents.pelm
    if candidate.kept_out:
        return PutItem(new.memory_id, PutResult.REFUSED), []
    known = repeated(contents, candidate, now)
    if known is not None:
        renewed = pelm.refresh(
            known, new, candidate.row, revision=now.revision, time_ns=now.time_ns
        )
        return item_of(renewed, PutResult.REFRESHED), []
    old = pelm.get(new.memory_id)
    memory = Memory(
        memory_id=new.memory_id,
        text=new.text,
        phase=candidate.phase,
        confidence=float32(new.confidence),
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
        return item_of(memory, PutResult.REPLACED), []
    left = pelm.insert(memory, candidate.row)
    return item_of(memory, PutResult.CREATED), [] if left is None else [left]


def _foreseen(contents: Contents, candidate: PutCandidate, now: Moment) -> PutItem:
    new = candidate.new
    known = repeated(contents, candidate, now)
    if known is not None:
        return item_of(known, PutResult.REFRESHED)
    old = living(contents.pelm.get(new.memory_id), now)
    result = PutResult.CREATED if old is None else PutResult.REPLACED
    return PutItem(
        memory_id=new.memory_id,
        result=result,
        phase=candidate.phase,
        confidence=float32(new.confidence),
        pinned=new.pinned,
        expire_time_ns=new.expire_time_ns,
    )


def _refused_batch(contents: Contents, prepared: PutCandidates) -> PutOutcome:
    """Return the outcome of a batch with a memory of too low confidence; nothing is stored."""
    items = tuple(
        PutItem(
            memory_id=candidate.new.memory_id,
            result=PutResult.REFUSED if candidate.kept_out else PutResult.SKIPPED,
            confidence=candidate.new.confidence,
        )
        for candidate in prepared
    )
    return PutOutcome(items=items, min_confidence=contents.parameters.min_confidence)


def item_of(memory: Memory, result: PutResult) -> PutItem:
    """Return the entry for one memory in the outcome of a put."""
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
