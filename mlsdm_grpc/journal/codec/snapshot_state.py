"""Encoding of the head of a snapshot: the state without memories and request window."""

from __future__ import annotations

import numpy as np

from mlsdm_grpc._gen.mlsdm.internal.v1 import snapshot_pb2 as pb
from mlsdm_grpc.core.mind.decision_ring import DecisionRing
from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.mind.moral import MoralFilter
from mlsdm_grpc.core.mind.pelm import Pelm
from mlsdm_grpc.core.mind.rhythm import Rhythm
from mlsdm_grpc.core.mind.space_state import Contents
from mlsdm_grpc.core.mind.stream_marks import StreamMark, StreamMarks
from mlsdm_grpc.core.mind.synapses import Synapses
from mlsdm_grpc.core.model import semantics
from mlsdm_grpc.journal.codec.parameters import parameters_from_proto, parameters_to_proto
from mlsdm_grpc.journal.codec.policies import policy_from_proto, policy_to_proto
from mlsdm_grpc.journal.codec.snapshot_rows import SnapshotDamaged, float_bytes
from mlsdm_grpc.journal.codec.tenants import stored_tenant_from_proto, stored_tenant_to_proto

__all__ = ["head_of", "mind_of"]


def head_of(mind: Mind) -> pb.SnapshotHead:
    """Return the head of the snapshot of a mind."""
    head = pb.SnapshotHead(
        semantics_version=mind.semantics_version,
        revision=mind.revision,
        chain=mind.chain,
        time_ns=mind.time_ns,
        policy=None if mind.policy is None else policy_to_proto(mind.policy),
        tenant=None if mind.tenant is None else stored_tenant_to_proto(mind.tenant),
    )
    contents = mind.contents
    if contents is not None:
        head.space.CopyFrom(
            pb.SpaceState(
                parameters=parameters_to_proto(contents.parameters),
                incarnation=contents.incarnation,
                create_time_ns=contents.create_time_ns,
                step=contents.step,
                accepted=contents.accepted,
                moral_threshold=contents.moral.threshold,
                moral_ema=contents.moral.ema,
                awake=contents.rhythm.awake,
                phase_remaining=contents.rhythm.remaining,
                trace_l1=float_bytes(contents.synapses.l1),
                trace_l2=float_bytes(contents.synapses.l2),
                trace_l3=float_bytes(contents.synapses.l3),
                next_sequence=contents.pelm.next_sequence,
                config_revision=contents.config_revision,
                config_time_ns=contents.config_time_ns,
                consolidated_trigger=contents.consolidated_trigger,
                consolidated_sequence=contents.consolidated_sequence,
                decisions=contents.decisions.packed,
                decision_count=contents.decisions.count,
                streams=[
                    pb.StreamMark(
                        stream_id=mark.stream_id,
                        sequence=mark.sequence,
                        time_ns=mark.time_ns,
                        finished=mark.finished,
                    )
                    for mark in contents.streams
                ],
            )
        )
    return head


def mind_of(head: pb.SnapshotHead) -> Mind:
    """Return the mind that a snapshot head describes, without memories and request window.

    Raises:
        SemanticsUnknown: The state needs a semantics version that this version does not know.
        SnapshotDamaged: The decisions cannot be read.
    """
    if head.revision:
        semantics.check(head.semantics_version)
    mind = Mind(
        revision=head.revision,
        chain=head.chain,
        time_ns=head.time_ns,
        semantics_version=head.semantics_version,
    )
    if head.HasField("space"):
        mind.contents = _contents(head.space)
    if head.HasField("policy"):
        mind.policy = policy_from_proto(head.policy)
    if head.HasField("tenant"):
        mind.tenant = stored_tenant_from_proto(head.tenant)
    return mind


def _contents(state: pb.SpaceState) -> Contents:
    parameters = parameters_from_proto(state.parameters)
    synapses = Synapses(parameters.synapses, parameters.dimension)
    synapses.l1[:] = np.frombuffer(state.trace_l1, "<f4")
    synapses.l2[:] = np.frombuffer(state.trace_l2, "<f4")
    synapses.l3[:] = np.frombuffer(state.trace_l3, "<f4")
    pelm = Pelm(dimension=parameters.dimension, capacity=parameters.capacity)
    pelm.next_sequence = state.next_sequence
    return Contents(
        parameters=parameters,
        incarnation=state.incarnation,
        create_time_ns=state.create_time_ns,
        pelm=pelm,
        moral=MoralFilter(parameters.moral, threshold=state.moral_threshold, ema=state.moral_ema),
        rhythm=Rhythm(parameters.rhythm, awake=state.awake, remaining=state.phase_remaining),
        synapses=synapses,
        step=state.step,
        accepted=state.accepted,
        config_revision=state.config_revision or state.incarnation,
        config_time_ns=state.config_time_ns or state.create_time_ns,
        consolidated_trigger=state.consolidated_trigger,
        consolidated_sequence=state.consolidated_sequence,
        decisions=_decisions(state),
        streams=StreamMarks(
            StreamMark(mark.stream_id, mark.sequence, mark.time_ns, mark.finished)
            for mark in state.streams
        ),
    )


def _decisions(state: pb.SpaceState) -> DecisionRing:
    try:
        return DecisionRing(state.decisions, state.decision_count)
    except ValueError as error:
        raise SnapshotDamaged("The decisions in a snapshot cannot be decoded.") from error
