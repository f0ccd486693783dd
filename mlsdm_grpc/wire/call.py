"""What interceptors and servicers see of a call, whatever transport carries it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from mlsdm_grpc.security.principal import ANONYMOUS, Criticality, Principal

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping

__all__ = [
    "ANONYMOUS",
    "OK",
    "Call",
    "Interceptor",
    "MetadataValue",
    "Method",
    "Principal",
    "RpcShape",
    "RpcStatus",
]

MetadataValue: TypeAlias = str | bytes


@dataclass(frozen=True, slots=True)
class RpcShape:
    """Which sides of a method stream."""

    client_streaming: bool
    server_streaming: bool

    @property
    def name(self) -> str:
        """``unary``, ``client_stream``, ``server_stream`` or ``bidi_stream``, as metrics say."""
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
    """Served without a credential and while draining: health and reflection."""
    read_only: bool = False
    """Declared ``NO_SIDE_EFFECTS``: an unanswered call has changed nothing."""
    permission: str = ""
    """What the principal needs, as the contract says."""
    platform: bool = False
    """It acts on the node and not in a tenant."""

    path: str = field(init=False)
    """``/service/name``."""

    def __post_init__(self) -> None:
        """Make the path once."""
        object.__setattr__(self, "path", f"/{self.service}/{self.name}")


@dataclass(frozen=True, slots=True)
class RpcStatus:
    """How a call ended."""

    code: int
    """gRPC status code, 0..16."""
    message: str = ""
    details: bytes = b""
    """Serialised ``google.rpc.Status``; empty for OK."""
    pushback_ms: int | None = None
    """When the client may try again, milliseconds; negative: not at all."""


OK = RpcStatus(0)


def _nothing() -> None:
    """Refuse nothing."""


@dataclass(slots=True)
class Call:
    """One call in progress. Interceptors fill it in; servicers read it."""

    method: Method
    metadata: Mapping[str, MetadataValue]
    """Metadata from the client; of a repeated key the last value."""
    peer: str
    """Address of the peer as the transport names it."""
    time_remaining_s: float | None
    """What the client's deadline leaves, seconds; None if it set none."""
    started_s: float
    """Monotonic time at which the call arrived; the event loop counts on the same clock."""
    repeated: frozenset[str] = frozenset()
    """Keys that came more than once in the metadata."""
    request_id: str = ""
    """Correlates logs and answers; not the idempotency key of a write."""
    principal: Principal = ANONYMOUS
    deadline_s: float = 0.0
    """Monotonic time by which the call has to be answered; infinite for a stream without one."""
    criticality: Criticality = Criticality.DEFAULT
    """How much it matters when not all can be served."""
    recheck: Callable[[], None] = _nothing
    """Raises what refuses the next message of a stream that was admitted long ago."""
    probe: int = 0
    """Round of the probe that this write is after an emergency; 0 if it is none."""
    begun: bool = False
    """The servicer has the request: from here on a write may take effect."""
    endless: bool = False
    """Ends with its client and not with the work, as a watch does: a server that stops does not
    wait for it. The servicer says so before it waits for anything."""
    ending: asyncio.Future[str] | None = None
    """Set by the servicer of a stream that can end politely: done, with the name of an
    ``ErrorReason``, when the server stops, which then waits for the stream."""
    trailers: dict[str, MetadataValue] = field(default_factory=dict)
    """Trailing metadata to send."""
    error: BaseException | None = None
    """What the servicer or an interceptor raised."""
    status: RpcStatus = OK
    """How the call ends; settled by the status interceptor."""

    def text(self, key: str) -> str:
        """Return a metadata value as text, or the empty string."""
        value = self.metadata.get(key, "")
        return value if isinstance(value, str) else ""


class Interceptor:
    """Something that happens around every call.

    ``before`` runs before the request message is parsed, outermost first; what it raises ends the
    call. ``after`` runs for every interceptor whose ``before`` was entered, innermost first, with
    ``call.error`` and, outside the status interceptor, ``call.status`` settled; it must not raise.
    Both are plain calls: an asynchronous context manager around each would cost more than the
    work that they do. A hook that is not overridden is never called.
    """

    def before(self, call: Call) -> None:
        """Run before the servicer."""

    def after(self, call: Call) -> None:
        """Run after the servicer, whatever happened."""
