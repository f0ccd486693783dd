"""Messages of streams: tokens, results of items, valid batches."""

import asyncio
import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc import errors
from mlsdm_grpc._gen.mlsdm.v1 import memory_stream_pb2 as pb
from mlsdm_grpc._gen.mlsdm.v1.error_reason_pb2 import ERROR_REASON_ETAG_MISMATCH
from mlsdm_grpc._gen.mlsdm.v1.stream_pb2 import StreamOpen
from mlsdm_grpc.core.model.outcome import PutItem, PutOutcome, PutResult
from mlsdm_grpc.engine.stream_events import (
    Flow,
    Goodbye,
    OpenedStream,
    Result,
    Settled,
    StreamPosition,
)
from mlsdm_grpc.errors import InvalidInput
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.security.principal import Principal
from mlsdm_grpc.wire.call import Call, Method, RpcShape
from mlsdm_grpc.wire.status import item_status
from mlsdm_grpc.wire.streams import MemoryMessages, decode_resume_token, encode_resume_token

KEY = SpaceKey("dev", "default")
MESSAGES = MemoryMessages(lambda: 0)


@pytest.fixture
def opening():
    method = Method("mlsdm.v1.MemoryService", "IngestMemories", RpcShape(True, True))
    call = Call(method, {}, "peer", None, 0.0, principal=Principal("tester", "dev"))
    loop = asyncio.new_event_loop()
    stream = StreamOpen(stream_id="s")
    message = pb.IngestMemoriesRequest(open=pb.IngestOpen(stream=stream, allow_replace=True))
    yield MESSAGES.opening(message, call, loop.create_future())
    loop.close()


@given(st.integers(0, 2**62), st.integers(0, 2**62), st.text(max_size=8))
def test_a_token_tells_the_position_to_its_own_stream_only(incarnation, acked, stream_id):
    position = StreamPosition(incarnation, acked)
    token = encode_resume_token(KEY, stream_id, position)
    assert decode_resume_token(token, KEY, stream_id) == position
    for key, name in (
        (KEY, f"{stream_id}x"),
        (KEY._replace(space="other"), stream_id),
        (KEY._replace(tenant="other"), stream_id),
    ):
        with pytest.raises(InvalidInput) as caught:
            decode_resume_token(token, key, name)
        assert caught.value.reason == "STREAM_RESUME_INVALID"


@pytest.mark.parametrize(("incarnation", "acked"), [(-1, 0), (1, -1), (1, 2**62 + 1)])
def test_a_token_with_impossible_numbers_is_refused(incarnation, acked):
    token = encode_resume_token(KEY, "s", StreamPosition(incarnation, acked))
    with pytest.raises(InvalidInput):
        decode_resume_token(token, KEY, "s")


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda b: base64.b64encode(b).decode()))
def test_a_token_of_anybody_else_is_refused(token):
    if not token:
        assert decode_resume_token(token, KEY, "s") == StreamPosition(0, 0)
        return
    with pytest.raises(InvalidInput):
        decode_resume_token(token, KEY, "s")


def test_an_opening_says_who_and_what(opening):
    assert (opening.key, opening.stream_id, opening.principal) == (KEY, "s", "tester")
    assert opening.allow_replace
    assert opening.resume == StreamPosition(0, 0)


def test_events_of_a_stream_as_messages(opening):
    token = encode_resume_token(KEY, "s", StreamPosition(1, 7))
    opened = MESSAGES.response(OpenedStream(StreamPosition(1, 7), 9, 100), opening).opened
    assert (opened.acked_sequence, opened.revision, opened.resume_token) == (7, 9, token)
    assert (opened.flow.max_in_flight_count, opened.flow.max_batch_count) == (100, 100)
    flow = MESSAGES.response(Flow(1_024, 0.25), opening).flow
    assert (flow.max_batch_count, flow.pause.ToMilliseconds()) == (256, 250)
    goodbye = MESSAGES.response(Goodbye(StreamPosition(1, 7), "DRAINING"), opening).goodbye
    assert (goodbye.acked_sequence, goodbye.resume_token) == (7, token)
    refused = PutOutcome((PutItem("m2", PutResult.REFUSED, confidence=0.1),), min_confidence=0.5)
    stored = PutOutcome((PutItem("m1", PutResult.CREATED),), evicted=("old",))
    results = (
        Result(5, stored),
        Result(6, refused),
        Result(7, errors.Conflict("It changed.", metadata={"resource": "m3"})),
    )
    ack = MESSAGES.response(Settled(StreamPosition(1, 7), results, 9), opening).ack
    assert (ack.acked_sequence, ack.revision, ack.resume_token) == (7, 9, token)
    first, second, third = ack.outcomes
    assert (first.memory_id, list(first.evicted_memory_ids)) == ("m1", ["old"])
    assert (second.memory_id, second.result) == ("", PutResult.REFUSED)
    assert second.verdicts[0].rule_id == "store.min_confidence"
    assert third.status.reason == ERROR_REASON_ETAG_MISMATCH
    assert dict(third.status.metadata) == {"resource": "m3"}


def test_the_status_of_an_item_names_the_field():
    violations = [errors.FieldViolation("memory.text", "is too long")]
    status = item_status(InvalidInput(violations=violations))
    assert (status.code, status.message) == (3, "memory.text: is too long")
    assert status.metadata["field"] == "memory.text"
