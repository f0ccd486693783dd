"""What a worker does with its spaces: load, apply, search, read, snapshot."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.consolidation import Window, plan
from mlsdm_grpc.core.mind import Mind, RevisionGap
from mlsdm_grpc.core.pelm import Hit, Memory, Query
from mlsdm_grpc.core.record import EventOutcome, Float32
from mlsdm_grpc.core.semantics import SemanticsUnknown
from mlsdm_grpc.errors import (
    DataLoss,
    InvalidInput,
    MlsdmError,
    NotFound,
    PreconditionFailed,
    Unavailable,
)
from mlsdm_grpc.journal.parameters import parameters_to_proto
from mlsdm_grpc.journal.policies import policy_to_proto
from mlsdm_grpc.journal.records import decode_record, group_to_proto, outcome_to_proto
from mlsdm_grpc.journal.snapshot import memory_to_row, read_snapshot, write_snapshot

__all__ = ["MindHandler"]

_HIT_OVERHEAD_BYTES = 128
_log = logging.getLogger(__name__)


class MindHandler:
    """The minds of one worker, by the number that the parent gave each space."""

    def __init__(self) -> None:
        self._minds: dict[int, Mind] = {}
        self._actions: dict[str, Callable[[pb.LinkRequest, pb.LinkReply], None]] = {
            "load": self._load,
            "apply": self._apply,
            "preview": self._preview,
            "replay": self._replay,
            "get": self._get,
            "page": self._page,
            "plan": self._plan,
            "scrub": self._scrub,
            "repair": self._repair,
            "view": self._view,
            "policy": self._policy,
            "snapshot": self._snapshot,
            "unload": self._unload,
        }

    def handle(self, requests: Sequence[pb.LinkRequest]) -> list[pb.LinkReply]:
        """Handle what was waiting; queries between two writes of a space share one scan."""
        replies: list[pb.LinkReply] = []
        searches: dict[int, list[pb.LinkRequest]] = {}
        for request in requests:
            kind = request.WhichOneof("kind")
            if kind == "search":
                searches.setdefault(request.space_id, []).append(request)
                continue
            waiting = searches.pop(request.space_id, None)
            if waiting is not None:
                replies.extend(self._search(waiting))
            replies.append(self._answer(request, self._actions[kind or ""]))
        for waiting in searches.values():
            replies.extend(self._search(waiting))
        return replies

    def _answer(
        self, request: pb.LinkRequest, action: Callable[[pb.LinkRequest, pb.LinkReply], None]
    ) -> pb.LinkReply:
        reply = pb.LinkReply(call_id=request.call_id)
        try:
            action(request, reply)
        except MlsdmError as error:
            _fail(reply, error)
        except RevisionGap as error:
            _fail(reply, DataLoss(f"A record cannot be applied: {error!r}"))
        except SemanticsUnknown as error:
            _fail(reply, _unsupported(error))
        except OSError as error:
            _fail(reply, MlsdmError(f"A file cannot be used: {error.strerror}"))
        except Exception:  # noqa: BLE001 - the top of the worker's loop
            # A defect must not take the other spaces of this worker along, and a state that may
            # be half changed must not be used; loading it again meets the same record.
            _log.exception("defect in a worker")
            self._minds.pop(request.space_id, None)
            _fail(reply, DataLoss("The space cannot be brought up to date by this version."))
        mind = self._minds.get(request.space_id)
        reply.revision = 0 if mind is None else mind.revision
        reply.unloaded = mind is None
        return reply

    def _mind(self, request: pb.LinkRequest) -> Mind:
        mind = self._minds.get(request.space_id)
        if mind is None:
            raise MlsdmError("The space is not loaded.", reason="WORKER_LOST")
        return mind

    # Writing.

    def _load(self, request: pb.LinkRequest, reply: pb.LinkReply) -> None:
        path = request.load.snapshot_path
        if path:
            with Path(path).open("rb") as file:
                self._minds[request.space_id] = read_snapshot(file)
        else:
            self._minds[request.space_id] = Mind()
        reply.done.SetInParent()

    def _replay(self, request: pb.LinkRequest, reply: pb.LinkReply) -> None:
        mind = self._mind(request)
        before = mind.revision
        for raw in request.replay.records:
            mind.apply(decode_record(raw))
        reply.done.count = mind.revision - before

    def _apply(self, request: pb.LinkRequest, reply: pb.LinkReply) -> None:
        mind = self._mind(request)
        record = decode_record(request.apply)
        outcome = mind.apply(record) or mind.repeated(record)
        reply.outcome.CopyFrom(outcome_to_proto(outcome))
        if isinstance(outcome, EventOutcome) and mind.contents is not None:
            reply.synaptic_norms.extend(mind.contents.synapses.norms())

    def _preview(self, request: pb.LinkRequest, reply: pb.LinkReply) -> None:
        outcome = self._mind(request).preview(decode_record(request.preview))
        reply.outcome.SetInParent()
        if outcome is not None:
            reply.outcome.CopyFrom(outcome_to_proto(outcome))

    def _unload(self, request: pb.LinkRequest, reply: pb.LinkReply) -> None:
        self._minds.pop(request.space_id, None)
        reply.done.SetInParent()

    def _snapshot(self, request: pb.LinkRequest, reply: pb.LinkReply) -> None:
        mind = self._mind(request)
        with Path(request.snapshot.path).open("xb") as file:
            reply.done.sha256, reply.done.count = write_snapshot(mind, file)
            file.flush()
            os.fsync(file.fileno())

    # Integrity.

    def _scrub(self, request: pb.LinkRequest, reply: pb.LinkReply) -> None:
        mind, wanted = self._mind(request), request.scrub
        reply.scrub.SetInParent()
        if mind.contents is not None:
            damaged, checked, then = mind.contents.pelm.scrub(wanted.start, wanted.count)
            reply.scrub.damaged.extend(damaged)
            reply.scrub.checked, reply.scrub.next = checked, then

    def _repair(self, request: pb.LinkRequest, reply: pb.LinkReply) -> None:
        mind = self._mind(request)
        copy = self._minds.get(request.repair.copy_id)
        reply.repair.SetInParent()
        if mind.contents is None:
            return
        pelm = mind.contents.pelm
        spare = None if copy is None or copy.contents is None else copy.contents.pelm
        for memory_id in request.repair.memory_ids:
            if pelm.get(memory_id) is None or pelm.is_sound(memory_id):
                continue
            row = None if spare is None or spare.get(memory_id) is None else spare.row(memory_id)
            if row is not None and pelm.mend(memory_id, row):
                reply.repair.repaired.append(memory_id)
            else:
                pelm.lose(memory_id)
                reply.repair.lost.append(memory_id)

    # Reading.

    def _search(self, requests: list[pb.LinkRequest]) -> list[pb.LinkReply]:
        """Answer searches of one space; a fault in one spoils no other."""
        replies = [pb.LinkReply(call_id=request.call_id) for request in requests]
        try:
            mind = self._mind(requests[0])
            view = mind.contents
            if view is None:
                raise NotFound("The space does not exist.", reason="SPACE_NOT_FOUND")
            queries = [
                _queries(r.search, view.parameters.dimension, view.rhythm.phase) for r in requests
            ]
            now_ns = max(request.now_ns for request in requests)
            results = iter(mind.search([q for some in queries for q in some], now_ns=now_ns))
        except MlsdmError as error:
            for reply in replies:
                reply.unloaded = requests[0].space_id not in self._minds
                _fail(reply, error)
            return replies
        replies[0].search.batch_count = sum(map(len, queries))
        for request, reply, asked in zip(requests, replies, queries, strict=True):
            reply.revision = mind.revision
            try:
                _write_results(request.search, reply, [(q, next(results)) for q in asked])
            except MlsdmError as error:
                _fail(reply, error)
        return replies

    def _get(self, request: pb.LinkRequest, reply: pb.LinkReply) -> None:
        mind, wanted = self._mind(request), request.get
        reply.memories.SetInParent()
        if mind.contents is None:
            return
        pelm = mind.contents.pelm
        memory = pelm.get(wanted.memory_id)
        if memory is None or memory.expired(request.now_ns):
            return
        if not pelm.is_sound(wanted.memory_id):
            raise _unsound(wanted.memory_id, lost=pelm.is_lost(wanted.memory_id))
        row = pelm.row(wanted.memory_id) if wanted.include_embedding else None
        _add_memory(reply.memories, memory, row)

    def _page(self, request: pb.LinkRequest, reply: pb.LinkReply) -> None:
        mind, wanted = self._mind(request), request.page
        reply.memories.SetInParent()
        if mind.contents is None:
            return
        pelm, labels, size = mind.contents.pelm, frozenset(wanted.labels), 0
        for memory, row in pelm.after(wanted.after_sequence, now_ns=request.now_ns):
            if not labels.issubset(memory.labels):
                continue
            size += _size(memory, row if wanted.include_embedding else None)
            full = len(reply.memories.memories) >= wanted.limit or size > wanted.max_bytes
            if full and reply.memories.memories:
                reply.memories.more = True
                return
            if wanted.include_embedding and not (
                memory.owns(row) or pelm.is_sound(memory.memory_id)
            ):
                reply.memories.damaged.append(len(reply.memories.memories))
            _add_memory(reply.memories, memory, row if wanted.include_embedding else None)

    def _plan(self, request: pb.LinkRequest, reply: pb.LinkReply) -> None:
        contents, wanted = self._mind(request).contents, request.plan
        if contents is None:
            raise NotFound("The space does not exist.", reason="SPACE_NOT_FOUND")
        pelm, after, last = contents.pelm, wanted.after_sequence, wanted.before_sequence - 1
        if not wanted.before_sequence:
            after = contents.consolidated_sequence if wanted.unexamined_only else 0
            last = pelm.sequence_at(wanted.window or len(pelm), after=after)
        min_cosine = contents.parameters.merge_min_cosine
        if wanted.HasField("min_cosine"):
            min_cosine = wanted.min_cosine
        groups, before = plan(
            pelm, Window(after, last + 1), min_cosine=min_cosine, now_ns=request.now_ns
        )
        reply.plan.groups.extend(map(group_to_proto, groups))
        reply.plan.after_sequence, reply.plan.last_sequence = after, last
        reply.plan.before_sequence = before

    def _view(self, request: pb.LinkRequest, reply: pb.LinkReply) -> None:
        mind = self._mind(request)
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
            )
        )

    def _policy(self, request: pb.LinkRequest, reply: pb.LinkReply) -> None:
        policy = self._mind(request).policy
        reply.policy.SetInParent()
        if policy is not None:
            reply.policy.policy.CopyFrom(policy_to_proto(policy))


def _unsupported(error: SemanticsUnknown) -> MlsdmError:
    return PreconditionFailed(
        f"The space cannot be used by this version of the server: {error}",
        reason="SEMANTICS_UNSUPPORTED",
        metadata={
            "expected": ", ".join(map(str, error.expected)),
            "actual": str(error.actual),
        },
    )


def _unsound(memory_id: str, *, lost: bool) -> MlsdmError:
    metadata = {"memory_id": memory_id}
    if lost:
        return DataLoss("The vector of the memory is damaged beyond repair.", metadata=metadata)
    return Unavailable(
        "The vector of the memory is damaged and is being restored.",
        reason="SPACE_LOADING",
        metadata=metadata,
    )


def _fail(reply: pb.LinkReply, error: MlsdmError) -> None:
    reply.failure.reason = error.reason
    reply.failure.message = error.message
    for key, value in error.metadata.items():
        reply.failure.metadata.add(key=key, value=value)


def _queries(request: pb.SearchRequest, dimension: int, phase: float) -> list[Query]:
    vectors = np.frombuffer(request.vectors_f32_le, "<f4").reshape(len(request.queries), -1)
    if vectors.shape[1] != dimension:
        raise MlsdmError(
            "The query does not have the dimension of the space.",
            reason="DIMENSION_MISMATCH",
            metadata={"expected": str(dimension), "actual": str(vectors.shape[1])},
        )
    wide = vectors.astype(np.float64)
    wide /= np.sqrt(np.add.reduce(wide * wide, axis=1))[:, np.newaxis]
    return [
        Query(
            vector=wide[i],
            phase=float(np.float32(options.phase if options.HasField("phase") else phase)),
            top_k=options.top_k,
            phase_tolerance=options.phase_tolerance,
            min_confidence=options.min_confidence,
            min_resonance=options.min_resonance if options.HasField("min_resonance") else -np.inf,
            labels=frozenset(options.labels),
            phase_weight=options.phase_weight,
            synaptic_bias=options.synaptic_bias,
        )
        for i, options in enumerate(request.queries)
    ]


def _write_results(
    request: pb.SearchRequest, reply: pb.LinkReply, results: list[tuple[Query, list[Hit]]]
) -> None:
    size = 0
    for query, hits in results:
        size += sum(
            _size(hit.memory, hit.row if request.include_embedding else None) for hit in hits
        )
        if size > request.max_bytes:
            raise InvalidInput(
                "The answer would be larger than the server sends; ask for less.",
                reason="RESPONSE_TOO_LARGE",
                metadata={"limit": str(request.max_bytes), "actual": str(size)},
            )
        found = reply.search.results.add(
            memories=[memory_to_row(hit.memory) for hit in hits],
            resonances=[hit.resonance for hit in hits],
            cosines=[hit.components.cosine for hit in hits],
            phase_distances=[hit.components.phase_distance for hit in hits],
            phase_factors=[hit.components.phase_factor for hit in hits],
            synaptic_biases=[hit.components.synaptic_bias for hit in hits],
            phases=[hit.memory.phase for hit in hits],
            confidences=[hit.memory.confidence for hit in hits],
            phase=query.phase,
        )
        if request.include_embedding:
            found.rows_f32_le = b"".join(
                hit.row.astype("<f4", copy=False).tobytes() for hit in hits
            )


def _add_memory(reply: pb.MemoriesReply, memory: Memory, row: Float32 | None) -> None:
    reply.memories.append(memory_to_row(memory))
    reply.phases.append(memory.phase)
    reply.confidences.append(memory.confidence)
    if row is not None:
        reply.rows_f32_le += row.astype("<f4", copy=False).tobytes()


def _size(memory: Memory, row: Float32 | None) -> int:
    """Return about how many bytes a memory takes in an answer; rather too many."""
    provenance = memory.provenance
    strings = [memory.text, memory.memory_id, *memory.labels]
    strings += [part for pair in memory.metadata for part in pair]
    strings += [provenance.model, provenance.policy_version, *provenance.parent_ids]
    fields = sum(len(string.encode()) + 8 for string in strings)
    return _HIT_OVERHEAD_BYTES + fields + (0 if row is None else 4 * len(row))
