"""What an embedder promises, and which ones there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Embedder", "EmbedderInfo", "embedder_info", "load_embedder"]


@dataclass(frozen=True, slots=True)
class EmbedderInfo:
    """What is known of an embedder without loading it."""

    model_id: str
    dimension: int


class Embedder(Protocol):
    """Turns texts into vectors; loading one may take a second, so workers do it once."""

    dimension: int

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (len(texts), dimension) float32; zeros for a text without any known word."""
        ...


_KNOWN = {"wordllama": EmbedderInfo(model_id="wordllama-l2-supercat-256", dimension=256)}


def embedder_info(name: str) -> EmbedderInfo | None:
    """Return what is known of the embedder ``name``; None for ``none``."""
    return _KNOWN.get(name)


def load_embedder(name: str) -> Embedder:
    """Return the embedder ``name``, ready to use.

    Raises:
        LookupError: There is no such embedder.
    """
    if name != "wordllama":
        raise LookupError(name)
    from mlsdm_grpc.llm.embedders.wordllama import WordLlamaEmbedder

    return WordLlamaEmbedder()
