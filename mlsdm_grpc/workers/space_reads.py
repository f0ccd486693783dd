"""Read requests on a space in its worker: memories, pages, state, merge plans, tenants."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc._gen.mlsdm.v1.cognition_service_pb2 import GetStateResponse
from mlsdm_grpc.core.mind.consolidation import Rules, Window
from mlsdm_grpc.core.mind.consolidation import plan as plan_merges
from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.mind.space_state import Contents
from mlsdm_grpc.core.store.memory_value import Memory
from mlsdm_grpc.errors import DataLoss, DeadlineExceeded, MlsdmError, NotFound, Unavailable
from mlsdm_grpc.journal.codec.new_memories import pairs_from_proto
from mlsdm_grpc.journal.codec.parameters import parameters_to_proto
from mlsdm_grpc.journal.codec.policies import policy_to_proto
from mlsdm_grpc.journal.codec.record_bodies import group_to_proto
from mlsdm_grpc.journal.codec.tenants import stored_tenant_to_proto
from mlsdm_grpc.messages.states import cognitive_state
from mlsdm_grpc.workers.space_codec import add_memory, answer_bytes, row_bytes

__all__ = ["Action", "MindOf", "actions", "check_deadline", "contents_of"]

MindOf: TypeAlias = Callable[[pb.LinkRequest], Mind]
"""Function that returns the mind for a request; raises WORKER_LOST if the space is not loaded."""


Action: TypeAlias = Callable[[pb.LinkRequest, pb.LinkReply], Iterator[None] | None]
"""Function that handles a request immediately, or in the steps that it returns."""


def actions(mind_of: MindOf) -> dict[str, Action]:
    """Return the actions that read a space, by kind of request."""
    by_kind = {
        "get": _get,
        "page": _page,
        "plan": _plan,
        "view": _view,
        "state": _state,
        "reserved": _reserved,
        "decisions": _decisions,
    }
    return {kind: partial(action, mind_of) for kind, action in by_kind.items()}


def contents_of(mind: Mind) -> Contents:
    """Return the contents of an existing space.

    Raises:
        NotFound: SPACE_NOT_FOUND.
    """
    if mind.contents is None:
        raise _not_found()
    return mind.contents


def check_deadline(request: pb.LinkRequest) -> None:
    """Raise DeadlineExceeded if the deadline of a request has passed."""
    if request.deadline_ns and time.monotonic_ns() >= request.deadline_ns:
        raise DeadlineExceeded(
            "The deadline passed before the work completed; nothing was written.",
            reason="DEADLINE_EXPIRED",
        )


def _get(mind_of: MindOf, request: pb.LinkRequest, reply: pb.LinkReply) -> None:
    mind, wanted = mind_of(request), request.get
    reply.memories.SetInParent()
    if mind.contents is None:
        return
    pelm = mind.contents.pelm
    memory = pelm.get(wanted.memory_id)
    if memory is None or memory.expired(request.now_ns):
        return
    if not pelm.is_sound(wanted.memory_id):
        raise _unsound(wanted.memory_id, lost=pelm.is_lost(wanted.memory_id))
    add_memory(reply.memories, memory)
    if wanted.include_embedding:
        reply.memories.rows_f32_le = row_bytes(pelm.row(wanted.memory_id))


def _page(mind_of: MindOf, request: pb.LinkRequest, reply: pb.LinkReply) -> Iterator[None]:
    yield
    mind, wanted = mind_of(request), request.page
    reply.memories.SetInParent()
    if mind.contents is None:
        return
    pelm, labels, size = mind.contents.pelm, frozenset(wanted.labels), 0
    rows = bytearray()
    sources = frozenset(wanted.sources)
    metadata = frozenset(pairs_from_proto(wanted.metadata))
    memories = pelm.history.after(wanted.after_sequence, now_ns=request.now_ns)
    if wanted.newest_first:
        memories = pelm.history.newest_of(wanted.conversation_id, now_ns=request.now_ns)
    for memory, row in memories:
        yield
        if not labels.issubset(memory.labels):
            continue
        if sources and memory.provenance.source not in sources:
            continue
        if wanted.conversation_id not in {"", memory.conversation_id}:
            continue
        if not metadata.issubset(memory.metadata):
            continue
        if not _is_within(memory, wanted):
            continue
        size += answer_bytes(memory, row if wanted.include_embedding else None)
        # At least one memory is returned; otherwise a caller could never reach the next page.
        full = len(reply.memories.memories) >= wanted.limit or size > wanted.max_bytes
        if full and reply.memories.memories:
            reply.memories.more = True
            break
        if wanted.include_embedding:
            # A damaged row does not fail the whole page; the reply only marks it.
            if not (memory.owns(row) or pelm.is_sound(memory.memory_id)):
                reply.memories.damaged.append(len(reply.memories.memories))
            rows += row_bytes(row)
        add_memory(reply.memories, memory)
    reply.memories.rows_f32_le = bytes(rows)


def _is_within(memory: Memory, wanted: pb.PageRequest) -> bool:
    """Return whether the time of a memory is in the range of a page."""
    time_ns = memory.event_time_ns or memory.create_time_ns
    if wanted.HasField("after_ns") and time_ns < wanted.after_ns:
        return False
    return not wanted.HasField("before_ns") or time_ns < wanted.before_ns


def _plan(mind_of: MindOf, request: pb.LinkRequest, reply: pb.LinkReply) -> Iterator[None]:
    yield
    mind, wanted = mind_of(request), request.plan
    contents = contents_of(mind)
    pelm, after, last = contents.pelm, wanted.after_sequence, wanted.before_sequence - 1
    if not wanted.before_sequence:
        after = contents.consolidated_sequence if wanted.unexamined_only else 0
        last = pelm.history.sequence_at(wanted.window or len(pelm), after=after)
    min_cosine = contents.parameters.merge_min_cosine
    if wanted.HasField("min_cosine"):
        min_cosine = wanted.min_cosine
    groups, before = yield from plan_merges(
        pelm,
        Window(after, last + 1),
        Rules(mind.semantics_version, contents.parameters.embedder, min_cosine),
        texts=not wanted.before_sequence,
        now_ns=request.now_ns,
    )
    reply.plan.groups.extend(map(group_to_proto, groups))
    reply.plan.after_sequence, reply.plan.last_sequence = after, last
    reply.plan.before_sequence = before


def _view(mind_of: MindOf, request: pb.LinkRequest, reply: pb.LinkReply) -> None:
    mind = mind_of(request)
    view = mind.view()
    reply.view.semantics_version = mind.semantics_version
    reply.view.exists = view is not None
    if view is None:
        return
    parameters = view.parameters
    if request.view.omit_ontology:
        parameters = replace(parameters, ontology=())
    reply.view.MergeFrom(
        pb.ViewReply(
            parameters=parameters_to_proto(parameters),
            incarnation=view.incarnation,
            create_time_ns=view.create_time_ns,
            update_time_ns=view.update_time_ns,
            config_revision=view.config_revision,
            config_time_ns=view.config_time_ns,
            chain=view.chain,
            step=view.step,
            accepted=view.accepted,
            awake=view.awake,
            phase=view.phase,
            phase_remaining=view.phase_remaining,
            moral_threshold=view.moral_threshold,
            moral_ema=view.moral_ema,
            synaptic_norms=view.synaptic_norms,
            traces_f32_le=view.traces.astype("<f4", copy=False).tobytes(),
            used=view.used,
            pinned=view.pinned,
            capacity=view.capacity,
            vector_bytes=view.vector_bytes,
            allocated_bytes=view.allocated_bytes,
            lexical_bytes=view.lexical_bytes,
        )
    )


def _state(mind_of: MindOf, request: pb.LinkRequest, reply: pb.LinkReply) -> None:
    wanted, view = request.state, mind_of(request).view()
    if view is None:
        raise _not_found()
    found = cognitive_state(view, space=wanted.space, include_traces=wanted.include_traces)
    reply.state = GetStateResponse(state=found, revision=view.revision).SerializeToString()


def _reserved(mind_of: MindOf, request: pb.LinkRequest, reply: pb.LinkReply) -> None:
    mind = mind_of(request)
    reply.reserved.SetInParent()
    if mind.policy is not None:
        reply.reserved.policy.CopyFrom(policy_to_proto(mind.policy))
    if mind.tenant is not None:
        reply.reserved.tenant.CopyFrom(stored_tenant_to_proto(mind.tenant))


def _decisions(mind_of: MindOf, request: pb.LinkRequest, reply: pb.LinkReply) -> None:
    ring = contents_of(mind_of(request)).decisions
    reply.decisions.packed, reply.decisions.count = ring.packed, ring.count
    reply.decisions.SetInParent()


def _not_found() -> NotFound:
    return NotFound("The space does not exist.", reason="SPACE_NOT_FOUND")


def _unsound(memory_id: str, *, lost: bool) -> MlsdmError:
    metadata = {"memory_id": memory_id}
    if lost:
        return DataLoss("The vector of the memory is damaged beyond repair.", metadata=metadata)
    return Unavailable(
        "The vector of the memory is damaged and is being restored; retry.",
        reason="SPACE_LOADING",
        metadata=metadata,
    )
