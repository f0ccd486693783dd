"""By what the queries of a request look: their modes, resolved, and the texts to embed for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from mlsdm_grpc.core.model.recall_mode import RecallMode
from mlsdm_grpc.core.model.record import Vector
from mlsdm_grpc.errors import PreconditionFailed
from mlsdm_grpc.spaces.checks import check_embedded
from mlsdm_grpc.workers.space_codec import Ask

__all__ = ["Embed", "resolved"]

Embed: TypeAlias = Callable[[Sequence[str]], Awaitable[Sequence[Vector]]]
"""Returns a vector for each text; ``inv_norm`` is 0 where a text has no known word."""


async def resolved(
    asks: Sequence[Ask], check_embedder: Callable[[], None], embed: Embed
) -> list[Ask]:
    """Return the queries with vectors where meaning plays a part, and texts where words do.

    Args:
        asks: The queries.
        check_embedder: Raises PreconditionFailed where the server cannot embed for the space.
        embed: Embeds texts.

    Raises:
        PreconditionFailed: A query needs the vector of a text, and nothing embeds that.
        InvalidInput: The text of one has no word that the embedder knows.
    """
    if all(map(_by_vector_alone, asks)):
        return list(asks)
    ready = list(asks)
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
    """Return whether words may answer a query whose text has no vector."""
    return ask.mode is not RecallMode.VECTOR and ask.min_resonance is None


def _narrowed(ask: Ask) -> Ask:
    """Return a query without what its mode leaves out."""
    if ask.mode is RecallMode.VECTOR:
        return replace(ask, text="")
    if ask.mode is RecallMode.LEXICAL:
        return replace(ask, vector=None)
    return ask
