"""Encoding of the lexical index in a snapshot file.

The index is derived data, so it comes after the proof of the state.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mlsdm_grpc._gen.mlsdm.internal.v1 import snapshot_pb2 as pb
from mlsdm_grpc.core.mind.pelm import Pelm
from mlsdm_grpc.core.store.kernel import Indices
from mlsdm_grpc.core.store.lattice_words import SavedWords
from mlsdm_grpc.core.store.lexical_index import IndexPart, Int64
from mlsdm_grpc.core.store.lexical_segment import Segment

__all__ = ["WordsReader", "word_parts"]


def word_parts(pelm: Pelm) -> Iterator[pb.LexicalPart]:
    """Yield the current lexical index in parts.

    Texts that are not yet in the index are left out. The process that loads the snapshot indexes
    them.

    Cost: O(texts) at the call, then O(size of the part) for each part.
    """
    words = pelm.words
    if words is None:
        return iter(())
    version, parts, sequences = words.version, words.index.parts(), pelm.history.sequences()
    return (
        part_to_proto(version, part, sequences, more=number < len(parts))
        for number, part in enumerate(parts, 1)
    )


def part_to_proto(version: str, part: IndexPart, sequences: Int64, *, more: bool) -> pb.LexicalPart:
    """Return the message of one part of a lexical index.

    Documents are stored by the creation sequence of their memory, because slots may change.
    """
    segment, there = part.segment, part.slots >= 0
    created = np.zeros(len(part.slots), np.int64)
    created[there] = sequences[part.slots[there]]
    return pb.LexicalPart(
        version=version,
        more=more,
        keys=segment.keys.astype("<u8", copy=False).tobytes(),
        starts=segment.starts.astype("<u4", copy=False).tobytes(),
        documents=segment.documents.astype("<u2", copy=False).tobytes(),
        frequencies=segment.frequencies.tobytes(),
        sequences=created.astype("<i8", copy=False).tobytes(),
        lengths=part.lengths.astype("<i4", copy=False).tobytes(),
    )


class WordsReader:
    """Reader of the lexical index in a snapshot, for memories that are already restored.

    Args:
        slots: (memories,) slots of the memories, in the order of their creation.
        sequences: (memories,) creation sequences of the same memories, ascending.
    """

    def __init__(self, slots: Indices, sequences: Int64) -> None:
        self._slots = slots
        self._sequences = sequences
        self._parts: list[IndexPart] = []
        self._version = ""
        self._fits, self._complete = True, False

    def add(self, message: pb.LexicalPart) -> None:
        """Read the next part. A part that does not match the memories makes the index unusable."""
        part = self._read(message)
        self._version = message.version
        self._fits &= part is not None
        self._complete = self._fits and not message.more
        if part is not None:
            self._parts.append(part)

    def saved(self, pelm: Pelm) -> SavedWords | None:
        """Return the index, or None if a part is missing or does not match the memories."""
        return SavedWords(self._version, pelm.digest, self._parts) if self._complete else None

    # The content of a file is not trusted: each reference is checked before it is used.
    def _read(self, message: pb.LexicalPart) -> IndexPart | None:
        segment = Segment(
            np.frombuffer(message.keys, "<u8").astype(np.uint64),
            np.frombuffer(message.starts, "<u4").astype(np.uint32),
            np.frombuffer(message.documents, "<u2").astype(np.uint16),
            np.frombuffer(message.frequencies, np.uint8).copy(),
        )
        created = np.frombuffer(message.sequences, "<i8")
        lengths = np.frombuffer(message.lengths, "<i4").astype(np.int32)
        there = created > 0
        places = self._sequences.searchsorted(created[there])
        fits = (
            len(segment.starts) == len(segment.keys) + 1
            and bool((np.diff(segment.starts.astype(np.int64)) > 0).all())
            and int(segment.starts[0]) == 0
            and int(segment.starts[-1]) == len(segment.documents) == len(segment.frequencies)
            and int(segment.documents.max(initial=0)) < len(created) == len(lengths)
            and int(places.max(initial=-1)) < len(self._slots)
            and bool((self._sequences[places] == created[there]).all())
        )
        if not fits:
            return None
        slots = np.full(len(created), -1, np.int32)
        slots[there] = self._slots[places]
        return IndexPart(segment, slots, lengths)
