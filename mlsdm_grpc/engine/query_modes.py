"""Vectors of queries by text: the search mode decides which texts are embedded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from mlsdm_grpc.core.model.new_memory import Vector
from mlsdm_grpc.core.model.recall_mode import RecallMode
from mlsdm_grpc.errors import PreconditionFailed
from mlsdm_grpc.messages.queries import Ask
from mlsdm_grpc.spaces.checks import check_embedded
from mlsdm_grpc.workers.space_codec import row_bytes

__all__ = ["Embed", "text_vectors"]

Embed: TypeAlias = Callable[[Sequence[str]], Awaitable[Sequence[Vector]]]
"""Function that returns a vector for each text. ``inv_norm`` is 0 for a text without a known word.
"""


async def text_vectors(
    asked: Sequence[Ask], paths: Sequence[str], check_embedder: Callable[[], None], embed: Embed
) -> list[bytes]:
    """Return the vectors of the queries that search for a text by meaning.

    Args:
        asked: Queries of a request.
        paths: Path of the text of each query, for violations.
        check_embedder: Function that raises PreconditionFailed if the server cannot embed texts for
            the space.
        embed: Function that embeds texts.

    Returns:
        Vectors, float32 little endian, one for each query; empty for a query that needs none.

    Raises:
        PreconditionFailed: A query needs the vector of a text, and no embedder is available.
        InvalidInput: The text of a query has no word that the embedder knows.
    """
    found = [b""] * len(asked)
    # Only queries by meaning need a vector; a search by words works without an embedder.
    bare = [i for i, ask in enumerate(asked) if _needs_embedding(ask)]
    if not bare:
        return found
    try:
        check_embedder()
    except PreconditionFailed:
        if not all(_words_do(asked[i]) for i in bare):
            raise
        return found
    vectors = await embed([asked[i].text for i in bare])
    unknown = dict[str, Vector]()
    for i, vector in zip(bare, vectors, strict=True):
        if vector.inv_norm:
            found[i] = row_bytes(vector.raw)
        # The query can still be answered by words, although the embedder knows none of them.
        elif not _words_do(asked[i]):
            unknown[paths[i]] = vector
    check_embedded(unknown)
    return found


def _needs_embedding(ask: Ask) -> bool:
    return ask.vector is None and ask.mode is not RecallMode.LEXICAL


def _words_do(ask: Ask) -> bool:
    """Return True if a search by words can answer a query whose text has no vector."""
    return ask.mode is not RecallMode.VECTOR and ask.min_resonance is None
