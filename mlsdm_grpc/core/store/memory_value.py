"""Memory without its vector, as a value, and the hashes over its content."""

from __future__ import annotations

import hashlib
import json
import marshal
import struct
import zlib
from dataclasses import dataclass

from mlsdm_grpc.core.model.new_memory import (
    STORED_FLOAT32,
    ExchangeRole,
    Float32,
    Provenance,
)
from mlsdm_grpc.core.model.outcome import etag_of

__all__ = ["CALLER_CHOSEN", "DIGEST", "PINNED", "Memory", "checksum_of", "fingerprint_of"]

DIGEST = struct.Struct("<qq")
"""Layout of a digest in two columns of 64 bits."""
PINNED, CALLER_CHOSEN = 1, 2
"""Bits of the flags of a memory."""
# Numeric fields of a memory, in the order in which they are hashed.
_NUMBERS = struct.Struct("<9qI2fB")
# Version of marshal in which equal values have equal bytes. Later versions also encode whether
# objects are shared.
_PLAIN = 2


@dataclass(slots=True)
class Memory:
    """Memory without its vector; an independent value."""

    memory_id: str
    text: str
    phase: float
    confidence: float
    labels: tuple[str, ...]
    metadata: tuple[tuple[str, str], ...]
    provenance: Provenance
    pinned: bool
    caller_chosen_id: bool
    create_time_ns: int
    create_revision: int
    update_time_ns: int
    expire_time_ns: int
    revision: int
    """Revision of the last change."""
    sequence: int
    """Position in the order of creation in the space, from 1; never reused."""
    ring_sequence: int
    """Position in the order of eviction; increases when the memory is refreshed or replaced."""
    digest: bytes
    """Digest that exact duplicates share, 16 bytes."""
    checksum: int = 0
    """CRC-32 of the stored row; 0 before the row is stored."""
    embedding_model: str = ""
    """Model that embedded the text; empty if a caller sent the vector, and for a memory stored
    under version 1 of the rules."""
    context: str = ""
    event_time_ns: int = 0
    conversation_id: str = ""
    role: ExchangeRole = ExchangeRole.NONE

    @property
    def etag(self) -> str:
        """Opaque version of this memory."""
        return etag_of(self.revision)

    @property
    def lineage_hash(self) -> str:
        """SHA-256 (64 hexadecimal digits) over the origin of this memory."""
        provenance = self.provenance
        history = (
            self.digest.hex(),
            self.create_time_ns,
            self.confidence,
            int(provenance.source),
            provenance.model,
            provenance.policy_version,
            *provenance.parent_ids,
        )
        canonical = json.dumps(history, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def fingerprint(self) -> int:
        """Hash over all stored content, 64 bits; includes the checksum of the row."""
        return fingerprint_of(self, self.checksum)

    def owns(self, row: Float32) -> bool:
        """Return True if ``row`` is the stored row of this memory. Cost: O(dimension)."""
        return checksum_of(row) == self.checksum

    def expired(self, now_ns: int) -> bool:
        """Return True if the memory has expired at ``now_ns``."""
        return 0 < self.expire_time_ns <= now_ns


def fingerprint_of(memory: Memory, checksum: int) -> int:
    """Return the 64-bit hash over all stored content of a memory."""
    provenance = memory.provenance
    numbers = _NUMBERS.pack(
        memory.sequence,
        memory.ring_sequence,
        memory.create_time_ns,
        memory.create_revision,
        memory.update_time_ns,
        memory.expire_time_ns,
        memory.revision,
        *DIGEST.unpack(memory.digest),
        checksum,
        memory.phase,
        memory.confidence,
        PINNED * memory.pinned | CALLER_CHOSEN * memory.caller_chosen_id,
    )
    # Without these fields, the hash is the same as before the fields were introduced.
    circumstances: tuple[str | int, ...] = ()
    if memory.context or memory.event_time_ns or memory.conversation_id or memory.role:
        circumstances = (
            memory.context,
            memory.event_time_ns,
            memory.conversation_id,
            int(memory.role),
        )
    rest = (
        memory.memory_id,
        memory.text,
        memory.labels,
        memory.metadata,
        int(provenance.source),
        provenance.model,
        provenance.policy_version,
        provenance.parent_ids,
        memory.embedding_model,
        *circumstances,
    )
    hashed = hashlib.blake2b(numbers + marshal.dumps(rest, _PLAIN), digest_size=8)
    return int.from_bytes(hashed.digest(), "little")


def checksum_of(row: Float32) -> int:
    """Return the CRC-32 of a row."""
    return zlib.crc32(row.astype(STORED_FLOAT32, copy=False).data)
