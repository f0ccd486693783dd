"""Consolidation: near duplicates become one memory.

Finding them compares vectors, which rounds differently on different processors, so it happens
before the record: :func:`near_duplicates`. The record names memories with their etags. Applying it
(:func:`mergeable`, :func:`merged`) looks at what is there then and takes everything else, vector
and text included, from the newest member, so that a record never repeats what it merges.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mlsdm_grpc.core.pelm import Memory, Pelm
from mlsdm_grpc.core.record import MAX_LABELS, MergeGroup, MergeMember, Provenance, Source

__all__ = ["MAX_MEMBERS", "Window", "mergeable", "merged", "near_duplicates", "plan"]

MAX_MEMBERS = 32
"""Memories of one group; the merged memory names them all as its parents."""
_MAX_NEIGHBOURS = 256
_STEP_COMPONENTS = 2**26
_MAX_STEP = 256


class Window(NamedTuple):
    """Which memories are compared with all older ones, by their creation sequences."""

    after: int
    """Only those created after this."""
    before: int
    """Only those created before this."""


def plan(
    pelm: Pelm, window: Window, *, min_cosine: float, now_ns: int
) -> tuple[list[MergeGroup], int]:
    """Compare the newest memories of a window with all older ones; changes nothing.

    Returns:
        What :func:`near_duplicates` finds, and where the window is to end for the next step: 0
        when all of it was compared.

    Cost: as many memories are compared as take a few milliseconds, one at least, 256 at most.
    """
    if min_cosine >= 1.0:
        return [], 0
    count = _STEP_COMPONENTS // (max(len(pelm), 1) * pelm.dimension)
    count = min(max(count, 1), _MAX_STEP)
    compared = pelm.newest_between(window.after, window.before, count)
    groups = list(near_duplicates(pelm, compared, min_cosine=min_cosine, now_ns=now_ns))
    return groups, compared[-1].sequence if len(compared) == count else 0


def near_duplicates(
    pelm: Pelm, compared: Sequence[Memory], *, min_cosine: float, now_ns: int
) -> Iterator[MergeGroup]:
    """Yield groups of memories that may be merged; changes nothing.

    A group is a memory and older ones of exactly its phase whose cosine with it is at least
    ``min_cosine``, so what remains of it is near to every member. Memories that are pinned, expired
    or named by their callers are in none, and no memory is in two.

    Args:
        pelm: Where to look.
        compared: Memories to compare with all older ones, newest first.
        min_cosine: In [0.5, 1]; 1 finds nothing.
        now_ns: Expired memories are left out as of this time.

    Cost: one scan of all rows for all that are compared. Of more than 256 near duplicates of one
    memory some may be left for another consolidation.
    """
    free = [
        memory
        for memory in compared
        if _is_free(memory, now_ns) and pelm.is_sound(memory.memory_id)
    ]
    if min_cosine >= 1.0 or not free:
        return
    taken: set[str] = set()
    found = pelm.near(free, min_cosine=min_cosine, limit=_MAX_NEIGHBOURS, now_ns=now_ns)
    for newest, others in zip(free, found, strict=True):
        if newest.memory_id in taken:
            continue
        older = [
            other
            for other in others
            if other.sequence < newest.sequence
            and other.memory_id not in taken
            and _is_free(other, now_ns)
        ]
        if older:
            members = (newest, *older[: MAX_MEMBERS - 1])
            taken.update(member.memory_id for member in members)
            yield MergeGroup("", tuple(MergeMember(m.memory_id, m.etag) for m in members))


def _is_free(memory: Memory, now_ns: int) -> bool:
    return not (memory.pinned or memory.caller_chosen_id or memory.expired(now_ns))


def mergeable(pelm: Pelm, group: MergeGroup, *, now_ns: int) -> list[Memory]:
    """Return the members of a group that can still be merged, the newest first.

    Those that are gone, changed, pinned, named by their callers or of another phase are left out.
    Nothing is left of a group without its newest member, to which alone the others are known to
    be near, with fewer than two members, or whose new id is taken.
    """
    if pelm.get(group.memory_id) is not None:
        return []
    members: dict[str, Memory] = {}
    for named in group.members:
        memory = pelm.get(named.memory_id)
        if memory is not None and memory.etag == named.etag and _is_free(memory, now_ns):
            members[named.memory_id] = memory
    newest = members.get(group.members[0].memory_id) if group.members else None
    if newest is None:
        return []
    left = [memory for memory in members.values() if memory.phase == newest.phase]
    return left if len(left) > 1 else []


def merged(memory_id: str, members: Sequence[Memory], *, revision: int, time_ns: int) -> Memory:
    """Return what near duplicates become; its vector is that of the first member.

    The checksum goes with the vector, so that one that was damaged is not taken for sound.

    Text, metadata and phase are those of the first member, the labels of all are united as far as
    there is room, its own first, and the highest confidence and the latest expiry win.
    """
    newest = members[0]
    labels = list(newest.labels)
    others = sorted({label for member in members for label in member.labels} - set(labels))
    expiries = [member.expire_time_ns for member in members]
    return Memory(
        memory_id=memory_id,
        text=newest.text,
        phase=newest.phase,
        confidence=max(member.confidence for member in members),
        labels=tuple(sorted((labels + others)[:MAX_LABELS])),
        metadata=newest.metadata,
        provenance=Provenance(
            source=Source.SYSTEM, parent_ids=tuple(member.memory_id for member in members)
        ),
        pinned=False,
        caller_chosen_id=False,
        create_time_ns=time_ns,
        create_revision=revision,
        update_time_ns=time_ns,
        expire_time_ns=0 if 0 in expiries else max(expiries),
        revision=revision,
        sequence=0,
        ring_sequence=0,
        digest=newest.digest,
        checksum=newest.checksum,
    )
