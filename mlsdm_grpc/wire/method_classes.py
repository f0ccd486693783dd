"""Table of the kind of work that each RPC does."""

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
    """Read; the last kind to be refused."""
    WRITE = "write"
    """Write; refused in an emergency."""
    BULK = "bulk"
    """Large operation without a fixed time; refused when the node sheds load."""
    GENERATION = "generation"
    """Call to a language model; refused in an emergency."""
    ADMIN = "admin"
    """Operator call; never refused, because the node is inspected and repaired with it."""


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
"""Kind of work by path of the RPC."""


class LimitClass(enum.Enum):
    """Kind of call whose rate is limited on its own."""

    READ = "read"
    WRITE = "write"
    BATCH = "batch"
    """Batches and streams of items; charged by items."""
    GENERATE = "generate"
    """Calls of language models."""


def limit_class(method: Method) -> LimitClass | None:
    """Return the limit of a method; None: its rate is not limited, because operators need it."""
    if WORK.get(method.path) is MethodClass.ADMIN or method.platform:
        return None
    if method.permission == "generate":
        return LimitClass.GENERATE
    if method.shape.client_streaming or method.name.startswith("Batch"):
        return LimitClass.BATCH
    return LimitClass.READ if method.read_only else LimitClass.WRITE
