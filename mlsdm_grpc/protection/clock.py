"""The server's clock: wall time that follows a monotonic clock and resists jumps.

Record times are a permanent part of the state, and memories that expire by them are removed. A wall
clock more than a minute away from the monotonic time is therefore accepted only after it has been
stable for an hour. Smaller differences are corrected slowly, so that time never goes backwards. At
the start only the newest record is known. If the wall clock is far from it, records are stamped as
if no time had passed since, until the wall clock has been stable for an hour or returns. See
docs/adr/0015-clock-of-the-server.md.
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
# Minimum interval of reading the wall clock.
_LOOK_NS: Final = 1 * _SECOND_NS
# Maximum difference at which the wall clock is followed.
_NEAR_NS: Final = 60 * _SECOND_NS
# Divisor of the correction rate: the clock is corrected by at most a tenth of the elapsed time.
_SLEW: Final = 10
# Time for which a wall clock must be stable to be accepted.
_HOLD_NS: Final = 3_600 * _SECOND_NS
# Longest downtime that is plausible at once; after a longer one the clock must prove stable.
_FAR_NS: Final = 30 * 86_400 * _SECOND_NS
_log = structlog.get_logger(__name__)


def _wall_ns() -> int:
    return time.time_ns()


_BOOT: Final[int | None] = getattr(time, "CLOCK_BOOTTIME", None)


def _elapsed_ns() -> int:
    """Return monotonic time that includes suspension of the machine, where available."""
    return time.monotonic_ns() if _BOOT is None else time.clock_gettime_ns(_BOOT)


@dataclass(frozen=True, slots=True)
class TimeSources:
    """Clocks of the machine, nanoseconds."""

    wall_ns: Callable[[], int] = _wall_ns
    """Unix time; may jump."""
    elapsed_ns: Callable[[], int] = _elapsed_ns
    """Monotonic time with any origin."""


class Clock:
    """Clock of this server; used on the event loop only.

    Args:
        sources: Clocks of the machine.
        newest_ns: Time of the newest record at the start, Unix nanoseconds; 0 if there is none.
        metrics: Metrics of jumps.
    """

    def __init__(self, sources: TimeSources, *, newest_ns: int = 0, metrics: Metrics) -> None:
        self._sources = sources
        self._jumps = metrics.clock_jumps
        self._off = metrics.clock_off
        self._doubtful = metrics.clock_doubtful
        self._looked_ns = elapsed_ns = sources.elapsed_ns()
        # Clock time minus monotonic time.
        self._offset_ns = sources.wall_ns() - elapsed_ns
        # The same offset for the newest record at the start, as if there had been no downtime.
        self._floor_ns = newest_ns - elapsed_ns if newest_ns else None
        # Monotonic time since which the wall clock has been stable.
        self._held_ns = elapsed_ns
        # Offset of a wall clock that is not accepted yet.
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
        """Return the time, Unix nanoseconds."""
        elapsed_ns = self._sources.elapsed_ns()
        if elapsed_ns - self._looked_ns >= _LOOK_NS:
            self._look(elapsed_ns)
        return elapsed_ns + self._offset_ns

    def record_ns(self) -> int:
        """Return the time for a record, Unix nanoseconds; never later than :meth:`now_ns`.

        Memories that have expired by this time have certainly expired, so a record may remove them.
        """
        now_ns = self.now_ns()
        if not self._doubt or self._floor_ns is None:
            return now_ns
        return min(now_ns, self._sources.elapsed_ns() + self._floor_ns)

    def now(self) -> datetime:
        """Return the time in UTC."""
        return datetime.fromtimestamp(self.now_ns() / _SECOND_NS, UTC)

    def _plausible(self, offset_ns: int) -> bool:
        """Return True if a wall clock is close to the newest record."""
        return self._floor_ns is None or -_NEAR_NS <= offset_ns - self._floor_ns <= _FAR_NS

    def _look(self, elapsed_ns: int) -> None:
        """Compare the wall clock with the monotonic time."""
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
    """Return a time for the log; seconds for a time that no calendar has."""
    try:
        return datetime.fromtimestamp(time_ns // _SECOND_NS, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return f"{time_ns // _SECOND_NS} s"
