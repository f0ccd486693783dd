"""Status and control of the node, for operators."""

from __future__ import annotations

import contextlib
import math
import os
import socket
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import anyio
from google.protobuf.duration_pb2 import Duration

from mlsdm_grpc._gen.mlsdm.v1 import node_pb2
from mlsdm_grpc.config import JournalKind, Settings
from mlsdm_grpc.engine.statistics import Vitals
from mlsdm_grpc.journal.protocol import Journal
from mlsdm_grpc.llm.breaker import BreakerState
from mlsdm_grpc.llm.gateway import ProvidersView
from mlsdm_grpc.messages.times import timestamp
from mlsdm_grpc.protection.mode_machine import Mode
from mlsdm_grpc.protection.monitor import Monitor
from mlsdm_grpc.server.health import READINESS, Health
from mlsdm_grpc.server.lifecycle import GrpcServer
from mlsdm_grpc.wire.responses import duration

__all__ = ["Node", "connection_count"]

_NS = 1_000_000_000
_ESTABLISHED = "01"
_UP = node_pb2.COMPONENT_STATE_SERVING
_DOWN = node_pb2.COMPONENT_STATE_NOT_SERVING
_BREAKERS = {
    BreakerState.CLOSED: _UP,
    BreakerState.HALF_OPEN: node_pb2.COMPONENT_STATE_DEGRADED,
    BreakerState.OPEN: _DOWN,
}


class Node:
    """Node that AdminService shows and controls.

    Args:
        settings: Settings of the server.
        monitor: Monitor that sets the mode.
        vitals: Statistics of the engine.
        journal: Journal of the server.
        health: Health of the server.
        llm: Providers of language models.
        data_port: Owner of the gRPC port.
        commit_s: Durations of the latest commits, seconds.
        request_stop: Requests the stop of the process.
        now_ns: Returns the wall clock time, Unix nanoseconds.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        monitor: Monitor,
        vitals: Vitals,
        journal: Journal,
        health: Health,
        llm: ProvidersView,
        data_port: GrpcServer,
        commit_s: Sequence[float],
        request_stop: Callable[[], None],
        now_ns: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._monitor = monitor
        self._vitals = vitals
        self._journal = journal
        self._health = health
        self._llm = llm
        self._data_port = data_port
        self._commit_s = commit_s
        self._request_stop = request_stop
        self._now_ns = now_ns
        self._name = socket.gethostname()
        self._started_ns = now_ns()

    def force(self, mode: Mode, for_s: float) -> None:
        """Set the mode for a time in seconds, which may be infinite."""
        self._monitor.machine.force(mode, for_s)

    def release(self) -> None:
        """Return to the mode that the pressure signals give."""
        self._monitor.machine.release()

    async def drain(self, grace_s: float | None) -> tuple[int, int]:
        """Start to drain. Further calls return the result of the first one.

        Args:
            grace_s: Time for calls in flight, seconds; None for the configured time.

        Returns:
            Number of calls in flight at the start, and the latest end of the process, Unix
            nanoseconds.
        """
        if grace_s is None:
            grace_s = self._settings.server.drain_grace_s
        drained = await self._data_port.begin_drain(grace_s)
        self._data_port.end_promised.set()
        self._request_stop()
        left_ns = round((drained.ends_s - time.monotonic()) * _NS)
        return drained.in_flight, self._now_ns() + left_ns

    async def status(self) -> node_pb2.NodeStatus:
        """Return the current status of the node."""
        machine = self._monitor.machine
        files = partial(_measured_files, self._settings, self._data_port.port)
        size_bytes, connections = await anyio.to_thread.run_sync(files)
        reading = self._monitor.reading
        hot = self._vitals.hot_spaces()
        status = node_pb2.NodeStatus(
            node=self._name,
            mode=node_pb2.NodeMode.ValueType(machine.mode),
            mode_forced=machine.forced,
            draining=self._health.draining,
            ready=self._health.serving(READINESS),
            start_time=timestamp(self._started_ns),
            resident_bytes=reading.resident_bytes,
            memory_limit_bytes=reading.memory_limit_bytes,
            hot_space_count=hot.total(),
            quarantined_space_count=self._vitals.quarantined,
            pressure=[
                node_pb2.PressureSignal(signal=each.name, ratio=each.ratio, firing=each.firing)
                for each in machine.signals
            ],
            workers=self._workers(),
            lanes=self._lanes(),
            journal=self._journal_status(size_bytes),
            llm=self._llm_state(),
            providers=self._providers(),
            connection_count=connections,
            cool_down=duration(machine.next_cool_down_s),
        )
        if machine.forced and machine.forced_for_s < math.inf:
            left_ns = round(machine.forced_for_s * _NS)
            status.mode_expire_time.CopyFrom(timestamp(self._now_ns() + left_ns))
        return status

    def _workers(self) -> Iterator[node_pb2.WorkerStatus]:
        hot, resident = self._vitals.hot_spaces(), self._monitor.reading.resident
        for kind, workers in self._vitals.workers().items():
            for worker in workers:
                yield node_pb2.WorkerStatus(
                    worker=worker.index,
                    kind=kind,
                    state=_UP if worker.up else _DOWN,
                    space_count=hot[worker.index] if kind == "space" else 0,
                    resident_bytes=resident.get(worker.pid, 0),
                    restart_count=worker.restarts,
                    start_time=timestamp(worker.started_ns) if worker.started_ns else None,
                )

    def _lanes(self) -> Iterator[node_pb2.LaneStatus]:
        for lane in self._vitals.lanes:
            yield node_pb2.LaneStatus(
                lane=lane.lane,
                permit_count=lane.permits,
                in_flight_count=lane.in_use,
                queue_count=lane.waiting,
                max_queue_count=lane.permits,  # waiting calls hold permits
                rejected_count=lane.rejected,
            )

    def _llm_state(self) -> node_pb2.ComponentState.ValueType:
        if self._llm.providers()[0].state is BreakerState.CLOSED:
            return _UP
        return node_pb2.COMPONENT_STATE_DEGRADED if self._llm.callable else _DOWN

    def _providers(self) -> Iterator[node_pb2.ProviderStatus]:
        for each in self._llm.providers():
            yield node_pb2.ProviderStatus(
                provider=each.name,
                state=_BREAKERS[each.state],
                open_count=each.open_count,
                retry_delay=duration(each.retry_after_s) if each.retry_after_s else None,
            )

    def _journal_status(self, size_bytes: int) -> node_pb2.JournalStatus:
        return node_pb2.JournalStatus(
            kind=self._settings.journal.kind,
            state=_UP if self._journal.health().writable else _DOWN,
            staleness=Duration(),
            size_bytes=size_bytes,
            append_latency=(
                duration(statistics.median(self._commit_s)) if self._commit_s else None
            ),
        )


def _measured_files(settings: Settings, port: int) -> tuple[int, int]:
    """Return the size of the journal's files in bytes, and the number of connections. Blocks."""
    journal = settings.journal
    folder = journal.data_dir
    folders = (folder, folder / "snapshots") if journal.kind is JournalKind.SQLITE else ()
    return sum(map(_folder_bytes, folders)), connection_count(port)


def _folder_bytes(folder: Path) -> int:
    total = 0
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                total += entry.stat().st_size if entry.is_file() else 0
    return total


def connection_count(port: int) -> int:
    """Return the number of TCP connections to a port of this machine. Blocks."""
    suffix = f":{port:04X}"
    count = 0
    for name in ("tcp", "tcp6"):
        with (
            contextlib.suppress(OSError),
            Path("/proc/self/net", name).open(encoding="ascii") as table,
        ):
            for line in table:
                _, local, _, state, *_ = line.split()
                count += local.endswith(suffix) and state == _ESTABLISHED
    return count
