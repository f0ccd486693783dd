"""Periodic measurement of the signals of the node, which determine its mode.

Files are read in a thread. While it blocks, the last reading is used. A disk that does not respond
is detected by the age of incomplete work.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable

import anyio
import structlog

from mlsdm_grpc.config import PressureSettings
from mlsdm_grpc.journal.protocol import JournalHealth
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.observability.security_log import SecurityEvent, record_event
from mlsdm_grpc.protection.allocator import trim
from mlsdm_grpc.protection.mode_machine import Mode, ModeMachine, explain
from mlsdm_grpc.protection.sensors import Reading, Sensors
from mlsdm_grpc.units import MIB

__all__ = ["Monitor"]

_log = structlog.get_logger(component="pressure")
# Time constant of the mean event loop lag, seconds.
_LAG_MEAN_S = 1.0
_LEAST_BYTES = 1
# Minimum time between two returns of freed pages, seconds.
_TRIM_S = 1.0
# Factor by which RAM is measured more often near its limit, because the rest may be allocated
# within a tenth of a second.
_NEAR_LIMIT = 8
_OF_THIS_NODE = {"memory", "loop_lag"}
_OF_THE_JOURNAL = {"journal", "disk"}


class Monitor:
    """Task that measures the signals and updates the mode of the node.

    Args:
        settings: Limits and times.
        sensors: Sensors that are read in a thread.
        pids: Returns the ids of the worker processes.
        oldest_s: Returns the age of the oldest incomplete work, seconds.
        journal: Returns the health of the journal; must not block.
        metrics: Metrics to update.
        shed: Starts the unloading of unused spaces. Called at each measurement while RAM is needed.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self,
        settings: PressureSettings,
        *,
        sensors: Sensors,
        pids: Callable[[], Iterable[int]],
        oldest_s: Callable[[], float],
        journal: Callable[[], JournalHealth],
        metrics: Metrics,
        shed: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._sensors = sensors
        self._pids = pids
        self._oldest_s = oldest_s
        self._journal = journal
        self._shed = shed
        self._metrics = metrics
        self._clock = clock
        self._lag_s = 0.0
        # Earliest time of the next return of freed pages to the system.
        self._trim_s = clock()
        self._one_thread = anyio.CapacityLimiter(1)
        self.reading = Reading({}, 0, 0, None)
        """Last reading of the sensors."""
        self.machine = ModeMachine(settings, clock=clock, on_change=self._changed)
        for mode in Mode:
            metrics.node_mode.labels(mode.name.lower()).set(mode is Mode.NORMAL)

    @property
    def ready(self) -> bool:
        """True unless this node alone causes an emergency, by its RAM or its event loop."""
        return not self._caused_by(_OF_THIS_NODE)

    @property
    def journal_serving(self) -> bool:
        """True if writes can become durable."""
        return self._journal().writable and not self._caused_by(_OF_THE_JOURNAL)

    async def look(self) -> None:
        """Measure once, so that a mode is known before the first request."""
        await self._read()
        self._look()

    async def run(self, on_tick: Callable[[], None]) -> None:
        """Sample without end; ``on_tick`` is called after every sample."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._read_for_ever)
            while True:
                began_s = self._clock()
                await anyio.sleep(self._settings.interval_s)
                self._note_lag(self._clock() - began_s)
                self._look()
                on_tick()

    async def _read_for_ever(self) -> None:
        while True:
            near = self._filled() >= self._settings.release_at
            await anyio.sleep(self._settings.interval_s / (_NEAR_LIMIT if near else 1))
            # The return of freed pages takes milliseconds, so it happens only near the limit.
            if near and self._clock() >= self._trim_s:
                await anyio.to_thread.run_sync(trim, limiter=self._one_thread)
                self._trim_s = self._clock() + _TRIM_S
            await self._read()
            if near:
                self._look()

    def _filled(self) -> float:
        """Return the used share of the memory limit; 0 without a limit."""
        reading = self.reading
        limit_bytes = reading.memory_limit_bytes
        return reading.used_bytes / limit_bytes if limit_bytes else 0.0

    async def _read(self) -> None:
        pids = [os.getpid(), *self._pids()]
        self.reading = await anyio.to_thread.run_sync(
            self._sensors.read, pids, abandon_on_cancel=True, limiter=self._one_thread
        )

    def _note_lag(self, slept_s: float) -> None:
        """Update the mean lag of the event loop, an average weighted by time."""
        weight = -math.expm1(-slept_s / _LAG_MEAN_S)
        late_s = max(0.0, slept_s - self._settings.interval_s)
        self._lag_s += weight * (late_s - self._lag_s)

    def _look(self) -> None:
        ratios, details = self._ratios()
        for name, ratio in ratios.items():
            self._metrics.pressure_ratio.labels(name).set(ratio)
        machine = self.machine
        machine.tick(ratios, details)
        # Besides freed pages, the node can release only the RAM of unused spaces.
        if machine.mode is Mode.SHEDDING or "memory" in machine.causes:
            self._shed()

    def _ratios(self) -> tuple[dict[str, float], dict[str, str]]:
        """Return the signals as shares of their limits, and texts with value and limit, by name."""
        settings, reading, oldest_s = self._settings, self.reading, self._oldest_s()
        writable = self._journal().writable
        ratios = {
            "loop_lag": self._lag_s / settings.max_loop_lag_s,
            "queue_age": oldest_s / settings.max_processing_s,
            "journal": 0.0 if writable else 1.0,
        }
        details = {
            "loop_lag": f"loop_lag: {self._lag_s:.3f} s, at most {settings.max_loop_lag_s:g} s",
            "queue_age": f"queue_age: {oldest_s:.1f} s, at most {settings.max_processing_s:g} s",
            "journal": f"journal: accepts {'writes' if writable else 'no writes'}",
        }
        if reading.memory_limit_bytes:
            ratios["memory"] = self._filled()
            used, limit = reading.used_bytes // MIB, reading.memory_limit_bytes // MIB
            details["memory"] = f"memory: {used} MiB in use, at most {limit} MiB"
        if reading.free_bytes is not None:
            reserve = settings.disk_reserve_bytes
            ratios["disk"] = reserve / max(reading.free_bytes, _LEAST_BYTES)
            free = reading.free_bytes // MIB
            details["disk"] = f"disk: {free} MiB free, {reserve // MIB} MiB needed"
        return ratios, details

    def _caused_by(self, signals: set[str]) -> bool:
        machine = self.machine
        protecting = machine.mode in {Mode.EMERGENCY, Mode.PROBING}
        return protecting and not signals.isdisjoint(machine.causes)

    def _changed(self, mode: Mode, causes: tuple[str, ...]) -> None:
        for each in Mode:
            self._metrics.node_mode.labels(each.name.lower()).set(each is mode)
        self._metrics.node_transitions.labels(mode.name.lower()).inc()
        if mode is Mode.EMERGENCY:
            record_event(SecurityEvent.NODE_EMERGENCY, cause=",".join(causes))
        reading = self.reading
        _log.warning(
            "node_mode_changed",
            mode=mode.name,
            causes=list(causes),
            detail=explain(self.machine),
            signals=list(self.machine.details.values()),
            memory_bytes=reading.used_bytes,
            memory_limit_bytes=reading.memory_limit_bytes,
        )
