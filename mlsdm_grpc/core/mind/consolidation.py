"""Consolidation: memories that say the same become one.

Finding them happens before the record: :func:`plan`. Memories with a text are merged only if their
texts are equal in canonical form, however near their vectors are: averaged word vectors know
neither order nor names nor numbers. Memories without one are merged by the cosine of their vectors,
which rounds differently on different processors. The record names memories with their etags.
Applying it (:func:`mergeable`, :func:`merged`) looks at what is there then and takes everything
else from it, so that a record never repeats what it merges.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import NamedTuple

from mlsdm_grpc.core.mind.duplicates import (
    canonical_text,
    labels_fit,
    metadata_fit,
    moved_digest,
    told,
)
from mlsdm_grpc.core.mind.pelm import Memory, Pelm
from mlsdm_grpc.core.model.record import (
    MAX_LABELS,
    MAX_PARENTS,
    MergeGroup,
    MergeMember,
    Provenance,
    Source,
)
from mlsdm_grpc.core.model.semantics import Moment

__all__ = ["MAX_MEMBERS", "Rules", "Window", "mergeable", "merged", "plan"]

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


class Rules(NamedTuple):
    """Rules of merging in one space."""

    semantics_version: int
    embedder: str
    """Model that makes the vectors of the space's texts; empty if callers send them."""
    min_cosine: float
    """Of memories without a text, in [0.5, 1]; 1 merges none of them."""


def plan(
    pelm: Pelm, window: Window, rules: Rules, *, texts: bool, now_ns: int
) -> Generator[None, None, tuple[list[MergeGroup], int]]:
    """Compare memories of a window with all older ones, in steps; changes nothing.

    A group is a memory and older ones that say the same: nothing that one of them has is lost with
    the others. Memories that are pinned, expired or named by their callers are in none, and no
    memory is in two.

    Args:
        pelm: Where to look; may change between two steps.
        window: Which memories.
        rules: What decides.
        texts: Compare texts too; they are all compared at once, vectors from the end of the window
            as far as a step goes.
        now_ns: Expired memories are left out as of this time.

    Returns:
        Groups, and where the window is to end for the next call: 0 when all of it was compared.

    Cost: 3 us for each text that no earlier plan has seen; of vectors as many are compared with
    all others as take a few milliseconds, one at least, 256 at most.
    """
    yield from pelm.history.know_texts()
    groups: list[MergeGroup] = []
    if texts:
        for memories in pelm.history.same_texts(window.after, window.before):
            groups += _equal(pelm, memories, window, rules, now_ns)
    if rules.min_cosine >= 1.0:
        return groups, 0
    count = _STEP_COMPONENTS // (max(len(pelm), 1) * pelm.dimension)
    count = min(max(count, 1), _MAX_STEP)
    compared = pelm.history.newest_between(window.after, window.before, count)
    groups += _near(pelm, compared, rules, now_ns)
    return groups, compared[-1].sequence if len(compared) == count else 0


def _equal(
    pelm: Pelm, memories: Sequence[Memory], window: Window, rules: Rules, now_ns: int
) -> Iterator[MergeGroup]:
    """Yield groups among memories, newest first, whose canonical texts may be equal."""
    free = [
        memory
        for memory in memories
        if _is_free(memory, now_ns) and pelm.is_sound(memory.memory_id)
    ]
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
    pelm: Pelm, compared: Sequence[Memory], rules: Rules, now_ns: int
) -> Iterator[MergeGroup]:
    """Yield groups of memories without a text whose vectors are near to that of the newest.

    Of more than 256 near ones some may be left for another consolidation.
    """
    free = [
        memory
        for memory in compared
        if not memory.text and _is_free(memory, now_ns) and pelm.is_sound(memory.memory_id)
    ]
    if not free:
        return
    taken: set[str] = set()
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
    """Return whether two vectors follow from equal texts, or are the same bit for bit."""
    if one.embedding_model and one.embedding_model == other.embedding_model == rules.embedder:
        return True
    row, same = pelm.row(one.memory_id), pelm.row(other.memory_id)
    return one.owns(row) and other.owns(same) and row.tobytes() == same.tobytes()


def _fits(members: Sequence[Memory], other: Memory, semantics_version: int) -> bool:
    """Return whether one memory can keep all that these members and another one say.

    Under the first rules it keeps the metadata of the newest, and all are of one phase.
    """
    if not labels_fit(*(member.labels for member in members), other.labels):
        return False
    if semantics_version == 1:
        newest = members[0]
        return other.metadata == newest.metadata and other.phase == newest.phase
    if any(told(member) != told(other) for member in members):
        return False
    return metadata_fit(*(member.metadata for member in members), other.metadata)


def mergeable(pelm: Pelm, group: MergeGroup, now: Moment) -> list[Memory]:
    """Return the members of a group that can still be merged, the newest first.

    Those that are gone, changed, pinned or named by their callers are left out, and what would lose
    something: labels or metadata that do not fit, a text. Under the first rules that is another
    phase. Nothing is left of a group without its newest member, with which alone the others are
    known to agree, with fewer than two members, or whose new id is taken.
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
    """Return what memories become that say the same; its vector is that of the first member.

    The checksum goes with the vector, so that one that was damaged is not taken for sound.

    Text and phase are those of the first member, labels and metadata of all are united, and the
    highest confidence and the latest expiry win. Parents are the members, then theirs as far as
    there is room; source and model stay where all have the same. Under the first rules metadata are
    those of the first member, and labels are united as far as there is room, its own first.
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
