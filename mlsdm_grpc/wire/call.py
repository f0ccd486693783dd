"""Transport-independent description of a call, as interceptors and servicers use it."""

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
    """One RPC of the contract; built once when the server starts.

    Methods compare by identity, so that a dictionary keyed by them costs nothing on the hot path.
    """

    service: str
    """Full name, e.g. ``mlsdm.v1.MemoryService``."""
    name: str
    """E.g. ``PutMemory``."""
    shape: RpcShape
    open: bool = False
    """Method needs no credential and is served while the node drains: health and reflection."""
    read_only: bool = False
    """Method is declared ``NO_SIDE_EFFECTS``: repeating it is always safe."""
    permission: str = ""
    """Permission that the principal needs, as the contract declares it."""
    platform: bool = False
    """Method acts on the node and not in a tenant."""

    path: str = field(init=False)
    """``/service/name``."""

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
    """Time after which the client may retry, milliseconds; negative forbids a retry; None: no
    advice."""


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
    """Do nothing; the default of ``Call.recheck``."""


@dataclass(slots=True)
class Call:
    """State of one call in progress, filled in by interceptors and read by servicers."""

    method: Method
    metadata: Mapping[str, MetadataValue]
    """Metadata sent by the client; the last value of a repeated key."""
    peer: str
    """Address of the peer without its port."""
    time_remaining_s: float | None
    """Time left until the client's deadline, seconds; None if the client set no deadline."""
    started_s: float
    """Monotonic time at which the call arrived; the event loop counts on the same clock."""
    metadata_bytes: int = 0
    """Size of the metadata, as HTTP/2 counts it."""
    repeated: frozenset[str] = frozenset()
    """Metadata keys that the client sent more than once."""
    peer_identity: tuple[str, ...] = ()
    """Names in the verified certificate of the client; empty without one."""
    request_id: str = ""
    """Identifier that correlates log lines and answers; it is not the idempotency key of a
    write."""
    principal: Principal = ANONYMOUS
    deadline_s: float = 0.0
    """Deadline on the monotonic clock, seconds; infinite for a stream without a deadline."""
    criticality: Criticality = Criticality.DEFAULT
    """Criticality of the call, which decides the order in which calls are shed under load."""
    recheck: Callable[[Call], None] = _nothing
    """Check of the call that a long stream repeats before each message; raises when it must end."""
    probe: int = 0
    """Round of the recovery probe that this write belongs to; 0: the call is no probe."""
    begun: bool = False
    """Servicer has received the request; from here on a write may take effect."""
    endless: bool = False
    """Call ends when its client ends it, as a watch does; a server that stops does not wait for it.

    The servicer sets the flag before it first waits."""
    ending: asyncio.Future[str] | None = None
    """Future that lets a stream end in order. The servicer of such a stream creates it; the server
    sets the name of an ``ErrorReason`` when it stops, and then waits for the stream."""
    charge_items: Callable[[int], float] | None = None
    """Charge of the items of a batch to the principal; returns the time to wait before the next
    batch of a stream, seconds. None: items are not charged."""
    limited_by: Hashable = None
    """Key of the parallel calls among which this call counts; None: none."""
    cut_error: MlsdmError | None = None
    """Error with which the server ends the call before its own end; None: the stop of the
    server."""
    trailers: dict[str, MetadataValue] = field(default_factory=dict)
    """Trailing metadata of the answer."""
    error: BaseException | None = None
    """Exception raised by the servicer or by an interceptor."""
    status: RpcStatus = OK
    """Final status of the call, set by the status interceptor."""

    def text(self, key: str) -> str:
        """Return a metadata value as text; empty if the key is absent."""
        value = self.metadata.get(key, "")
        return value if isinstance(value, str) else ""


class Interceptor:
    """Base class of the hooks that run around every call.

    ``before`` runs before the request is parsed, outermost interceptor first; an exception ends the
    call. It may return an awaitable, which is awaited before the next interceptor. ``after`` runs
    for every interceptor whose ``before`` was entered, innermost first. It sees ``call.error`` and,
    outside the status interceptor, the final ``call.status``; it must not raise. Both hooks are
    plain calls, because an asynchronous context manager around each would cost more than their own
    work. A hook that is not overridden is never called.
    """

    def before(self, call: Call) -> Awaitable[None] | None:
        """Run before the servicer."""

    def after(self, call: Call) -> None:
        """Run after the servicer, whether the call succeeded or failed."""
