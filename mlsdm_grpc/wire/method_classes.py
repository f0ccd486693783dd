"""What kind of work each RPC of the contract is, as data."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["WORK", "MethodClass"]


class MethodClass(enum.Enum):
    """Kinds of work, by what a node under pressure does with it."""

    READ = "read"
    """Served as long as possible."""
    WRITE = "write"
    """Refused in an emergency."""
    BULK = "bulk"
    """Much at once, at no particular time; refused when the node sheds load."""
    GENERATION = "generation"
    """Asks a language model; refused in an emergency."""
    ADMIN = "admin"
    """Never refused: with it the node is looked at and repaired."""


_NAMES: Mapping[MethodClass, Mapping[str, str]] = {
    MethodClass.READ: {
        "MemoryService": "QueryMemories BatchQueryMemories GetMemory ListMemories",
        "CognitionService": "GetState WatchState",
        "GovernanceService": "EvaluateContent AnalyzeSpeech RepairSpeech GetPolicy",
        "SpaceService": "GetSpace ListSpaces",
    },
    MethodClass.WRITE: {
        "MemoryService": "PutMemory UpdateMemory DeleteMemory",
        "CognitionService": "ProcessEvent StreamEvents",
        "GovernanceService": "SetPolicy",
        "SpaceService": "CreateSpace UpdateSpace DeleteSpace",
    },
    MethodClass.BULK: {
        "MemoryService": "BatchPutMemories IngestMemories ExportMemories",
        "CognitionService": "Consolidate",
        "SpaceService": "ExportSpace ImportSpace",
    },
    MethodClass.GENERATION: {"GenerationService": "Generate StreamGenerate"},
    MethodClass.ADMIN: {
        "AdminService": "GetServerInfo GetNodeStatus SetNodeMode Drain CreateBackup VerifyBackup"
        " GetSloStatus ListDecisions VerifyJournal SetLogLevel",
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
"""By the path of the RPC."""
