"""The client of the service, for asyncio and for synchronous programs."""

from mlsdm_grpc._gen.mlsdm.v1.governance_pb2 import Policy, PolicyRule
from mlsdm_grpc.client.client import MemoryClient
from mlsdm_grpc.client.failures import request_id_of
from mlsdm_grpc.client.memory_writer import MemoryWriter
from mlsdm_grpc.client.messages import Vector, new_memory
from mlsdm_grpc.client.passages import DEFAULT_PASSAGE_CHARS, passage_context, split_passages
from mlsdm_grpc.client.results import (
    FoundMemory,
    MemoryRead,
    MemoryWrite,
    MindState,
    QueryAnswer,
    QueryAnswers,
)
from mlsdm_grpc.client.sync_client import SyncMemoryClient, SyncMemoryWriter

__all__ = [
    "DEFAULT_PASSAGE_CHARS",
    "FoundMemory",
    "MemoryClient",
    "MemoryRead",
    "MemoryWrite",
    "MemoryWriter",
    "MindState",
    "Policy",
    "PolicyRule",
    "QueryAnswer",
    "QueryAnswers",
    "SyncMemoryClient",
    "SyncMemoryWriter",
    "Vector",
    "new_memory",
    "passage_context",
    "request_id_of",
    "split_passages",
]
