"""Life cycle of the gRPC port: start, serve, drain, stop."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import anyio
import structlog

from mlsdm_grpc.config import Address
from mlsdm_grpc.errors import FieldViolation, InvalidInput
from mlsdm_grpc.server.health import OVERALL, READINESS

if TYPE_CHECKING:
    from mlsdm_grpc.config import ServerSettings
    from mlsdm_grpc.interceptors.drain import DrainInterceptor
    from mlsdm_grpc.server.health import Health
    from mlsdm_grpc.server.inflight import InFlight
    from mlsdm_grpc.server.router import Router

__all__ = ["CLOSE_S", "Drained", "GrpcServer"]

CLOSE_S: Final = 30.0
"""Maximum duration of the stop after the grace time, seconds.

In this time remaining calls end, writes complete, and snapshots are saved.
"""

_log = structlog.get_logger(component="server")
# Maximum wait for ended calls, time that grpc has to send their statuses, and time without a call
# after which the port may close, seconds.
_CUT_S: Final = 2.0
_FLUSH_S: Final = 1.0
_QUIET_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Drained:
    """Drain in progress."""

    in_flight: int
    """Number of calls in flight at the start of the drain."""
    grace_ends_s: float
    """Monotonic time at which the remaining calls are ended, seconds."""

    @property
    def ends_s(self) -> float:
        """Monotonic time at which the process ends at the latest, seconds."""
        return self.grace_ends_s + CLOSE_S


class TransportPort(Protocol):
    """Port through which a transport serves the handlers of a router."""

    async def start(self, address: Address) -> int:
        """Listen and serve; return the number of the port.

        Raises:
            OSError: The address cannot be bound, usually because it is in use.
        """

    async def stop(self, flush_s: float) -> None:
        """Close the port; end the calls that have not ended after ``flush_s`` seconds."""


class GrpcServer:
    """Owner of the gRPC port. :meth:`stop` must be awaited after :meth:`start`."""

    def __init__(
        self,
        settings: ServerSettings,
        *,
        port: TransportPort,
        router: Router,
        health: Health,
        drain: DrainInterceptor,
    ) -> None:
        """Create a server that does not listen before :meth:`start`."""
        self._settings = settings
        self._port = port
        self._router = router
        self._health = health
        self._drain = drain
        self._started = False
        self.port = 0
        """Number of the gRPC port; 0 until it is open."""
        self.drained: Drained | None = None
        """State of the drain; None until new calls are refused."""
        self._drains = anyio.Event()
        self.end_promised = anyio.Event()
        """Set once a response of Drain contains the time of the end."""

    async def start(self) -> Address:
        """Listen and serve.

        Health becomes SERVING for the server, ``readiness`` and all implemented services. Owners of
        other names, for example ``journal``, set them.

        Returns:
            Address of the port, with the number that the system chose for port 0.

        Raises:
            InvalidInput: The address cannot be bound, in most cases because it is in use.
        """
        address = self._settings.listen_address
        try:
            self.port = await self._port.start(address)
        except OSError:
            raise InvalidInput(
                f"The address {address} cannot be opened: it is in use, or not local.",
                violations=[FieldViolation("server.listen", f"cannot listen on {address}")],
                metadata={"address": str(address)},
            ) from None
        self._started = True
        names = (OVERALL, READINESS, *self._router.served_services)
        self._health.set_serving(*names, serving=True)
        return Address(address.host, self.port)

    @property
    def in_flight(self) -> InFlight:
        """Calls in flight."""
        return self._router.in_flight

    async def drain(self, *, delay_s: float, grace_s: float) -> None:
        """Complete the calls in flight and stop.

        Health becomes NOT_SERVING at once. For ``delay_s``, new calls are still served, because
        load balancers need time to react. Then they are refused with UNAVAILABLE ``DRAINING``.
        Calls in flight have ``grace_s`` to complete. After that they end with the same status, or
        with ``OUTCOME_UNKNOWN`` if they may have written. Streams with a goodbye message end
        gracefully. Watches, which never complete, end at once.

        Args:
            delay_s: Time between NOT_SERVING and the refusal of new calls, seconds.
                :meth:`begin_drain` ends it early.
            grace_s: Time for the calls in flight, seconds.
        """
        self._health.drain()
        with anyio.move_on_after(delay_s):
            await self._drains.wait()
        drained = await self.begin_drain(grace_s)
        in_flight = self.in_flight
        in_flight.ask_to_end()
        # A watch never completes, so a wait for it would use up the grace time.
        in_flight.cut_endless()
        with anyio.move_on_after(drained.grace_ends_s - time.monotonic()):
            await in_flight.wait_idle()
        await self.stop()

    async def begin_drain(self, grace_s: float) -> Drained:
        """Set NOT_SERVING and refuse new calls. Further calls return the first result.

        Args:
            grace_s: Time that :meth:`drain` leaves to calls in flight, seconds.
        """
        self._health.drain()
        self._drain.draining = True
        if self.drained is None:
            calls = self.in_flight.calls.values()
            # The call of Drain is in flight too, but does not count.
            count = sum(not call.method.platform for call in calls)
            self.drained = Drained(count, time.monotonic() + grace_s)
            _log.info("drain_started", in_flight=count, grace_s=grace_s)
            self._drains.set()
        return self.drained

    async def stop(self) -> None:
        """End the remaining calls with UNAVAILABLE ``DRAINING`` and close the port."""
        if not self._started:
            return
        self._started = False
        self._drain.draining = True
        self._health.drain()
        in_flight = self.in_flight
        in_flight.cut(open_methods=True)
        with anyio.move_on_after(_CUT_S):
            await in_flight.wait_idle(open_methods=True)
            # Calls that arrive before the port closes are refused with a reason.
            await self._quiet()
        await self._port.stop(_FLUSH_S)

    async def _quiet(self) -> None:
        """Wait until no call arrives for a short time.

        A call that has reached the transport, but not this server, would end as CANCELLED without a
        reason.
        """
        in_flight = self.in_flight
        before = -1
        while before != in_flight.ended_count:
            before = in_flight.ended_count
            await anyio.sleep(_QUIET_S)
            await in_flight.wait_idle(open_methods=True)
