"""Conversion of streams between messages of the contract and domain values.

IngestMemories and StreamEvents have the same protocol with different messages.
:class:`StreamMessages` contains the common part. An invalid item gets an error and does not affect
other items. A message that violates the protocol ends the stream.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Generic, TypeVar

from google.protobuf.duration_pb2 import Duration

from mlsdm_grpc._gen.mlsdm.v1 import (
    cognition_service_pb2,
    error_reason_pb2,
    event_pb2,
    memory_pb2,
    memory_stream_pb2,
    stream_pb2,
)
from mlsdm_grpc.core.model.outcome import EventOutcome, PutOutcome, PutResult
from mlsdm_grpc.engine.stream_buffer import ItemBatch
from mlsdm_grpc.engine.stream_events import (
    Flow,
    OpenedStream,
    Opening,
    Result,
    Settled,
    StreamEvent,
    StreamPosition,
)
from mlsdm_grpc.errors import FieldViolation, InvalidInput, MlsdmError
from mlsdm_grpc.journal.codec.new_memories import packed_memory
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.messages import bounds, limits
from mlsdm_grpc.messages.fields import Fields
from mlsdm_grpc.moderation.candidates import Candidate
from mlsdm_grpc.security.principal import ATTEST
from mlsdm_grpc.wire import requests, responses
from mlsdm_grpc.wire.call import Call
from mlsdm_grpc.wire.opaque_tokens import OpaqueToken
from mlsdm_grpc.wire.reading import Parts
from mlsdm_grpc.wire.status import item_status

__all__ = [
    "EventMessages",
    "MemoryMessages",
    "StreamMessages",
    "decode_resume_token",
    "encode_resume_token",
]

_TOKEN = OpaqueToken(2)
# Highest sequence of an item, so that additions to it fit into int64.
_MAX_SEQUENCE = 2**62
# Time after which a client should open a drained stream on another node, seconds.
_DRAIN_DELAY_S = 0.5

RequestT = TypeVar(
    "RequestT",
    memory_stream_pb2.IngestMemoriesRequest,
    cognition_service_pb2.StreamEventsRequest,
)
ItemT = TypeVar("ItemT", memory_pb2.Memory, event_pb2.Event)
ResponseT = TypeVar(
    "ResponseT",
    memory_stream_pb2.IngestMemoriesResponse,
    cognition_service_pb2.StreamEventsResponse,
)


class StreamMessages(ABC, Generic[RequestT, ItemT, ResponseT]):
    """Conversion of the messages of one streaming RPC. Subclasses know the names of its fields."""

    path: str
    """Path of an item in violations."""
    _response: type[ResponseT]

    def opening(self, message: RequestT | None, call: Call, ending: asyncio.Future[str]) -> Opening:
        """Return the parameters of a stream from its first message.

        Args:
            message: First message; None if the client sent none.
            call: Call of the stream.
            ending: Future that completes when the stream must end gracefully.

        Raises:
            InvalidInput: STREAM_PROTOCOL_INVALID, STREAM_RESUME_INVALID or FIELD_INVALID.
        """
        if message is None or message.WhichOneof("kind") != "open":
            raise _misplaced(call, "The first message of a stream must be of kind open.")
        given, allow_replace = self._open(message)
        fields = Fields()
        key = requests.space_key(fields, call, given.space)
        stream_id = fields.stream_id(given.stream_id)
        fields.check()
        # The fields are checked before the stream acquires its lease, so an invalid stream cannot
        # block another call.
        return Opening(
            key=key,
            stream_id=stream_id,
            principal=call.principal.name,
            deadline_s=call.deadline_s,
            ending=ending,
            admit=partial(call.recheck, call),
            path=self.path,
            resume=decode_resume_token(given.resume_token, key, stream_id),
            allow_replace=allow_replace,
        )

    async def batches(
        self, requests: AsyncIterator[Parts[RequestT, ItemT]], call: Call, opening: Opening
    ) -> AsyncGenerator[ItemBatch]:
        """Yield the batches of the stream in the order of arrival.

        Args:
            requests: Messages after the first one.
            call: Call of the stream.
            opening: Parameters from the first message.

        Raises:
            InvalidInput: STREAM_PROTOCOL_INVALID or FIELD_INVALID.
        """
        async for parts in requests:
            message = parts.message
            if message.WhichOneof("kind") != "batch":
                raise _misplaced(call, "Every message after the first one must be of kind batch.")
            first_sequence, name = self._batch(message)
            fields = Fields()
            # The upper bound prevents an overflow of int64 when sequences are added.
            fields.count("batch.first_sequence", first_sequence, low=1, high=_MAX_SEQUENCE)
            if not 1 <= len(parts) <= bounds.STREAM_BATCH.limit:
                fields.fault(f"batch.{name}", bounds.STREAM_BATCH.description)
            fields.check()
            drafts = await self._candidates(
                parts, opening, attested=ATTEST in call.principal.permissions
            )
            yield ItemBatch(first_sequence, drafts)

    def response(self, event: StreamEvent, opening: Opening) -> ResponseT:
        """Return the message of an event of the stream."""
        if isinstance(event, Flow):
            return self._response(
                flow=_flow(event.max_in_flight, responses.duration(event.pause_s))
            )
        token = encode_resume_token(opening.key, opening.stream_id, event.position)
        acked = event.position.acked_sequence
        if isinstance(event, OpenedStream):
            opened = stream_pb2.StreamOpened(
                acked_sequence=acked,
                resume_token=token,
                flow=_flow(event.max_in_flight, None),
                revision=event.revision,
            )
            return self._response(opened=opened)
        if isinstance(event, Settled):
            return self._acknowledged(event, token)
        goodbye = stream_pb2.StreamGoodbye(
            acked_sequence=acked,
            resume_token=token,
            reason=error_reason_pb2.ErrorReason.Value(
                f"ERROR_REASON_{event.reason or 'UNSPECIFIED'}"
            ),
            reconnect_delay=responses.duration(_DRAIN_DELAY_S if event.reason else 0.0),
        )
        return self._response(goodbye=goodbye)

    async def _candidates(
        self, parts: Parts[RequestT, ItemT], opening: Opening, *, attested: bool
    ) -> list[Candidate | MlsdmError]:
        def candidate(_index: int, item: ItemT) -> Candidate | MlsdmError:
            made = self._candidate(item, opening, attested=attested)
            return replace(made, given=packed_memory(made.given))

        def faulty(error: InvalidInput) -> Candidate | MlsdmError:
            return error

        return await parts.each(candidate, lambda _index: f"{self.path}.", faulty=faulty)

    @abstractmethod
    def _open(self, message: RequestT) -> tuple[stream_pb2.StreamOpen, bool]:
        """Return the common open message of the stream, and whether memories may be replaced."""

    @abstractmethod
    def _batch(self, message: RequestT) -> tuple[int, str]:
        """Return the first sequence number of a batch, and the name of the field with its items."""

    @abstractmethod
    def _candidate(self, item: ItemT, opening: Opening, *, attested: bool) -> Candidate:
        """Return an item as a domain value; raises ``InvalidInput`` for an invalid one."""

    @abstractmethod
    def _acknowledged(self, event: Settled, token: str) -> ResponseT:
        """Return the message that acknowledges items."""


class MemoryMessages(
    StreamMessages[
        memory_stream_pb2.IngestMemoriesRequest,
        memory_pb2.Memory,
        memory_stream_pb2.IngestMemoriesResponse,
    ]
):
    """Conversion of the messages of IngestMemories.

    Args:
        now_ns: Returns the current time, Unix nanoseconds.
    """

    path = "memory"
    _response = memory_stream_pb2.IngestMemoriesResponse

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns

    def _open(
        self, message: memory_stream_pb2.IngestMemoriesRequest
    ) -> tuple[stream_pb2.StreamOpen, bool]:
        return message.open.stream, message.open.allow_replace

    def _batch(self, message: memory_stream_pb2.IngestMemoriesRequest) -> tuple[int, str]:
        return message.batch.first_sequence, "memories"

    def _candidate(self, item: memory_pb2.Memory, opening: Opening, *, attested: bool) -> Candidate:
        del attested
        fields, allow_replace = Fields(), opening.allow_replace
        memory = requests.new_memory(
            fields, self.path, item, now_ns=self._now_ns(), allow_replace=allow_replace
        )
        fields.check()
        return Candidate(memory)

    def _acknowledged(self, event: Settled, token: str) -> memory_stream_pb2.IngestMemoriesResponse:
        ack = memory_stream_pb2.IngestAck(
            acked_sequence=event.position.acked_sequence,
            outcomes=map(_ingest_outcome, event.results),
            resume_token=token,
            revision=event.revision,
        )
        return memory_stream_pb2.IngestMemoriesResponse(ack=ack)


class EventMessages(
    StreamMessages[
        cognition_service_pb2.StreamEventsRequest,
        event_pb2.Event,
        cognition_service_pb2.StreamEventsResponse,
    ]
):
    """Conversion of the messages of StreamEvents."""

    path = "event"
    _response = cognition_service_pb2.StreamEventsResponse

    def _open(
        self, message: cognition_service_pb2.StreamEventsRequest
    ) -> tuple[stream_pb2.StreamOpen, bool]:
        return message.open, False

    def _batch(self, message: cognition_service_pb2.StreamEventsRequest) -> tuple[int, str]:
        return message.batch.first_sequence, "events"

    def _candidate(self, item: event_pb2.Event, opening: Opening, *, attested: bool) -> Candidate:
        del opening
        return requests.event(Fields(), item, f"{self.path}.", attested=attested)

    def _acknowledged(
        self, event: Settled, token: str
    ) -> cognition_service_pb2.StreamEventsResponse:
        ack = cognition_service_pb2.EventAck(
            acked_sequence=event.position.acked_sequence,
            results=[_event_result(each, event.synaptic_norms) for each in event.results],
            resume_token=token,
            revision=event.revision,
        )
        return cognition_service_pb2.StreamEventsResponse(ack=ack)


def _ingest_outcome(result: Result) -> memory_stream_pb2.IngestOutcome:
    answer = memory_stream_pb2.IngestOutcome(sequence=result.sequence)
    if isinstance(result.outcome, PutOutcome):
        (item,) = result.outcome.items
        answer.memory_id = "" if item.result is PutResult.REFUSED else item.memory_id
        answer.result = memory_pb2.PutResult.ValueType(item.result)
        answer.verdicts.extend(responses.put_verdicts(result.outcome, item, result.verdicts))
        answer.evicted_memory_ids.extend(result.outcome.evicted)
    elif isinstance(result.outcome, MlsdmError):
        answer.status.CopyFrom(item_status(result.outcome))
    return answer


def _event_result(result: Result, norms: Sequence[float]) -> cognition_service_pb2.EventResult:
    answer = cognition_service_pb2.EventResult(sequence=result.sequence)
    if isinstance(result.outcome, EventOutcome):
        outcome = responses.event_outcome(
            result.outcome, norms, result.moral_value, refused=result.refused
        )
        answer.outcome.CopyFrom(outcome)
        answer.verdicts.extend(map(responses.verdict, result.verdicts))
    elif isinstance(result.outcome, MlsdmError):
        answer.status.CopyFrom(item_status(result.outcome))
    return answer


def _flow(max_in_flight: int, pause: Duration | None) -> stream_pb2.StreamFlow:
    return stream_pb2.StreamFlow(
        max_in_flight_count=max_in_flight,
        max_batch_count=min(max_in_flight, limits.MAX_STREAM_BATCH),
        pause=pause,
    )


def _misplaced(call: Call, message: str) -> InvalidInput:
    return InvalidInput(
        message, reason="STREAM_PROTOCOL_INVALID", metadata={"method": call.method.path}
    )


def encode_resume_token(key: SpaceKey, stream_id: str, position: StreamPosition) -> str:
    """Return the resume token of a stream at a position. Every node can decode it."""
    return _TOKEN.encode((position.incarnation, position.acked_sequence), *key, stream_id)


def decode_resume_token(token: str, key: SpaceKey, stream_id: str) -> StreamPosition:
    """Return the position in a resume token; the start of the stream for an empty token.

    Raises:
        InvalidInput: STREAM_RESUME_INVALID; the token belongs to another stream or service.
    """
    if not token:
        return StreamPosition(0, 0)
    found = _TOKEN.decode(token, *key, stream_id)
    if found is None or found[0] < 0 or not 0 <= found[1] <= _MAX_SEQUENCE:
        raise InvalidInput(
            "The resume token does not belong to this stream. Open the stream without a token.",
            reason="STREAM_RESUME_INVALID",
            violations=[FieldViolation("open.stream.resume_token", "belongs to another stream")],
            metadata={"stream_id": stream_id},
        )
    return StreamPosition(*found)
