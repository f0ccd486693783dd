"""Encoding of snapshot files: the complete state of one space, verified frame by frame.

A file begins with a magic number. Frames follow, each with its length and CRC-32: a head, blocks of
memories, blocks of request window entries, a tail with counts, and a proof of the state
(:class:`~mlsdm_grpc.core.mind.mind.Seal`). The last frames contain the lexical index, which is
derived data. Equal states give equal bytes up to the tail, so states can be compared by their
files.
"""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import chain, islice
from typing import BinaryIO, NamedTuple, TypeAlias

import numpy as np
from google.protobuf.message import DecodeError

from mlsdm_grpc._gen.mlsdm.internal.v1 import snapshot_pb2 as pb
from mlsdm_grpc.core.mind.mind import Mind, Seal
from mlsdm_grpc.core.mind.pelm import Pelm
from mlsdm_grpc.core.mind.request_window import WindowEntry
from mlsdm_grpc.core.mind.steps import finish
from mlsdm_grpc.core.model.new_memory import Float32
from mlsdm_grpc.core.store.memory_value import Memory
from mlsdm_grpc.core.store.snapshot_view import Taken
from mlsdm_grpc.errors import DataLoss
from mlsdm_grpc.journal.codec.protowire import varint
from mlsdm_grpc.journal.codec.snapshot_rows import (
    SnapshotDamaged,
    entry_from_proto,
    entry_to_proto,
    float_bytes,
    memories_of,
    memory_to_row,
)
from mlsdm_grpc.journal.codec.snapshot_state import head_of, mind_of
from mlsdm_grpc.journal.codec.snapshot_words import WordsReader, word_parts

__all__ = [
    "MEMORIES_A_STEP",
    "PART_BYTES",
    "Written",
    "check_snapshot",
    "read_snapshot",
    "snapshot_bytes",
    "snapshot_reader",
    "snapshot_writer",
]

# Body of a frame, in parts.
_Frame: TypeAlias = Sequence[bytes | memoryview]

_MAGIC = b"MLSDMS\x00\x01"
_FRAME = struct.Struct("<II")
_MEMORIES_PER_FRAME = 256
_ENTRIES_PER_FRAME = 1_024
_WINDOW_TAG = bytes([pb.SnapshotFrame.WINDOW_FIELD_NUMBER << 3 | 2])
# Memories that are encoded between two yields.
MEMORIES_A_STEP = 32
# Size of the parts in which a frame is hashed and written, with a yield after each one.
PART_BYTES = 256 * 1_024
# A length above this limit comes from damage.
_MAX_FRAME_BYTES = 512 * 1_024 * 1_024


class Written(NamedTuple):
    """Result of a written snapshot."""

    revision: int
    """Revision of the saved state."""
    sha256: bytes
    size: int
    """Size, bytes."""


def snapshot_writer(mind: Mind, file: BinaryIO) -> Generator[None, None, Written]:
    """Write the state of ``mind`` at the first step to ``file``, in steps.

    Records may be applied to the mind between two steps. A memory is copied before it changes, if
    it is not yet written.

    Raises:
        DataLoss: A row is damaged, or the state is not the one that the last record produced. The
            file is then not a valid snapshot.

    Cost: writing of the file. The first step also sorts the memories and copies the index of the
    request window.
    """
    output, revision, seal = _Output(file), mind.revision, mind.seal
    if seal != mind.sealed():
        raise DataLoss("A record is being applied; a snapshot can be taken only afterwards.")
    state = _write_state(mind, output)
    # The state is frozen from this line on. The lexical index must belong to the same state.
    next(state)
    words = _words(mind)
    digest = yield from state
    if digest != seal.memory_digest:
        raise DataLoss("The memories written to a snapshot do not match the digest of the state.")
    yield from output.write(_parts(pb.SnapshotFrame(proof=pb.SnapshotProof(**seal._asdict()))))
    for part in words:
        yield
        yield from output.write(_parts(pb.SnapshotFrame(lexical=part)))
    return Written(revision, output.sha256.digest(), output.size)


def _words(mind: Mind) -> Iterator[pb.LexicalPart]:
    """Return the parts of the lexical index of a mind."""
    if mind.contents is None:
        return iter(())
    return word_parts(mind.contents.pelm)


def snapshot_bytes(mind: Mind) -> bytes:
    """Return the state of ``mind`` as the bytes of its snapshot file, up to the tail."""
    buffer = io.BytesIO()
    finish(_write_state(mind, _Output(buffer)))
    return buffer.getvalue()


class _Output:
    """Writer of the magic number and the frames, with a digest of all bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()
        self.size = 0
        self._put(_MAGIC)

    def write(self, frame: _Frame) -> Iterator[None]:
        """Write a frame in steps."""
        length = crc = 0
        for part in frame:
            length, crc = length + len(part), zlib.crc32(part, crc)
            yield
        for part in (_FRAME.pack(length, crc), *frame):
            self._put(part)
            yield

    def _put(self, part: bytes | memoryview) -> None:
        self._file.write(part)
        self.sha256.update(part)
        self.size += len(part)


def _write_state(mind: Mind, output: _Output) -> Generator[None, None, int]:
    """Write all frames up to the tail, in steps; return the digest of the memories."""
    with ExitStack() as stack:
        head = pb.SnapshotFrame(head=head_of(mind))
        window = mind.window.copy()
        memories = None
        if mind.contents is not None:
            memories = stack.enter_context(mind.contents.pelm.frozen())
        count = 0 if memories is None else len(memories)
        tail = pb.SnapshotTail(memory_count=count, window_count=len(window))
        frames: Iterator[_Frame | None] = chain(
            (_parts(head),),
            _memory_frames(memories or ()),
            _window_frames(window),
            (_parts(pb.SnapshotFrame(tail=tail)),),
        )
        for frame in frames:
            yield
            if frame is not None:
                yield from output.write(frame)
        return 0 if memories is None else memories.digest


def read_snapshot(file: BinaryIO) -> Mind:
    """Return the state in ``file``; see :func:`snapshot_reader` for errors."""
    return finish(snapshot_reader(file))


def snapshot_reader(file: BinaryIO) -> Generator[None, None, Mind]:
    """Read the state in ``file``, in steps.

    Raises:
        DataLoss: A frame is truncated, fails its checksum or has an unknown kind, or the state does
            not match its proof. A file without a proof is accepted.
        SemanticsUnknown: The state needs a semantics version that this version does not know.
    """
    if file.read(len(_MAGIC)) != _MAGIC:
        raise DataLoss(
            "The file is not a snapshot, or has a format that this version does not know."
        )
    frames = _read_frames(file)
    first = next(frames, None)
    if first is None or first.WhichOneof("kind") != "head":
        raise DataLoss("The first frame of a snapshot is not its head.")
    mind = mind_of(first.head)
    for frame in frames:
        yield
        kind = frame.WhichOneof("kind")
        if kind == "memories" and mind.contents is not None:
            pelm = mind.contents.pelm
            for memory, row in memories_of(frame.memories, pelm.dimension):
                pelm.restore(memory, row)
                yield
        elif kind == "window":
            for entry in frame.window.entries:
                mind.window.restore(entry_from_proto(entry))
                yield
        elif kind == "tail":
            count = 0 if mind.contents is None else len(mind.contents.pelm)
            if (frame.tail.memory_count, frame.tail.window_count) != (count, len(mind.window)):
                raise SnapshotDamaged("Frames of a snapshot are missing.")
            if mind.contents is not None:
                yield from mind.contents.pelm.order_ring()
            mind.seal = mind.sealed()
            _check_proof(mind.seal, next(frames, None))
            if mind.contents is not None:
                yield from _read_words(mind.contents.pelm, frames)
            return mind
    raise SnapshotDamaged("A snapshot is truncated.")


def _read_words(pelm: Pelm, frames: Iterator[pb.SnapshotFrame]) -> Iterator[None]:
    """Attach the lexical index of a snapshot to the restored memories."""
    reader = WordsReader(*pelm.history.slots())
    for frame in frames:
        if frame.WhichOneof("kind") == "lexical":
            reader.add(frame.lexical)
        yield
    pelm.saved_words = reader.saved(pelm)


def check_snapshot(file: BinaryIO) -> int:
    """Return the revision of a complete snapshot. Only the frames are verified, not the state.

    Raises:
        DataLoss: A frame is truncated, fails its checksum or is missing.
    """
    if file.read(len(_MAGIC)) != _MAGIC:
        raise DataLoss(
            "The file is not a snapshot, or has a format that this version does not know."
        )
    revision, counts, end = None, [0, 0], None
    try:
        for frame in _read_frames(file):
            if frame.WhichOneof("kind") == "head":
                revision = frame.head.revision
            counts[0] += len(frame.memories.memories)
            counts[1] += len(frame.window.entries)
            end = frame.tail if frame.WhichOneof("kind") == "tail" else end
    except DecodeError as error:
        raise SnapshotDamaged("A frame of a snapshot cannot be decoded.") from error
    if revision is None or end is None or counts != [end.memory_count, end.window_count]:
        raise SnapshotDamaged("Frames of a snapshot are missing.")
    return revision


def _check_proof(seal: Seal, frame: pb.SnapshotFrame | None) -> None:
    if frame is None or not frame.HasField("proof"):
        return
    proof = frame.proof
    if seal != (proof.chain, proof.step, proof.memory_count, proof.memory_digest):
        raise SnapshotDamaged(
            "The state in a snapshot does not match the fingerprint of its records."
        )


def _parts(frame: pb.SnapshotFrame) -> _Frame:
    body = memoryview(frame.SerializeToString(deterministic=True))
    return [body[i : i + PART_BYTES] for i in range(0, len(body), PART_BYTES)]


def _memory_frames(memories: Iterable[Taken]) -> Iterator[_Frame | None]:
    taken = iter(memories)
    while True:
        block: list[tuple[Memory, Float32]] = []
        while some := list(islice(taken, min(MEMORIES_A_STEP, _MEMORIES_PER_FRAME - len(block)))):
            if not all(one.good for one in some):
                raise DataLoss("A row is damaged; it must be restored before a snapshot is taken.")
            block += [(one.memory, one.row) for one in some]
            yield None
        if not block:
            return
        yield from _columns(block)


def _window_frames(window: Iterable[WindowEntry]) -> Iterator[_Frame | None]:
    """Yield the frames of the request window.

    Each step encodes one entry only, because an entry may hold 1,000 results. A step that does not
    complete a frame yields None.
    """
    entries = iter(window)
    while True:
        parts: list[bytes] = []
        for entry in islice(entries, _ENTRIES_PER_FRAME):
            one = pb.WindowEntries(entries=[entry_to_proto(entry)])
            parts.append(one.SerializeToString(deterministic=True))
            yield None
        if not parts:
            return
        length = varint(sum(map(len, parts)))
        yield [_WINDOW_TAG, length, *parts]


def _columns(block: list[tuple[Memory, Float32]]) -> Iterator[_Frame | None]:
    memories = [memory for memory, _ in block]
    frame = pb.SnapshotFrame(
        memories=pb.MemoryColumns(
            rows=float_bytes(np.stack([row for _, row in block])),
            phases=float_bytes(np.array([memory.phase for memory in memories], np.float32)),
            confidences=float_bytes(
                np.array([memory.confidence for memory in memories], np.float32)
            ),
            checksums=[memory.checksum for memory in memories],
        )
    )
    for start in range(0, len(memories), MEMORIES_A_STEP):
        yield None
        some = memories[start : start + MEMORIES_A_STEP]
        frame.memories.memories.extend(map(memory_to_row, some))
    yield _parts(frame)


def _read_frames(file: BinaryIO) -> Iterator[pb.SnapshotFrame]:
    while prefix := file.read(_FRAME.size):
        if len(prefix) < _FRAME.size:
            raise SnapshotDamaged("A snapshot is truncated.")
        length, crc = _FRAME.unpack(prefix)
        if length > _MAX_FRAME_BYTES:
            raise SnapshotDamaged(
                f"A frame of a snapshot has length {length}; at most {_MAX_FRAME_BYTES} are valid."
            )
        body = file.read(length)
        if len(body) < length:
            raise SnapshotDamaged("A snapshot is truncated.")
        if zlib.crc32(body) != crc:
            raise SnapshotDamaged("The checksum of a frame of a snapshot does not match.")
        yield pb.SnapshotFrame.FromString(body)
