"""Changes of a space itself: new parameters, and the upgrade to a newer version of the rules."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from mlsdm_grpc.core.mind.configuration import changed, conflict
from mlsdm_grpc.core.mind.duplicates import identity_digest
from mlsdm_grpc.core.mind.refused import Refused
from mlsdm_grpc.core.mind.space_state import Contents
from mlsdm_grpc.core.model.bodies import UpdateSpace
from mlsdm_grpc.core.model.outcome import SpaceChanged
from mlsdm_grpc.core.model.parameters import FIRST_MERGE_MIN_COSINE, SpaceParameters
from mlsdm_grpc.core.model.semantics import Moment

__all__ = ["changed_parameters", "reconfigure", "upgrade"]


def reconfigure(
    contents: Contents, body: UpdateSpace, now: Moment
) -> Generator[None, None, SpaceChanged]:
    """Set new parameters; learned state is kept and limited to the new bounds."""
    parameters = changed_parameters(contents, body, now)
    yield from contents.pelm.expire(now.time_ns)
    contents.pelm.resize(parameters.capacity)
    contents.moral.reconfigure(parameters.moral)
    contents.rhythm.reconfigure(parameters.rhythm)
    contents.synapses.reconfigure(parameters.synapses)
    if parameters.merge_min_cosine < contents.parameters.merge_min_cosine:
        contents.consolidated_sequence = 0
    contents.parameters = parameters
    contents.config_revision, contents.config_time_ns = now.revision, now.time_ns
    return SpaceChanged()


def changed_parameters(contents: Contents, body: UpdateSpace, now: Moment) -> SpaceParameters:
    """Return the parameters after a change.

    Raises:
        Refused: The etag differs, or the change conflicts with the state.
    """
    if body.etag and body.etag != contents.etag:
        raise Refused("ETAG_MISMATCH", "The space was changed since it was read.", resource="space")
    new = changed(contents.parameters, body.change)
    found = conflict(contents.parameters, new, used=contents.pelm.living_count(now.time_ns))
    if found is not None:
        field, problem = found
        raise Refused("CONFIG_CONFLICT", problem, field=field)
    return new


def upgrade(contents: Contents, now: Moment) -> Generator[None, None, None]:
    """Convert a space from version 1 to version 2 of the rules, in steps.

    In a space with an embedder, all texts count as embedded by it and get the digest of version 2.
    In a space without one, digests stay, so no put refreshes the existing memories. The old default
    of the merge cosine is replaced by the new default.
    """
    embedder = contents.parameters.embedder
    if contents.parameters.merge_min_cosine == FIRST_MERGE_MIN_COSINE:
        contents.parameters = replace(
            contents.parameters, merge_min_cosine=SpaceParameters().merge_min_cosine
        )
        contents.config_revision, contents.config_time_ns = now.revision, now.time_ns
    if not embedder:
        return
    for memory_id in [memory.memory_id for memory, _ in contents.pelm.history.memories()]:
        yield
        memory = contents.pelm.get(memory_id)
        if memory is not None and memory.text:
            source = memory.provenance.source
            memory.digest = identity_digest(memory.text, memory.metadata, source, None)
            memory.embedding_model = embedder
            contents.pelm.identify(memory)
