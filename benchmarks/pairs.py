"""Timing in pairs.

All contenders take turns within every window, so that a machine whose speed drifts slows all of
them; what counts is the ratio within a window, and the median of these.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mlsdm_grpc.workers.forked import WORKER_ENVIRONMENT

__all__ = ["Contender", "Ratio", "compare", "interval", "like_a_worker", "options", "publish"]

CONFIDENCE = 0.95


def options(description: str | None) -> argparse.ArgumentParser:
    """Return a parser of the options that every report in paired windows has."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="tiny data, for a smoke run")
    parser.add_argument("--windows", type=int, default=9)
    parser.add_argument("--window-s", type=float, default=3.0)
    parser.add_argument("--write", type=Path, help="file that the table is written to")
    return parser


def publish(lines: Sequence[str], file: Path | None) -> None:
    """Print a report, and write it to a file if there is one."""
    text = "\n".join(lines)
    print(text)
    if file:
        file.write_text(text + "\n")


def like_a_worker(*names: str) -> None:
    """Restart this program with environment variables of a worker, unless they are set.

    Libraries read the variables when they are loaded.
    """
    wanted = {name: WORKER_ENVIRONMENT[name] for name in names}
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | wanted)  # noqa: S606


@dataclass(slots=True)
class Contender:
    """Timed function with a name."""

    name: str
    run: Callable[[int], object]
    """Does the work number i."""
    per_run: int = 1
    """Pieces of work in one run."""
    before: Callable[[int], object] | None = None
    """Done before each run; not timed."""
    seconds: list[float] = field(default_factory=list)
    """Seconds for a piece of work, one entry a window."""

    @property
    def median_us(self) -> float:
        """Median over the windows, microseconds."""
        return 1e6 * statistics.median(self.seconds)


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ratio of one contender to another, window by window."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, contender: Contender, base: Contender) -> Ratio:
        """Return the ratios of windows that were timed together."""
        return cls.between(contender.seconds, base.seconds)

    @classmethod
    def between(cls, ours: Sequence[float], base: Sequence[float]) -> Ratio:
        """Return the ratios of values of the same windows."""
        ratios = [a / b for a, b in zip(ours, base, strict=True)]
        return cls(statistics.median(ratios), min(ratios), max(ratios))

    def __str__(self) -> str:
        return f"{self.median:.3f}x ({self.lowest:.3f}-{self.highest:.3f})"


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the confidence interval of the median of the population of the values.

    Args:
        values: Independent measurements, of any distribution.

    Returns:
        The narrowest pair of the values, as far from the smallest as from the largest, that has
        95 %; unbounded for fewer than six values.

    Source: confidence interval of the median by the sign test.
    """
    ordered, count, outside = sorted(values), len(values), 0
    for below in range(count // 2):
        outside += 2 * math.comb(count, below)
        if outside > (1 - CONFIDENCE) * 2**count:
            return (ordered[below - 1], ordered[-below]) if below else (-math.inf, math.inf)
    return -math.inf, math.inf


def compare(contenders: Sequence[Contender], *, windows: int, window_s: float) -> None:
    """Time all contenders in turn, ``windows`` times for at least ``window_s`` seconds each."""
    for contender in contenders:
        _window(contender, 0.0, 0)
    for number in range(windows):
        for contender in contenders:
            contender.seconds.append(_window(contender, window_s, number))


def _window(contender: Contender, window_s: float, number: int) -> float:
    spent, runs = 0.0, 0
    end = time.perf_counter() + window_s
    while runs < 3 or time.perf_counter() < end:
        i = 1_000 * number + runs
        if contender.before is not None:
            contender.before(i)
        began = time.perf_counter()
        contender.run(i)
        spent += time.perf_counter() - began
        runs += 1
    return spent / runs / contender.per_run
