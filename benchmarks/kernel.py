"""The exact search in process, side by side with the usual ways to do the same.

    python benchmarks/kernel.py targets            what docs/benchmarks.md promises, 20,000 x 384
    python benchmarks/kernel.py grid               all sizes, dimensions and batches
    python benchmarks/kernel.py targets --quick    a smoke run of seconds

Everything runs on one core. The base of the ratios is what one would write in NumPy: ``X @ q`` and
``argpartition``, after gathering the rows of the band where there is one.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from pairs import Contender, Ratio, compare, like_a_worker, options, publish

from mlsdm_grpc.core.model.new_memory import Float32, Provenance
from mlsdm_grpc.core.store import int8_rows
from mlsdm_grpc.core.store.memory_table import Lattice
from mlsdm_grpc.core.store.memory_value import Memory
from mlsdm_grpc.core.store.recall import Recall
from mlsdm_grpc.core.store.recall_query import Query
from mlsdm_grpc.core.store.rows import Rows

TOP_K = 10
QUERIES = 256
HNSW_MAX_FLOATS = 20_000 * 384
"""Building a larger graph takes minutes."""


# Data.


def _units(matrix: np.ndarray) -> Float32:
    return (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float32)


def gaussian(rng: np.random.Generator, n: int, d: int) -> Float32:
    """Return rows without any structure: the hardest for an approximate index."""
    return _units(rng.standard_normal((n, d), np.float32))


def latent(rng: np.random.Generator, n: int, d: int) -> Float32:
    """Return rows of 24 hidden dimensions, as embeddings of texts have."""
    return _units(rng.standard_normal((n, 24)) @ rng.standard_normal((24, d)))


def clusters(rng: np.random.Generator, n: int, d: int) -> Float32:
    """Return rows of 50 tight clusters: the hardest for a quantised scan."""
    centres = gaussian(rng, 50, d)
    return _units(centres[rng.integers(0, 50, n)] + 0.1 * gaussian(rng, n, d))


SETS = {"gaussian": gaussian, "latent 24": latent, "50 clusters": clusters}


@dataclass(slots=True)
class Case:
    """Rows, queries near some of them, and phases."""

    rows: Float32
    queries: Float32
    wide: np.ndarray
    rng: np.random.Generator

    @classmethod
    def of(cls, name: str, n: int, d: int) -> Case:
        rng = np.random.default_rng(7)
        rows = SETS[name](rng, n, d)
        near = rows[rng.integers(0, n, QUERIES)] + 0.3 * gaussian(rng, QUERIES, d)
        wide = near.astype(np.float64)
        wide /= np.sqrt((wide * wide).sum(axis=1, keepdims=True))
        return cls(rows, wide.astype(np.float32), wide, rng)

    def query(self, i: int, **band: float) -> Query:
        return Query(self.wide[i % QUERIES], **{"phase": 0.1, "top_k": TOP_K, **band})


def filled(rows: Float32, phases: np.ndarray, *, accelerated: bool) -> Recall:
    """Return a lattice with these rows."""
    n, d = rows.shape
    lattice = Lattice(Rows(dimension=d, capacity=n, accelerated=accelerated and None))
    for i in range(n):
        lattice.place(_memory(i, float(np.float32(phases[i]))), rows[i])
    return Recall(lattice)


def _memory(i: int, phase: float) -> Memory:
    return Memory(
        memory_id=f"memory-{i}",
        text="",
        phase=phase,
        confidence=1.0,
        labels=(),
        metadata=(),
        provenance=Provenance(),
        pinned=False,
        caller_chosen_id=False,
        create_time_ns=1,
        create_revision=1,
        update_time_ns=1,
        expire_time_ns=0,
        revision=1,
        sequence=i + 1,
        ring_sequence=i + 1,
        digest=bytes(16),
    )


# Contenders.


def top(scores: Float32) -> np.ndarray:
    """Return the positions of the best, best first."""
    best = np.argpartition(scores, -TOP_K)[-TOP_K:]
    return best[np.argsort(-scores[best])]


def plain(case: Case) -> Callable[[int], object]:
    return lambda i: top(case.rows @ case.queries[i % QUERIES])


def gathered(case: Case, phases: np.ndarray, low: float, high: float) -> Callable[[int], object]:
    def run(i: int) -> object:
        inside = np.flatnonzero((phases >= low) & (phases <= high))
        return inside[top(case.rows[inside] @ case.queries[i % QUERIES])]

    return run


def single(recall: Recall, case: Case, **band: float) -> Callable[[int], object]:
    return lambda i: recall.find([case.query(i, **band)], now_ns=0)


def batch(recall: Recall, case: Case, size: int) -> Callable[[int], object]:
    return lambda i: recall.find([case.query(i * size + j) for j in range(size)], now_ns=0)


def writer(recall: Recall, case: Case) -> Callable[[int], object]:
    """Return a function that replaces one row, as a full ring does."""
    lattice = recall._lattice  # noqa: SLF001 - a write without the rest of a mind
    slots = iter(_for_ever(len(case.rows)))

    def write(i: int) -> None:
        lattice.clear(next(slots))
        lattice.place(_memory(10**6 + i, 0.1), case.rows[case.rng.integers(len(case.rows))])

    return write


def _for_ever(n: int) -> Iterator[int]:
    while True:
        yield from range(n)


def faiss_flat(case: Case, size: int) -> Callable[[int], object] | None:
    try:
        import faiss
    except ImportError:
        return None
    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(case.rows.shape[1])
    index.add(case.rows)
    at = np.arange(size)
    return lambda i: index.search(case.queries[(i * size + at) % QUERIES], TOP_K)


def hnsw(case: Case) -> tuple[Callable[[int], object], float] | None:
    """Return a search of an HNSW graph and its recall."""
    try:
        import hnswlib
    except ImportError:
        return None
    n, d = case.rows.shape
    if n * d > HNSW_MAX_FLOATS:
        return None
    index = hnswlib.Index("ip", d)
    index.init_index(n, ef_construction=100, M=16)
    index.set_num_threads(1)
    index.add_items(case.rows)
    index.set_ef(100)
    found = index.knn_query(case.queries, TOP_K)[0]
    exact = [top(case.rows @ query) for query in case.queries]
    shares = [len({*a} & {*b}) / TOP_K for a, b in zip(found, exact, strict=True)]
    return lambda i: index.knn_query(case.queries[i % QUERIES], TOP_K), float(np.mean(shares))


def bandwidth() -> float:
    """Return the rate at which one core reads memory, GB/s, the best of several attempts."""
    block = np.ones(64 * 1024 * 1024, np.float32)
    times = []
    for _ in range(7):
        began = time.perf_counter()
        block.max()
        times.append(time.perf_counter() - began)
    return block.nbytes / min(times) / 1e9


# Reports.


def targets(arguments: argparse.Namespace) -> list[str]:
    """Time the targets of docs/benchmarks.md on each of the data sets."""
    n, d = (3_072, 64) if arguments.quick else (20_000, 384)
    said = f"{arguments.windows} paired windows of {arguments.window_s} s"
    lines = [
        f"{n} x {d}, top {TOP_K}, one core at {bandwidth():.1f} GB/s. Median, range of {said}.",
        "",
        "| data | what | base us | int8 us | ratio | NumPy us | ratio |",
        "|---|---|---|---|---|---|---|",
    ]
    searches = full = 0
    for name in SETS:
        case = Case.of(name, n, d)
        for what, contenders, recalls in _target_cases(case):
            compare(contenders, windows=arguments.windows, window_s=arguments.window_s)
            base, *ours = contenders
            cells = []
            for contender in ours:
                cells += [f"{contender.median_us:.0f}", str(Ratio.of(contender, base))]
            if len(ours) == 1:
                cells = ["", "", *cells] if what.endswith("NumPy") else [*cells, "", ""]
            cells.insert(0, f"{base.median_us:.0f}")
            lines.append(f"| {name} | {what} | {' | '.join(cells)} |")
            print(lines[-1], flush=True)
            searches += sum(recall.searches for recall in recalls)
            full += sum(recall.full_scans for recall in recalls)
    lines += ["", f"Full scans because int8 was not precise enough: {full} of {searches} queries."]
    return lines


def _target_cases(case: Case) -> Iterator[tuple[str, list[Contender], list[Recall]]]:
    n = len(case.rows)
    awake = np.full(n, 0.1)
    halves = np.where(np.arange(n) % 2, 0.1, 0.9).astype(np.float32)
    uniform = case.rng.random(n).astype(np.float32)
    ways = {"int8": int8_rows.AVAILABLE, "numpy": False}

    def pair(
        base: Contender, make: Callable[[Recall], Contender], phases: np.ndarray
    ) -> tuple[list[Contender], list[Recall]]:
        recalls = [filled(case.rows, phases, accelerated=way) for way in ways.values()]
        return [base, *map(make, recalls)], recalls

    base = Contender("X @ q", plain(case))
    yield "single", *pair(base, lambda r: Contender("", single(r, case)), awake)
    base = Contender("gather", gathered(case, halves, 0.0, 0.25))
    yield "half by two phases", *pair(base, lambda r: Contender("", single(r, case)), halves)
    base = Contender("gather", gathered(case, uniform, 0.25, 0.75))
    band = {"phase": 0.5, "phase_tolerance": 0.25}
    yield "half by a band", *pair(base, lambda r: Contender("", single(r, case, **band)), uniform)
    base = Contender("X @ q", plain(case))
    yield "batch 32", *pair(base, lambda r: Contender("", batch(r, case, 32), 32), awake)
    for label, way in zip(("int8", "NumPy"), ways.values(), strict=True):
        recall = filled(case.rows, awake, accelerated=way)
        before = Contender("alone", single(recall, case))
        after = Contender("after", single(recall, case), before=writer(recall, case))
        yield f"after a write, {label}", [before, after], [recall]


def grid(arguments: argparse.Namespace) -> list[str]:
    """Time all sizes, dimensions and batches."""
    sizes = (1_000,) if arguments.quick else (1_000, 5_000, 20_000, 100_000)
    dims = (256,) if arguments.quick else (256, 384, 768, 1_536)
    said = f"{arguments.windows} paired windows of {arguments.window_s} s"
    lines = [
        f"One core, which reads {bandwidth():.1f} GB/s. Microseconds a query, median of {said}.",
        "GB/s: bytes of the float32 rows over the time. hnsw: with its recall.",
        "",
        "| data | rows | dims | batch | X@q | int8 | ratio | GB/s | NumPy | ratio | faiss | hnsw |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for n in sizes:
        for d in dims:
            for name in SETS:
                for line in _grid_cases(name, n, d, arguments):
                    lines.append(line)
                    print(line, flush=True)
    return lines


def _grid_cases(name: str, n: int, d: int, arguments: argparse.Namespace) -> Iterator[str]:
    case = Case.of(name, n, d)
    phases = np.full(n, 0.1)
    recalls = [filled(case.rows, phases, accelerated=way) for way in (int8_rows.AVAILABLE, False)]
    graph = hnsw(case)
    for size in (1, 8) if arguments.quick else (1, 8, 32, 128):
        contenders = [
            Contender("X @ q", plain(case)),
            *(Contender("ours", batch(recall, case, size), size) for recall in recalls),
        ]
        flat = faiss_flat(case, size)
        if flat is not None:
            contenders.append(Contender("faiss", flat, size))
        if graph is not None and size == 1:
            contenders.append(Contender("hnsw", graph[0]))
        compare(contenders, windows=arguments.windows, window_s=arguments.window_s)
        base, int8, numpy, *others = contenders
        times = {other.name: f"{other.median_us:.0f}" for other in others}
        approximate = f"{times['hnsw']} ({graph[1]:.2f})" if "hnsw" in times and graph else "-"
        yield (
            f"| {name} | {n} | {d} | {size} | {base.median_us:.0f} | {int8.median_us:.0f} "
            f"| {Ratio.of(int8, base).median:.3f}x "
            f"| {case.rows.nbytes / int8.median_us / 1e3:.0f} | {numpy.median_us:.0f} "
            f"| {Ratio.of(numpy, base).median:.3f}x | {times.get('faiss', '-')} | {approximate} |"
        )


def main() -> None:
    """Run a report and print it; with ``--write`` also into a file."""
    parser = options(__doc__)
    parser.add_argument("report", choices=["targets", "grid"])
    arguments = parser.parse_args()
    like_a_worker("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
    if arguments.quick:
        arguments.windows, arguments.window_s = 3, 0.01
    publish({"targets": targets, "grid": grid}[arguments.report](arguments), arguments.write)


if __name__ == "__main__":
    main()
