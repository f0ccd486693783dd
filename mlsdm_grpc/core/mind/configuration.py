"""Changes of the parameters of a space, and the check for conflicts."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from mlsdm_grpc.core.model.bodies import SpaceChange
from mlsdm_grpc.core.model.parameters import SpaceParameters

__all__ = ["changed", "conflict"]

_Value = TypeVar("_Value")


def changed(parameters: SpaceParameters, change: SpaceChange) -> SpaceParameters:
    """Return ``parameters`` with the values set in ``change``; does not check their consistency.

    If the change sets no ceiling of the moral threshold, the ceiling is raised to the base where
    the base is higher.
    """
    moral, rhythm, synapses = parameters.moral, parameters.rhythm, parameters.synapses
    return replace(
        parameters,
        dimension=_given(change.dimension, parameters.dimension),
        capacity=_given(change.capacity, parameters.capacity),
        embedder=_given(change.embedder, parameters.embedder),
        min_confidence=_given(change.min_confidence, parameters.min_confidence),
        default_ttl_ns=_given(change.default_ttl_ns, parameters.default_ttl_ns),
        read_only=_given(change.read_only, parameters.read_only),
        merge_min_cosine=_given(change.merge_min_cosine, parameters.merge_min_cosine),
        recall_in_band=_given(change.recall_in_band, parameters.recall_in_band),
        ontology=change.ontology or parameters.ontology,
        moral=replace(
            moral,
            policy=_given(change.moral_policy, moral.policy),
            base=_given(change.moral_base, moral.base),
            ceiling=_given(
                change.moral_ceiling, max(moral.ceiling, _given(change.moral_base, moral.base))
            ),
        ),
        rhythm=replace(
            rhythm,
            wake_duration=_given(change.wake_duration, rhythm.wake_duration),
            sleep_duration=_given(change.sleep_duration, rhythm.sleep_duration),
            sleep_gate=_given(change.sleep_gate, rhythm.sleep_gate),
        ),
        synapses=replace(synapses, legacy=_given(change.legacy_synapses, synapses.legacy)),
    )


def conflict(old: SpaceParameters, new: SpaceParameters, *, used: int) -> tuple[str, str] | None:
    """Return the reason why a space cannot accept new parameters.

    Args:
        old: Present parameters.
        new: Requested parameters.
        used: Number of memories that have not expired.

    Returns:
        Name of the field in the contract and a sentence for the caller; None if there is no
        conflict.
    """
    if new.dimension != old.dimension:
        return "config.dimension", "The dimension of a space never changes."
    if used and new.embedder != old.embedder:
        return "config.embedder_model", "The embedder is fixed while the space has memories."
    if new.capacity < used:
        return "config.capacity", "The space holds more memories than that."
    if new.moral.ceiling < new.moral.base:
        return "config.moral.ceiling", "The ceiling of the moral threshold would be below its base."
    if any(len(category.vector.raw) != new.dimension for category in new.ontology):
        return "config.ontology", "A category does not have the dimension of the space."
    return None


def _given(value: _Value | None, old: _Value) -> _Value:
    return old if value is None else value
