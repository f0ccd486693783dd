"""Conversion of states of spaces to messages."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration

from mlsdm_grpc._gen.mlsdm.v1 import event_pb2
from mlsdm_grpc.core.mind.space_view import SpaceView
from mlsdm_grpc.messages.stored_memories import embedding_message
from mlsdm_grpc.messages.times import timestamp

__all__ = ["cognitive_state", "rhythm_state"]


def cognitive_state(
    view: SpaceView, *, space: str, include_traces: bool
) -> event_pb2.CognitiveState:
    """Return the state of a space as a message."""
    l1, l2, l3 = view.synaptic_norms
    traces = None
    if include_traces:
        rows = [embedding_message(row) for row in view.traces]
        traces = event_pb2.SynapticTraces(l1=rows[0], l2=rows[1], l3=rows[2])
    base = view.parameters.moral.base
    return event_pb2.CognitiveState(
        space=space,
        revision=view.revision,
        incarnation=view.incarnation,
        step=view.step,
        phase=view.phase,
        rhythm_state=rhythm_state(awake=view.awake),
        steps_to_change_count=view.phase_remaining,
        moral=event_pb2.MoralState(
            threshold=view.moral_threshold,
            ema=view.moral_ema,
            base_threshold=base,
            drift=view.moral_threshold - base,
            accepted_count=view.accepted,
            refused_count=view.step - view.accepted,
        ),
        synaptic_norms=event_pb2.SynapticNorms(l1=l1, l2=l2, l3=l3),
        synaptic_traces=traces,
        memory=event_pb2.MemoryStats(
            used=view.used,
            capacity=view.capacity,
            pinned_count=view.pinned,
            dimension=view.parameters.dimension,
            capacity_bytes=view.vector_bytes,
            used_bytes=view.allocated_bytes,
            lexical_bytes=view.lexical_bytes,
        ),
        update_time=timestamp(view.update_time_ns),
        semantics_version=view.semantics_version,
        chain_head=view.chain,
        staleness=Duration(),
    )


def rhythm_state(*, awake: bool) -> event_pb2.RhythmState.ValueType:
    """Return the state of the rhythm as an enum value of the contract."""
    return event_pb2.RHYTHM_STATE_WAKE if awake else event_pb2.RHYTHM_STATE_SLEEP
