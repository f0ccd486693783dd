"""A blocked reader of the log does not block the server."""

import asyncio
import json

import grpc
import pytest
from serving import ServerProcess

from mlsdm_grpc._gen.mlsdm.v1 import memory_query_pb2

pytestmark = pytest.mark.anyio

CALLS = 8_000
"""Lines of several times the capacity of a pipe."""
LIST = "/mlsdm.v1.MemoryService/ListMemories"


async def test_a_log_that_nobody_reads_holds_nothing_up(tmp_path):
    environment = {"MLSDM_LOGGING__LEVEL": "info", "PYTHONUNBUFFERED": ""}
    server = await asyncio.to_thread(ServerProcess, tmp_path, environment=environment)
    try:
        async with grpc.aio.insecure_channel(server.listen) as channel:
            listed = channel.unary_unary(LIST)
            request = memory_query_pb2.ListMemoriesRequest(space="nowhere").SerializeToString()

            async def refused():
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await listed(request, timeout=20)
                assert caught.value.code() is grpc.StatusCode.NOT_FOUND

            for _ in range(CALLS // 100):
                await asyncio.gather(*(refused() for _ in range(100)))
        server.process.terminate()
        # The reader starts only now. Lines that did not fit into the pipe are counted, not kept.
        _, log = await asyncio.to_thread(server.process.communicate, timeout=60)
    finally:
        server.kill()
    lines = [json.loads(line) for line in log.splitlines()]
    served = sum(line["event"] == "call" for line in lines)
    dropped = sum(line["dropped"] for line in lines if line["event"] == "log_lines_dropped")
    assert 0 < dropped < CALLS
    assert served + dropped >= CALLS
