"""Encoding of the parameters of a space, and of changes to them."""

from __future__ import annotations

import numpy as np

from mlsdm_grpc._gen.mlsdm.internal.v1 import record_pb2 as pb
from mlsdm_grpc.core.model.bodies import SpaceChange
from mlsdm_grpc.core.model.new_memory import Vector
from mlsdm_grpc.core.model.parameters import (
    FIRST_MERGE_MIN_COSINE,
    MoralParameters,
    MoralPolicy,
    OntologyCategory,
    RhythmParameters,
    SpaceParameters,
    SynapticParameters,
)

__all__ = [
    "change_from_proto",
    "change_to_proto",
    "parameters_from_proto",
    "parameters_to_proto",
]


def parameters_to_proto(parameters: SpaceParameters) -> pb.SpaceParameters:
    """Return the encoded form of a space's parameters."""
    moral, rhythm, synapses = parameters.moral, parameters.rhythm, parameters.synapses
    return pb.SpaceParameters(
        dimension=parameters.dimension,
        capacity=parameters.capacity,
        embedder=parameters.embedder,
        min_confidence=parameters.min_confidence,
        default_ttl_ns=parameters.default_ttl_ns,
        read_only=parameters.read_only,
        merge_min_cosine=parameters.merge_min_cosine,
        recall_in_band=parameters.recall_in_band,
        ontology=map(_category_to_proto, parameters.ontology),
        moral=pb.MoralParameters(
            policy=moral.policy,
            base=moral.base,
            ceiling=moral.ceiling,
            always_pass=moral.always_pass,
            never_pass=moral.never_pass,
            alpha=moral.alpha,
            step=moral.step,
        ),
        rhythm=pb.RhythmParameters(
            wake_duration=rhythm.wake_duration,
            sleep_duration=rhythm.sleep_duration,
            sleep_gate=rhythm.sleep_gate,
        ),
        synapses=pb.SynapticParameters(
            lambda_l1=synapses.lambda_l1,
            lambda_l2=synapses.lambda_l2,
            lambda_l3=synapses.lambda_l3,
            theta_l1=synapses.theta_l1,
            theta_l2=synapses.theta_l2,
            gating12=synapses.gating12,
            gating23=synapses.gating23,
            legacy=synapses.legacy,
        ),
    )


def parameters_from_proto(message: pb.SpaceParameters) -> SpaceParameters:
    """Return the parameters in ``message``."""
    moral, rhythm, synapses = message.moral, message.rhythm, message.synapses
    # Records of format version 1 leave out the cosine if it has its default value.
    merge_min_cosine = FIRST_MERGE_MIN_COSINE
    if message.HasField("merge_min_cosine"):
        merge_min_cosine = message.merge_min_cosine
    return SpaceParameters(
        dimension=message.dimension,
        capacity=message.capacity,
        embedder=message.embedder,
        min_confidence=message.min_confidence,
        default_ttl_ns=message.default_ttl_ns,
        read_only=message.read_only,
        merge_min_cosine=merge_min_cosine,
        recall_in_band=message.recall_in_band,
        ontology=tuple(map(_category_from_proto, message.ontology)),
        moral=MoralParameters(
            policy=MoralPolicy(moral.policy),
            base=moral.base,
            ceiling=moral.ceiling,
            always_pass=moral.always_pass,
            never_pass=moral.never_pass,
            alpha=moral.alpha,
            step=moral.step,
        ),
        rhythm=RhythmParameters(
            wake_duration=rhythm.wake_duration,
            sleep_duration=rhythm.sleep_duration,
            sleep_gate=rhythm.sleep_gate,
        ),
        synapses=SynapticParameters(
            lambda_l1=synapses.lambda_l1,
            lambda_l2=synapses.lambda_l2,
            lambda_l3=synapses.lambda_l3,
            theta_l1=synapses.theta_l1,
            theta_l2=synapses.theta_l2,
            gating12=synapses.gating12,
            gating23=synapses.gating23,
            legacy=synapses.legacy,
        ),
    )


def change_to_proto(change: SpaceChange) -> pb.SpaceChange:
    """Return the encoded form of a change to parameters."""
    return pb.SpaceChange(
        dimension=change.dimension,
        capacity=change.capacity,
        embedder=change.embedder,
        min_confidence=change.min_confidence,
        default_ttl_ns=change.default_ttl_ns,
        read_only=change.read_only,
        merge_min_cosine=change.merge_min_cosine,
        recall_in_band=change.recall_in_band,
        moral_policy=change.moral_policy,
        moral_base=change.moral_base,
        moral_ceiling=change.moral_ceiling,
        wake_duration=change.wake_duration,
        sleep_duration=change.sleep_duration,
        sleep_gate=change.sleep_gate,
        legacy_synapses=change.legacy_synapses,
        ontology=map(_category_to_proto, change.ontology),
    )


def change_from_proto(message: pb.SpaceChange) -> SpaceChange:
    """Return the change to parameters in ``message``."""
    given = {field.name: value for field, value in message.ListFields()}
    if "moral_policy" in given:
        given["moral_policy"] = MoralPolicy(message.moral_policy)
    given["ontology"] = tuple(map(_category_from_proto, message.ontology))
    return SpaceChange(**given)


def _category_to_proto(category: OntologyCategory) -> pb.OntologyCategory:
    return pb.OntologyCategory(
        name=category.name,
        embedding_f32_le=category.vector.raw.astype("<f4", copy=False).tobytes(),
        inv_norm=category.vector.inv_norm,
    )


def _category_from_proto(message: pb.OntologyCategory) -> OntologyCategory:
    raw = np.frombuffer(message.embedding_f32_le, "<f4")
    return OntologyCategory(message.name, Vector(raw, message.inv_norm))
