"""A million calls of all kinds, ended in all ways, leave no resources behind.

The calls come in pieces, each from new client processes. After each piece the server is at rest,
and may hold no more than it held after the first. Of docs/architecture.md this meets P5, P6
(calls that are cancelled, connections that come and go), P11 (nothing is logged) and P22.
"""

import asyncio
import json
import mmap
import os
import re
import sys
import time
from collections import Counter
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from node import Node, workers
from serving import ServerProcess

from mlsdm_grpc._gen.mlsdm.v1 import admin_service_pb2
from mlsdm_grpc.core.mind.request_window import MIN_AGE_NS

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.load,
    pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc"),
]

CLIENTS = 2
CLIENT = Path(__file__).parents[1] / "support" / "soaker.py"
ENVIRONMENT = {
    "MLSDM_SPACE__DIMENSION": "32",
    "MLSDM_SPACE__CAPACITY": "1000",
    "MLSDM_LOGGING__LEVEL": "error",  # what is logged is looked at in the end
}
MIB = 2**20
PER = 100_000
FLAT_BYTES = 2 * MIB
"""Allowed growth of the memory of the server, or of its workers of one role, in ``PER`` calls: 20
bytes a call, which detects small leaks and tolerates the noise of an allocator."""
ROLES = ("minds", "text")
SETTLED_S = 60
BEGUN_LATE = {"threads": 6, "files": 6}
"""Threads, and connections to the journal, that are begun when they are first needed."""
DEFECTS = re.compile(r'grpc_server_handled_total.*"(INTERNAL|UNKNOWN|DATA_LOSS)"')
"""Calls that ended in a defect, by the server's count; a client also reports INTERNAL when it
writes to an ended call."""
NEVER_CALLED = {"mlsdm.v1.AdminService/Drain"}
FOREIGN = {"Check", "ServerReflectionInfo"}
ENDLESS = {"WatchState"}


class Soak:
    """A server and its readings."""

    def __init__(self, server):
        self.server = server
        self.codes = Counter()
        self.resident = []
        """Bytes of the server, and of its workers by role, after each piece."""
        self._began_s = time.monotonic()
        # Number of pieces that ended while the windows of request ids were still growing.
        self._settled = 0

    async def piece(self, seed, count):
        """Make calls from several client processes, then read the memory."""
        clients = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, str(CLIENT), self.server.listen),
                *(str(CLIENTS * seed + i), str(count // CLIENTS)),
                stdout=asyncio.subprocess.PIPE,
                # The folders of helpers, which pytest adds.
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
            for i in range(CLIENTS)
        ]
        for client in clients:
            codes, _ = await client.communicate()
            assert client.returncode == 0
            self.codes.update(json.loads(codes))
        self.resident.append(await asyncio.to_thread(self._resident_bytes))
        if time.monotonic() - self._began_s < MIN_AGE_NS / 1e9:
            self._settled += 1

    async def rest(self, base):
        """Wait until the server holds no more resources than the base, and return them."""
        for _ in range(SETTLED_S):
            held = await self._held()
            most = {name: value + BEGUN_LATE.get(name, 0) for name, value in (base or {}).items()}
            more = {name: held[name] for name in most if held[name] > most[name]}
            if not more:
                return held
            await asyncio.sleep(1)
        raise AssertionError(f"held more than {base}: {more}")

    async def _held(self):
        async with Node(self.server) as node:
            status = await node.status()
        metrics = await self.metrics()
        started, handled = (
            sum(value for key, value in metrics.items() if key.startswith(f"grpc_server_{name}"))
            for name in ("started_total", "handled_total")
        )
        return {
            **await asyncio.to_thread(self._of_processes),
            "calls": started - handled,
            "tasks": metrics["mlsdm_server_tasks_count"],
            "streams": metrics["mlsdm_streams_open_count"],
            "inside": metrics["mlsdm_engine_pending_calls"],
            "connections": status.connection_count,
            "permits": sum(lane.in_flight_count for lane in status.lanes),
            "waiting": sum(lane.queue_count for lane in status.lanes),
            "restarts": sum(worker.restart_count for worker in status.workers),
        }

    async def metrics(self):
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{self.server.ops}/metrics") as response,
        ):
            lines = re.findall(r"^([^#\s]\S*) (\S+)$", await response.text(), re.MULTILINE)
        return {key: float(value) for key, value in lines}

    async def methods(self):
        """Return the names of all methods that can be called."""
        async with Node(self.server) as node:
            info = await node.admin.GetServerInfo(admin_service_pb2.GetServerInfoRequest())
        names = set(info.info.methods) - NEVER_CALLED
        return {name.rpartition("/")[2] for name in names} | FOREIGN

    def slopes(self, count):
        """Return the growth of the memory at the end of the soak, bytes per ``PER`` calls.

        The end is the time after the ten minutes for which request ids are kept in any number, in
        which the bounded caches of words fill too; of a shorter soak its second half.
        """
        begin = self._settled if self._settled < len(self.resident) else len(self.resident) // 2
        end = np.array(self.resident[begin:])
        return [float(slope) * PER / count for slope in np.polyfit(np.arange(len(end)), end, 1)[0]]

    def _pids(self):
        pid = self.server.process.pid
        return [pid, *workers(pid, "forks", *ROLES)]

    def _resident_bytes(self):
        pid = self.server.process.pid
        groups = [pid], *(workers(pid, role) for role in ROLES)
        return [
            sum(int(Path(f"/proc/{p}/statm").read_text().split()[1]) for p in pids) * mmap.PAGESIZE
            for pids in groups
        ]

    def _of_processes(self):
        pids = self._pids()
        return {
            "processes": len(pids),
            "threads": sum(_count(f"/proc/{pid}/task") for pid in pids),
            "files": sum(_count(f"/proc/{pid}/fd") for pid in pids),
        }


def _count(folder):
    return len(list(Path(folder).iterdir()))


async def soak(folder, pieces, count, figures):
    """Make ``pieces`` times ``count`` calls; everything but memory is checked after each."""
    server = await asyncio.to_thread(ServerProcess, folder, environment=ENVIRONMENT)
    try:
        seen = Soak(server)
        base = None
        for number in range(pieces):
            await seen.piece(number, count)
            base = base or await seen.rest(None)
            await seen.rest(base)
            figures["calls"] = seen.codes.total()
        slopes = [round(each / MIB, 2) for each in seen.slopes(count)]
        figures["MiB per 100,000 calls, server, minds, text"] = slopes
        figures["resident MiB"] = [round(sum(each) / MIB) for each in seen.resident[::4]]
        figures.update({name: int(value) for name, value in base.items() if value})
        assert base["permits"] == base["waiting"] == base["streams"] == base["restarts"] == 0
        ends = {tuple(end.split()) for end in seen.codes}
        assert not {key for key in await seen.metrics() if DEFECTS.match(key)}
        assert await seen.methods() <= {name for name, code in ends if code == "OK"} | ENDLESS
        server.process.terminate()
        _, logged = await asyncio.to_thread(server.process.communicate, timeout=60)
        assert (server.process.returncode, logged) == (0, "")
        return seen
    finally:
        server.kill()


@pytest.mark.timeout(300)
async def test_twenty_thousand_calls_leave_nothing_behind(tmp_path):
    await soak(tmp_path, 4, 5_000, {})


@pytest.mark.slow
@pytest.mark.timeout(3_600)
async def test_a_million_calls_leave_nothing_behind(tmp_path, evidence):
    seen = await soak(tmp_path, 48, 25_000, evidence)
    assert max(seen.slopes(25_000)) < FLAT_BYTES
