"""Modes of queries: which searches a mode needs, and which texts are embedded for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from mlsdm_grpc.core.model.new_memory import Vector
from mlsdm_grpc.core.model.recall_mode import RecallMode
from mlsdm_grpc.errors import PreconditionFailed
from mlsdm_grpc.spaces.checks import check_embedded
from mlsdm_grpc.workers.space_codec import Ask

__all__ = ["Embed", "resolved"]

Embed: TypeAlias = Callable[[Sequence[str]], Awaitable[Sequence[Vector]]]
"""Function that returns a vector for each text; ``inv_norm`` is 0 for a text without a known
word."""


async def resolved(
    asks: Sequence[Ask], check_embedder: Callable[[], None], embed: Embed
) -> list[Ask]:
    """Return the queries with vectors for search by meaning and with texts for search by words.

    Args:
        asks: Queries to prepare.
        check_embedder: Function that raises PreconditionFailed if the server cannot embed texts for
            the space.
        embed: Function that embeds texts.

    Raises:
        PreconditionFailed: A query needs the vector of a text, and no embedder is available.
        InvalidInput: The text of a query has no word that the embedder knows.
    """
    if all(map(_by_vector_alone, asks)):
        return list(asks)
    ready = list(asks)
    # Only queries that use meaning need a vector; search by words works without an embedder.
    bare = [i for i, ask in enumerate(asks) if _needs_embedding(ask)]
    if bare:
        try:
            check_embedder()
        except PreconditionFailed:
            if not all(_words_do(asks[i]) for i in bare):
                raise
            bare = []
    if bare:
        vectors = await embed([asks[i].text for i in bare])
        unknown = dict[str, Vector]()
        for i, vector in zip(bare, vectors, strict=True):
            # The words of this query can still match, although the embedder knows none of them.
            if not vector.inv_norm and _words_do(asks[i]):
                continue
            ready[i] = replace(asks[i], vector=vector)
            if not vector.inv_norm:
                unknown["text" if len(asks) == 1 else f"queries[{i}].text"] = vector
        check_embedded(unknown)
    return [_narrowed(ask) for ask in ready]


def _by_vector_alone(ask: Ask) -> bool:
    return ask.vector is not None and not ask.text


def _needs_embedding(ask: Ask) -> bool:
    return ask.vector is None and ask.mode is not RecallMode.LEXICAL


def _words_do(ask: Ask) -> bool:
    """Return whether search by words can answer a query whose text has no vector."""
    return ask.mode is not RecallMode.VECTOR and ask.min_resonance is None


def _narrowed(ask: Ask) -> Ask:
    """Return a query without the fields that its mode does not use."""
    if ask.mode is RecallMode.VECTOR:
        return replace(ask, text="")
    if ask.mode is RecallMode.LEXICAL:
        return replace(ask, vector=None)
    return ask
