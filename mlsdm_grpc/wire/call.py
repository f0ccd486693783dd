"""State of one call, independent of the transport, for interceptors and servicers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from mlsdm_grpc.security.principal import ANONYMOUS, Criticality, Principal

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Hashable, Mapping

    from mlsdm_grpc.errors import MlsdmError

__all__ = [
    "OK",
    "Call",
    "Interceptor",
    "MetadataValue",
    "Method",
    "RpcShape",
    "RpcStatus",
    "StatusError",
]

MetadataValue: TypeAlias = str | bytes


@dataclass(frozen=True, slots=True)
class RpcShape:
    """Streaming sides of a method."""

    client_streaming: bool
    server_streaming: bool

    @property
    def name(self) -> str:
        """Name of the shape in metrics: unary, client_stream, server_stream or bidi_stream."""
        if self.client_streaming:
            return "bidi_stream" if self.server_streaming else "client_stream"
        return "server_stream" if self.server_streaming else "unary"


@dataclass(frozen=True, slots=True, eq=False)
class Method:
    """RPC of the contract, built once at the start of the server.

    Methods are compared by identity, so that dictionaries with methods as keys are fast in every
    call.
    """

    service: str
    """Full name of the service, for example ``mlsdm.v1.MemoryService``."""
    name: str
    """Name of the RPC, for example ``PutMemory``."""
    shape: RpcShape
    open: bool = False
    """True if the method needs no credential and works during a drain: health, reflection."""
    read_only: bool = False
    """True if the method is declared ``NO_SIDE_EFFECTS``, so that repeating it is safe."""
    permission: str = ""
    """Permission that the contract requires of the principal."""
    platform: bool = False
    """True if the method acts on the node and not in a tenant."""

    path: str = field(init=False)
    """Path in HTTP/2, ``/service/name``."""

    def __post_init__(self) -> None:
        """Build the path."""
        object.__setattr__(self, "path", f"/{self.service}/{self.name}")


@dataclass(frozen=True, slots=True)
class RpcStatus:
    """Final status of a call."""

    code: int
    """gRPC status code, 0..16."""
    message: str = ""
    details: bytes = b""
    """Serialised ``google.rpc.Status``; empty for OK."""
    pushback_ms: int | None = None
    """Time before the client may retry, milliseconds.

    A negative value forbids a retry. None gives no advice.
    """


OK = RpcStatus(0)


class StatusError(Exception):
    """End of a call of a standard protocol, e.g. health, whose statuses have no details.

    Args:
        code: gRPC status code, 1..16.
        message: Text for people.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.status = RpcStatus(code, message)


def _nothing(_: Call) -> None:
    """Do nothing; default of ``Call.recheck``."""


@dataclass(slots=True)
class Call:
    """State of one call. Interceptors write it, and servicers read it."""

    method: Method
    metadata: Mapping[str, MetadataValue]
    """Metadata of the request. Of a repeated key, it has the last value."""
    peer: str
    """Address of the peer without its port."""
    time_remaining_s: float | None
    """Time until the deadline of the client, seconds; None for a call without a deadline."""
    started_s: float
    """Arrival time on the monotonic clock, which the event loop uses too, seconds."""
    metadata_bytes: int = 0
    """Size of the metadata by the rules of HTTP/2, bytes."""
    repeated: frozenset[str] = frozenset()
    """Metadata keys that the client sent more than once."""
    peer_identity: tuple[str, ...] = ()
    """Names in the verified certificate of the client; empty without one."""
    request_id: str = ""
    """Identifier of the call in logs and answers. It is not the idempotency key of a write."""
    principal: Principal = ANONYMOUS
    deadline_s: float = 0.0
    """Deadline on the monotonic clock, seconds; infinite for a stream without a deadline."""
    criticality: Criticality = Criticality.DEFAULT
    """Importance of the call, which decides the order of shedding under load."""
    recheck: Callable[[Call], None] = _nothing
    """Check that a long stream repeats before each message; it raises if the stream must end."""
    probe: int = 0
    """Number of the recovery probe that includes this write; 0 for other calls."""
    begun: bool = False
    """True once the servicer has received the request. From then on a write may take effect."""
    endless: bool = False
    """True if only the client ends the call, as for a watch; a server does not wait for it.

    The servicer sets the flag before it first waits.
    """
    ending: asyncio.Future[str] | None = None
    """Future that requests the graceful end of a stream.

    The servicer of such a stream creates it. The stopping server sets the name of an
    ``ErrorReason`` as its result, and then waits for the stream.
    """
    charge_items: Callable[[int], float] | None = None
    """Charges a number of items to the rate of the principal.

    Returns the time to wait before the next batch of a stream, seconds. None if items are not
    charged.
    """
    limited_by: Hashable = None
    """Key under which the call counts as a parallel call; None if it does not count."""
    cut_error: MlsdmError | None = None
    """Error of a call that the server ends early; None if the stop of the server is the reason."""
    trailers: dict[str, MetadataValue] = field(default_factory=dict)
    """Trailing metadata of the response."""
    error: BaseException | None = None
    """Exception of the servicer or an interceptor."""
    status: RpcStatus = OK
    """Final status of the call, which the status interceptor sets."""

    def text(self, key: str) -> str:
        """Return a metadata value as text, or "" for an absent or binary value."""
        value = self.metadata.get(key, "")
        return value if isinstance(value, str) else ""


class Interceptor:
    """Base class of the hooks that run before and after every call.

    ``before`` runs before the request is parsed, outermost interceptor first. An exception ends the
    call. ``before`` may return an awaitable, which is awaited before the next interceptor runs.
    ``after`` runs for every interceptor whose ``before`` was called, innermost first. It sees
    ``call.error`` and, outside the status interceptor, the final ``call.status``. It must not
    raise.

    Both hooks are plain functions, because an asynchronous context manager would cost more than
    their work. A hook without an override is never called.
    """

    def before(self, call: Call) -> Awaitable[None] | None:
        """Run before the servicer. An exception refuses the call."""

    def after(self, call: Call) -> None:
        """Run after the servicer, for a successful and for a failed call."""
