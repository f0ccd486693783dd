"""Clock of the server: wall time that follows a monotonic clock and resists jumps.

The time of a record is a permanent part of the state, and memories that have expired by it are
removed. Therefore a wall clock that differs from the monotonic clock by more than a minute is
accepted only after it has been stable for an hour. Smaller differences are corrected slowly, so
time never goes back.

At the start only the time of the newest record is known. If the wall clock is far from it, records
get the time of the newest record plus the time since the start. This ends when the wall clock has
been stable for an hour, or comes near. See docs/adr/0015-clock-of-the-server.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog

from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.observability.security_log import SecurityEvent, record_event

__all__ = ["Clock", "TimeSources"]

_SECOND_NS: Final = 1_000_000_000
# Minimum time between two reads of the wall clock.
_LOOK_NS: Final = 1 * _SECOND_NS
# Maximum difference that is corrected slowly; a larger one is a jump.
_NEAR_NS: Final = 60 * _SECOND_NS
# A correction changes the time by at most one tenth of the elapsed time.
_SLEW: Final = 10
# Time for which a wall clock must be stable after a jump before it is accepted.
_HOLD_NS: Final = 3_600 * _SECOND_NS
# Maximum downtime that is accepted at once. After a longer one, the wall clock must be stable
# first.
_FAR_NS: Final = 30 * 86_400 * _SECOND_NS
_log = structlog.get_logger(__name__)


def _wall_ns() -> int:
    return time.time_ns()


_BOOT: Final[int | None] = getattr(time, "CLOCK_BOOTTIME", None)


def _elapsed_ns() -> int:
    """Return monotonic nanoseconds that include suspension of the machine, where available."""
    return time.monotonic_ns() if _BOOT is None else time.clock_gettime_ns(_BOOT)


@dataclass(frozen=True, slots=True)
class TimeSources:
    """Clocks of the machine, nanoseconds."""

    wall_ns: Callable[[], int] = _wall_ns
    """Returns Unix time, which may jump."""
    elapsed_ns: Callable[[], int] = _elapsed_ns
    """Returns monotonic time since any point."""


class Clock:
    """Clock of this server. It is used on the event loop only.

    Args:
        sources: Clocks of the machine.
        newest_ns: Time of the newest record at the start, Unix nanoseconds; 0 without records.
        metrics: Metrics of clock jumps.
    """

    def __init__(self, sources: TimeSources, *, newest_ns: int = 0, metrics: Metrics) -> None:
        self._sources = sources
        self._jumps = metrics.clock_jumps
        self._off = metrics.clock_off
        self._doubtful = metrics.clock_doubtful
        self._looked_ns = elapsed_ns = sources.elapsed_ns()
        # Time of this clock minus monotonic time.
        self._offset_ns = sources.wall_ns() - elapsed_ns
        # Offset with which the time at the start would be that of the newest record.
        self._floor_ns = newest_ns - elapsed_ns if newest_ns else None
        # Monotonic time since which the wall clock is stable.
        self._held_ns = elapsed_ns
        # Offset of the wall clock after a jump that is not accepted yet.
        self._jumped_ns: int | None = None
        self._doubt = not self._plausible(self._offset_ns)
        self._doubtful.set(self._doubt)
        if self._doubt:
            _log.warning(
                "clock_far_from_newest_record",
                wall_time=_text(elapsed_ns + self._offset_ns),
                newest_record_time=_text(newest_ns),
                detail="Until the clock is stable for an hour, new records get the time of the"
                " newest record plus the time since the start, and expired memories are kept."
                " If the clock is wrong, correct it.",
            )

    def now_ns(self) -> int:
        """Return the time, Unix nanoseconds.

        It goes back only when an earlier wall clock is adopted after an hour.
        """
        elapsed_ns = self._sources.elapsed_ns()
        if elapsed_ns - self._looked_ns >= _LOOK_NS:
            self._look(elapsed_ns)
        return elapsed_ns + self._offset_ns

    def record_ns(self) -> int:
        """Return the time for a record, Unix nanoseconds; never later than :meth:`now_ns`.

        While the wall clock is in doubt, it is so early that no memory expires by mistake.
        """
        now_ns = self.now_ns()
        if not self._doubt or self._floor_ns is None:
            return now_ns
        return min(now_ns, self._sources.elapsed_ns() + self._floor_ns)

    def now(self) -> datetime:
        """Return the time as a UTC datetime."""
        return datetime.fromtimestamp(self.now_ns() / _SECOND_NS, UTC)

    def _plausible(self, offset_ns: int) -> bool:
        """Return True if the time with this offset fits the newest record."""
        return self._floor_ns is None or -_NEAR_NS <= offset_ns - self._floor_ns <= _FAR_NS

    def _look(self, elapsed_ns: int) -> None:
        """Compare the wall clock with this clock, and correct this clock."""
        wall_offset_ns = self._sources.wall_ns() - elapsed_ns
        off_ns = wall_offset_ns - self._offset_ns
        self._off.set(off_ns / _SECOND_NS)
        if abs(off_ns) <= _NEAR_NS:
            self._follow(off_ns, elapsed_ns)
        else:
            self._mistrust(wall_offset_ns, elapsed_ns)
        self._looked_ns = elapsed_ns

    def _follow(self, off_ns: int, elapsed_ns: int) -> None:
        if self._jumped_ns is not None:
            self._jumped_ns = None
            self._held_ns = elapsed_ns
            self._say("returned", off_ns)
        most_ns = (elapsed_ns - self._looked_ns) // _SLEW
        self._offset_ns += max(-most_ns, min(most_ns, off_ns))
        if self._doubt and elapsed_ns - self._held_ns >= _HOLD_NS:
            self._believe("held", off_ns)

    def _mistrust(self, wall_offset_ns: int, elapsed_ns: int) -> None:
        off_ns = wall_offset_ns - self._offset_ns
        if self._jumped_ns is None or abs(wall_offset_ns - self._jumped_ns) > _NEAR_NS:
            self._jumped_ns, self._held_ns = wall_offset_ns, elapsed_ns
            self._say("jumped", off_ns)
        came_near = self._doubt and self._plausible(wall_offset_ns)
        if came_near or elapsed_ns - self._held_ns >= _HOLD_NS:
            self._jumped_ns = None
            self._offset_ns = wall_offset_ns
            self._off.set(0)
            self._believe("taken_over", off_ns)

    def _believe(self, kind: str, off_ns: int) -> None:
        self._doubt = False
        self._doubtful.set(0)
        self._say(kind, off_ns)

    def _say(self, kind: str, off_ns: int) -> None:
        self._jumps.labels(kind).inc()
        record_event(SecurityEvent.CLOCK_DRIFT, cause=kind)
        _log.warning(
            f"clock_{kind}",
            off_s=round(off_ns / _SECOND_NS, 3),
            time=_text(self._sources.elapsed_ns() + self._offset_ns),
        )


def _text(time_ns: int) -> str:
    """Return a time for the log; seconds for a time outside the calendar."""
    try:
        return datetime.fromtimestamp(time_ns // _SECOND_NS, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return f"{time_ns // _SECOND_NS} s"
