"""Embedders: text in, vectors out. They run in text workers, never on the event loop."""

from mlsdm_grpc.llm.embedders.base import Embedder, EmbedderInfo, embedder_info, load_embedder

__all__ = ["Embedder", "EmbedderInfo", "embedder_info", "load_embedder"]
