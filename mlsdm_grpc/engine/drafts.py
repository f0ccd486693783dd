"""What the writer decides of memories before the record that stores them is written."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from mlsdm_grpc.core.record import NewMemory
from mlsdm_grpc.engine.checks import parameters_of
from mlsdm_grpc.engine.spaces import Space

__all__ = ["settled"]

_INLINE_PRODUCTS = 4_000_000
"""Comparing with an ontology on the event loop takes at most about a millisecond."""


async def settled(
    space: Space, memories: tuple[NewMemory, ...], *, now_ns: int
) -> tuple[NewMemory, ...]:
    """Return memories with the default life and the nearest category of their space.

    Args:
        space: A space that exists.
        memories: With vectors of its dimension.
        now_ns: Wall clock; a memory lives from then, or from the latest time that the space is
            known to have seen, so that a clock that was set back ends no life at once.
    """
    ttl_ns = parameters_of(space).default_ttl_ns
    if ttl_ns:
        begin_ns = max(now_ns, space.view.update_time_ns if space.view else 0)
        memories = tuple(
            memory if memory.expire_time_ns else replace(memory, expire_time_ns=begin_ns + ttl_ns)
            for memory in memories
        )
    ontology = space.ontology
    if not len(ontology):
        return memories
    if ontology.cost(len(memories)) <= _INLINE_PRODUCTS:
        return ontology.labelled(memories)
    return await asyncio.to_thread(ontology.labelled, memories)
