"""Consolidation: the search for memories with the same content, and their merge into one memory.

:func:`plan` finds the groups before the record is written. Memories with a text are merged only if
their texts are equal in canonical form. Similar vectors do not suffice, because averaged word
vectors ignore order, names and numbers. Memories without a text are merged by the cosine of their
vectors. The cosine rounds differently on different processors, so the record names the memories of
each group with their etags. Applying the record (:func:`mergeable`, :func:`merged`) reads all other
data from the state; the record never contains the merged content.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from typing import NamedTuple

from mlsdm_grpc.core.mind.duplicates import (
    canonical_text,
    circumstances_of,
    labels_fit,
    metadata_fit,
    moved_digest,
)
from mlsdm_grpc.core.mind.pelm import Pelm
from mlsdm_grpc.core.model.bodies import MergeGroup, MergeMember
from mlsdm_grpc.core.model.new_memory import MAX_LABELS, MAX_PARENTS, Provenance, Source
from mlsdm_grpc.core.model.semantics import Moment
from mlsdm_grpc.core.store.memory_value import Memory

__all__ = ["MAX_MEMBERS", "STEP_COMPONENTS", "Rules", "Window", "mergeable", "merged", "plan"]

MAX_MEMBERS = 32
"""Maximum size of a group; the merged memory names all members as its parents."""
# Maximum number of similar memories that are examined for one memory.
_MAX_NEIGHBOURS = 256
# Number of products of vector components in one step, which takes a few milliseconds.
STEP_COMPONENTS = 2**26
# Maximum number of vectors of one step.
_MAX_STEP = 256
# Largest distance of two unit vectors at which their projections exclude almost all other pairs, so
# that only few pairs need an exact comparison.
_MAX_REACH = 0.01


class Window(NamedTuple):
    """Range of creation sequences; its memories are compared with all older ones."""

    after: int
    """Lower end, exclusive."""
    before: int
    """Upper end, exclusive."""


class Rules(NamedTuple):
    """Rules of merging in one space."""

    semantics_version: int
    embedder: str
    """Model that embeds the texts of the space; empty if callers send vectors."""
    min_cosine: float
    """Minimum cosine of memories without a text, in [0.5, 1]; 1 disables merging."""


def plan(
    pelm: Pelm, window: Window, rules: Rules, *, texts: bool, now_ns: int
) -> Generator[None, None, tuple[list[MergeGroup], int]]:
    """Find groups of memories to merge, in steps; changes nothing.

    A group is a memory with older memories of the same content; merging them loses no information.
    Pinned memories, expired memories and memories with an id chosen by the caller are in no group.
    No memory is in two groups.

    Args:
        pelm: Memories to compare; may change between two steps.
        window: Memories to compare with all older ones.
        rules: Rules of merging.
        texts: Also compare texts, those of the whole window in one call. Vectors are compared from
            the end of the window, as many as fit in one call.
        now_ns: Unix time; memories that have expired by then are excluded.

    Returns:
        Groups, and the end of the window for the next call: 0 if the whole window was compared.

    Cost: about 3 us for each text that no earlier call has read. At most 256 vectors are compared
    in a call. If ``rules.min_cosine`` is very close to 1, projections select the few vectors that
    need an exact comparison. This takes about 12 ms for 20,000 memories. Otherwise a call compares
    as many vectors as fit in one step of a few milliseconds.
    """
    yield from pelm.history.know_texts()
    groups: list[MergeGroup] = []
    if texts:
        for memories in pelm.history.same_texts(window.after, window.before):
            groups += _equal(pelm, memories, window, rules, now_ns)
    if rules.min_cosine >= 1.0:
        return groups, 0
    count = STEP_COMPONENTS // (max(len(pelm), 1) * pelm.dimension)
    step = count = min(max(count, 1), _MAX_STEP)
    reach = math.sqrt(max(2.0 - 2.0 * rules.min_cosine, 0.0))
    if reach <= _MAX_REACH:
        count = _MAX_STEP
    slots, created = pelm.history.newest_between(window.after, window.before, count)
    end = int(created[-1]) if len(slots) == count else 0
    if count > step and len(slots):
        kept = yield from pelm.have_neighbours(slots, reach)
        slots, created = slots[kept], created[kept]
    taken: set[str] = set()
    for start in range(0, len(slots), step):
        if start:
            yield
        compared = pelm.history.present(slots[start : start + step], created[start : start + step])
        groups += _near(pelm, compared, rules, now_ns, taken)
    return groups, end


def _equal(
    pelm: Pelm, memories: Sequence[Memory], window: Window, rules: Rules, now_ns: int
) -> Iterator[MergeGroup]:
    """Yield groups of memories whose texts are equal in canonical form, newest memory first."""
    free = [
        memory
        for memory in memories
        if _is_free(memory, now_ns) and pelm.is_sound(memory.memory_id)
    ]
    # Equal text keys may be a collision of hashes, so the texts are compared too.
    texts = [canonical_text(memory.text) for memory in free]
    taken: set[int] = set()
    for i, newest in enumerate(free):
        if i in taken or not window.after < newest.sequence < window.before:
            continue
        group = [i]
        for j in range(i + 1, len(free)):
            others = [free[k] for k in group]
            if (
                j not in taken
                and texts[j] == texts[i]
                and len(group) < MAX_MEMBERS
                and _same_vector(pelm, newest, free[j], rules)
                and _fits(others, free[j], rules.semantics_version)
            ):
                group.append(j)
        if len(group) > 1:
            taken.update(group)
            yield _group(free[k] for k in group)


def _near(
    pelm: Pelm, compared: Sequence[Memory], rules: Rules, now_ns: int, taken: set[str]
) -> Iterator[MergeGroup]:
    """Yield groups of memories without a text whose vectors are close to that of the newest member.

    At most 256 close memories are examined for each memory; later consolidations examine the
    others.

    Args:
        pelm: Memories to compare.
        compared: Memories to compare with all older ones; some may have been removed.
        rules: Rules of merging.
        now_ns: Unix time; memories that have expired by then are excluded.
        taken: Ids of the memories in earlier groups; the ids of new groups are added.
    """
    free = [
        memory
        for memory in compared
        if not memory.text
        and memory.memory_id not in taken
        and _is_free(memory, now_ns)
        and pelm.get(memory.memory_id) is not None
        and pelm.is_sound(memory.memory_id)
    ]
    if not free:
        return
    found = pelm.near(
        free,
        min_cosine=rules.min_cosine,
        limit=_MAX_NEIGHBOURS,
        in_phase=rules.semantics_version == 1,
        now_ns=now_ns,
    )
    for newest, others in zip(free, found, strict=True):
        if newest.memory_id in taken:
            continue
        members = [newest]
        for other in others:
            if (
                not other.text
                and other.sequence < newest.sequence
                and other.memory_id not in taken
                and len(members) < MAX_MEMBERS
                and _is_free(other, now_ns)
                and _fits(members, other, rules.semantics_version)
            ):
                members.append(other)
        if len(members) > 1:
            taken.update(member.memory_id for member in members)
            yield _group(members)


def _group(members: Sequence[Memory] | Iterator[Memory]) -> MergeGroup:
    return MergeGroup("", tuple(MergeMember(m.memory_id, m.etag) for m in members))


def _is_free(memory: Memory, now_ns: int) -> bool:
    return not (memory.pinned or memory.caller_chosen_id or memory.expired(now_ns))


def _same_vector(pelm: Pelm, one: Memory, other: Memory, rules: Rules) -> bool:
    """Return True if two memories with equal texts have the same vector.

    The vectors are the same if the model of the space embedded both, or if all their bits are
    equal.
    """
    if one.embedding_model and one.embedding_model == other.embedding_model == rules.embedder:
        return True
    row, same = pelm.row(one.memory_id), pelm.row(other.memory_id)
    return one.owns(row) and other.owns(same) and row.tobytes() == same.tobytes()


def _fits(members: Sequence[Memory], other: Memory, semantics_version: int) -> bool:
    """Return True if a merged memory could keep all content of ``members`` and of ``other``.

    Under version 1 of the rules, metadata and phase must equal those of the newest member.
    """
    if not labels_fit(*(member.labels for member in members), other.labels):
        return False
    if semantics_version == 1:
        newest = members[0]
        return other.metadata == newest.metadata and other.phase == newest.phase
    if any(circumstances_of(member) != circumstances_of(other) for member in members):
        return False
    return metadata_fit(*(member.metadata for member in members), other.metadata)


def mergeable(pelm: Pelm, group: MergeGroup, now: Moment) -> list[Memory]:
    """Return the members of a group that can still be merged, newest first.

    A member is excluded if it was removed, changed or pinned, has expired, or has an id chosen by
    the caller. A member is also excluded if the merged memory could not keep its labels, metadata
    or text; version 1 of the rules compares only the phase instead. The result is empty if the
    newest member is excluded, because the plan compared the others only with it. It is also empty
    if fewer than two members remain, or if a memory with the new id exists.
    """
    if pelm.get(group.memory_id) is not None:
        return []
    members: dict[str, Memory] = {}
    for named in group.members:
        memory = pelm.get(named.memory_id)
        if memory is not None and memory.etag == named.etag and _is_free(memory, now.time_ns):
            members[named.memory_id] = memory
    newest = members.get(group.members[0].memory_id) if group.members else None
    if newest is None:
        return []
    left: list[Memory] = []
    for memory in members.values():
        if now.semantics_version == 1:
            agrees = memory.phase == newest.phase
        else:
            agrees = bool(memory.text) == bool(newest.text)
            agrees = agrees and _fits(left or [newest], memory, now.semantics_version)
        if agrees:
            left.append(memory)
    return left if len(left) > 1 else []


def merged(memory_id: str, members: Sequence[Memory], now: Moment) -> Memory:
    """Return the merged memory of a group; its vector is that of the first member.

    The checksum of the vector is copied with it, so a damaged vector stays detectable. Text, phase
    and circumstances are those of the first member. Labels and metadata are united. Confidence is
    the highest, and expiry the latest, of all members. Parents are the members, then their parents,
    up to the maximum number. Source and model are kept if all members agree.

    Under version 1 of the rules, metadata are those of the first member. Its labels come first, and
    labels beyond the maximum number are dropped.
    """
    newest = members[0]
    labels = list(newest.labels)
    others = sorted({label for member in members for label in member.labels} - set(labels))
    expiries = [member.expire_time_ns for member in members]
    metadata, source, digest = newest.metadata, Source.SYSTEM, newest.digest
    parents, model = [member.memory_id for member in members], ""
    if now.semantics_version > 1:
        metadata = tuple(sorted({pair for member in members for pair in member.metadata}))
        sources = {member.provenance.source for member in members}
        source = sources.pop() if len(sources) == 1 else Source.SYSTEM
        before = newest.metadata, newest.provenance.source
        digest = moved_digest(newest.digest, newest.text, before, (metadata, source))
        parents += [id_ for member in members for id_ in member.provenance.parent_ids]
        models = {member.provenance.model for member in members}
        model = models.pop() if len(models) == 1 else ""
    return Memory(
        memory_id=memory_id,
        text=newest.text,
        phase=newest.phase,
        confidence=max(member.confidence for member in members),
        labels=tuple(sorted((labels + others)[:MAX_LABELS])),
        metadata=metadata,
        provenance=Provenance(
            source=source, model=model, parent_ids=tuple(dict.fromkeys(parents))[:MAX_PARENTS]
        ),
        pinned=False,
        caller_chosen_id=False,
        create_time_ns=now.time_ns,
        create_revision=now.revision,
        update_time_ns=now.time_ns,
        expire_time_ns=0 if 0 in expiries else max(expiries),
        revision=now.revision,
        sequence=0,
        ring_sequence=0,
        digest=digest,
        checksum=newest.checksum,
        embedding_model=newest.embedding_model,
        context=newest.context,
        event_time_ns=newest.event_time_ns,
        conversation_id=newest.conversation_id,
        role=newest.role,
    )
