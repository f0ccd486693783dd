"""The mind in process: cost of applying records on one core, and memory of a space.

    python benchmarks/mind.py            20,000 x 384, full
    python benchmarks/mind.py --quick    a smoke run of seconds

The ratios are against hashing the record with SHA-256, which every implementation of the hash
chain has to do: they do not depend on how fast the machine happens to be.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import resource
from pathlib import Path

import numpy as np
from pairs import Contender, Ratio, compare, like_a_worker

from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.model.bodies import CreateSpace, ProcessEvent, PutMemories
from mlsdm_grpc.core.model.new_memory import NewMemory, Provenance, Source, Vector
from mlsdm_grpc.core.model.parameters import SpaceParameters
from mlsdm_grpc.core.model.record import Record, RecordBody
from mlsdm_grpc.core.store.kernel import inverse_norm
from mlsdm_grpc.core.store.recall_query import Query
from mlsdm_grpc.workers.forked import WORKER_ENVIRONMENT

PAGE_BYTES = resource.getpagesize()
BATCH = 1_000


class Space:
    """A mind that is fed directly; records carry bytes as they would have in the journal."""

    def __init__(self, *, dimension: int, capacity: int) -> None:
        self.rng = np.random.default_rng(3)
        self.dimension = dimension
        self.mind = Mind()
        self.made = 0
        self.apply(CreateSpace(SpaceParameters(dimension=dimension, capacity=capacity)))

    def record(self, body: RecordBody) -> Record:
        revision = self.mind.revision + 1
        return Record(
            revision=revision,
            incarnation=0 if revision == 1 else 1,
            record_id=b"",
            time_ns=revision,
            body=body,
            request_id=revision.to_bytes(16, "big"),
            request_digest=bytes(32),
            raw=bytes(4 * self.dimension + 200),
        )

    def apply(self, body: RecordBody) -> None:
        self.mind.apply(self.record(body))

    def memory(self) -> NewMemory:
        raw = self.rng.standard_normal(self.dimension, np.float32)
        self.made += 1
        return NewMemory(
            memory_id=f"01JDEXAMPLE{self.made:015}",
            vector=Vector(raw, inverse_norm(raw)),
            labels=(f"project-{self.made % 7}", f"topic-{self.made % 50}"),
            provenance=Provenance(Source.LLM_GENERATION, "some-model-2026", "7"),
        )

    def fill(self, count: int) -> None:
        for start in range(0, count, BATCH):
            size = min(BATCH, count - start)
            self.apply(PutMemories(tuple(self.memory() for _ in range(size))))

    def search(self) -> None:
        """Let the search copies be made."""
        vector = np.eye(self.dimension)[0]
        self.mind.contents.pelm.hits(
            self.mind.find([Query(vector, 0.5, phase_tolerance=1.0)], now_ns=0)[0]
        )


def resident_bytes() -> int:
    """Return the resident set of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


def growth(*, dimension: int, capacity: int) -> float:
    """Return the growth of the resident set by a full space over the bytes of its vectors."""
    warm = Space(dimension=dimension, capacity=4 * BATCH)
    warm.fill(4 * BATCH)
    warm.search()
    del warm
    gc.collect()
    before = resident_bytes()
    space = Space(dimension=dimension, capacity=capacity)
    space.fill(capacity)
    space.search()
    gc.collect()
    return (resident_bytes() - before) / (4 * dimension * capacity)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny data, for a smoke run")
    parser.add_argument("--memory-only", action="store_true", help="do not time anything")
    parser.add_argument("--windows", type=int, default=9)
    parser.add_argument("--window-s", type=float, default=3.0)
    arguments = parser.parse_args()
    like_a_worker(*WORKER_ENVIRONMENT)
    dimension, capacity = 384, 20_000
    if arguments.quick:
        arguments.windows, arguments.window_s, capacity = 3, 0.05, 2_000
    print(
        f"resident growth over vector bytes: {growth(dimension=dimension, capacity=capacity):.3f}"
    )
    if arguments.memory_only:
        return
    space = Space(dimension=dimension, capacity=capacity)
    space.fill(capacity)
    ready: list[Record] = []

    def event(_: int) -> None:
        ready[:] = [space.record(ProcessEvent(space.memory(), 0.8))]

    def put(_: int) -> None:
        ready[:] = [space.record(PutMemories((space.memory(),)))]

    def batch(_: int) -> None:
        ready[:] = [space.record(PutMemories(tuple(space.memory() for _ in range(32))))]

    raw = bytes(4 * dimension + 200)
    contenders = [
        Contender("SHA-256 of a record", lambda _: hashlib.sha256(raw).digest()),
        Contender("ProcessEvent", lambda _: space.mind.apply(ready[0]), before=event),
        Contender("PutMemory", lambda _: space.mind.apply(ready[0]), before=put),
        Contender("BatchPut 32", lambda _: space.mind.apply(ready[0]), 32, before=batch),
    ]
    compare(contenders, windows=arguments.windows, window_s=arguments.window_s)
    print(f"| apply at capacity {capacity} x {dimension} | us | per second | over the hash |")
    print("|---|---|---|---|")
    for one in contenders:
        ratio = Ratio.of(one, contenders[0])
        print(f"| {one.name} | {one.median_us:.1f} | {1e6 / one.median_us:.0f} | {ratio} |")


if __name__ == "__main__":
    main()
