"""Protection mode of the node: a state machine without I/O, driven by a clock and signals.

A signal is a measured value divided by its limit. From ``shed_at`` on it requests SHEDDING, from 1
on EMERGENCY. It requests nothing again once it falls below ``release_at``::

    NORMAL <-> SHEDDING -> EMERGENCY -> PROBING -> NORMAL or SHEDDING
                               ^___________|

An emergency ends after a cool-down time without an emergency signal. Then a few writes are admitted
as probes. A probe that fails because of the node restarts the emergency. Each emergency doubles the
cool-down of the next one, up to a maximum. Time without an emergency halves it again. Once all
signals are normal, every mode ends by time alone.
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
    """Protection mode. The numbers are those of the contract."""

    NORMAL = 1
    SHEDDING = 2
    EMERGENCY = 3
    PROBING = 4


@dataclass(frozen=True, slots=True)
class Signal:
    """Measured cause of pressure."""

    name: str
    ratio: float
    """Measured value divided by its limit, at least 0."""
    firing: bool
    """True if the signal requests protection."""


class _Level(enum.IntEnum):
    CALM = 0
    SHED = 1
    EMERGENCY = 2


class ModeMachine:
    """State machine of the mode. Not thread-safe.

    Args:
        settings: Thresholds and times.
        clock: Returns monotonic seconds.
        on_change: Called with each new mode and the names of its causes.
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
        """Current mode: that of the operator, or else that of the signals."""
        self._own = Mode.NORMAL
        self._ratios: Mapping[str, float] = {}
        self.details: Mapping[str, str] = {}
        """Text with value and limit of each signal at the last tick, by name."""
        self._levels: dict[str, _Level] = {}
        self._causes: frozenset[str] = frozenset()
        # Times of the last signal for the current mode, and of its beginning, seconds.
        self._fired_s = self._entered_s = clock()
        self._cool_down_s = self._next_s = settings.cool_down_s
        self._next_since_s = self._entered_s
        self._forced: Mode | None = None
        self._forced_until_s = math.inf
        self._round = self._tokens = self._out = self._good = 0

    @property
    def causes(self) -> tuple[str, ...]:
        """Names of the signals that cause the mode, sorted; ``operator`` for a forced mode."""
        if self._forced is not None:
            return (_OPERATOR,)
        return tuple(sorted(self._causes))

    @property
    def signals(self) -> list[Signal]:
        """Signals at the last tick."""
        return [
            Signal(name, ratio, self._levels[name] > _Level.CALM)
            for name, ratio in self._ratios.items()
        ]

    @property
    def forced(self) -> bool:
        """True if an operator has set the mode."""
        return self._forced is not None

    @property
    def forced_for_s(self) -> float:
        """Remaining time of a forced mode, seconds; infinite for a mode without an end."""
        return max(0.0, self._forced_until_s - self._clock())

    @property
    def next_cool_down_s(self) -> float:
        """Cool-down time of the next emergency, seconds."""
        settings = self._settings
        if self._own in {Mode.EMERGENCY, Mode.PROBING}:
            return self._next_s
        halvings = (self._clock() - self._next_since_s) // settings.half_life_s
        return max(settings.cool_down_s, math.ldexp(self._next_s, -int(min(halvings, 1_000))))

    @property
    def retry_after_s(self) -> float:
        """Estimated time until refused work may be accepted again, seconds."""
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
        """Update the mode from the signals. A missing signal counts as normal.

        Args:
            ratios: Measured values divided by their limits, by name of the signal, each at least 0.
            details: Texts with value and limit, by name of the signal.
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
            # A blocked write fires the signal ``queue_age`` after this time, so PROBING lasts until
            # then.
            if self._out:
                limit_s = max(limit_s, self._settings.max_processing_s)
            if now - self._entered_s >= limit_s:
                self._recovered(now)
        elif demand is _Level.SHED:
            self._shedding(now)
        elif self._own is Mode.SHEDDING and now - self._fired_s >= self._settings.cool_down_s:
            self._enter(Mode.NORMAL, now)
        self._publish()

    def force(self, mode: Mode, for_s: float) -> None:
        """Set the mode for a time in seconds, which may be infinite, regardless of the signals."""
        self._forced = mode
        self._forced_until_s = self._clock() + for_s
        self._publish()

    def release(self) -> None:
        """Return to the mode of the signals, which is updated during a forced mode too."""
        self._forced = None
        self._publish()

    def take_probe(self) -> int:
        """Return the number of the current round of probes, or 0 if the write must be refused."""
        if self.mode is not Mode.PROBING or not self._tokens:
            return 0
        self._tokens -= 1
        self._out += 1
        return self._round

    def probed(self, probe: int, *, good: bool | None) -> None:
        """Record the result of a probe.

        Args:
            probe: Result of :meth:`take_probe`. Probes of earlier rounds are ignored.
            good: True after a success, False after a fault of the node, None after any other error.
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
        """Enter EMERGENCY.

        Args:
            now: Current time, seconds.
            relapse: True for an emergency signal, which doubles the next cool-down. False for a
                failed probe, whose cause has persisted.
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
    """Return the causes of the current mode, with values and limits."""
    return "; ".join(machine.details.get(cause, cause) for cause in machine.causes)
