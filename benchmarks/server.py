"""The whole server, side by side with a bare grpc.aio echo of the same messages.

    python benchmarks/server.py            what docs/benchmarks.md promises; about ten minutes
    python benchmarks/server.py --quick    a smoke run of seconds

Both servers run all the time and are called in turn by the same generator, 8 connections with 8
calls each. Ratios are of requests a second within a pair of windows.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import kernel
import load
import numpy as np
from load import Flow, LoadError, Step
from pairs import Ratio, like_a_worker, options, publish
from processes import Process, call, echo, serving, usage, wait_quiet
from traffic import (
    BATCH_QUERY,
    DIMENSION,
    INGEST,
    PROCESS_EVENT,
    PUT,
    QUERY,
    Traffic,
    ingest_opens,
)

from mlsdm_grpc._gen.mlsdm.v1.admin_service_pb2 import GetServerInfoRequest, GetServerInfoResponse
from mlsdm_grpc._gen.mlsdm.v1.cognition_service_pb2 import ProcessEventResponse
from mlsdm_grpc._gen.mlsdm.v1.memory_put_pb2 import PutMemoryResponse
from mlsdm_grpc.core import packed

SERVER_INFO = "/mlsdm.v1.AdminService/GetServerInfo"
CONNECTIONS, IN_FLIGHT = 8, 8
QUERIES = 32
"""Queries of one BatchQueryMemories."""
BATCHES_IN_FLIGHT = 2
"""On one connection; more would be answered in bursts that are long beside a window."""
MEMORIES = 64
"""Memories of one message of IngestMemories."""
SMALL, FULL = 1_000, 20_000
VECTORS = 10_240
WARM_S = 0.3


@dataclass(frozen=True, slots=True)
class Window:
    """What one side did in one window."""

    per_s: float
    """Requests, or queries or memories where a request has several, a second."""
    server_us: float = 0.0
    """CPU of the server for each, microseconds."""
    workers_us: float = 0.0
    """CPU of the workers that hold minds for each, microseconds."""
    p50_ms: float = 0.0
    p99_ms: float = 0.0


@dataclass(slots=True)
class Side:
    """One of two things that are compared."""

    name: str
    run: Callable[[float], Window]
    """Does the work for some seconds."""
    windows: list[Window] = field(default_factory=list)

    def median(self, attribute: str) -> float:
        """Return the median of an attribute of the windows."""
        return statistics.median(getattr(window, attribute) for window in self.windows)

    @property
    def rates(self) -> list[float]:
        """Work a second, one entry a window."""
        return [window.per_s for window in self.windows]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    what: str
    aim: str
    ours: Side
    base: Side

    def __str__(self) -> str:
        ours, base = self.ours, self.base
        cpu = [
            f"{side.median(name):.0f}"
            for side, name in ((ours, "server_us"), (ours, "workers_us"), (base, "server_us"))
        ]
        ratio = Ratio.between(ours.rates, base.rates)
        cells = [
            self.what,
            self.aim,
            str(ratio),
            f"{ours.median('per_s'):.0f}",
            f"{base.name}: {base.median('per_s'):.0f}",
            *cpu,
            f"{ours.median('p50_ms'):.1f}",
            f"{ours.median('p99_ms'):.1f}",
        ]
        return f"| {' | '.join(cells)} |"


HEADER = (
    "| what | aim | here | a second | base, a second | server us | workers us | base us "
    "| p50 ms | p99 ms |"
)


def loaded(server: Process, flow: Flow, items: int = 1) -> Callable[[float], Window]:
    """Return what calls a server in a closed loop.

    Args:
        server: Whose processor time counts.
        flow: What is sent; its steps are those of the window.
        items: Pieces of work in one call.
    """

    def run(window_s: float) -> Window:
        before = usage(server)
        steps = (Step(WARM_S), Step(window_s))
        (result,) = load.run(dataclasses.replace(flow, steps=steps))
        after = usage(server)
        for step in result["steps"]:
            if step["answers"].keys() != {"OK"}:
                raise LoadError(f"{flow.name}: not all answers are OK: {step['answers']}")
        measured = result["steps"][-1]
        done = items * sum(step["ok_items"] for step in result["steps"])
        return Window(
            items * measured["ok_items_per_s"],
            1e6 * (after.server_cpu_s - before.server_cpu_s) / done,
            1e6 * (after.workers_cpu_s - before.workers_cpu_s) / done,
            measured["ok_ms"]["p50"],
            measured["ok_ms"]["p99"],
        )

    return run


def in_process(run: Callable[[int], object], items: int) -> Callable[[float], Window]:
    """Return what does the work in this process."""

    def window(window_s: float) -> Window:
        for i in range(3):
            run(i)
        began, runs = time.perf_counter(), 0
        while (spent_s := time.perf_counter() - began) < window_s:
            run(runs)
            runs += 1
        return Window(items * runs / spent_s)

    return window


class Bench:
    """The servers, the spaces and the requests."""

    def __init__(self, stack: ExitStack, *, small: int, full: int, vectors: int) -> None:
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mlsdm-")))
        self.small, self.full = small, full
        self.traffic = Traffic.of(self.folder, rows=full, count=vectors)
        self.server = stack.enter_context(serving(self.folder / "data"))
        for space, count, capacity in (
            ("small", small, FULL),
            ("full", full, full),
            ("puts", full, full),
            ("events", full, full),
            ("ingest", full, full),
        ):
            self.traffic.fill(self.server.target, space, count, capacity=capacity)
        self.files = {
            "small": self.traffic.queries("small"),
            "full": self.traffic.queries("full"),
            "puts": self.traffic.puts("puts"),
            "events": self.traffic.events("events"),
        }
        self.yardstick = stack.enter_context(echo(self._answers()))

    def _answers(self) -> dict[str, bytes]:
        """Return an answer of the server to each kind of request."""
        put = self._first(PUT, "puts")
        event = self._first(PROCESS_EVENT, "events")
        if not PutMemoryResponse.FromString(put).evicted_memory_ids:
            raise LoadError("the space for PutMemory is not full")
        if not ProcessEventResponse.FromString(event).outcome.accepted:
            raise LoadError("the events are refused")
        return {QUERY: self._first(QUERY, "full"), PUT: put, PROCESS_EVENT: event}

    def _first(self, method: str, name: str) -> bytes:
        request = load.first_message(self.files[name])
        return call(self.server.target, method, request)

    def _flow(self, server: Process, method: str, messages: Path, **fields: Any) -> Flow:
        name = f"{method} of {messages.name}"
        fields = {"connections": CONNECTIONS, "in_flight": IN_FLIGHT, **fields}
        return Flow(name, server.target, method, messages, (), **fields)

    def _side(self, method: str, messages: Path, items: int = 1, **fields: Any) -> Side:
        flow = self._flow(self.server, method, messages, **fields)
        return Side("server", loaded(self.server, flow, items))

    def _against_echo(self, what: str, aim: str, method: str, name: str) -> Row:
        base = self._flow(self.yardstick, method, self.files[name])
        return Row(
            what,
            aim,
            self._side(method, self.files[name]),
            Side("echo", loaded(self.yardstick, base)),
        )

    def rows(self) -> Iterator[Row]:
        """Yield what is compared."""
        yield self._against_echo(f"QueryMemories, {self.small}", "0.70x", QUERY, "small")
        yield self._against_echo(f"QueryMemories, full {self.full}", "0.55x", QUERY, "full")
        yield self._against_echo("PutMemory, evicting", "0.50x", PUT, "puts")
        yield self._against_echo("ProcessEvent, full", "0.50x", PROCESS_EVENT, "events")
        case = self.traffic.case
        recall = kernel.filled(case.rows, np.full(self.full, 0.1), accelerated=packed.AVAILABLE)
        batches = {
            name: self._side(
                BATCH_QUERY,
                self.traffic.batch_queries(name, QUERIES),
                QUERIES,
                in_flight=BATCHES_IN_FLIGHT,
            )
            for name in ("small", "full")
        }
        yield Row(
            f"BatchQueryMemories {QUERIES}, full {self.full}",
            "0.75x",
            batches["full"],
            Side("kernel", in_process(kernel.batch(recall, case, QUERIES), QUERIES)),
        )
        yield Row(
            f"BatchQueryMemories {QUERIES}, {self.small}",
            "5x",
            batches["small"],
            Side("single", self._side(QUERY, self.files["small"]).run),
        )
        if self._serves(INGEST):
            yield Row(
                "IngestMemories, memories a second",
                "3x",
                self._side(
                    INGEST,
                    self.traffic.ingest_batches("ingest", MEMORIES),
                    in_flight=BATCHES_IN_FLIGHT,
                    opens=ingest_opens("ingest", CONNECTIONS),
                    batch_items=MEMORIES,
                ),
                Side("PutMemory", self._side(PUT, self.files["puts"]).run),
            )

    def _serves(self, method: str) -> bool:
        answer = call(self.server.target, SERVER_INFO, GetServerInfoRequest().SerializeToString())
        methods = GetServerInfoResponse.FromString(answer).info.methods
        return method.removeprefix("/") in methods


def measure(rows: Sequence[Row], server: Process, *, windows: int, window_s: float) -> None:
    """Run all pairs ``windows`` times, each time the other side first."""
    for number in range(windows):
        for row in rows:
            pair = (row.ours, row.base)
            for side in pair if number % 2 == 0 else reversed(pair):
                wait_quiet(server, timeout_s=window_s)
                side.windows.append(side.run(window_s))
        print(f"window {number + 1} of {windows}", file=sys.stderr, flush=True)


def report(arguments: argparse.Namespace) -> list[str]:
    """Return the table."""
    sizes = {"small": SMALL, "full": FULL, "vectors": VECTORS}
    if arguments.quick:
        sizes = {"small": 200, "full": 2_000, "vectors": 640}
    with ExitStack() as stack:
        bench = Bench(stack, **sizes)
        rows = list(bench.rows())
        measure(rows, bench.server, windows=arguments.windows, window_s=arguments.window_s)
        served = any(row.what.startswith("Ingest") for row in rows)
    said = f"Median, range of {arguments.windows} paired windows of {arguments.window_s} s."
    lines = [
        f"{DIMENSION} dimensions, {CONNECTIONS} x {IN_FLIGHT} calls in flight. {said}",
        "",
        HEADER,
        "|" + "---|" * HEADER.count(" | ") + "---|",
        *map(str, rows),
    ]
    return lines if served else [*lines, "", "IngestMemories is not served by this version."]


def main() -> None:
    """Run and print; with ``--write`` also into a file."""
    arguments = options(__doc__).parse_args()
    like_a_worker("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
    if arguments.quick:
        arguments.windows, arguments.window_s = 1, 0.2
    publish(report(arguments), arguments.write)


if __name__ == "__main__":
    main()
