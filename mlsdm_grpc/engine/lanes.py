"""Bulkheads: how many calls of one kind may be in the engine at once."""

from __future__ import annotations

from types import TracebackType

from mlsdm_grpc.errors import Unavailable

__all__ = ["Bulkhead"]

_RETRY_AFTER_S = 0.1


class Bulkhead:
    """A bounded number of permits; entering takes one or is refused, it never waits.

    Args:
        name: Lane, as callers and metrics see it.
        permits: Calls that may be inside at once.
    """

    __slots__ = ("in_use", "name", "permits")

    def __init__(self, name: str, permits: int) -> None:
        self.name = name
        self.permits = permits
        self.in_use = 0

    def __enter__(self) -> None:
        """Take a permit.

        Raises:
            Unavailable: BULKHEAD_FULL; all permits are taken.
        """
        self.check(self.in_use)
        self.in_use += 1

    def check(self, waiting: int) -> None:
        """Refuse a call that would find as many before it as there are permits.

        Calls whose callers have gone still wait at a worker, but hold no permit here.

        Raises:
            Unavailable: BULKHEAD_FULL.
        """
        if waiting >= self.permits:
            raise Unavailable(
                "Too many calls of this kind are in progress.",
                reason="BULKHEAD_FULL",
                metadata={"lane": self.name, "permits": str(self.permits)},
                retry_after_s=_RETRY_AFTER_S,
            )

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the permit back."""
        self.in_use -= 1
