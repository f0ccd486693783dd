"""Refusal of records, and checks that several kinds of record share."""

from __future__ import annotations

from mlsdm_grpc.core.model.new_memory import NewMemory
from mlsdm_grpc.core.model.outcome import Refusal
from mlsdm_grpc.core.store.memory_value import Memory

__all__ = ["Refused", "check_dimension", "check_etag", "check_expiry"]


class Refused(Exception):
    """Refusal of a record because of the state of its space."""

    def __init__(self, reason: str, message: str, **metadata: str) -> None:
        super().__init__(message)
        self.refusal = Refusal(reason, message, tuple(sorted(metadata.items())))


def check_dimension(dimension: int, new: NewMemory) -> None:
    """Raise Refused unless a new memory has the dimension of its space."""
    if len(new.vector.raw) != dimension:
        raise Refused(
            "DIMENSION_MISMATCH",
            "The embedding does not have the dimension of the space.",
            expected=str(dimension),
            actual=str(len(new.vector.raw)),
        )


def check_expiry(expire_time_ns: int, time_ns: int) -> None:
    """Raise Refused if an expiry time has passed at ``time_ns``; 0 never does."""
    if 0 < expire_time_ns <= time_ns:
        raise Refused("FIELD_INVALID", "must be in the future.", field="expire_time")


def check_etag(expected: str, memory: Memory | None, memory_id: str) -> None:
    """Raise Refused if an etag is expected and the memory has another one or does not exist."""
    if not expected or (memory is not None and memory.etag == expected):
        return
    gone = memory is None
    raise Refused(
        "ETAG_MISMATCH",
        f"The memory {'is gone' if gone else 'changed'} since it was read.",
        resource=memory_id,
    )
