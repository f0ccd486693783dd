"""Health figures of the engine, for monitoring."""

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
    """Health figures of a running engine; reading one takes less than a millisecond.

    Args:
        directory: Directory of the spaces in use.
        quarantine: Spaces that refuse writes.
        writes: Pipeline of writes.
        pools: Worker pools by kind, with the names of the contract.
        lanes: Lanes that admit work.
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
        """Age of the oldest unanswered request to journal or workers, seconds; 0 if none."""
        since = [self._writes.oldest_s, *(pool.oldest_s for pool in self._pools.values())]
        return max(0.0, time.monotonic() - min(since))

    def pids(self) -> list[int]:
        """Return the process ids of all workers."""
        return [pid for pool in self._pools.values() for pid in pool.pids()]

    def workers(self) -> dict[str, list[WorkerState]]:
        """Return the states of the workers by kind."""
        return {kind: pool.states() for kind, pool in self._pools.items()}

    def hot_spaces(self) -> Counter[int]:
        """Return the number of loaded spaces by index of the space worker."""
        return Counter(space.worker for space in self._directory if space.link is not None)

    @property
    def quarantined(self) -> int:
        """Number of spaces in quarantine: a record or a snapshot crashed several workers."""
        return len(self._quarantine.spaces)
