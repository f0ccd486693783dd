"""Automatic reloading of the spaces of a lost worker, most recently used first."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import anyio.abc

from mlsdm_grpc.errors import MlsdmError
from mlsdm_grpc.spaces.directory import Directory
from mlsdm_grpc.spaces.quarantine import Quarantine
from mlsdm_grpc.spaces.registry import SpaceRegistry
from mlsdm_grpc.spaces.space import Space
from mlsdm_grpc.workers.pool import Loss

__all__ = ["LostSpaces"]


class LostSpaces:
    """Task that reloads the spaces of lost workers.

    Args:
        registry: Registry of the spaces in use.
        directory: Loads the spaces.
        quarantine: Registers the record that crashed a worker.
    """

    def __init__(
        self, registry: SpaceRegistry, directory: Directory, quarantine: Quarantine
    ) -> None:
        self._registry = registry
        self._directory = directory
        self._quarantine = quarantine
        # Spaces of each lost worker, most recently used first.
        self._lost: asyncio.Queue[Sequence[Space]] = asyncio.Queue()
        self._brings_back = False

    def start(self, tasks: anyio.abc.TaskGroup) -> None:
        """Start reloading lost spaces, in tasks of this group."""
        self._brings_back = True
        tasks.start_soon(self._bring_back_for_ever, tasks)

    def stop(self) -> None:
        """Stop automatic reloading."""
        self._brings_back = False

    def worker_lost(self, loss: Loss) -> None:
        """Mark the spaces of a lost worker as not loaded; reload them, most recently used first.

        If the worker had exceeded its memory limit, each space is only reloaded by its next call.
        """
        if loss.applying is not None:
            struck = self._registry.numbered(loss.applying.space)
            if struck is not None:
                self._quarantine.strike(struck.key, loss.applying.revision)
        lost = [space for space in self._registry if space.worker == loss.index]
        for space in lost:
            space.unlink()
            space.go_cold()
        if self._brings_back and not loss.over_memory:
            self._lost.put_nowait(lost[::-1])

    async def _bring_back_for_ever(self, tasks: anyio.abc.TaskGroup) -> None:
        while True:
            tasks.start_soon(self._bring_back, await self._lost.get())

    async def _bring_back(self, spaces: Sequence[Space]) -> None:
        for space in spaces:
            if self._registry.uses(space):
                # The next call to the space returns the error.
                with contextlib.suppress(MlsdmError):
                    await self._directory.loaded(space)
