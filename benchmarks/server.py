"""The whole server, side by side with a bare grpc.aio echo or with another checkout.

    python benchmarks/server.py               what docs/benchmarks.md promises; about ten minutes
    python benchmarks/server.py --beside DIR  whether a request costs more CPU than in DIR: a
                                              checkout of another commit, after `make setup` there;
                                              about ten minutes
    python benchmarks/server.py --quick       a smoke run of seconds, of either

Both servers run all the time and are called in turn by the same generator, over 8 connections.
Against the echo, ratios are of requests a second within a pair of windows. Beside another
checkout, they are of the CPU time of a request, all processes of the server together, and the exit
status is 1 if the rule is broken that is printed below the table.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import beside
import kernel
import numpy as np
from identity_cost import hooks_us
from load import LoadError
from pairs import Ratio, like_a_worker, options, publish
from processes import CheckoutError, echo, serving
from traffic import DIMENSION
from windows import Side, in_process, loaded, measure
from workload import CONNECTIONS, IN_FLIGHT, MEASURED, QUERIES, QUICK, Sizes, Work, Workload

from mlsdm_grpc.core.store import int8_rows


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
            for side, name in (
                (ours, "server_us"),
                (ours, "minds_us"),
                (ours, "text_us"),
                (base, "server_us"),
            )
        ]
        cells = [
            self.what,
            self.aim,
            str(Ratio.between(ours.all("per_s"), base.all("per_s"))),
            f"{ours.median('per_s'):.0f}",
            f"{base.name}: {base.median('per_s'):.0f}",
            *cpu,
            f"{ours.median('p50_ms'):.1f}",
            f"{ours.median('p99_ms'):.1f}",
        ]
        return f"| {' | '.join(cells)} |"


HEADER = (
    "| what | aim | here | a second | base, a second | front us | spaces us | texts us | base us "
    "| p50 ms | p99 ms |"
)


class Bench:
    """The servers, the spaces and the requests."""

    def __init__(self, stack: ExitStack, sizes: Sizes) -> None:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mlsdm-")))
        self.sizes = sizes
        self.workload = workload = Workload(folder, sizes)
        self.server = stack.enter_context(serving(folder / "data"))
        single = [workload.query, workload.query_full, workload.put, workload.event]
        workload.fill(self.server, [*single, workload.ingest])
        # Full spaces have the longest answers of their method, so that they come last.
        answers = {work.method: work.first(self.server) for work in single}
        self.yardstick = stack.enter_context(echo(answers))

    def _side(self, work: Work, name: str = "server") -> Side:
        return work.side(self.server, name)

    def _against_echo(self, work: Work, aim: str) -> Row:
        base = Side("echo", loaded(self.yardstick, work.flow(self.yardstick)))
        return Row(work.what, aim, self._side(work), base)

    def rows(self) -> Iterator[Row]:
        """Yield the rows of the comparison."""
        works, case, full = self.workload, self.workload.traffic.case, self.sizes.full
        yield self._against_echo(works.query, "0.70x")
        yield self._against_echo(works.query_full, "0.55x")
        yield self._against_echo(works.put, "0.50x")
        yield self._against_echo(works.event, "0.50x")
        recall = kernel.filled(case.rows, np.full(full, 0.1), accelerated=int8_rows.AVAILABLE)
        alone = in_process(kernel.batch(recall, case, QUERIES), QUERIES)
        batch_full, batch = works.batch_full, works.batch
        yield Row(batch_full.what, "0.75x", self._side(batch_full), Side("kernel", alone))
        yield Row(batch.what, "5x", self._side(batch), self._side(works.query, "single"))
        ingest, put = works.ingest, works.put
        yield Row(ingest.what, "3x", self._side(ingest), self._side(put, "PutMemory"))
        short = self._side(works.evaluate, "800")
        yield Row(works.evaluate_long.what, "0.08x", self._side(works.evaluate_long), short)


def report(sizes: Sizes, *, windows: int, window_s: float) -> list[str]:
    """Return the table that compares the server with the echo."""
    with ExitStack() as stack:
        bench = Bench(stack, sizes)
        rows = list(bench.rows())
        measure(rows, [bench.server], windows=windows, window_s=window_s)
    query = rows[0].ours
    spent_us = sum(query.median(name) for name in ("server_us", "minds_us", "text_us"))
    hooks = hooks_us()
    cost = (
        f"Authentication by key, authorisation and limits of a query: {hooks:.1f} us, which is"
        f" {hooks / spent_us:.1%} of the CPU of {rows[0].what} in this run; at most 10 %."
    )
    said = f"Median, range of {windows} paired windows of {window_s} s."
    return [
        f"{DIMENSION} dimensions, {CONNECTIONS} x {IN_FLIGHT} calls in flight. {said}",
        "",
        HEADER,
        "|" + "---|" * HEADER.count(" | ") + "---|",
        *map(str, rows),
        "",
        cost,
    ]


def arguments() -> argparse.Namespace:
    """Return the options; a comparison with another checkout has more and shorter windows."""
    parser = options(__doc__)
    parser.set_defaults(windows=None, window_s=None)
    parser.add_argument("--beside", type=Path, metavar="DIR", help="checkout to compare with")
    found = parser.parse_args()
    windows, window_s = (beside.FEWEST_PAIRS, 1.5) if found.beside else (9, 3.0)
    if found.quick:
        windows, window_s = 1, 0.4
    found.windows = found.windows or windows
    found.window_s = found.window_s or window_s
    return found


def main() -> None:
    """Run and print; with ``--write`` also into a file."""
    given = arguments()
    like_a_worker("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
    sizes = QUICK if given.quick else MEASURED
    timing = {"windows": given.windows, "window_s": given.window_s}
    try:
        if given.beside is None:
            publish(report(sizes, **timing), given.write)
            return
        holds, lines = beside.report(given.beside, sizes, **timing)
    except (CheckoutError, LoadError) as error:
        sys.exit(str(error))
    publish(lines, given.write)
    sys.exit(not holds)


if __name__ == "__main__":
    main()
