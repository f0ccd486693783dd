"""A scan of the bytes of a message gives the result of parsing and validation."""

from __future__ import annotations

import struct
from functools import cache
from itertools import chain

import pytest
from google.protobuf import descriptor_pool
from google.protobuf.message import DecodeError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlsdm_grpc._gen.mlsdm.v1 import (
    cognition_service_pb2,
    generation_service_pb2,
    memory_put_pb2,
    memory_query_pb2,
    memory_stream_pb2,
    space_service_pb2,
)
from mlsdm_grpc.errors import InvalidInput
from mlsdm_grpc.journal.codec.protowire import length_delimited, varint
from mlsdm_grpc.messages import bounds, limits
from mlsdm_grpc.messages.bounds import BOUNDS, ITEMS, SCAN_BYTES, Bound, bounds_of
from mlsdm_grpc.protection.fair_limiter import LoopTurns
from mlsdm_grpc.server.build import SERVICES
from mlsdm_grpc.wire.reading import Parts, Reader
from mlsdm_grpc.wire.scan import MAX_SURPLUS, MessageScan, MessageShape

TYPES = (
    memory_put_pb2.PutMemoryRequest,
    memory_put_pb2.BatchPutMemoriesRequest,
    memory_query_pb2.BatchQueryMemoriesRequest,
    memory_stream_pb2.IngestMemoriesRequest,
    cognition_service_pb2.StreamEventsRequest,
    cognition_service_pb2.ProcessEventRequest,
    generation_service_pb2.GenerateRequest,
    space_service_pb2.CreateSpaceRequest,
)
FEW = 2
"""Values that a repeated field has at most in these tests, and bytes of a string."""
MANY = 10**9
SMALL = {
    name: Bound(MANY if name.endswith("metadata") else FEW, f"beyond {name}") for name in BOUNDS
}
"""Entries of a map replace each other, which the look does not know."""
REPLACEABLE = {
    bound.description
    for name, bound in SMALL.items()
    if not descriptor_pool.Default().FindFieldByName(name).is_repeated
}
"""A string beyond its bound is refused even where a later one takes its place."""


def repeated(descriptor, seen):
    """Yield the names of all repeated fields of a message and of those in it."""
    if descriptor.full_name not in seen:
        seen.add(descriptor.full_name)
        for field in descriptor.fields:
            if field.is_repeated:
                yield field.full_name
            if field.message_type:
                yield from repeated(field.message_type, seen)


def test_every_repeated_field_of_a_request_has_a_bound():
    seen = set()
    methods = chain.from_iterable(service.methods for service in SERVICES)
    names = {name for method in methods for name in repeated(method.input_type, seen)}
    assert names <= set(BOUNDS)
    assert {f"mlsdm.v1.{name}" for name in ("Memory.labels", "Policy.rules")} <= names


def test_every_bound_is_of_a_field_and_follows_the_settings():
    known = {method.input_type.full_name for service in SERVICES for method in service.methods}
    assert set(ITEMS) <= known
    found = bounds_of(max_text_bytes=2_048, max_prompt_bytes=4_096)
    assert set(BOUNDS) == set(found)
    assert all(found[name].limit <= bound.limit for name, bound in BOUNDS.items())
    assert found["mlsdm.v1.EvaluateContentRequest.text"].limit == 2_048
    assert found["mlsdm.v1.GenerateRequest.prompt"].limit == 4_096


# Fields as bytes, by the descriptor or in spite of it.

numbers = st.integers(1, 20) | st.sampled_from([99, 2**29 - 1])
varints = st.integers(0, 2**64 - 1).map(varint) | st.integers(0, 200).map(varint)
padded = st.integers(0, 127).map(lambda value: bytes((value | 0x80, 0x80, 0)))
noise = st.binary(max_size=12)


def tag(number, wire_type):
    return varint(number << 3 | wire_type)


def unknown(body):
    """Return a strategy for fields of any kind."""
    return st.one_of(
        st.builds(lambda n, v: tag(n, 0) + v, numbers, varints | padded),
        st.builds(lambda n, v: tag(n, 1) + v, numbers, st.binary(min_size=8, max_size=8)),
        st.builds(lambda n, v: tag(n, 5) + v, numbers, st.binary(min_size=4, max_size=4)),
        st.builds(length_delimited, numbers, body),
        st.builds(lambda n, v: tag(n, 3) + v + tag(n, 4), numbers, body),
    )


def value(field, depth):
    if field.message_type is not None:
        body = messages(field.message_type, depth - 1)
        return body.map(lambda raw: length_delimited(field.number, raw))
    if field.type in {field.TYPE_STRING, field.TYPE_BYTES}:
        texts = st.text("aé", max_size=3).map(str.encode) | st.binary(max_size=2)
        return texts.map(lambda raw: length_delimited(field.number, raw))
    floats = st.floats(width=32).map(lambda number: struct.pack("<f", number))
    if field.type == field.TYPE_FLOAT:
        packed = st.lists(floats, max_size=4).map(b"".join)
        one = floats.map(lambda raw: tag(field.number, 5) + raw)
        return one | packed.map(lambda raw: length_delimited(field.number, raw))
    if field.type == field.TYPE_DOUBLE:
        return st.binary(min_size=8, max_size=8).map(lambda raw: tag(field.number, 1) + raw)
    return (varints | padded).map(lambda raw: tag(field.number, 0) + raw)


@cache
def messages(descriptor, depth=4):
    """Return a strategy for messages of a type, of which some break its rules."""
    if depth <= 0:
        return st.just(b"")
    known = [value(field, depth) for field in descriptor.fields]
    return st.lists(st.one_of(*known, *known, unknown(noise)), max_size=6).map(b"".join)


@st.composite
def requests(draw):
    kind = draw(st.sampled_from(TYPES))
    raw = draw(messages(kind.DESCRIPTOR))
    broken = draw(st.integers(0, 9))
    if broken == 0:
        raw = raw[: draw(st.integers(0, len(raw)))]
    elif broken == 1:
        raw = raw + draw(noise)
    return kind, raw


def beyond(message, path=""):
    """Yield the violations of a parsed message, as the bounds of these tests say."""
    for field, content in message.ListFields():
        bound = SMALL.get(field.full_name)
        name = f"{path}{field.name}"
        is_text = bound is not None and not field.is_repeated
        size = len(content.encode() if isinstance(content, str) else content) if is_text else 0
        count = len(content) if field.is_repeated else size
        if bound is not None and count > bound.limit:
            parts = name.split(".")
            yield ".".join(parts[: len(parts) - bound.up]), bound.violation(count)
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        for i, each in enumerate(content if field.is_repeated else [content]):
            yield from beyond(each, f"{name}[{i}]." if field.is_repeated else f"{name}.")


def parsed(kind, raw):
    try:
        return kind.FromString(raw)
    except DecodeError:
        return None


def scanned(kind, raw, *, items=(), among=SMALL):
    """Return the scan, the remaining bytes, and the error."""
    scan = MessageScan(raw, cuts=bool(items))
    steps = scan.steps(MessageShape(kind.DESCRIPTOR, among, items))
    try:
        while True:
            next(steps)
    except StopIteration as end:
        return scan, end.value, None
    except (DecodeError, InvalidInput) as error:
        return scan, b"", error


@settings(max_examples=500)
@given(requests())
@example((TYPES[0], tag(99, 3) * 101 + tag(99, 4) * 101))
@example((TYPES[0], tag(99, 3) * 100 + tag(99, 4) * 100))
@example((TYPES[0], b"\x0a\x80\x80\x80\x80\x80\x01"))
@example((TYPES[0], b"\x80\x80\x80\x80\x80\x01"))
@example((TYPES[0], tag(99, 0) + b"\xff" * 10 + b"\x01"))
@example((TYPES[0], tag(99, 4)))
@example((TYPES[0], b"\x00\x01"))
@example((TYPES[0], tag(2**29 - 1, 6)))
@example((memory_query_pb2.BatchQueryMemoriesRequest, b"\x12\x05\x88\x01\x80\x80\x01"))
@example((memory_query_pb2.BatchQueryMemoriesRequest, b"\x12\t\x82\x01\x03aaa\x82\x01\x00"))
def test_the_look_says_what_parsing_and_validating_say(request_):
    kind, raw = request_
    message = parsed(kind, raw)
    _, _, error = scanned(kind, raw)
    if isinstance(error, DecodeError):
        assert message is None
    elif isinstance(error, InvalidInput):
        (violation,) = error.violations
        known = message is None or violation.field in {path for path, _ in beyond(message)}
        assert known or violation.description in REPLACEABLE
    elif message is not None:
        assert not list(beyond(message))
    if message is not None:  # as a client would write it, where nothing is replaced
        _, _, error = scanned(kind, message.SerializeToString())
        assert (error is not None) == bool(list(beyond(message)))


@settings(max_examples=300)
@given(requests().filter(lambda request: request[0].DESCRIPTOR.full_name in ITEMS))
def test_a_message_and_its_items_are_the_message(request_):
    kind, raw = request_
    path = ITEMS[kind.DESCRIPTOR.full_name]
    without_bounds = dict.fromkeys(SMALL, Bound(MANY))
    scan, outer, error = scanned(kind, raw, items=path, among=without_bounds)
    message = parsed(kind, raw)
    if error is not None:
        assert message is None
        return
    assert scan.item_count == len(scan.items)
    owner = shell = parsed(kind, outer)
    if message is None or shell is None:
        assert message is None
        return
    for name in path[:-1]:
        owner = getattr(owner, name)
    kept = path[:-1] == () or shell.WhichOneof("kind") == path[0]
    if kept and scan.items:
        items = getattr(owner, path[-1])
        assert not len(items)
        for begin, end in scan.items:
            items.add().MergeFromString(raw[begin:end])
    deterministic = message.SerializeToString(deterministic=True)
    assert shell.SerializeToString(deterministic=True) == deterministic


async def reading(kind, raw):
    """Read a request like a handler, and return it or its error."""
    try:
        return await Reader("/m", kind, BOUNDS, LoopTurns()).read(raw)
    except InvalidInput as error:
        return error


LARGE = 4 * SCAN_BYTES


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("kind", "raw", "violation"),
    [
        (TYPES[1], b"\x12\0" * LARGE, ("memories", bounds.MEMORIES.description)),
        (TYPES[2], b"\x12\0" * LARGE, ("queries", bounds.QUERIES.description)),
        (
            TYPES[3],
            length_delimited(2, b"\x12\0" * LARGE),
            ("batch.memories", bounds.STREAM_BATCH.description),
        ),
        (
            TYPES[0],
            length_delimited(2, b"\x42\0" * LARGE),
            ("memory.labels", bounds.LABELS.description),
        ),
        (
            TYPES[0],
            length_delimited(2, b"\x4a\0" * LARGE),
            ("memory.metadata", "has too many entries; at most 4096 bytes are allowed"),
        ),
        (
            TYPES[0],
            length_delimited(2, length_delimited(3, length_delimited(2, b"\0" * LARGE))),
            ("memory.embedding", "must have 1 to 4096 components"),
        ),
        (
            TYPES[0],
            length_delimited(2, length_delimited(3, length_delimited(1, b"\x0d\0\0\0\0" * LARGE))),
            ("memory.embedding", "must have 1 to 4096 components"),
        ),
        (
            TYPES[0],
            length_delimited(2, length_delimited(2, b"x" * LARGE)),
            ("memory.text", f"has {LARGE} bytes; at most {limits.MAX_TEXT_BYTES} are allowed"),
        ),
        (
            TYPES[0],
            length_delimited(2, length_delimited(9, length_delimited(1, b"x" * LARGE))),
            ("memory.metadata[0]", f"has {LARGE} bytes; at most 4096 are allowed"),
        ),
        (
            TYPES[7],
            length_delimited(2, length_delimited(11, b"") * LARGE),
            ("config.ontology", bounds.CATEGORIES.description),
        ),
    ],
)
async def test_what_is_beyond_its_bound_is_named(kind, raw, violation):
    error = await reading(kind, raw)
    assert error.reason == "FIELD_INVALID"
    assert [(each.field, each.description) for each in error.violations] == [violation]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "raw",
    [
        (tag(99, 0) + b"\1") * (MAX_SURPLUS + 1),
        length_delimited(99, b"") * (MAX_SURPLUS + 1),
        (tag(99, 3) + tag(99, 4)) * (MAX_SURPLUS + 1),
        length_delimited(2, b"") * (MAX_SURPLUS + 2),
        (tag(4, 0) + b"\1") * (MAX_SURPLUS + 2),
    ],
    ids=["varints", "bytes", "groups", "one message again", "one number again"],
)
async def test_fields_of_no_use_are_bounded(raw):
    error = await reading(TYPES[0], raw)
    assert (error.reason, error.metadata["limit"]) == ("MESSAGE_MALFORMED", str(MAX_SURPLUS))


@pytest.mark.anyio
@pytest.mark.parametrize(
    "raw", [b"\xff" * LARGE, length_delimited(1, b"\xff" * LARGE), b"\x12\0" * LARGE + b"\x12"]
)
async def test_what_is_no_message_is_malformed_whatever_its_size(raw):
    kind = memory_query_pb2.QueryMemoriesRequest
    assert (await reading(kind, raw)).reason in {"MESSAGE_MALFORMED", "FIELD_INVALID"}
    assert parsed(kind, raw) is None


@pytest.mark.anyio
async def test_a_small_request_is_parsed_unseen_and_a_large_one_in_parts():
    small = memory_put_pb2.BatchPutMemoriesRequest(memories=[{"text": "a"}] * 3, space="s")
    large = memory_put_pb2.BatchPutMemoriesRequest(memories=[{"text": "a" * 99}] * 999, space="s")
    for request, count in ((small, 3), (large, 999)):
        found = await reading(type(request), request.SerializeToString())
        assert isinstance(found, Parts)
        assert (len(found), found.message.space) == (count, "s")
        assert len(found.message.memories) == (3 if count == 3 else 0)
