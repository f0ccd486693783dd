"""Consolidation records: removal of expired memories and merge of groups."""

from __future__ import annotations

from collections.abc import Generator

from mlsdm_grpc.core.mind.consolidation import mergeable, merged
from mlsdm_grpc.core.mind.space_state import Contents
from mlsdm_grpc.core.model.bodies import Consolidate
from mlsdm_grpc.core.model.outcome import ConsolidateOutcome
from mlsdm_grpc.core.model.semantics import Moment

__all__ = ["consolidate", "foresee_consolidation"]


def consolidate(
    contents: Contents, body: Consolidate, now: Moment
) -> Generator[None, None, ConsolidateOutcome]:
    """Remove expired memories and merge groups, in steps.

    A record whose trigger was consolidated before changes nothing.
    """
    pelm = contents.pelm
    if 0 < body.trigger <= contents.consolidated_trigger:
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
    contents.consolidated_trigger = max(contents.consolidated_trigger, body.trigger)
    contents.consolidated_sequence = max(contents.consolidated_sequence, body.examined_sequence)
    if body.move_traces:
        contents.synapses.sleep()
    return ConsolidateOutcome(merged_count, purged, len(pelm))


def foresee_consolidation(contents: Contents, body: Consolidate, now: Moment) -> ConsolidateOutcome:
    """Return the outcome that a consolidation would have, if no memory is in two groups."""
    living = contents.pelm.living_count(now.time_ns)
    groups = [mergeable(contents.pelm, group, now) for group in body.groups]
    sizes = [len(members) for members in groups if members]
    merged_count = sum(sizes)
    return ConsolidateOutcome(
        merged_count=merged_count,
        purged_count=len(contents.pelm) - living,
        used=living - merged_count + len(sizes),
    )
