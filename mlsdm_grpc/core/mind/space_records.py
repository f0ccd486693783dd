"""Dispatch of records to an existing space, by their kind."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeAlias

from mlsdm_grpc.core.mind.consolidation_records import consolidate, foresee_consolidation
from mlsdm_grpc.core.mind.memory_edits import delete, update
from mlsdm_grpc.core.mind.moral_events import process
from mlsdm_grpc.core.mind.puts import foresee_put, put
from mlsdm_grpc.core.mind.refused import Refused
from mlsdm_grpc.core.mind.space_changes import changed_parameters, reconfigure
from mlsdm_grpc.core.mind.space_state import Contents
from mlsdm_grpc.core.mind.stream_records import apply_items, mark_of
from mlsdm_grpc.core.model.bodies import (
    Consolidate,
    DeleteMemory,
    ProcessEvent,
    PutMemories,
    StreamItems,
    UpdateMemory,
    UpdateSpace,
)
from mlsdm_grpc.core.model.outcome import (
    ConsolidateOutcome,
    Outcome,
    PutOutcome,
    SpaceChanged,
    StreamOutcome,
)
from mlsdm_grpc.core.model.semantics import Moment

__all__ = ["ContentsBody", "applying", "foresee"]

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


def applying(contents: Contents, body: ContentsBody, now: Moment) -> Generator[None, None, Outcome]:
    """Apply one record in steps; between steps it is half applied.

    Raises:
        Refused: The state does not permit the record; nothing has changed.
    """
    _check_writable(contents, body)
    if isinstance(body, PutMemories):
        return (yield from put(contents, body, now))
    if isinstance(body, Consolidate):
        return (yield from consolidate(contents, body, now))
    if isinstance(body, StreamItems):
        return (yield from apply_items(contents, body, now))
    if isinstance(body, UpdateSpace):
        return (yield from reconfigure(contents, body, now))
    if isinstance(body, UpdateMemory):
        return update(contents, body, now)
    if isinstance(body, DeleteMemory):
        return delete(contents, body, now)
    return (yield from process(contents, body, now))


def foresee(contents: Contents, body: ContentsBody, now: Moment) -> _Foreseen:
    """Return the outcome that :func:`applying` would have, without changing anything.

    Returns:
        None if the outcome is known only after the record is applied. For a stream, the outcome
        contains only the present mark.

    Raises:
        Refused: See :func:`applying`.
    """
    _check_writable(contents, body)
    if isinstance(body, UpdateSpace):
        changed_parameters(contents, body, now)
        return SpaceChanged()
    if isinstance(body, Consolidate):
        return foresee_consolidation(contents, body, now)
    if isinstance(body, StreamItems):
        return StreamOutcome(mark_of(contents, body, now).sequence)
    return foresee_put(contents, body, now) if isinstance(body, PutMemories) else None


def _check_writable(contents: Contents, body: ContentsBody) -> None:
    if contents.parameters.read_only and not isinstance(body, UpdateSpace):
        raise Refused("SPACE_READ_ONLY", "The space is configured read-only.")
