"""Table of the field bounds that are checked on a large message before it is parsed.

Validation checks each of these bounds too, with the same text of the violation. So a request of any
size is refused in the same way. ``tests/wire/test_scan.py`` compares both.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from mlsdm_grpc.messages import limits
from mlsdm_grpc.units import MIB

__all__ = [
    "BOUNDS",
    "CATEGORIES",
    "ENTRY",
    "ITEMS",
    "LABELS",
    "MEMORIES",
    "PARENTS",
    "QUERIES",
    "SCAN_BYTES",
    "STOPS",
    "STREAM_BATCH",
    "STRING",
    "WHOLE_BYTES",
    "Bound",
    "bounds_of",
    "norm_violation",
]

SCAN_BYTES: Final = 16 * 1_024
"""Maximum size of a message that is parsed without a scan, bytes.

In the worst measured case, a message of empty items, parsing takes 64 bytes of RAM for each byte,
which is 1 MiB for this size.
"""

WHOLE_BYTES: Final = 64 * 1_024
"""Maximum size of a message with items that is parsed as a whole, bytes.

The conversion of such a message takes about 10 ms.
"""


class Bound(NamedTuple):
    """Maximum number of values of a repeated field, or maximum size of a single field in bytes."""

    limit: int
    description: str = ""
    """Text of the violation; an empty one is replaced by a text with the number of bytes."""
    up: int = 0
    """Number of levels between the field and the message that the violation names."""

    def violation(self, count: int) -> str:
        """Return the text of the violation for a field with ``count`` values or bytes."""
        return self.description or f"has {count} bytes; at most {self.limit} are allowed"


MEMORIES: Final = Bound(limits.MAX_BATCH_ITEMS, f"must have 1 to {limits.MAX_BATCH_ITEMS} memories")
QUERIES: Final = Bound(
    limits.MAX_BATCH_QUERIES, f"must have 1 to {limits.MAX_BATCH_QUERIES} queries"
)
STREAM_BATCH: Final = Bound(
    limits.MAX_STREAM_BATCH, f"must have 1 to {limits.MAX_STREAM_BATCH} items"
)
LABELS: Final = Bound(limits.MAX_LABELS, f"at most {limits.MAX_LABELS} labels are allowed")
SOURCES: Final = Bound(limits.MAX_SOURCES, f"at most {limits.MAX_SOURCES} are allowed")
PARENTS: Final = Bound(limits.MAX_PARENTS, f"at most {limits.MAX_PARENTS} are allowed")
CATEGORIES: Final = Bound(
    limits.MAX_CATEGORIES, f"at most {limits.MAX_CATEGORIES} categories are allowed"
)
RULES: Final = Bound(limits.MAX_RULES, f"at most {limits.MAX_RULES} are allowed")
STOPS: Final = Bound(limits.MAX_STOPS, f"at most {limits.MAX_STOPS} are allowed")
ENTRIES: Final = Bound(
    limits.MAX_METADATA_BYTES + 1,
    f"has too many entries; at most {limits.MAX_METADATA_BYTES} bytes are allowed",
)
"""Bound on the number of metadata entries.

Keys are distinct, so at most one is empty and each other one has at least one byte.
"""
_COMPONENTS: Final = f"must have 1 to {limits.MAX_DIMENSION} components"
TEXT: Final = Bound(limits.MAX_TEXT_BYTES)
STRING: Final = Bound(16 * 1_024)
"""Bound of a string without an entry in the table."""
ENTRY: Final = Bound(limits.MAX_METADATA_BYTES, up=1)
"""Bound of the keys and the values of metadata."""

_JUDGED: Final = (
    "EvaluateContentRequest.text",
    "AnalyzeSpeechRequest.text",
    "RepairSpeechRequest.text",
    "RepairSpeechRequest.prompt",
)
_PROMPTS: Final = (
    "GenerateRequest.prompt",
    "GenerateRequest.system_prompt",
    "StreamGenerateRequest.prompt",
    "StreamGenerateRequest.system_prompt",
)
# Highest permitted value of ``governance.max_text_bytes`` and ``llm.max_prompt_bytes``.
_CONFIGURED: Final = Bound(MIB)

BOUNDS: Final[Mapping[str, Bound]] = MappingProxyType(
    {
        f"mlsdm.v1.{name}": bound
        for name, bound in {
            "BatchPutMemoriesRequest.memories": MEMORIES,
            "BatchQueryMemoriesRequest.queries": QUERIES,
            "IngestBatch.memories": STREAM_BATCH,
            "EventBatch.events": STREAM_BATCH,
            "Memory.labels": LABELS,
            "Memory.metadata": ENTRIES,
            "Memory.text": TEXT,
            "Memory.context": Bound(limits.MAX_CONTEXT_BYTES),
            "Provenance.parent_ids": PARENTS,
            "Event.labels": LABELS,
            "Event.metadata": ENTRIES,
            "Event.text": TEXT,
            "ProcessEventRequest.labels": LABELS,
            "ProcessEventRequest.metadata": ENTRIES,
            "ProcessEventRequest.text": TEXT,
            "QueryMemoriesRequest.labels": LABELS,
            "QueryMemoriesRequest.metadata": ENTRIES,
            "QueryMemoriesRequest.sources": SOURCES,
            "QueryMemoriesRequest.text": TEXT,
            "QueryMemoriesRequest.words": TEXT,
            "MemoryQuery.labels": LABELS,
            "MemoryQuery.metadata": ENTRIES,
            "MemoryQuery.sources": SOURCES,
            "MemoryQuery.text": TEXT,
            "MemoryQuery.words": TEXT,
            "ListMemoriesRequest.labels": LABELS,
            "ListMemoriesRequest.metadata": ENTRIES,
            "ListMemoriesRequest.sources": SOURCES,
            "ExportMemoriesRequest.labels": LABELS,
            "UpdateMemoryRequest.add_labels": LABELS,
            "UpdateMemoryRequest.remove_labels": LABELS,
            "GenerateRequest.sources": SOURCES,
            "GenerateRequest.stop_sequences": STOPS,
            "StreamGenerateRequest.sources": SOURCES,
            "StreamGenerateRequest.stop_sequences": STOPS,
            "Policy.rules": RULES,
            "SpaceConfig.ontology": CATEGORIES,
            "FloatVector.values": Bound(limits.MAX_DIMENSION, _COMPONENTS, up=2),
            "Embedding.f32_le": Bound(4 * limits.MAX_DIMENSION, _COMPONENTS, up=1),
            "Embedding.f16_le": Bound(2 * limits.MAX_DIMENSION, _COMPONENTS, up=1),
            **dict.fromkeys((*_JUDGED, *_PROMPTS), _CONFIGURED),
        }.items()
    }
)
"""Bounds by full name of the field. Every repeated field of a request has one.

A bound that is a setting has the highest permitted value of the setting here.
"""

ITEMS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "mlsdm.v1.BatchPutMemoriesRequest": ("memories",),
        "mlsdm.v1.BatchQueryMemoriesRequest": ("queries",),
        "mlsdm.v1.IngestMemoriesRequest": ("batch", "memories"),
        "mlsdm.v1.StreamEventsRequest": ("batch", "events"),
    }
)
"""Path of the items that are parsed one by one, by full name of the request type."""


def bounds_of(max_text_bytes: int, max_prompt_bytes: int) -> dict[str, Bound]:
    """Return all bounds, with the configured values in place of the highest permitted ones.

    Args:
        max_text_bytes: Bound of a text to evaluate, bytes.
        max_prompt_bytes: Bound of a prompt, bytes.
    """
    text, prompt = Bound(max_text_bytes), Bound(max_prompt_bytes)
    return {
        **BOUNDS,
        **{f"mlsdm.v1.{name}": text for name in _JUDGED},
        **{f"mlsdm.v1.{name}": prompt for name in _PROMPTS},
    }


def norm_violation(norm: float) -> str:
    """Return the text of the violation for a vector with a norm below ``limits.MIN_NORM``."""
    return f"has the norm {norm:.3g}; at least {limits.MIN_NORM:g} is needed"
