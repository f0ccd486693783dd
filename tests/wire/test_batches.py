"""Batches in parts are the same batches: digest, record and memory, and take little room."""

from __future__ import annotations

import gc
import tracemalloc
import zlib
from dataclasses import replace
from types import SimpleNamespace

import histories
import pytest
from counts import count
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc._gen.mlsdm.v1 import memory_pb2, memory_put_pb2
from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.model.bodies import (
    CreateSpace,
    ProcessEvent,
    PutMemories,
    StreamItem,
    StreamItems,
)
from mlsdm_grpc.core.model.new_memory import NewMemory, Provenance
from mlsdm_grpc.core.model.parameters import SpaceParameters
from mlsdm_grpc.core.model.record import Record
from mlsdm_grpc.journal.codec.new_memories import (
    memory_to_proto,
    packed_memory,
    size_bound,
    unpacked_memory,
)
from mlsdm_grpc.journal.codec.records import (
    decode_record,
    encode_record,
    encoded_body,
    encoded_items,
)
from mlsdm_grpc.journal.codec.snapshots import snapshot_bytes
from mlsdm_grpc.messages.bounds import BOUNDS
from mlsdm_grpc.messages.fields import Fields
from mlsdm_grpc.protection.fair_limiter import LoopTurns
from mlsdm_grpc.wire import requests
from mlsdm_grpc.wire.reading import Reader
from tests.support.histories import vector

MIB = 1_024 * 1_024
CALL = SimpleNamespace(method=SimpleNamespace(path="/mlsdm.v1.MemoryService/BatchPutMemories"))

strings = st.text(max_size=4)
names = st.text("abc", min_size=1, max_size=3)
memories = st.builds(
    NewMemory,
    memory_id=names,
    vector=st.integers(0, 5).map(vector),
    text=strings,
    phase=st.none() | st.just(0.5),
    labels=st.lists(names, max_size=12).map(tuple),
    metadata=st.dictionaries(strings, strings, max_size=12).map(lambda d: tuple(sorted(d.items()))),
    provenance=st.builds(Provenance, parent_ids=st.lists(names, max_size=12).map(tuple)),
    etag=strings,
)
bodies = st.one_of(
    st.builds(PutMemories, st.lists(memories, min_size=1, max_size=4).map(tuple), st.booleans()),
    st.builds(
        StreamItems,
        stream_id=names,
        after_sequence=st.integers(0, 300),
        last_sequence=st.integers(0, 300),
        items=st.lists(
            st.builds(
                StreamItem,
                sequence=st.integers(1, 300),
                body=memories | st.builds(ProcessEvent, memories, st.just(0.5)),
            ),
            max_size=4,
        ).map(tuple),
        allow_replace=st.booleans(),
        finished=st.booleans(),
    ),
)


def plain(memory):
    """Return the comparable fields of a memory."""
    return replace(memory, vector=memory.vector.raw.tobytes())


@given(memories)
def test_a_packed_memory_is_the_memory(memory):
    packed = packed_memory(memory)
    assert plain(unpacked_memory(packed)) == plain(memory)
    many = len(memory.labels) + len(memory.metadata) + len(memory.provenance.parent_ids) > 8
    assert bool(packed.rest) == many


@given(memories)
def test_the_size_of_an_encoded_memory_is_bounded_before(memory):
    for each in (memory, packed_memory(memory)):
        assert len(memory_to_proto(each).SerializeToString()) + 12 <= size_bound(each)


@given(bodies)
def test_a_record_that_is_encoded_in_parts_is_the_record(body):
    record = Record(
        revision=3, incarnation=1, record_id=b"r" * 16, time_ns=5, body=body, principal="p"
    )
    parts = encoded_body(body, list(encoded_items(body)))
    assert encode_record(record, parts) == encode_record(record)
    if isinstance(body, PutMemories):
        packed = replace(body, memories=tuple(map(packed_memory, body.memories)))
        again = encode_record(replace(record, body=packed))
        assert again == encode_record(record)
        decoded = decode_record(again).body
        assert list(map(plain, decoded.memories)) == list(map(plain, body.memories))


def large_record(body, revision=2):
    raw = encode_record(
        Record(
            revision=revision, incarnation=1, record_id=b"r" * 16, time_ns=5, body=body,
            semantics_version=2,
        )
    )  # fmt: skip
    assert len(raw) > 300_000
    return raw


def large_memories():
    return tuple(
        NewMemory(
            memory_id=f"m{i}",
            vector=vector(i),
            text=f"{i % 7} " + "x" * 4_000,
            labels=("a", f"l{i}"),
            metadata=(("k", "v" * i),),
            confidence=0.9,
        )
        for i in range(100)
    )


def test_items_of_a_large_record_are_decoded_when_they_are_asked_for():
    memories = large_memories()
    decoded = decode_record(large_record(PutMemories(memories, allow_replace=True))).body
    assert decoded.allow_replace
    assert not isinstance(decoded.memories, tuple)
    assert len(decoded.memories) == 100
    assert list(map(plain, decoded.memories)) == list(map(plain, memories))
    assert list(map(plain, decoded.memories[3:5])) == list(map(plain, memories[3:5]))
    items = tuple(
        StreamItem(i, memory if i % 2 else ProcessEvent(memory, 0.5))
        for i, memory in enumerate(memories, 1)
    )
    body = StreamItems("s", 0, 100, items, allow_replace=True, finished=True)
    stream = decode_record(large_record(body)).body
    assert replace(stream, items=()) == replace(body, items=())
    assert [item.sequence for item in stream.items] == list(range(1, 101))
    assert plain(stream.items[0].body) == plain(memories[0])
    assert plain(stream.items[1].body.memory) == plain(memories[1])


@pytest.mark.parametrize("kept_out", [None, 0, 50, 99])
def test_a_large_record_does_what_its_memories_would(kept_out):
    memories = list(large_memories())
    if kept_out is not None:
        memories[kept_out] = replace(memories[kept_out], confidence=0.1)
    raw = large_record(PutMemories(tuple(memories)))
    lazily, at_once = Mind(), Mind()
    outcomes = []
    for mind in (lazily, at_once):
        mind.apply(histories.record(1, CreateSpace(SpaceParameters(dimension=8, capacity=60)),
                                    semantics_version=2))  # fmt: skip
        record = decode_record(raw)
        if mind is at_once:
            body = replace(record.body, memories=tuple(record.body.memories))
            record = replace(record, body=body)
        preview = mind.preview(record)
        outcomes.append((preview, mind.apply(record)))
    assert outcomes[0] == outcomes[1]
    assert snapshot_bytes(lazily) == snapshot_bytes(at_once)
    assert len(lazily.contents.pelm) == (60 if kept_out is None else 0)


@pytest.mark.parametrize("cut", [0, 1, -1])
def test_a_large_record_whose_body_is_no_message_is_refused(cut):
    raw = bytearray(large_record(PutMemories(large_memories())))
    # A length before the id, or a byte next to it.
    place = raw.index(b"m50") + cut - 1
    raw[place] = 0xFF
    raw[1:5] = zlib.crc32(raw[5:]).to_bytes(4, "little")
    with pytest.raises((DecodeError, ValueError)):
        list(decode_record(bytes(raw)).body.memories)


@given(
    st.lists(
        st.builds(
            memory_pb2.Memory,
            text=strings,
            labels=st.lists(names, max_size=3),
            metadata=st.dictionaries(strings, strings, max_size=3),
        ),
        max_size=4,
    ),
    st.sampled_from(["", "default", "s"]),
    st.booleans(),
    st.sampled_from([b"", b"\x98\x06\x01"]),
)
def test_the_digest_of_a_batch_is_that_of_the_request(items, space, allow_replace, unknown):
    request = memory_put_pb2.BatchPutMemoriesRequest(
        memories=items, space=space, allow_replace=allow_replace, request_id="x"
    )
    request.MergeFromString(unknown)
    digest = requests.BatchDigest(CALL, request)
    for item in items:
        digest.add(item)
    assert digest.digest() == requests.request_digest(CALL, request)


def batch(**fields):
    return [fields] * 1_000


LABELS = [f"{i:02}" for i in range(32)]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "items",
    [
        batch(text="a", labels=LABELS),
        batch(text="a", metadata={f"{i:02}": "" for i in range(100)}),
        [{"text": "a", "metadata": {f"{i:03x}": "" for i in range(1_300)}}] * count(150, 400),
        batch(text="a", provenance={"parent_ids": LABELS}),
        batch(text="a" * 4_000),
        batch(embedding={"f32_le": b"\0\0\x80\x3f" * 384}),
        batch(text="a"),
    ],
    ids=["labels", "entries", "many entries", "parents", "texts", "vectors", "short"],
)
async def test_a_legal_batch_takes_at_most_three_times_its_bytes(items):
    kind = memory_put_pb2.BatchPutMemoriesRequest
    raw = kind(memories=items).SerializeToString()
    reader = Reader("/m", kind, BOUNDS, LoopTurns())
    fields = Fields()
    gc.collect()
    tracemalloc.start()
    try:
        parts = await reader.read(raw)
        digest = requests.BatchDigest(CALL, parts.message)
        found = await requests.new_memories(fields, parts, now_ns=0, digest=digest)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    fields.check()
    assert len(found) == len(items)
    assert len(raw) + peak <= 3 * len(raw) + MIB
