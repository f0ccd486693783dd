"""Update and deletion of one memory, selected by id and optional etag."""

from __future__ import annotations

from mlsdm_grpc.core.mind.put_candidates import living
from mlsdm_grpc.core.mind.puts import item_of
from mlsdm_grpc.core.mind.refused import Refused, check_etag, check_expiry
from mlsdm_grpc.core.mind.space_state import Contents
from mlsdm_grpc.core.model.bodies import DeleteMemory, UpdateMemory
from mlsdm_grpc.core.model.new_memory import MAX_LABELS
from mlsdm_grpc.core.model.outcome import DeleteOutcome, PutOutcome, PutResult
from mlsdm_grpc.core.model.semantics import Moment
from mlsdm_grpc.core.store.memory_value import Memory

__all__ = ["delete", "update"]


def update(contents: Contents, body: UpdateMemory, now: Moment) -> PutOutcome:
    """Change labels, pin and expiry of a memory.

    Raises:
        Refused: The memory does not exist, its etag differs, it would have too many labels, or the
            new expiry has passed.
    """
    memory = _found(contents, body.memory_id, body.etag, now)
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
        check_expiry(expire_time_ns, now.time_ns)
    updated = contents.pelm.update(
        memory,
        labels=labels,
        pinned=memory.pinned if body.pinned is None else body.pinned,
        expire_time_ns=expire_time_ns,
        revision=now.revision,
        time_ns=now.time_ns,
    )
    return PutOutcome(items=(item_of(updated, PutResult.REFRESHED),))


def delete(contents: Contents, body: DeleteMemory, now: Moment) -> DeleteOutcome:
    """Remove a memory.

    Raises:
        Refused: The memory does not exist, or its etag differs.
    """
    _found(contents, body.memory_id, body.etag, now)
    contents.pelm.remove(body.memory_id)
    return DeleteOutcome()


def _found(contents: Contents, memory_id: str, etag: str, now: Moment) -> Memory:
    memory = living(contents.pelm.get(memory_id), now)
    if memory is None:
        raise Refused("MEMORY_NOT_FOUND", "The memory does not exist.", memory_id=memory_id)
    check_etag(etag, memory, memory_id)
    return memory
