"""Figures of the engine, for those who watch over the node."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping

from mlsdm_grpc.protection.lanes import Lanes
from mlsdm_grpc.spaces.directory import Directory
from mlsdm_grpc.spaces.quarantine import Quarantine
from mlsdm_grpc.spaces.write_pipeline import WritePipeline
from mlsdm_grpc.workers.pool import Pool, WorkerState

__all__ = ["Vitals"]


class Vitals:
    """Figures of a running engine; all of them cost little.

    Args:
        directory: The spaces in use.
        quarantine: Those that take no writes.
        writes: The write pipeline.
        pools: Workers, by kind as the contract names it.
        lanes: Who may work, and when.
    """

    def __init__(
        self,
        directory: Directory,
        quarantine: Quarantine,
        writes: WritePipeline,
        pools: Mapping[str, Pool],
        lanes: Lanes,
    ) -> None:
        self._directory = directory
        self._quarantine = quarantine
        self._writes = writes
        self._pools = pools
        self.lanes = lanes

    @property
    def oldest_s(self) -> float:
        """Age of the oldest work of a call that journal or workers have, seconds."""
        since = [self._writes.oldest_s, *(pool.oldest_s for pool in self._pools.values())]
        return max(0.0, time.monotonic() - min(since))

    def pids(self) -> list[int]:
        """Return the process ids of all workers."""
        return [pid for pool in self._pools.values() for pid in pool.all_pids()]

    def workers(self) -> dict[str, list[WorkerState]]:
        """Return how the workers are, by kind."""
        return {kind: pool.states() for kind, pool in self._pools.items()}

    def hot_spaces(self) -> Counter[int]:
        """Return how many spaces each space worker holds, by its index."""
        return Counter(space.worker for space in self._directory if space.link is not None)

    @property
    def quarantined(self) -> int:
        """Spaces that take no writes because of a record that nothing survives."""
        return len(self._quarantine.spaces)
