"""Servers for end-to-end tests: one in this process, or a real one that may be killed."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from contextlib import asynccontextmanager

import aiohttp
import grpc
from forks import Forked
from processes import pids_by_role

from mlsdm_grpc.client import MemoryClient
from mlsdm_grpc.client.connection import DEFAULT_TIMEOUT_S
from mlsdm_grpc.config import load_settings
from mlsdm_grpc.server.build import running_server

LINE = re.compile(r"SERVING listen=(\S+) ops=(\S+)")
PATIENT = {
    "MLSDM_SERVER__DRAIN_DELAY_S": "0",
    "MLSDM_PRESSURE__MAX_LOOP_LAG_S": "60",
    "MLSDM_PRESSURE__MAX_PROCESSING_S": "120",
}
"""A machine that is busy with other tests is no cause of pressure."""
NO_RETRY = [("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1)]


@asynccontextmanager
async def in_process(*, times=None, **sections):
    """Yield a running server with minds in this process; ``times`` stands for its clocks."""
    overrides = {
        "server": {"listen": "127.0.0.1:0", "ops": "127.0.0.1:0", "drain_delay_s": 0.0},
        "journal": {"kind": "memory"},
        "engine": {"workers": 0, "text_workers": 0},
        "space": {"dimension": 16},
        "pressure": {"max_loop_lag_s": 60.0, "max_processing_s": 120.0},
    }
    for section, values in sections.items():
        overrides[section] = {**overrides.get(section, {}), **values}
    settings = await asyncio.to_thread(load_settings, None, overrides)
    async with running_server(settings, times=times) as server:
        yield server


@asynccontextmanager
async def connected(*, timeout_s=DEFAULT_TIMEOUT_S, **sections):
    """Yield a server with minds in this process, and a client of it."""
    async with (
        in_process(**sections) as server,
        MemoryClient(str(server.listen), timeout_s=timeout_s) as client,
    ):
        yield server, client


@asynccontextmanager
async def remembering(**options):
    """Yield the client of a server with minds in this process."""
    async with connected(**options) as (_, client):
        yield client


class ServerProcess:
    """``mlsdm serve`` with its own data folder, in a control group if one is given."""

    def __init__(self, data_dir, *options, environment=None, group=None, stderr=None):
        arguments = ("serve", "--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0",
                     "--data-dir", str(data_dir), "--workers", "1", *options)  # fmt: skip
        streams = {
            "stderr": stderr or subprocess.PIPE,
            "env": {**os.environ, **PATIENT, **(environment or {})},
        }
        if group is None:
            self.process = Forked(*arguments, **streams)
        else:
            # Memory is charged to the group of the process that touches it first.
            enter = ("sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', str(group.path))
            self.process = subprocess.Popen(
                [*enter, sys.executable, "-m", "mlsdm_grpc", *arguments],
                stdout=subprocess.PIPE,
                text=True,
                **streams,
            )
        found = LINE.match(self.process.stdout.readline())
        if found is None:
            raise RuntimeError(self.process.communicate()[1])
        self.listen, self.ops = found.groups()

    def workers(self, role):
        """Return the process ids of the workers of a role."""
        return pids_by_role(self.process.pid)[role]

    def kill(self):
        self.process.kill()
        self._wait()

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)
        return self._wait()

    def _wait(self):
        self.process.communicate(timeout=30)
        return self.process.returncode

    async def metric(self, name):
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{self.ops}/metrics") as response,
        ):
            text = await response.text()
        return float(re.search(rf"^{name} (\S+)$", text, re.MULTILINE)[1])


def channel(address):
    """Return a channel without retries, so that every status is visible."""
    return grpc.aio.insecure_channel(str(address), options=NO_RETRY)
