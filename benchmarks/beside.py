"""Comparison of the processor time of a request in two checkouts."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pairs import interval
from processes import serving
from windows import Side, measure
from workload import Sizes, Work, Workload

__all__ = ["FEWEST_PAIRS", "Compared", "report", "verdict"]

FEWEST_PAIRS = 15
"""Pairs of a verdict."""
MOST_PROVEN, MOST_MEDIAN = 1.03, 1.10
"""Bounds of the rule: for the low end of an interval, and for a median."""
_ENVIRONMENT = {
    # A snapshot is for the writes of several windows: it would fall into some of them, by chance.
    "MLSDM_JOURNAL__SNAPSHOT_EVERY": "1000000000",
    # With a seed of its own for each process, equal code differs by about a hundredth.
    "PYTHONHASHSEED": "0",
    # The calls in flight of a full space wait for longer than the default on a slow machine.
    "MLSDM_ENGINE__MAX_QUEUE_S": "2",
}
HEADER = (
    "| what | front us | spaces us | texts us | total us "
    "| other: front us | spaces us | texts us | total us | ratio | 95 % interval |"
)
_PARTS = ("server_us", "minds_us", "text_us", "total_us")


@dataclass(frozen=True, slots=True)
class Compared:
    """One kind of calls to both checkouts: a line of the table."""

    what: str
    ours: Side
    base: Side

    @property
    def ratios(self) -> list[float]:
        """Ratio of the CPU of a request here to there, one entry for each pair of windows."""
        pairs = zip(self.ours.all("total_us"), self.base.all("total_us"), strict=True)
        return [ours / base for ours, base in pairs]

    @property
    def fault(self) -> str | None:
        """The part of the rule that the line breaks, or None."""
        median, (low, _) = statistics.median(self.ratios), interval(self.ratios)
        if low > MOST_PROVEN:
            return f"{self.what}: the interval begins at {low:.3f}x, above {MOST_PROVEN:.2f}x"
        if median > MOST_MEDIAN:
            return f"{self.what}: the median is {median:.3f}x, above {MOST_MEDIAN:.2f}x"
        return None

    def __str__(self) -> str:
        cells = [
            self.what,
            *(f"{side.median(part):.0f}" for side in (self.ours, self.base) for part in _PARTS),
            f"{statistics.median(self.ratios):.3f}x",
            "{:.3f}-{:.3f}".format(*interval(self.ratios)),
        ]
        return f"| {' | '.join(cells)} |"


def verdict(rows: Sequence[Compared]) -> tuple[bool, list[str]]:
    """Return whether the rule holds, and the verdict as text."""
    rule = (
        f"no row's interval lies wholly above {MOST_PROVEN:.2f}x, "
        f"no row's median above {MOST_MEDIAN:.2f}x"
    )
    if any(len(row.ratios) < FEWEST_PAIRS for row in rows):
        return True, [f"No verdict: the rule ({rule}) wants {FEWEST_PAIRS} pairs."]
    faults = [fault for row in rows if (fault := row.fault)]
    said = "The rule is broken" if faults else "The rule holds"
    return not faults, [f"{said}: {rule}.", *(f"- {fault}" for fault in faults)]


def report(other: Path, sizes: Sizes, *, windows: int, window_s: float) -> tuple[bool, list[str]]:
    """Compare this checkout with another one.

    Args:
        other: Folder of the other checkout, with a ``.venv``.
        sizes: Sizes of spaces and files.
        windows: Pairs of windows.
        window_s: Length of a window, seconds.

    Returns:
        True if the rule holds, and the table with the verdict.

    Raises:
        CheckoutError: The other checkout cannot be run.
    """
    other = other.resolve()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mlsdm-")))
        servers = [
            stack.enter_context(serving(folder / name, _ENVIRONMENT, checkout=checkout))
            for name, checkout in (("there", other), ("here", None))
        ]
        there, here = servers
        workload = Workload(folder, sizes)
        works = list(kinds(workload))
        for server in servers:
            workload.fill(server, works)
        rows = [
            Compared(work.what, work.side(here, "here"), work.side(there, "there"))
            for work in works
        ]
        measure(rows, servers, windows=windows, window_s=window_s)
    holds, said = verdict(rows)
    title = (
        f"CPU of a request, query or memory. Medians of {windows} pairs of windows of {window_s} "
        "s; the ratio is that of the totals, this checkout over the other."
    )
    return holds, [
        title,
        "",
        HEADER,
        "|" + "---|" * (HEADER.count("|") - 1),
        *map(str, rows),
        "",
        *said,
    ]


def kinds(workload: Workload) -> Iterator[Work]:
    """Yield the kinds of calls that are compared."""
    yield workload.query
    yield workload.query_full
    yield workload.put
    yield workload.put_vector
    yield workload.put_text
    yield workload.event
    yield workload.batch_full
    yield workload.batch
    yield workload.ingest
    yield workload.list
    yield workload.state
    yield workload.evaluate
    yield workload.evaluate_long
    yield workload.generate
    yield workload.stream_generate
