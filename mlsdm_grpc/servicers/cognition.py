"""CognitionService: events, and the state of a space."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial

from mlsdm_grpc._gen.mlsdm.v1 import cognition_service_pb2, event_pb2
from mlsdm_grpc.engine.engine import Engine
from mlsdm_grpc.messages.fields import Fields
from mlsdm_grpc.messages.states import cognitive_state
from mlsdm_grpc.security.principal import ATTEST
from mlsdm_grpc.servicers.streams import serve_stream
from mlsdm_grpc.spaces.watches import Pace
from mlsdm_grpc.wire import requests, responses
from mlsdm_grpc.wire.call import Call
from mlsdm_grpc.wire.reading import Parts
from mlsdm_grpc.wire.streams import EventMessages

__all__ = ["CognitionServicer"]


class CognitionServicer:
    """Servicer of ``mlsdm.v1.CognitionService``.

    Args:
        engine: Engine of the server.
        max_stream_age_s: Maximum age of a stream, seconds.
    """

    def __init__(self, engine: Engine, *, max_stream_age_s: float) -> None:
        self._engine = engine
        self._serve_stream = partial(
            serve_stream, engine.streams, EventMessages(), max_age_s=max_stream_age_s
        )
        self._max_stream_age_s = max_stream_age_s

    async def ProcessEvent(  # noqa: N802 - the contract's name
        self, request: cognition_service_pb2.ProcessEventRequest, call: Call
    ) -> cognition_service_pb2.ProcessEventResponse:
        fields = Fields()
        key = requests.space_key(fields, call, request.space)
        ticket = requests.ticket(fields, call, request, request.request_id)
        draft = requests.event(fields, request, attested=ATTEST in call.principal.permissions)
        event = await self._engine.intake.process_event(key, draft, ticket)
        return cognition_service_pb2.ProcessEventResponse(
            outcome=responses.event_outcome(
                event.outcome, event.synaptic_norms, event.moral_value, refused=event.refused
            ),
            verdicts=map(responses.verdict, event.verdicts),
        )

    async def StreamEvents(  # noqa: N802 - the contract's name
        self,
        received: AsyncIterator[Parts[cognition_service_pb2.StreamEventsRequest, event_pb2.Event]],
        call: Call,
    ) -> AsyncIterator[cognition_service_pb2.StreamEventsResponse]:
        async with aclosing(self._serve_stream(received, call)) as answers:
            async for answer in answers:
                yield answer

    async def GetState(  # noqa: N802 - the contract's name
        self, request: cognition_service_pb2.GetStateRequest, call: Call
    ) -> bytes:
        fields = Fields()
        key = requests.space_key(fields, call, request.space)
        min_revision = fields.min_revision(request.min_revision)
        fields.check()
        return await self._engine.reads.state_message(
            key,
            include_traces=request.include_traces,
            min_revision=min_revision,
            deadline_s=call.deadline_s,
        )

    async def WatchState(  # noqa: N802 - the contract's name
        self, request: cognition_service_pb2.WatchStateRequest, call: Call
    ) -> AsyncIterator[cognition_service_pb2.WatchStateResponse]:
        call.endless = True
        fields = Fields()
        key = requests.space_key(fields, call, request.space)
        min_revision = fields.min_revision(request.min_revision)
        pace = Pace(
            min_interval_s=requests.watch_interval_s(fields, request),
            heartbeat_s=requests.heartbeat_s(fields, request),
            until_s=call.started_s + self._max_stream_age_s,
        )
        fields.check()
        views = self._engine.watches.watch(
            key, pace, min_revision=min_revision, deadline_s=call.deadline_s
        )
        revision = 0
        async with aclosing(views):
            async for view in views:
                state = None
                if view is not None:
                    revision = view.revision
                    state = cognitive_state(
                        view, space=key.space, include_traces=request.include_traces
                    )
                yield cognition_service_pb2.WatchStateResponse(state=state, revision=revision)

    async def Consolidate(  # noqa: N802 - the contract's name
        self, request: cognition_service_pb2.ConsolidateRequest, call: Call
    ) -> cognition_service_pb2.ConsolidateResponse:
        fields = Fields()
        key = requests.space_key(fields, call, request.space)
        ticket = requests.ticket(fields, call, request, request.request_id)
        min_cosine = None
        if request.HasField("merge_min_cosine"):
            min_cosine = fields.number("merge_min_cosine", request.merge_min_cosine, low=0.5)
        fields.check()
        outcome = await self._engine.consolidator.consolidate(
            key, ticket, min_cosine=min_cosine, validate_only=request.validate_only
        )
        return cognition_service_pb2.ConsolidateResponse(
            revision=outcome.revision,
            merged_count=outcome.merged_count,
            purged_count=outcome.purged_count,
            used=outcome.used,
        )
