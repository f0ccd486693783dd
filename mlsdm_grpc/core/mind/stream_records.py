"""Application of stream records: the items after the mark are applied, then the mark advances."""

from __future__ import annotations

from collections.abc import Generator

from mlsdm_grpc.core.mind.decision_notes import note_decision
from mlsdm_grpc.core.mind.moral_events import process
from mlsdm_grpc.core.mind.puts import put
from mlsdm_grpc.core.mind.refused import Refused
from mlsdm_grpc.core.mind.space_state import Contents
from mlsdm_grpc.core.mind.stream_marks import MAX_STREAMS, StreamMark
from mlsdm_grpc.core.model.bodies import ProcessEvent, PutMemories, StreamItem, StreamItems
from mlsdm_grpc.core.model.outcome import (
    EventOutcome,
    PutOutcome,
    Refusal,
    StreamOutcome,
    at_revision,
)
from mlsdm_grpc.core.model.semantics import Moment

__all__ = ["apply_items", "mark_of"]


def apply_items(
    contents: Contents, body: StreamItems, now: Moment
) -> Generator[None, None, StreamOutcome]:
    """Apply the items after the mark in steps, then advance the mark.

    Raises:
        Refused: The stream cannot accept this record; nothing has changed.
    """
    mark = mark_of(contents, body, now)
    outcomes: list[PutOutcome | EventOutcome | Refusal | None] = []
    for item in body.items:
        if outcomes:
            yield
        if item.sequence > mark.sequence:
            outcomes.append((yield from _apply_item(contents, body, item, now)))
        else:
            outcomes.append(None)
    acked = max(mark.sequence, body.last_sequence)
    ends = body.finished and body.last_sequence == acked
    finished = ends or (mark.finished and mark.sequence == acked)
    contents.streams.advance(StreamMark(body.stream_id, acked, now.time_ns, finished))
    return StreamOutcome(acked, tuple(outcomes))


def _apply_item(
    contents: Contents, body: StreamItems, item: StreamItem, now: Moment
) -> Generator[None, None, PutOutcome | EventOutcome | Refusal]:
    outcome: PutOutcome | EventOutcome | Refusal
    given, replaces = item.body, body.allow_replace
    noted = given if isinstance(given, ProcessEvent) else PutMemories((given,), replaces)
    try:
        if isinstance(noted, ProcessEvent):
            outcome = yield from process(contents, noted, now)
        else:
            outcome = yield from put(contents, noted, now)
    except Refused as refused:
        outcome = refused.refusal
    note_decision(contents, noted, outcome, now)
    return at_revision(outcome, now.revision)


def mark_of(contents: Contents, body: StreamItems, now: Moment) -> StreamMark:
    """Return the mark of a stream; a new stream starts at ``body.after_sequence``.

    Raises:
        Refused: Items before this record are missing, or there are too many open streams.
    """
    known = contents.streams.get(body.stream_id)
    mark = known or StreamMark(body.stream_id, body.after_sequence, now.time_ns)
    if body.after_sequence > mark.sequence:
        raise Refused(
            "STREAM_SEQUENCE_INVALID",
            "Items of the stream are missing before these.",
            stream_id=body.stream_id,
            expected=str(mark.sequence + 1),
            actual=str(body.after_sequence + 1),
        )
    # A finished stream that continues needs a place among the open streams again. One whose end is
    # only repeated does not.
    goes_on = mark.finished and body.last_sequence > mark.sequence
    if (known is None or goes_on) and not contents.streams.has_room(now.time_ns):
        raise Refused(
            "QUOTA_EXCEEDED",
            "The space remembers as many streams as it can; go on with one of them.",
            limit=str(MAX_STREAMS),
            quota_id="streams",
        )
    return mark
