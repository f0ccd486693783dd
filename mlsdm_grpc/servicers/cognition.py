"""CognitionService: events and the state of a mind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

from mlsdm_grpc._gen.mlsdm.v1 import cognition_service_pb2
from mlsdm_grpc.engine.engine import Engine
from mlsdm_grpc.wire import requests, responses
from mlsdm_grpc.wire.call import Call
from mlsdm_grpc.wire.fields import Fields

__all__ = ["CognitionServicer"]


class CognitionServicer:
    """Serves ``mlsdm.v1.CognitionService``.

    Args:
        engine: What does the work.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def ProcessEvent(  # noqa: N802 - the contract's name
        self, request: cognition_service_pb2.ProcessEventRequest, call: Call
    ) -> cognition_service_pb2.ProcessEventResponse:
        fields = Fields()
        key = requests.space_key(fields, call, request.space)
        ticket = requests.ticket(fields, call, request, request.request_id)
        event = requests.event(fields, request)
        outcome, norms = await self._engine.process_event(key, event, ticket)
        return cognition_service_pb2.ProcessEventResponse(
            outcome=responses.event_outcome(outcome, norms, event.moral_value)
        )

    async def GetState(  # noqa: N802 - the contract's name
        self, request: cognition_service_pb2.GetStateRequest, call: Call
    ) -> cognition_service_pb2.GetStateResponse:
        fields = Fields()
        key = requests.space_key(fields, call, request.space)
        min_revision = fields.min_revision(request.min_revision)
        fields.check()
        view = await self._engine.state(key, min_revision=min_revision, deadline_s=call.deadline_s)
        return cognition_service_pb2.GetStateResponse(
            state=responses.cognitive_state(
                view, space=key.space, include_traces=request.include_traces
            ),
            revision=view.revision,
        )

    async def WatchState(  # noqa: N802 - the contract's name
        self, request: cognition_service_pb2.WatchStateRequest, call: Call
    ) -> AsyncIterator[cognition_service_pb2.WatchStateResponse]:
        call.endless = True
        fields = Fields()
        key = requests.space_key(fields, call, request.space)
        min_revision = fields.min_revision(request.min_revision)
        min_interval_s = requests.watch_interval_s(fields, request)
        fields.check()
        views = self._engine.watches.watch(
            key,
            min_revision=min_revision,
            min_interval_s=min_interval_s,
            deadline_s=call.deadline_s,
        )
        async with aclosing(views):
            async for view in views:
                yield cognition_service_pb2.WatchStateResponse(
                    state=responses.cognitive_state(
                        view, space=key.space, include_traces=request.include_traces
                    ),
                    revision=view.revision,
                )

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
