"""A server in a control group with little memory, and clients whose calls need much more.

    python benchmarks/rush.py                   at the minimum and above, three runs each, as root
    python benchmarks/rush.py --seconds 10 --rounds 1 --factors 1

Side by side: batches of 4 MB from 16 connections, small queries, answers of 3.5 MB and exports to
clients that read slowly (they are stopped half of the time), streams of large messages, and idle
connections.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from groups import MemoryGroup, memory_group
from processes import Process, call, serving
from traffic import BATCH_PUT, BATCH_QUERY, CREATE_SPACE, INGEST, QUERY

from mlsdm_grpc._gen.mlsdm.v1.admin_service_pb2 import (
    GetNodeStatusRequest,
    GetNodeStatusResponse,
)
from mlsdm_grpc._gen.mlsdm.v1.embedding_pb2 import Embedding
from mlsdm_grpc._gen.mlsdm.v1.memory_put_pb2 import BatchPutMemoriesRequest
from mlsdm_grpc._gen.mlsdm.v1.memory_query_pb2 import (
    BatchQueryMemoriesRequest,
    QueryMemoriesRequest,
)
from mlsdm_grpc._gen.mlsdm.v1.memory_stream_pb2 import (
    ExportMemoriesRequest,
    IngestMemoriesRequest,
)
from mlsdm_grpc._gen.mlsdm.v1.node_pb2 import NODE_MODE_NORMAL
from mlsdm_grpc._gen.mlsdm.v1.space_service_pb2 import CreateSpaceRequest
from mlsdm_grpc.config import load_settings
from mlsdm_grpc.server.memory_plan import minimum_bytes
from mlsdm_grpc.units import MIB

EXPORT = "/mlsdm.v1.MemoryService/ExportMemories"
STATUS = "/mlsdm.v1.AdminService/GetNodeStatus"
DIMENSION = 1_000
BATCH = 1_000
"""Vectors of this dimension, so many, are 4 MB."""
SPACES = ("one", "two")
ANSWER = 85
"""Queries whose answers of ten vectors each are 3.5 MB."""
INGEST_BATCH = 256
IDLE = 200
"""Connections that send nothing after their start."""
RECOVERY_S = 60.0
_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
]


# The clients, in processes of their own.


class Client:
    """Client that calls until stopped and counts the results."""

    def __init__(self, target: str, seconds: float) -> None:
        self.ended: Counter[str] = Counter()
        self.target = target
        self._end_s = time.monotonic() + seconds
        rng = np.random.default_rng(os.getpid())
        self.rows = rng.standard_normal((BATCH, DIMENSION), np.float32)

    @contextlib.asynccontextmanager
    async def channels(self, count: int) -> AsyncIterator[list[grpc.aio.Channel]]:
        """Open the given number of connections."""
        channels = [grpc.aio.insecure_channel(self.target, options=_OPTIONS) for _ in range(count)]
        yield channels
        for channel in channels:
            await channel.close()

    async def repeat(self, name: str, once: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Repeat calls until the time is over."""
        while time.monotonic() < self._end_s:
            try:
                await once()
                self.ended[f"{name} OK"] += 1
            except grpc.aio.AioRpcError as error:
                self.ended[f"{name} {_named(error)}"] += 1
                await asyncio.sleep(0.05)

    def vectors(self) -> list[dict[str, Any]]:
        """Return the vectors as fields of memories or queries."""
        return [{"embedding": Embedding(f32_le=row.tobytes())} for row in self.rows]


def _named(error: grpc.aio.AioRpcError) -> str:
    reason = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
    known = ("BULKHEAD_FULL", "SHEDDING", "EMERGENCY", "WORKER_LOST", "RESPONSE_TOO_LARGE")
    named = next((name for name in known if name.encode() in reason), error.details())
    return f"{error.code().name} {named}"


async def busy(client: Client) -> None:
    """Send batches and small queries."""
    bodies = [
        BatchPutMemoriesRequest(space=space, memories=client.vectors()).SerializeToString()
        for space in SPACES
    ]
    query = QueryMemoriesRequest(space="one", top_k=5, **client.vectors()[0]).SerializeToString()

    async def send(channel: grpc.aio.Channel, method: str, body: bytes) -> None:
        await channel.unary_unary(method)(body, timeout=20)

    async with client.channels(16) as large, client.channels(4) as small, asyncio.TaskGroup() as g:
        for i, channel in enumerate(large):
            for body in (bodies[i % 2], bodies[(i + 1) % 2]):
                once = _bound(send, channel, BATCH_PUT, body)
                g.create_task(client.repeat("batch", once))
        for channel in small:
            for _ in range(8):
                g.create_task(client.repeat("query", _bound(send, channel, QUERY, query)))


async def slow(client: Client) -> None:
    """Ask for large answers and exports, and keep idle connections."""
    queries = [each | {"top_k": 10, "include_embedding": True} for each in client.vectors()]
    ask = BatchQueryMemoriesRequest(space="one", queries=queries[:ANSWER]).SerializeToString()
    export = ExportMemoriesRequest(space="one", include_embedding=True).SerializeToString()
    memories = client.vectors()[:INGEST_BATCH]
    batch = IngestMemoriesRequest(batch={"first_sequence": 1, "memories": memories})

    async def answer(channel: grpc.aio.Channel) -> None:
        await channel.unary_unary(BATCH_QUERY)(ask, timeout=20)

    async def read(channel: grpc.aio.Channel) -> None:
        async for _ in channel.unary_stream(EXPORT)(export, timeout=20):
            await asyncio.sleep(0.2)

    async def ingest(channel: grpc.aio.Channel, name: str) -> None:
        opening = {"stream": {"space": "two", "stream_id": name}}
        messages = [IngestMemoriesRequest(open=opening), batch]
        bodies = (message.SerializeToString() for message in messages)
        async for _ in channel.stream_stream(INGEST)(bodies, timeout=20):
            pass

    with _idle(client.target, IDLE):
        async with client.channels(8) as channels, asyncio.TaskGroup() as group:
            for i, channel in enumerate(channels):
                for _ in range(4):
                    group.create_task(client.repeat("answer", _bound(answer, channel)))
                    group.create_task(client.repeat("export", _bound(read, channel)))
                group.create_task(client.repeat("ingest", _bound(ingest, channel, f"s{i}")))


def _bound(function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    return lambda: function(*arguments)


@contextlib.contextmanager
def _idle(target: str, count: int) -> Iterator[None]:
    host, port = target.rsplit(":", 1)
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
    with contextlib.ExitStack() as opened:
        for _ in range(count):
            connection = opened.enter_context(socket.create_connection((host, int(port))))
            connection.sendall(preface)
        yield


# The server, and what becomes of it.


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of one run of a server."""

    limit_bytes: int
    rest_bytes: int
    most_bytes: int
    """Most memory in use that was seen."""
    oom_kills: int
    lost_workers: int
    normal_after_s: float | None
    """Seconds until the node was in NORMAL again; None if it was not."""
    ended: Mapping[str, int]
    """Calls by kind and end."""

    @property
    def foreign(self) -> list[str]:
        """Return the statuses that no client should receive."""
        fine = (" OK", "UNAVAILABLE BULKHEAD_FULL", "UNAVAILABLE SHEDDING", "UNAVAILABLE EMERGENCY")
        # The latter is what grpc.aio says of a stream that was refused while it still wrote.
        known = ("DEADLINE_EXCEEDED", "INTERNAL Internal error from Core")
        return [
            end
            for end in self.ended
            if not end.endswith(fine) and not any(each in end for each in known)
        ]


def rush(folder: Path, *, factor: float, seconds: float) -> Outcome:
    """Run a server in a group with a multiple of its minimum memory, together with clients.

    Raises:
        NoGroups: There are no such groups here.
    """
    settings = load_settings(None, {"engine": {"workers": 1}})
    limit = int(factor * minimum_bytes(settings))
    environment = {"MLSDM_ENGINE__WORKERS": "1", "MLSDM_ENGINE__TEXT_WORKERS": "1"}
    with memory_group(limit) as group:
        with serving(folder, environment, group=group) as server:
            for space in SPACES:
                config = {"dimension": DIMENSION, "capacity": 5_000}
                request = CreateSpaceRequest(space=space, config=config)
                call(server.target, CREATE_SPACE, request.SerializeToString())
            rest = group.held_bytes
            ended, most = _clients(server, group, seconds)
            back = _normal_after_s(server)
        lost = (folder / "log").read_text().count('"worker_lost"')
        return Outcome(limit, rest, most, group.oom_kills, lost, back, ended)


def _clients(server: Process, group: MemoryGroup, seconds: float) -> tuple[Counter[str], int]:
    """Run both clients, one of which is stopped half of the time."""
    clients = [
        subprocess.Popen(
            [sys.executable, __file__, "--client", name, server.target, str(seconds)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("busy", "slow")
    ]
    most, stopped, began = 0, False, time.monotonic()
    while time.monotonic() < began + seconds:
        stopped = not stopped
        clients[1].send_signal(signal.SIGSTOP if stopped else signal.SIGCONT)
        until = time.monotonic() + min(2.0, seconds / 4)
        while time.monotonic() < until:
            most = max(most, group.held_bytes)
            time.sleep(0.02)  # noqa: TID251 - nothing else runs in this process
    clients[1].send_signal(signal.SIGCONT)
    ended: Counter[str] = Counter()
    for client in clients:
        output, _ = client.communicate(timeout=seconds + RECOVERY_S)
        ended += Counter(json.loads(output))
    return ended, most


def _normal_after_s(server: Process) -> float | None:
    began = time.monotonic()
    while time.monotonic() < began + RECOVERY_S:
        try:
            raw = call(server.target, STATUS, GetNodeStatusRequest().SerializeToString())
        except grpc.RpcError:
            return None
        if GetNodeStatusResponse.FromString(raw).status.mode == NODE_MODE_NORMAL:
            return time.monotonic() - began
        time.sleep(0.1)  # noqa: TID251 - nothing else runs in this process
    return None


def table(outcomes: Sequence[tuple[float, Outcome]]) -> list[str]:
    """Return a table of runs at multiples of the minimum."""
    header = (
        "| limit | of the minimum | at rest | most in use | OOM kills | workers lost "
        "| NORMAL again after | queries OK | batches OK |"
    )
    lines = [header, "|" + "---|" * 9]
    for factor, run in outcomes:
        back = "not" if run.normal_after_s is None else f"{run.normal_after_s:.0f} s"
        shares = []
        for kind in ("query", "batch"):
            total = sum(n for end, n in run.ended.items() if end.startswith(kind))
            ok = run.ended.get(f"{kind} OK", 0)
            shares.append(f"{ok} of {total}")
        lines.append(
            f"| {run.limit_bytes // MIB} MiB | {factor}x | {run.rest_bytes // MIB} MiB "
            f"| {run.most_bytes // MIB} MiB | {run.oom_kills} | {run.lost_workers} | {back} "
            f"| {' | '.join(shares)} |"
        )
    return lines


def main() -> None:
    """Run and print, or be one of the clients."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--client", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--factors", type=float, nargs="+", default=[1.0, 1.25, 1.5, 2.0])
    arguments = parser.parse_args()
    if arguments.client:
        name, target, seconds = arguments.client
        client = Client(target, float(seconds))
        asyncio.run({"busy": busy, "slow": slow}[name](client))
        print(json.dumps(client.ended))
        return
    outcomes = []
    for factor in arguments.factors:
        for _ in range(arguments.rounds):
            with tempfile.TemporaryDirectory(prefix="mlsdm-") as folder:
                outcome = rush(Path(folder) / "data", factor=factor, seconds=arguments.seconds)
            outcomes.append((factor, outcome))
            print(outcome, flush=True)
    print("\n".join(table(outcomes)))


if __name__ == "__main__":
    main()
