"""Identity of duplicates: exact ones, which a put refreshes, and those that consolidation merges.

Similar words or similar vectors do not make a duplicate, because different facts may have almost
the same words and almost the same vectors.
"""

from __future__ import annotations

import hashlib
import struct
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from mlsdm_grpc.core.model.new_memory import (
    MAX_LABELS,
    MAX_METADATA_BYTES,
    ExchangeRole,
    Float32,
    Source,
)

__all__ = [
    "Circumstances",
    "canonical_text",
    "circumstances_of",
    "first_digest",
    "identity_digest",
    "labels_fit",
    "metadata_fit",
    "moved_digest",
    "text_key",
]

_FULL_STOPS = (".", "。")


class Circumstances(NamedTuple):
    """Circumstances of a memory: context, time of the event, conversation and role."""

    context: str = ""
    event_time_ns: int = 0
    conversation_id: str = ""
    role: int = 0

    def digest(self) -> bytes:
        """Return a digest of 16 bytes."""
        hashed = hashlib.blake2b(b"c", digest_size=16)
        for part in (self.context, self.conversation_id):
            encoded = part.encode()
            hashed.update(len(encoded).to_bytes(4, "little") + encoded)
        hashed.update(struct.pack("<qB", self.event_time_ns, self.role))
        return hashed.digest()


_NO_CIRCUMSTANCES = Circumstances()


class _HasCircumstances(Protocol):
    @property
    def context(self) -> str: ...
    @property
    def event_time_ns(self) -> int: ...
    @property
    def conversation_id(self) -> str: ...
    @property
    def role(self) -> ExchangeRole: ...


def circumstances_of(memory: _HasCircumstances) -> Circumstances:
    """Return the circumstances of a memory."""
    return Circumstances(
        memory.context, memory.event_time_ns, memory.conversation_id, int(memory.role)
    )


def first_digest(text: str, row: Float32, phase: float) -> bytes:
    """Return the digest that exact duplicates share under version 1: text or vector, and phase."""
    content = b"t" + text.encode() if text else b"v" + row.tobytes()
    return hashlib.blake2b(content + struct.pack("<f", phase), digest_size=16).digest()


def identity_digest(
    text: str,
    metadata: Iterable[tuple[str, str]],
    source: Source,
    row: Float32 | None,
    circumstances: Circumstances = _NO_CIRCUMSTANCES,
) -> bytes:
    """Return the digest that exact duplicates share: of all content and a vector of the caller.

    Args:
        text: Text as stored.
        metadata: Sorted by key.
        source: Source of the memory.
        row: (dimension,) float32, the stored unit row; None if it is computed from the text.
        circumstances: Context, time of the event, conversation and role of the memory.

    Returns:
        16 bytes.
    """
    digest = _said(text, metadata, source)
    if row is not None:
        digest = _xor(digest, hashlib.blake2b(b"v" + row.tobytes(), digest_size=16).digest())
    if circumstances != _NO_CIRCUMSTANCES:
        digest = _xor(digest, circumstances.digest())
    return digest


def moved_digest(
    digest: bytes,
    text: str,
    before: tuple[tuple[tuple[str, str], ...], Source],
    after: tuple[tuple[tuple[str, str], ...], Source],
) -> bytes:
    """Return the digest of a memory after a change of its metadata and source; needs no vector."""
    return _xor(_xor(digest, _said(text, *before)), _said(text, *after))


def _said(text: str, metadata: Iterable[tuple[str, str]], source: Source) -> bytes:
    parts = [text, *(part for pair in metadata for part in pair)]
    hashed = hashlib.blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode()
        hashed.update(len(encoded).to_bytes(4, "little") + encoded)
    hashed.update(int(source).to_bytes(2, "little"))
    return hashed.digest()


def _xor(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one) ^ int.from_bytes(other)).to_bytes(len(one))


def canonical_text(text: str) -> str:
    """Return a text without differences that never distinguish two facts.

    These differences are the Unicode normalisation form (NFC is used), the length of runs of white
    space, and one final full stop. Case, symbols and other punctuation are kept. The result depends
    on the version of Unicode. Texts are therefore compared before a record is written, never while
    one is applied.
    """
    words = " ".join(unicodedata.normalize("NFC", text).split())
    return words[:-1] if words.endswith(_FULL_STOPS) else words


def text_key(text: str) -> int:
    """Return a signed 64-bit hash of the canonical form of a text; never 0."""
    digest = hashlib.blake2b(canonical_text(text).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True) or 1


def labels_fit(*labels: Iterable[str]) -> bool:
    """Return True if the union of these labels fits into one memory."""
    return len(set().union(*labels)) <= MAX_LABELS


def metadata_fit(*metadata: tuple[tuple[str, str], ...]) -> bool:
    """Return True if the union of these metadata fits into one memory.

    Equal keys must have equal values, and the size is limited.
    """
    distinct = set(metadata)
    pairs = [pair for each in distinct for pair in each]
    size = sum(len(part.encode()) for pair in pairs for part in pair)
    return len({key for key, _ in pairs}) == len(pairs) and size <= MAX_METADATA_BYTES
