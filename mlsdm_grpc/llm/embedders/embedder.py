"""Interfaces of embedders, and the list of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Embedder",
    "EmbedderInfo",
    "RemoteEmbedder",
    "embedder_info",
    "load_embedder",
]


@dataclass(frozen=True, slots=True)
class EmbedderInfo:
    """Properties of an embedder that are known without loading it."""

    model_id: str
    dimension: int


class Embedder(Protocol):
    """Local embedder; loading one may take a second, so workers load it once."""

    dimension: int

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (len(texts), dimension) float32; zeros for a text without known words."""
        ...


class RemoteEmbedder(Protocol):
    """Remote embedder; it runs in the server process."""

    @property
    def info(self) -> EmbedderInfo:
        """Model and dimension."""
        ...

    async def embed(
        self, texts: Sequence[str], tenant: str, deadline_s: float
    ) -> list[NDArray[np.float32]]:
        """Return a vector for each text; see ``remote.OpenAIEmbedder``."""
        ...


_KNOWN = {"wordllama": EmbedderInfo(model_id="wordllama-l2-supercat-256", dimension=256)}


def embedder_info(name: str) -> EmbedderInfo | None:
    """Return the properties of the local embedder ``name``; None for others."""
    return _KNOWN.get(name)


def load_embedder(name: str) -> Embedder:
    """Return the embedder ``name``, ready to use.

    Raises:
        LookupError: The embedder is unknown.
    """
    if name != "wordllama":
        raise LookupError(name)
    from mlsdm_grpc.llm.embedders.wordllama import WordLlamaEmbedder

    return WordLlamaEmbedder()
