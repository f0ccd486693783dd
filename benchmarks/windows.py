"""Cost of the work of two sides, measured in alternating windows."""

from __future__ import annotations

import dataclasses
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import load
from load import Flow, LoadError, Step
from processes import Process, usage, wait_quiet

__all__ = ["Pair", "Side", "Window", "in_process", "loaded", "measure"]

WARM_S = 0.3


@dataclass(frozen=True, slots=True)
class Window:
    """Measurements of one side in one window."""

    per_s: float
    """Requests, or queries or memories where a request has several, a second."""
    server_us: float = 0.0
    """CPU of the server for each, microseconds."""
    minds_us: float = 0.0
    """CPU of the workers that hold spaces for each, microseconds."""
    text_us: float = 0.0
    """CPU of the workers that judge and embed texts for each, microseconds."""
    p50_ms: float = 0.0
    p99_ms: float = 0.0

    @property
    def total_us(self) -> float:
        """CPU of all processes for each, microseconds."""
        return self.server_us + self.minds_us + self.text_us


@dataclass(slots=True)
class Side:
    """One of two compared servers or functions."""

    name: str
    run: Callable[[float], Window]
    """Does the work for some seconds."""
    windows: list[Window] = field(default_factory=list)

    def all(self, attribute: str) -> list[float]:
        """Return an attribute of the windows."""
        return [getattr(window, attribute) for window in self.windows]

    def median(self, attribute: str) -> float:
        """Return the median of an attribute of the windows."""
        return statistics.median(self.all(attribute))


class Pair(Protocol):
    """Two sides of one comparison."""

    @property
    def ours(self) -> Side:
        """Side that is measured."""

    @property
    def base(self) -> Side:
        """Side with which it is compared."""


def loaded(server: Process, flow: Flow, items: int = 1) -> Callable[[float], Window]:
    """Return a function that calls a server in a closed loop.

    Args:
        server: The server whose processor time counts.
        flow: The calls; their steps are those of the window.
        items: Pieces of work in one call.
    """

    def run(window_s: float) -> Window:
        before = usage(server)
        steps = (Step(WARM_S), Step(window_s))
        (result,) = load.run(dataclasses.replace(flow, steps=steps))
        after = usage(server)
        for step in result["steps"]:
            if not step["answers"].keys() <= {"OK"}:
                raise LoadError(f"{flow.name}: not all answers are OK: {step['answers']}")
        measured = result["steps"][-1]
        if not measured["answers"]:
            raise LoadError(f"{flow.name}: no call began within {window_s} s; take longer windows")
        a_piece = 1e6 / (items * sum(step["ok_items"] for step in result["steps"]))
        return Window(
            items * measured["ok_items_per_s"],
            a_piece * (after.server_cpu_s - before.server_cpu_s),
            a_piece * (after.minds_cpu_s - before.minds_cpu_s),
            a_piece * (after.text_cpu_s - before.text_cpu_s),
            measured["ok_ms"]["p50"],
            measured["ok_ms"]["p99"],
        )

    return run


def in_process(run: Callable[[int], object], items: int) -> Callable[[float], Window]:
    """Return a function that does the work in this process."""

    def window(window_s: float) -> Window:
        for i in range(3):
            run(i)
        began, runs = time.perf_counter(), 0
        while (spent_s := time.perf_counter() - began) < window_s:
            run(runs)
            runs += 1
        return Window(items * runs / spent_s)

    return window


def measure(
    pairs: Sequence[Pair], servers: Sequence[Process], *, windows: int, window_s: float
) -> None:
    """Run all pairs ``windows`` times, each time the other side first."""
    for number in range(windows):
        for pair in pairs:
            sides = (pair.ours, pair.base)
            for side in sides if number % 2 == 0 else reversed(sides):
                wait_quiet(*servers, timeout_s=window_s)
                side.windows.append(side.run(window_s))
        print(f"window {number + 1} of {windows}", file=sys.stderr, flush=True)
