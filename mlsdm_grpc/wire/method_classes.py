"""Classes of RPCs: kind of work, which decides refusal under load, and rate limit class."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlsdm_grpc.wire.call import Method

__all__ = ["WORK", "LimitClass", "MethodClass", "limit_class"]


class MethodClass(enum.Enum):
    """Kind of work of an RPC, which decides when a node under pressure refuses it."""

    READ = "read"
    """Read; refused last."""
    WRITE = "write"
    """Write; refused in mode EMERGENCY."""
    BULK = "bulk"
    """Large operation without a bounded duration; refused in mode SHEDDING unless it is critical.
    """
    GENERATION = "generation"
    """Call of a language model; refused in mode EMERGENCY."""
    ADMIN = "admin"
    """Operator call; never refused, because operators use it to inspect and repair the node."""


_NAMES: Mapping[MethodClass, Mapping[str, str]] = {
    MethodClass.READ: {
        "MemoryService": "QueryMemories BatchQueryMemories GetMemory ListMemories",
        "CognitionService": "GetState WatchState",
        "GovernanceService": "EvaluateContent AnalyzeSpeech RepairSpeech GetPolicy",
        "SpaceService": "GetSpace ListSpaces",
        "TenantService": "GetTenant ListTenants",
    },
    MethodClass.WRITE: {
        "MemoryService": "PutMemory UpdateMemory DeleteMemory",
        "CognitionService": "ProcessEvent StreamEvents",
        "GovernanceService": "SetPolicy",
        "SpaceService": "CreateSpace UpdateSpace DeleteSpace",
        "TenantService": "SetTenant",
    },
    MethodClass.BULK: {
        "MemoryService": "BatchPutMemories IngestMemories ExportMemories",
        "CognitionService": "Consolidate",
        "SpaceService": "ExportSpace ImportSpace",
    },
    MethodClass.GENERATION: {"GenerationService": "Generate StreamGenerate"},
    MethodClass.ADMIN: {
        "AdminService": "WhoAmI GetServerInfo GetNodeStatus SetNodeMode Drain CreateBackup"
        " VerifyBackup GetSloStatus ListDecisions VerifyJournal SetLogLevel",
    },
}

WORK: Mapping[str, MethodClass] = MappingProxyType(
    {
        f"/mlsdm.v1.{service}/{name}": work
        for work, services in _NAMES.items()
        for service, names in services.items()
        for name in names.split()
    }
)
"""Class of work by path of the RPC."""


class LimitClass(enum.Enum):
    """Group of RPCs that share one rate limit."""

    READ = "read"
    WRITE = "write"
    BATCH = "batch"
    """Batches and streams, whose items are charged one by one."""
    GENERATE = "generate"
    """Calls of language models."""


def limit_class(method: Method) -> LimitClass | None:
    """Return the rate limit class of a method, or None for operator calls, which have no limit."""
    if WORK.get(method.path) is MethodClass.ADMIN or method.platform:
        return None
    if method.permission == "generate":
        return LimitClass.GENERATE
    if method.shape.client_streaming or method.name.startswith("Batch"):
        return LimitClass.BATCH
    return LimitClass.READ if method.read_only else LimitClass.WRITE
