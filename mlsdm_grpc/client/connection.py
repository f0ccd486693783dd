"""One channel and how calls go over it: deadline, credential, request id, typed errors."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from typing import Final, TypeVar

import grpc
import grpc.aio

from mlsdm_grpc.client.channel import open_channel
from mlsdm_grpc.client.failures import typed_errors
from mlsdm_grpc.wire.metadata import AUTHORIZATION, REQUEST_ID

__all__ = ["DEFAULT_TIMEOUT_S", "Connection", "new_request_id"]

DEFAULT_TIMEOUT_S: Final = 30.0
"""Deadline of a call for which nothing else is said, seconds."""

Request = TypeVar("Request")
Response = TypeVar("Response")


def new_request_id() -> str:
    """Return a fresh id for one write and all its repeats."""
    return str(uuid.uuid4())


class Connection:
    """One channel to a server; made inside a running event loop, closed by :meth:`close`."""

    def __init__(
        self,
        target: str,
        *,
        token: str | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        self.channel = open_channel(target, credentials)
        self._timeout_s = timeout_s
        self._credential = ((AUTHORIZATION, f"Bearer {token}"),) if token else ()

    async def close(self) -> None:
        """Close the channel; calls in flight are cancelled."""
        await self.channel.close()

    async def unary(
        self,
        rpc: grpc.aio.UnaryUnaryMultiCallable[Request, Response],
        request: Request,
        *,
        timeout_s: float | None = None,
        write_id: str = "",
    ) -> Response:
        """Return the answer of one call.

        Args:
            rpc: Method of a stub.
            request: Its request.
            timeout_s: Longest wait for the answer, all repeats included, seconds; None is the
                connection's own.
            write_id: ``request_id`` inside the request, if it is a write.

        Raises:
            MlsdmError: The class that the server raised; see :func:`typed_error`.
        """
        with typed_errors(write_id=write_id):
            return await rpc(request, timeout=self._timeout(timeout_s), metadata=self._metadata())

    async def stream(
        self,
        rpc: grpc.aio.UnaryStreamMultiCallable[Request, Response],
        request: Request,
        *,
        timeout_s: float | None,
    ) -> AsyncGenerator[Response]:
        """Yield the answers of one call; the call is cancelled when the iterator is closed.

        Args:
            rpc: Method of a stub.
            request: Its request.
            timeout_s: Longest time for all answers, seconds; None is no limit.

        Raises:
            MlsdmError: As :meth:`unary`.
        """
        call = rpc(request, timeout=timeout_s, metadata=self._metadata())
        try:
            with typed_errors():
                async for response in call:
                    yield response
        finally:
            call.cancel()

    def conversation(
        self, rpc: grpc.aio.StreamStreamMultiCallable[Request, Response]
    ) -> grpc.aio.StreamStreamCall[Request, Response]:
        """Begin a call of which both sides stream; no deadline, errors as grpc's."""
        return rpc(metadata=self._metadata())

    def _timeout(self, timeout_s: float | None) -> float:
        return self._timeout_s if timeout_s is None else timeout_s

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        return (*self._credential, (REQUEST_ID, new_request_id()))
