"""Conversion of the queries of a request to a space worker."""

from __future__ import annotations

from typing import Final

import numpy as np

from mlsdm_grpc import errors
from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.mind.space_state import Contents
from mlsdm_grpc.core.store.fusion import fusion_of
from mlsdm_grpc.core.store.kernel import Float64
from mlsdm_grpc.core.store.recall_query import PHASE_TOLERANCE, Query, Sought
from mlsdm_grpc.journal.codec.new_memories import pairs_from_proto
from mlsdm_grpc.lexical import query_terms

__all__ = ["queries_of"]

_NO_VECTOR: Final = np.empty(0)


def queries_of(contents: Contents, request: pb.SearchRequest) -> list[Query]:
    """Return the queries of a search request."""
    dimension = contents.parameters.dimension
    count = sum(not options.words_alone for options in request.queries)
    vectors = np.frombuffer(request.vectors_f32_le, "<f4").reshape(count, -1 if count else 0)
    if count and vectors.shape[1] != dimension:
        raise errors.dimension_mismatch(dimension, vectors.shape[1])
    wide = vectors.astype(np.float64)
    # Sums in float64 give the same norm on every machine.
    wide /= np.sqrt(np.add.reduce(wide * wide, axis=1))[:, np.newaxis]
    rows = iter(wide)
    return [
        _query(contents, _NO_VECTOR if options.words_alone else next(rows), options)
        for options in request.queries
    ]


def _query(contents: Contents, vector: Float64, options: pb.QueryOptions) -> Query:
    given = {field.name: value for field, value in options.ListFields()}  # most are absent
    phase, tolerance = contents.rhythm.phase, None
    if "phase" in given:
        phase, tolerance = given["phase"], PHASE_TOLERANCE
    elif contents.parameters.recall_in_band:
        tolerance = PHASE_TOLERANCE
    if "phase_tolerance" in given:
        width = given["phase_tolerance"]
        tolerance = width if "phase" in given or width < 1.0 else None
    return Query(
        vector=vector,
        phase=float(np.float32(phase)),
        top_k=options.top_k,
        phase_tolerance=tolerance,
        min_confidence=given.get("min_confidence", 0.0),
        min_resonance=given.get("min_resonance", -np.inf),
        labels=frozenset(given.get("labels", ())),
        phase_weight=given.get("phase_weight", 0.0),
        synaptic_bias=given.get("synaptic_bias", 0.0),
        sought=_sought(contents.parameters.embedder, options) if "words" in given else None,
        sources=tuple(given.get("sources", ())),
        conversation_id=given.get("conversation_id", ""),
        after_ns=given.get("after_ns"),
        before_ns=given.get("before_ns"),
        metadata=pairs_from_proto(given["metadata"]) if "metadata" in given else (),
        omit_answers=given.get("omit_answers", False),
        min_score=given.get("min_score", -np.inf),
    )


def _sought(embedder: str, options: pb.QueryOptions) -> Sought:
    """Return the search words of a query.

    Args:
        embedder: Embedder of the space; empty if callers send the vectors.
        options: Query options that contain words.
    """
    terms = query_terms(options.words).terms
    return Sought(
        words=tuple(term.word for term in terms),
        terms=tuple(term.terms for term in terms),
        fusion=fusion_of(embedder),
        alone=options.words_alone,
    )
