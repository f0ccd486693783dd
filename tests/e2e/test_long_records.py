"""Long records under kills: every space equals the result of its records, for any interruption.

A record of a stream or a batch takes a worker several slices, and snapshots are due all the time.
Workers and servers are killed during writes, and also when every write is acknowledged and no more
writes arrive: the content of a snapshot matters then.
"""

import asyncio
import contextlib
import os
import random
import signal
from collections import Counter

import anyio
import grpc
import pytest
from long_writers import PAUSE_S, RETRIED, Writer
from serving import ServerProcess, channel
from truth import Truth, keep_all_records, served_by

pytestmark = [pytest.mark.anyio, pytest.mark.load]

SEED = 20261202
SPACES = 20
WAVES = 4
"""Times that everything is planned and written in one run, each with kills."""
COLLECTED = "collected"
COLLECT_S = 0.02


class Run:
    """One server with its spaces, killed and started again."""

    def __init__(self, folder, seed):
        self.folder = folder
        self.dice = random.Random(seed)
        self.writers = [Writer(f"space-{n}", seed) for n in range(SPACES)]
        self.server = None
        self.counts = Counter()

    async def start(self):
        if self.server is not None:
            return
        every, workers = round(20 * 25 ** self.dice.random()), self.dice.randint(1, 2)
        environment = {
            "MLSDM_JOURNAL__SNAPSHOT_EVERY": str(every),
            "MLSDM_SPACE__EMBEDDER": "none",
            "MLSDM_ENGINE__TEXT_WORKERS": "0",
            "MLSDM_ENGINE__MAX_STREAMS": "1000",
            "MLSDM_LOGGING__LEVEL": "error",
        }
        self.server = await asyncio.to_thread(
            ServerProcess, self.folder, "--workers", str(workers), environment=environment
        )

    async def create(self):
        await self.start()
        async with channel(self.server.listen) as one:
            for writer in self.writers:
                await writer.create(one)

    async def collect(self):
        """Keep every snapshot that is published, as newer ones take its place."""
        collected = self.folder / COLLECTED
        await asyncio.to_thread(collected.mkdir)
        while True:
            await asyncio.to_thread(_link_all, self.folder / "snapshots", collected)
            await anyio.sleep(COLLECT_S)

    async def wave(self):
        """Write, with kills in between or afterwards."""
        await self.start()
        for writer in self.writers:
            writer.plan()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.write)
            for _ in range(self.dice.randint(0, 2)):
                await anyio.sleep(self.dice.uniform(0.05, 1.0))  # when it strikes is of the seed
                self.kill_workers(1)
            if self.dice.random() < 0.3:
                await anyio.sleep(self.dice.uniform(0.0, 1.0))
                await self.kill_server()
                tasks.cancel_scope.cancel()
                return
        await anyio.sleep(self.dice.choice([0.0, self.dice.uniform(0.0, 0.3)]))
        if self.dice.random() < 0.7:
            self.kill_workers()
        else:
            await self.kill_server()

    async def write(self):
        """Write until everything planned is acknowledged."""
        async with channel(self.server.listen) as one, anyio.create_task_group() as tasks:
            for writer in self.writers:
                if not writer.fault:
                    tasks.start_soon(writer.write, one)

    def kill_workers(self, most=None):
        """Kill some or all of the workers that hold spaces or stand by."""
        pids = self.server.workers("minds")
        for pid in self.dice.sample(pids, min(most or len(pids), len(pids))):
            os.kill(pid, signal.SIGKILL)
            self.counts["worker kills"] += 1

    async def kill_server(self):
        await asyncio.to_thread(self.server.kill)
        self.counts["server kills"] += 1
        self.server = None

    async def differing(self):
        """Write the rest, stop the server, and return the faulty spaces with their faults."""
        await self.start()
        await self.write()
        async with channel(self.server.listen) as one:
            served = {writer.name: await self.read(one, writer) for writer in self.writers}
        await asyncio.to_thread(self.server.terminate)
        await asyncio.to_thread(_link_all, self.folder / "snapshots", self.folder / COLLECTED)
        return await asyncio.to_thread(self._differing, served)

    async def read(self, one, writer):
        """Return the state that the server reports for a space; nothing if no retry can help."""
        while True:
            try:
                return await served_by(one, writer.name)
            except grpc.aio.AioRpcError as error:
                if error.code() not in RETRIED:
                    writer.fault = writer.fault or f"{error.code().name} {error.details()}"
                    return {}
            await anyio.sleep(PAUSE_S)

    def _differing(self, served):
        wrong = {}
        for writer in self.writers:
            said = served[writer.name]
            truth = Truth(
                self.folder, writer.name, snapshots=self.folder / COLLECTED, at=said.get("revision")
            )
            found = [*truth.differences(writer, said)]
            if writer.fault:
                found.append(writer.fault)
            if found:
                wrong[writer.name] = found
            self.counts["records"] += truth.mind.revision
            self.counts["acknowledged"] += writer.acknowledged
            self.counts["snapshots"] += len(truth.snapshots)
        return wrong


def _link_all(snapshots, collected):
    for path in snapshots.glob("*.snap"):
        if not (collected / path.name).exists():
            with contextlib.suppress(FileNotFoundError):  # a newer one took its place
                (collected / path.name).hardlink_to(path)


async def run(folder, seed, counts):
    """Return the spaces of one run that differ from their records, with the reasons."""
    await keep_all_records(folder)
    one = Run(folder, seed)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(one.collect)
            await one.create()
            for _ in range(WAVES):
                await one.wave()
            wrong = await one.differing()
            tasks.cancel_scope.cancel()
        return wrong
    finally:
        counts.update(one.counts)
        if one.server is not None:
            await asyncio.to_thread(one.server.kill)


@pytest.mark.timeout(600)
async def test_twenty_spaces_are_what_their_records_give(tmp_path):
    counts = Counter()
    assert await run(tmp_path, SEED, counts) == {}
    assert counts["worker kills"] + counts["server kills"] >= WAVES
    assert counts["acknowledged"] > 100 * SPACES


@pytest.mark.slow
async def test_two_hundred_spaces_are_what_their_records_give(tmp_path, evidence):
    counts, differing = Counter(), {}
    for seed in range(SEED, SEED + 200 // SPACES):
        folder = tmp_path / str(seed)
        folder.mkdir()
        found = await run(folder, seed, counts)
        differing |= {f"{seed} {name}": reasons for name, reasons in found.items()}
        evidence |= {
            "seed": SEED,
            "spaces": SPACES * (seed + 1 - SEED),
            **counts,
            "differing": len(differing),
        }
    assert differing == {}
