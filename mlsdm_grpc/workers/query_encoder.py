"""Encoding of search responses as bytes of the contract, in the worker that holds the memories.

A worker encodes the whole response, and the server forwards it without decoding. Decoding it and
encoding it again would cost several times as much as the search.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, TypeAlias

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2
from mlsdm_grpc.core.mind.pelm import Pelm
from mlsdm_grpc.core.model.recall_mode import RecallMode
from mlsdm_grpc.core.store.recall_query import ByWords, Query, RecalledSlots
from mlsdm_grpc.errors import InvalidInput
from mlsdm_grpc.journal.codec.protowire import varint
from mlsdm_grpc.messages.stored_memories import embedding_message, memory_message

__all__ = ["Answers", "Found"]

_CACHE_BYTES: Final = 16 * 1_024 * 1_024
# Overhead of a cached memory, bytes.
_ENTRY_BYTES: Final = 330

# The tag of a field is eight times its number plus its wire type: 0 varint, 2 length, 5 four bytes.
# This is the layout of resonance, components and score of a match, with their tags.
_SCORES: Final = struct.Struct("<BfBBBfBfBfBfBf")
# Layout of the components of a match by words, without the words.
_COMPONENTS: Final = struct.Struct("<BfBfBfBfBf")
_SCORE: Final = struct.Struct("<Bf")
_COMPONENTS_TAG: Final = b"\x1a"
_TERM_TAG: Final = b"\x32"
_EMBEDDING_TAG: Final = b"\x1a"
_LIST_TAG: Final = b"\x0a"
_BY_VECTOR: Final = varint(RecallMode.VECTOR)
_PHASE: Final = struct.Struct("<Bf")
# Match without its scores, and the offset of the encoded memory in it.
_Framed: TypeAlias = tuple[bytes, int]


class Found(NamedTuple):
    """Query with its matches."""

    query: Query
    slots: RecalledSlots
    with_rows: bool
    """True if the response contains the vectors of the matches."""


class Answers:
    """Encoder of search responses, with a cache of encoded memories.

    Args:
        cache_bytes: Maximum size of the cache, bytes; the oldest entries are removed first.
    """

    def __init__(self, cache_bytes: int = _CACHE_BYTES) -> None:
        self._cache_bytes = cache_bytes
        self._memories: dict[tuple[int, int, int], _Framed] = {}
        self._bytes = 0

    @property
    def kept(self) -> tuple[int, int]:
        """Number of cached memories, and size of the cache in bytes."""
        return len(self._memories), self._bytes

    def encode(
        self,
        request: link_pb2.LinkRequest,
        pelm: Pelm,
        found: Iterable[Found],
        revision: int,
    ) -> bytes:
        """Return a serialised ``QueryMemoriesResponse``, or ``BatchQueryMemoriesResponse``.

        Args:
            request: Search request.
            pelm: Memories that were searched.
            found: Queries with their matches.
            revision: Revision of the memories.

        Raises:
            InvalidInput: RESPONSE_TOO_LARGE; the framing of the results is not counted.
        """
        search = request.search
        parts, size = list[bytes](), 0
        for query, one, rows in found:
            mode = _BY_VECTOR
            if one.by_words is None:
                result = self._result(request.space_id, pelm, one, rows=rows)
            else:
                mode = varint(one.mode)
                tails = _tails(query, one, one.by_words)
                result = self._with_words(request.space_id, pelm, one, tails, rows=rows)
            result.append((b"\x20" if search.batch else b"\x28") + mode)
            if query.phase_tolerance is not None:
                result.append(_PHASE.pack(0x15, query.phase))
                outside = pelm.outside_count(query, now_ns=request.now_ns)
                result.append((b"\x18" if search.batch else b"\x20") + varint(outside))
            length = sum(map(len, result))
            if search.batch:
                result.insert(0, _LIST_TAG + varint(length))
            parts += result
            size += length
            # The size is checked after each query, so that the use of RAM is bounded.
            if size > search.max_bytes:
                raise InvalidInput(
                    f"The response exceeds {search.max_bytes} bytes; request fewer matches, or no"
                    " texts and vectors.",
                    reason="RESPONSE_TOO_LARGE",
                    metadata={"limit": str(search.max_bytes), "actual": str(size)},
                )
        parts.append((b"\x10" if search.batch else b"\x18") + varint(revision))
        return b"".join(parts)

    def _result(
        self, space_id: int, pelm: Pelm, found: RecalledSlots, *, rows: bool
    ) -> list[bytes]:
        """Return the matches of one query; each is one field of the response in two parts."""
        slots = found.slots.tolist()
        scores = zip(
            found.resonance.tolist(),
            found.cosine.tolist(),
            found.phase_factor.tolist(),
            found.phase_distance.tolist(),
            found.synaptic_bias.tolist(),
            strict=True,
        )
        parts, kept, pack = list[bytes](), self._memories, _SCORES.pack
        versions = pelm.versions(found.slots)
        for slot, version, (resonance, cosine, factor, distance, bias) in zip(
            slots, versions, scores, strict=True
        ):
            # The key contains the version, because the bytes of a memory change with it.
            key = (space_id, *version)
            framed, start = kept.get(key) or self._keep(key, pelm, slot)
            if rows:
                row = embedding_message(pelm.row_at(slot)).SerializeToString()
                framed, _ = _framed(framed[start:] + _EMBEDDING_TAG + varint(len(row)) + row)
            tail = pack(
                0x15, resonance, 0x1A, 20, 0x0D, cosine, 0x15, factor, 0x1D, distance, 0x25, bias,
                0x25, resonance,
            )  # fmt: skip
            parts += framed, tail
        return parts

    def _with_words(
        self,
        space_id: int,
        pelm: Pelm,
        found: RecalledSlots,
        tails: Iterable[bytes],
        *,
        rows: bool,
    ) -> list[bytes]:
        """Return the matches of one query with words; each is followed by its scores."""
        parts, versions = list[bytes](), pelm.versions(found.slots)
        for slot, version, tail in zip(found.slots.tolist(), versions, tails, strict=True):
            key = (space_id, *version)
            framed, start = self._memories.get(key) or self._keep(key, pelm, slot)
            memory = framed[start:]
            if rows:
                row = embedding_message(pelm.row_at(slot)).SerializeToString()
                memory += _EMBEDDING_TAG + varint(len(row)) + row
            head, _ = _framed(memory, len(tail))
            parts += head, tail
        return parts

    def _keep(self, key: tuple[int, int, int], pelm: Pelm, slot: int) -> _Framed:
        """Encode a memory without its vector, and cache the bytes."""
        framed = _framed(memory_message(pelm.memory_at(slot), None).SerializeToString())
        self._memories[key] = framed
        self._bytes += len(framed[0]) + _ENTRY_BYTES
        while self._bytes > self._cache_bytes:
            oldest, _ = self._memories.pop(next(iter(self._memories)))
            self._bytes -= len(oldest) + _ENTRY_BYTES
        return framed


def _framed(memory: bytes, rest: int = _SCORES.size) -> _Framed:
    """Return a match without its scores; ``rest`` is the size of the scores, bytes."""
    head = _LIST_TAG + varint(len(memory))
    frame = _LIST_TAG + varint(len(head) + len(memory) + rest) + head
    return frame + memory, len(frame)


def _tails(query: Query, found: RecalledSlots, by_words: ByWords) -> Iterator[bytes]:
    """Yield the encoded resonance, components and score of each match of a query with words."""
    words = query.sought.words if query.sought is not None else ()
    terms = [_TERM_TAG + varint(len(raw)) + raw for raw in map(str.encode, words)]
    for resonance, cosine, factor, distance, bias, bm25, score, matched in zip(
        found.resonance.tolist(),
        found.cosine.tolist(),
        found.phase_factor.tolist(),
        found.phase_distance.tolist(),
        found.synaptic_bias.tolist(),
        by_words.bm25.tolist(),
        by_words.score.tolist(),
        by_words.matched,
        strict=True,
    ):
        components = _COMPONENTS.pack(
            0x0D, cosine, 0x15, factor, 0x1D, distance, 0x25, bias, 0x2D, bm25
        )
        components += b"".join([terms[word] for word in matched])
        yield b"".join(
            (
                _SCORE.pack(0x15, resonance),
                _COMPONENTS_TAG,
                varint(len(components)),
                components,
                _SCORE.pack(0x25, score),
            )
        )
