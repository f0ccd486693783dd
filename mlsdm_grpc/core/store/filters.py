"""Filters of queries, used by searches by vector and by words."""

from __future__ import annotations

import numpy as np

from mlsdm_grpc.core.model.new_memory import ExchangeRole
from mlsdm_grpc.core.store.lattice_metadata import know_metadata
from mlsdm_grpc.core.store.memory_table import Lattice, Mask
from mlsdm_grpc.core.store.packed_memory import conversation_key, roles_of, sources_of
from mlsdm_grpc.core.store.recall_query import Query

__all__ = ["left_out", "living", "taking_part"]


def left_out(lattice: Lattice, query: Query, now_ns: int) -> list[Mask]:
    """Return one mask for each filter of a query: True for slots that the filter excludes.

    The value for free slots, and for slots outside the phase band, is arbitrary.

    Args:
        lattice: The memories to search.
        query: The query.
        now_ns: Unix time; memories that have expired by then are excluded. 0 skips the check.
    """
    reasons = list[Mask]()
    if now_ns:
        expire = lattice.expiring()
        reasons.append((expire > 0) & (expire <= now_ns))
    if query.min_confidence > 0.0:
        reasons.append(lattice.columns["confidence"] < np.float32(query.min_confidence))
    if query.labels:
        reasons.append(~lattice.labels.carriers(query.labels))
    if query.sources:
        reasons.append(~np.isin(sources_of(lattice.columns), query.sources))
    if query.conversation_id:
        key = conversation_key(query.conversation_id)
        # Only hashes of conversation ids are compared; a collision has a probability of about
        # 2**-64.
        reasons.append(lattice.columns["conversation"] != key)
    if query.metadata:
        carriers = know_metadata(lattice).carriers(query.metadata, len(lattice.columns))
        reasons.append(~carriers)
    if query.omit_answers:
        reasons.append(roles_of(lattice.columns) == ExchangeRole.ANSWER)
    if query.after_ns is not None or query.before_ns is not None:
        reasons.append(_outside(lattice, query.after_ns, query.before_ns))
    return reasons


def _outside(lattice: Lattice, after_ns: int | None, before_ns: int | None) -> Mask:
    events = lattice.columns["event_time_ns"]
    times = np.where(events == 0, lattice.columns["create_time_ns"], events)
    outside = np.zeros(len(times), np.bool_)
    if after_ns is not None:
        outside |= times < after_ns
    if before_ns is not None:
        outside |= times >= before_ns
    return outside


def taking_part(lattice: Lattice, query: Query, now_ns: int) -> Mask:
    """Return (slots,) bool: True for slots with a memory that the query may return."""
    (low, high), phase = query.band, lattice.rows.phase
    mask: Mask = (phase >= low) & (phase <= high)  # the phase of a free slot is in no band
    for reason in left_out(lattice, query, now_ns):
        mask &= ~reason
    return mask


def living(lattice: Lattice, now_ns: int) -> Mask | None:
    """Return (slots,) bool: False for slots with an expired memory; None if ``now_ns`` is 0."""
    if not now_ns:
        return None
    expire = lattice.expiring()
    alive: Mask = (expire == 0) | (expire > now_ns)
    return alive
