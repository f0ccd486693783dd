"""Hooks of the interceptors, collected once for all calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from mlsdm_grpc.server.inflight import InFlight
from mlsdm_grpc.wire.call import Call, Interceptor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from mlsdm_grpc.server.room import Room

    Before: TypeAlias = Callable[[Call], Awaitable[None] | None]
    After: TypeAlias = Callable[[Call], None]

__all__ = ["Chain"]


class Chain:
    """Hooks of the interceptors, and common limits of all calls."""

    def __init__(
        self,
        interceptors: Sequence[Interceptor],
        clock: Callable[[], float],
        room: Room,
        *,
        first_message_s: float,
        max_metadata_bytes: int,
    ) -> None:
        self.clock = clock
        self.room = room
        self.first_message_s = first_message_s
        """Time within which the first message of a call must arrive, seconds."""
        self.max_metadata_bytes = max_metadata_bytes
        """Maximum size of the metadata of a call, bytes."""
        self.waiting_count = 0
        """Number of calls whose first message has not arrived yet."""
        self.in_flight = InFlight()
        self.befores: list[tuple[Before, tuple[After, ...]]] = []
        """Each ``before``, with the ``after`` hooks that run if it raises."""
        afters: tuple[After, ...] = ()
        for interceptor in interceptors:
            cls = type(interceptor)
            if cls.after is not Interceptor.after:
                afters = (interceptor.after, *afters)
            if cls.before is not Interceptor.before:
                self.befores.append((interceptor.before, afters))
        self.afters = afters
        """All ``after`` hooks, for a call that passed every ``before``."""
