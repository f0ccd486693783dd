"""A channel and its calls, with deadlines, credentials, request ids, retries and typed errors."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable
from typing import Final, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import Message

from mlsdm_grpc.client.attempts import Attempts, OnWait, Throttle
from mlsdm_grpc.client.channel import REPEATABLE_REQUESTS, open_channel
from mlsdm_grpc.client.server_address import server_address
from mlsdm_grpc.client.values import credential, timeout
from mlsdm_grpc.errors import MlsdmError
from mlsdm_grpc.wire.metadata import AUTHORIZATION, REQUEST_ID, TENANT

__all__ = ["DEFAULT_TIMEOUT_S", "Connection"]

DEFAULT_TIMEOUT_S: Final = 30.0
"""Default deadline of a call, seconds."""

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response")


class Connection:
    """Channel to one server; created inside of a running event loop, closed with :meth:`close`."""

    def __init__(
        self,
        target: str | None,
        *,
        token: str | Callable[[], str] | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        tenant: str = "",
        on_wait: OnWait | None = None,
    ) -> None:
        self.target = server_address(target, secure=credentials is not None)
        self.on_wait = on_wait or _ignore
        self.channel = open_channel(self.target, credentials)
        self._throttle = Throttle()
        self._timeout_s = timeout_s
        self._token = token if callable(token) else None
        self._credential = () if callable(token) else _header(token)
        self._elsewhere = ((TENANT, tenant),) if tenant else ()

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
        """Return the response of one call.

        Args:
            rpc: Method of a stub.
            request: Request message.
            timeout_s: Maximum time including all retries, seconds; None uses the connection's.
            write_id: ``request_id`` of the request if it is a write.

        Raises:
            InvalidInput: The timeout is not a number; nothing was sent.
            MlsdmError: The error of the server; see :func:`typed_error`.
        """
        clock = asyncio.get_running_loop().time
        deadline_s = clock() + self._timeout(timeout_s)
        metadata = self._metadata()
        attempts = None
        while True:
            try:
                answer = await rpc(request, timeout=deadline_s - clock(), metadata=metadata)
            except grpc.aio.AioRpcError as failure:
                # Created only after a failure, because most calls succeed at once.
                attempts = attempts or self._attempts(request, deadline_s, write_id)
                await attempts.after(failure)
            else:
                self._throttle.succeeded()
                return answer

    async def stream(
        self,
        rpc: grpc.aio.UnaryStreamMultiCallable[Request, Response],
        request: Request,
        *,
        timeout_s: float | None,
        write_id: str = "",
        repeats: bool = True,
    ) -> AsyncGenerator[Response]:
        """Yield the responses of one call; closing the iterator cancels the call.

        Until the first response, the call is retried like a unary call.

        Args:
            rpc: Method of a stub.
            request: Request message.
            timeout_s: Maximum time for all responses, seconds; None is unlimited, and only the
                retries are then limited, by the connection's own timeout.
            write_id: ``request_id`` of the request if it is a write.
            repeats: Whether to retry; False if the caller retries the call itself.

        Raises:
            MlsdmError: See :meth:`unary`.
        """
        clock = asyncio.get_running_loop().time
        deadline_s = clock() + self._timeout(timeout_s)
        metadata = self._metadata()
        attempts = self._attempts(request, deadline_s if repeats else 0.0, write_id)
        while True:
            left_s = None if timeout_s is None else deadline_s - clock()
            call = rpc(request, timeout=left_s, metadata=metadata)
            try:
                async for response in call:
                    attempts.answered()
                    yield response
            except grpc.aio.AioRpcError as failure:
                await attempts.after(failure)
            else:
                return
            finally:
                call.cancel()

    def conversation(
        self, rpc: grpc.aio.StreamStreamMultiCallable[Request, Response]
    ) -> grpc.aio.StreamStreamCall[Request, Response]:
        """Start a bidirectional call without a deadline; failures raise the exceptions of grpc."""
        return rpc(metadata=self._metadata())

    def _attempts(self, request: Message, deadline_s: float, write_id: str) -> Attempts:
        return Attempts(
            self._throttle,
            target=self.target,
            on_wait=self.on_wait,
            deadline_s=deadline_s,
            repeatable=request.DESCRIPTOR.full_name in REPEATABLE_REQUESTS,
            write_id=write_id,
        )

    def _timeout(self, timeout_s: float | None) -> float:
        return self._timeout_s if timeout_s is None else timeout(timeout_s)

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        # The client creates the request id, so that a call that never reaches a server has one too.
        shown = self._credential if self._token is None else _header(self._token())
        return (*shown, *self._elsewhere, (REQUEST_ID, str(uuid.uuid4())))


def _ignore(error: MlsdmError, wait_s: float) -> None:
    del error, wait_s


def _header(token: str | None) -> tuple[tuple[str, str], ...]:
    """Return the call metadata for a token; empty without a token.

    Raises:
        InvalidInput: The token is not a valid header value.
    """
    given = credential(token)
    return ((AUTHORIZATION, f"Bearer {given}"),) if given else ()
