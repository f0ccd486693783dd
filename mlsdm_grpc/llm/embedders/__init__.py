"""Embedders convert texts to vectors. Local ones run in text workers, never on the event loop."""

from mlsdm_grpc.llm.embedders.embedder import (
    Embedder,
    EmbedderInfo,
    RemoteEmbedder,
    embedder_info,
    load_embedder,
)

__all__ = ["Embedder", "EmbedderInfo", "RemoteEmbedder", "embedder_info", "load_embedder"]
