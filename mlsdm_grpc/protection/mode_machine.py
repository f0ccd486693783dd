"""The protective mode of the node: a state machine without I/O, driven by a clock and ratios.

A signal is a measured value as a share of its limit. From ``shed_at`` on it asks to shed load, from
1 on for an emergency, and it is calm again below ``release_at``::

    NORMAL <-> SHEDDING -> EMERGENCY -> PROBING -> NORMAL or SHEDDING
                               ^___________|

An emergency ends after its cool-down without an emergency signal; then a few writes are let through
to see whether the cause is gone. A write that the node itself fails brings the emergency back; a
signal that comes back makes the next cool-down twice as long, up to a maximum, and calm time halves
it again. So every state is left by time alone once the signals are calm, and nothing latches.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mlsdm_grpc.config import PressureSettings

__all__ = ["Mode", "ModeMachine", "Signal", "explain"]

_OPERATOR = "operator"
_SHORTEST_RETRY_S = 0.1
_NO_DETAILS: Final[Mapping[str, str]] = MappingProxyType({})


class Mode(enum.IntEnum):
    """Numbers as in the contract."""

    NORMAL = 1
    SHEDDING = 2
    EMERGENCY = 3
    PROBING = 4


@dataclass(frozen=True, slots=True)
class Signal:
    """One measured cause of pressure."""

    name: str
    ratio: float
    """Measured value as a share of the limit, at least 0."""
    firing: bool
    """It asks for protection."""


class _Level(enum.IntEnum):
    CALM = 0
    SHED = 1
    EMERGENCY = 2


class ModeMachine:
    """Decides the mode; not thread-safe.

    Args:
        settings: Thresholds and times.
        clock: Monotonic seconds.
        on_change: Told of each new mode and its causes.
    """

    def __init__(
        self,
        settings: PressureSettings,
        *,
        clock: Callable[[], float],
        on_change: Callable[[Mode, tuple[str, ...]], None] = lambda _mode, _causes: None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._on_change = on_change
        self.mode = Mode.NORMAL
        """The mode in force: the forced one, else that of the signals."""
        self._own = Mode.NORMAL
        self._ratios: Mapping[str, float] = {}
        self.details: Mapping[str, str] = {}
        """What was measured of each signal at the last tick, for people."""
        self._levels: dict[str, _Level] = {}
        self._causes: frozenset[str] = frozenset()
        self._fired_s = self._entered_s = clock()
        """When a signal last asked for the own mode, and when that was entered."""
        self._cool_down_s = self._next_s = settings.cool_down_s
        self._next_since_s = self._entered_s
        self._forced: Mode | None = None
        self._forced_until_s = math.inf
        self._round = self._tokens = self._out = self._good = 0

    @property
    def causes(self) -> tuple[str, ...]:
        """Names of the signals behind the mode, sorted; ``operator`` if it was forced."""
        if self._forced is not None:
            return (_OPERATOR,)
        return tuple(sorted(self._causes))

    @property
    def signals(self) -> list[Signal]:
        """The signals as of the last tick."""
        return [
            Signal(name, ratio, self._levels[name] > _Level.CALM)
            for name, ratio in self._ratios.items()
        ]

    @property
    def forced(self) -> bool:
        """Whether an operator has set the mode."""
        return self._forced is not None

    @property
    def forced_for_s(self) -> float:
        """Seconds for which the forced mode goes on; infinite if it does not end by itself."""
        return max(0.0, self._forced_until_s - self._clock())

    @property
    def next_cool_down_s(self) -> float:
        """Cool-down that the next emergency would begin with, seconds."""
        settings = self._settings
        if self._own in {Mode.EMERGENCY, Mode.PROBING}:
            return self._next_s
        halvings = (self._clock() - self._next_since_s) // settings.half_life_s
        return max(settings.cool_down_s, math.ldexp(self._next_s, -int(min(halvings, 1_000))))

    @property
    def retry_after_s(self) -> float:
        """Seconds after which refused work may be served again, as far as one can tell."""
        settings = self._settings
        if self._forced is not None:
            return max(_SHORTEST_RETRY_S, min(self.forced_for_s, settings.cool_down_s))
        began_s, lasts_s = self._fired_s, settings.cool_down_s
        if self._own is Mode.EMERGENCY:
            lasts_s = self._cool_down_s
        elif self._own is Mode.PROBING:
            began_s, lasts_s = self._entered_s, settings.probe_s
        return max(_SHORTEST_RETRY_S, min(lasts_s, began_s + lasts_s - self._clock()))

    def tick(self, ratios: Mapping[str, float], details: Mapping[str, str] = _NO_DETAILS) -> None:
        """Look at the signals; one that is not there counts as calm.

        Args:
            ratios: By name, each at least 0.
            details: By name, what was measured and its limit, for people.
        """
        now = self._clock()
        self._ratios, self.details = dict(ratios), details
        self._levels = {name: self._level(name, ratio) for name, ratio in ratios.items()}
        demand = max(self._levels.values(), default=_Level.CALM)
        if self._forced is not None and now >= self._forced_until_s:
            self._forced = None
        if demand is _Level.EMERGENCY:
            self._emergency(now, relapse=True)
        elif self._own is Mode.EMERGENCY:
            if now - self._fired_s >= self._cool_down_s:
                self._probing(now)
        elif self._own is Mode.PROBING:
            limit_s = self._settings.probe_s
            if self._out:  # a write that hangs becomes a signal of its own by then
                limit_s = max(limit_s, self._settings.max_processing_s)
            if now - self._entered_s >= limit_s:
                self._recovered(now)
        elif demand is _Level.SHED:
            self._shedding(now)
        elif self._own is Mode.SHEDDING and now - self._fired_s >= self._settings.cool_down_s:
            self._enter(Mode.NORMAL, now)
        self._publish()

    def force(self, mode: Mode, for_s: float) -> None:
        """Set the mode until :meth:`release`, or for a time, whatever the signals say."""
        self._forced = mode
        self._forced_until_s = self._clock() + for_s
        self._publish()

    def release(self) -> None:
        """Give the decision back to the signals, which were followed all the time."""
        self._forced = None
        self._publish()

    def take_probe(self) -> int:
        """Return the round that a write may probe in, or 0: it has to be refused."""
        if self.mode is not Mode.PROBING or not self._tokens:
            return 0
        self._tokens -= 1
        self._out += 1
        return self._round

    def probed(self, probe: int, *, good: bool | None) -> None:
        """Tell how a probe ended.

        Args:
            probe: What :meth:`take_probe` returned; one of an earlier round is not looked at.
            good: Whether the node could do it; None if the write did not show that.
        """
        if probe != self._round or self._own is not Mode.PROBING:
            return
        now = self._clock()
        self._out -= 1
        if good is None:
            self._tokens += 1
        elif good:
            self._good += 1
            if self._good >= self._settings.probe_writes:
                self._recovered(now)
        else:
            self._emergency(now, relapse=False)
        self._publish()

    def _level(self, name: str, ratio: float) -> _Level:
        before = self._levels.get(name, _Level.CALM)
        if ratio >= 1:
            return _Level.EMERGENCY
        if ratio >= self._settings.shed_at:
            return max(before, _Level.SHED)
        return before if ratio >= self._settings.release_at else _Level.CALM

    def _asking(self, level: _Level) -> frozenset[str]:
        return frozenset(name for name, each in self._levels.items() if each >= level)

    def _enter(self, mode: Mode, now: float) -> None:
        if mode in {Mode.NORMAL, Mode.SHEDDING}:
            self._causes = self._asking(_Level.SHED)
        self._own = mode
        self._entered_s = now

    def _shedding(self, now: float) -> None:
        self._fired_s = now
        self._causes = self._asking(_Level.SHED)
        if self._own is not Mode.SHEDDING:
            self._enter(Mode.SHEDDING, now)

    def _emergency(self, now: float, *, relapse: bool) -> None:
        """Be in emergency from now on.

        Args:
            now: The time.
            relapse: A signal came back, so that it may do so again; not a failed probe, which
                shows that the cause never went away.
        """
        if self._own in {Mode.NORMAL, Mode.SHEDDING}:
            self._causes = frozenset()
        if self._own is not Mode.EMERGENCY:
            if relapse:
                self._cool_down_s = self.next_cool_down_s
                self._next_s = min(2 * self._cool_down_s, self._settings.max_cool_down_s)
            self._enter(Mode.EMERGENCY, now)
        self._fired_s = now
        self._causes |= self._asking(_Level.EMERGENCY)

    def _probing(self, now: float) -> None:
        self._enter(Mode.PROBING, now)
        self._round += 1
        self._tokens = self._settings.probe_writes
        self._out = self._good = 0

    def _recovered(self, now: float) -> None:
        self._next_since_s = now
        shed = self._asking(_Level.SHED)
        self._fired_s = now
        self._enter(Mode.SHEDDING if shed else Mode.NORMAL, now)

    def _publish(self) -> None:
        mode = self._own if self._forced is None else self._forced
        if mode is not self.mode:
            self.mode = mode
            self._on_change(mode, self.causes)


def explain(machine: ModeMachine) -> str:
    """Return the causes of a mode with what was measured of each."""
    return "; ".join(machine.details.get(cause, cause) for cause in machine.causes)
