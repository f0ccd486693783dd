"""Client methods that read and watch the state of a space, and the health of the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from grpc_health.v1 import health_pb2

from mlsdm_grpc._gen.mlsdm.v1.cognition_service_pb2 import GetStateRequest, WatchStateRequest
from mlsdm_grpc.client.arguments import message
from mlsdm_grpc.client.client_base import ClientBase
from mlsdm_grpc.client.results import MindState
from mlsdm_grpc.client.values import number
from mlsdm_grpc.errors import Unavailable
from mlsdm_grpc.messages.limits import MAX_WATCH_INTERVAL_S, MIN_WATCH_INTERVAL_S

__all__ = ["StateReads"]


class StateReads(ClientBase):
    """Client methods that read and watch states."""

    async def state(
        self,
        *,
        include_traces: bool = False,
        min_revision: int | None = None,
        space: str | None = None,
        timeout_s: float | None = None,
    ) -> MindState:
        """Return the state of the space; the arguments are those of ``GetStateRequest``."""
        request = message(
            GetStateRequest,
            space=self._space(space),
            include_traces=include_traces,
            min_revision=min_revision,
        )
        response = await self._connection.unary(
            self._cognition.GetState, request, timeout_s=timeout_s
        )
        return MindState.of(response)

    async def health(
        self, service: str = "", *, timeout_s: float | None = None
    ) -> health_pb2.HealthCheckResponse:
        """Return the health of the server, or of one of its services.

        Raises:
            ApiStatusError: NOT_FOUND; the service is unknown.
        """
        request = message(health_pb2.HealthCheckRequest, service=service)
        return await self._connection.unary(self._check, request, timeout_s=timeout_s)

    async def watch_health(
        self, service: str = ""
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """Yield the health at once and after each change, until the iterator is closed.

        The server ends a watch when its connection gets too old; the client then starts it again.

        Raises:
            Unavailable: The server cannot be reached.
        """
        request = message(health_pb2.HealthCheckRequest, service=service)
        last = None
        while True:
            begun = False
            try:
                async for response in self._connection.stream(self._watch, request, timeout_s=None):
                    begun = True
                    if response.status != last:
                        last = response.status
                        yield response
            except Unavailable:
                if not begun:
                    raise

    async def watch_state(
        self,
        *,
        min_interval_s: float = 0.1,
        include_traces: bool = False,
        min_revision: int | None = None,
        space: str | None = None,
    ) -> AsyncIterator[MindState]:
        """Yield the state of the space at once and after each change, until the iterator is closed.

        Changes in quick succession are combined; the newest state always arrives. The server ends a
        watch when its connection gets too old; the client then resumes it.

        Args:
            min_interval_s: Minimum time between two states, 0.01..3600 seconds.
            include_traces: Include the synaptic traces.
            min_revision: Minimum revision of the first state.
            space: Name of the space; None uses the client's.

        Raises:
            NotFound: The space does not exist, or was deleted during the watch.
            Unavailable: The server cannot be reached, or has too many watches on this space.
        """
        interval_s = number(
            "min_interval_s", min_interval_s, low=MIN_WATCH_INTERVAL_S, high=MAX_WATCH_INTERVAL_S
        )
        given = {"include_traces": include_traces, "min_revision": min_revision}
        request = message(WatchStateRequest, space=self._space(space), **given)
        request.min_interval.FromNanoseconds(round(interval_s * 1e9))
        last = None
        while True:
            begun, pause_s = False, 0.0
            watch = self._connection.stream(self._cognition.WatchState, request, timeout_s=None)
            async with aclosing(watch):
                try:
                    async for response in watch:
                        begun = True
                        if response.revision != last:
                            last = request.min_revision = response.revision
                            yield MindState.of(response)
                except Unavailable as error:
                    if not begun:
                        raise
                    pause_s = error.retry_after_s or 0.0
            await asyncio.sleep(pause_s)
