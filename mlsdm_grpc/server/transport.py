"""Interface between a transport and the handlers of calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mlsdm_grpc.wire.call import MetadataValue, RpcStatus

__all__ = ["PeerGoneError", "Transport"]


class PeerGoneError(Exception):
    """The connection of a call was lost."""


class Transport(Protocol):
    """One call, as its transport carries it.

    The transport runs ``MethodHandler.serve`` in a task of its own. It cancels the task when the
    client cancels the call, and when the client's deadline passes. A message is its serialised
    bytes; a transport enforces the size limits of the server before :meth:`read` returns.

    :meth:`read`, :meth:`write` and :meth:`send_headers` raise ``PeerGoneError`` when the connection
    is lost. Each may wait, which is the flow control of the call.
    """

    @property
    def metadata(self) -> Sequence[tuple[str, MetadataValue]]:
        """Metadata sent by the client; keys are in lower case, and may repeat."""

    @property
    def peer(self) -> str:
        """Address of the client without its port, e.g. ``127.0.0.1``."""

    @property
    def peer_identity(self) -> tuple[str, ...]:
        """URIs and DNS names (``dns:NAME``) of the verified client certificate."""

    def time_remaining_s(self) -> float | None:
        """Return the time left until the client's deadline, seconds; None without a deadline."""

    async def read(self) -> bytes | None:
        """Return the next message; None when the client has ended its side."""

    async def send_headers(self, headers: Mapping[str, MetadataValue]) -> None:
        """Send the initial metadata."""

    async def write(self, message: bytes) -> None:
        """Send a message of a stream."""

    def set_trailers(self, trailers: Mapping[str, MetadataValue]) -> None:
        """Set the trailing metadata of a successful call."""

    async def fail(self, status: RpcStatus, trailers: Mapping[str, MetadataValue]) -> None:
        """End the call with an error.

        It may raise an exception of the transport, which must reach the caller of ``serve``.
        """

    def on_end(self, callback: Callable[[Any], None]) -> None:
        """Call ``callback`` with one argument after the client has received the end of the call."""
