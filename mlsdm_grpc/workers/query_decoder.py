"""Decoding and validation of queries, in the worker that holds the memories."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

import numpy as np

from mlsdm_grpc import errors
from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.mind.space_state import Contents
from mlsdm_grpc.core.model.new_memory import Vector
from mlsdm_grpc.core.model.recall_mode import RecallMode
from mlsdm_grpc.core.store.fusion import fusion_of
from mlsdm_grpc.core.store.kernel import MIN_NORM, Float64
from mlsdm_grpc.core.store.recall_query import PHASE_TOLERANCE, Query, Sought
from mlsdm_grpc.lexical import query_terms
from mlsdm_grpc.messages.fields import Fields
from mlsdm_grpc.messages.queries import Ask, asks

__all__ = ["Asked", "asked_of", "queries_of"]

Asked: TypeAlias = Sequence[Ask]
"""Queries of one search request."""
_NO_VECTOR: Final = np.empty(0)
# Range of the square of a norm that is valid regardless of rounding.
_SURELY_VALID: Final = (4 * MIN_NORM**2, math.inf)


def asked_of(contents: Contents, search: pb.SearchRequest) -> Generator[None, None, Asked]:
    """Decode and validate the queries of a request in steps; vector components are not checked yet.

    Raises:
        InvalidInput: FIELD_INVALID.
        PreconditionFailed: DIMENSION_MISMATCH.
    """
    fields, dimension, found, wrong = Fields(), contents.parameters.dimension, list[Ask](), None
    for i, each in enumerate(asks(fields, search.queries, batch=search.batch, deferred=True)):
        vector = each.vector
        if search.vectors_f32_le and (data := search.vectors_f32_le[i]):
            vector = Vector(np.frombuffer(data, "<f4"), 0.0)
        if each.mode is RecallMode.LEXICAL:
            vector = None
        if vector is not None and len(vector.raw) != dimension and wrong is None:
            wrong = len(vector.raw)
        found.append(each if vector is each.vector else replace(each, vector=vector))
        yield
    if fields.has_violations or wrong is not None:
        yield from _check_completely(search)
    if wrong is not None:
        raise errors.dimension_mismatch(dimension, wrong)
    return found


def queries_of(
    contents: Contents, requests: Sequence[tuple[pb.SearchRequest, Asked]]
) -> Generator[None, None, list[list[Query] | errors.InvalidInput]]:
    """Return the queries of several requests in steps; for an invalid request, its error.

    Each vector becomes a unit vector in float64.

    Cost: one pass over all vectors together, 5 us for each query, and the time to find its search
    terms.
    """
    raws = [each.vector.raw for _, asked in requests for each in asked if each.vector is not None]
    rows: Iterator[tuple[Float64, bool]] = iter(())
    if raws:
        # The conversion of a signalling NaN raises a warning.
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            wide = np.concatenate(raws).reshape(len(raws), -1).astype(np.float64)
            # Sums in float64 give the same norm on every machine.
            squares = np.add.reduce(wide * wide, axis=1)
            wide /= np.sqrt(squares)[:, np.newaxis]
        low, high = _SURELY_VALID
        rows = zip(wide, ((squares >= low) & (squares < high)).tolist(), strict=True)
    found = list[list[Query] | errors.InvalidInput]()
    for search, asked in requests:
        queries, valid = list[Query](), True
        for each in asked:
            row, sure = (_NO_VECTOR, True) if each.vector is None else next(rows)
            valid = valid and sure
            queries.append(_query(contents, row, each, search))
            yield
        of_request: list[Query] | errors.InvalidInput = queries
        if not valid:
            try:
                yield from _check_completely(search)
            except errors.InvalidInput as error:
                of_request = error
        found.append(of_request)
    return found


def _check_completely(search: pb.SearchRequest) -> Iterator[None]:
    """Raise ``InvalidInput`` with all violations, including those of vector components."""
    fields = Fields()
    for _ in asks(fields, search.queries, batch=search.batch):
        yield
    fields.check()


def _query(contents: Contents, vector: Float64, each: Ask, search: pb.SearchRequest) -> Query:
    phase, tolerance = each.phase, None
    if phase is not None:
        tolerance = PHASE_TOLERANCE
    else:
        phase = contents.rhythm.phase
        if contents.parameters.recall_in_band:
            tolerance = PHASE_TOLERANCE
    if (width := each.phase_tolerance) is not None:
        tolerance = width if each.phase is not None or width < 1.0 else None
    words = "" if each.mode is RecallMode.VECTOR else each.text
    return Query(
        vector=vector,
        phase=float(np.float32(phase)),
        top_k=each.top_k,
        phase_tolerance=tolerance,
        min_confidence=each.min_confidence,
        min_resonance=-math.inf if each.min_resonance is None else each.min_resonance,
        labels=frozenset(each.labels),
        phase_weight=each.phase_weight,
        synaptic_bias=each.synaptic_bias,
        sought=_sought(contents, words, alone=each.vector is None) if words else None,
        sources=each.sources,
        conversation_id=each.conversation_id,
        after_ns=each.after_ns,
        before_ns=each.before_ns,
        metadata=each.metadata,
        omit_answers=search.omit_answers,
        min_score=-math.inf if each.min_score is None else each.min_score,
    )


def _sought(contents: Contents, text: str, *, alone: bool) -> Sought:
    """Return the search words of a query.

    Args:
        contents: Contents of the space.
        text: Text with the words.
        alone: True if the query has no vector.
    """
    terms = query_terms(text).terms
    return Sought(
        words=tuple(term.word for term in terms),
        terms=tuple(term.terms for term in terms),
        fusion=fusion_of(contents.parameters.embedder),
        alone=alone,
    )
