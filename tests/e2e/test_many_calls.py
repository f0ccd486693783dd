"""Many calls at once: on one connection all are served, and a flood of resets costs others none."""

import asyncio
import collections
import dataclasses
import statistics
import time
from pathlib import Path

import grpc
import load
import pytest
from http2 import reset_rapidly
from node import process
from serving import channel

from mlsdm_grpc._gen.mlsdm.v1 import memory_put_pb2, memory_query_pb2
from mlsdm_grpc.client import MemoryClient

pytestmark = [pytest.mark.anyio, pytest.mark.load, pytest.mark.timeout(120)]

AT_ONCE = 1_000
FLOODS, RESETS = 6, 3_000
DIMENSION = 16
SERVICE = "/mlsdm.v1.MemoryService"
VECTOR = [1.0] * DIMENSION
EMBEDDING = {"floats": {"values": VECTOR}}
QUERY = memory_query_pb2.QueryMemoriesRequest(embedding=EMBEDDING).SerializeToString()
PUT = memory_put_pb2.PutMemoryRequest(
    memory={"embedding": EMBEDDING}, request_id=load.FRESH_ID
).SerializeToString()


def a_put():
    return memory_put_pb2.PutMemoryRequest(memory={"embedding": EMBEDDING}).SerializeToString()


def a_text(number):
    memory = {"text": f"Call {number} of many is about the weather in the mountains."}
    return memory_put_pb2.PutMemoryRequest(memory=memory).SerializeToString()


def requests(kind):
    """Return ``AT_ONCE`` calls, each a method and its message."""
    puts = [("PutMemory", a_put())] * AT_ONCE
    queries = [("QueryMemories", QUERY)] * AT_ONCE
    return {
        "puts": puts,
        "queries": queries,
        "mix": (puts + queries)[:: len(puts + queries) // AT_ONCE],
        "texts": [("PutMemory", a_text(number)) for number in range(AT_ONCE)],
    }[kind]


async def ended(call):
    """Return how a call ended."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return f"{error.code().name} {error.details()}"
    return "OK"


@pytest.mark.parametrize("retries", [0, 1])
@pytest.mark.parametrize("kind", ["puts", "queries", "mix"])
async def test_a_thousand_calls_at_once_on_one_channel_are_served(tmp_path, kind, retries):
    with process(tmp_path, dimension=DIMENSION) as server:
        options = [("grpc.enable_retries", retries), ("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.insecure_channel(server.listen, options=options) as one:
            await one.unary_unary(f"{SERVICE}/PutMemory")(a_put())
            calls = [
                ended(one.unary_unary(f"{SERVICE}/{method}")(raw, timeout=60))
                for method, raw in requests(kind)
            ]
            ends = collections.Counter(await asyncio.gather(*calls))
    assert ends == {"OK": AT_ONCE}


async def test_a_thousand_texts_at_once_on_one_channel_are_served(tmp_path):
    """Calls that pass two bulkheads, of which that of the text workers is smaller."""
    with process(tmp_path, dimension=256) as server:
        async with channel(server.listen) as one:
            put = one.unary_unary(f"{SERVICE}/PutMemory")
            calls = [ended(put(raw, timeout=60)) for _, raw in requests("texts")]
            ends = collections.Counter(await asyncio.gather(*calls))
    assert ends == {"OK": AT_ONCE}


async def test_a_thousand_calls_at_once_of_the_client_are_served(tmp_path):
    with process(tmp_path, dimension=DIMENSION) as server:
        async with MemoryClient(server.listen, timeout_s=60) as memory:
            await memory.put(embedding=VECTOR)
            puts = [memory.put(embedding=VECTOR) for _ in range(AT_ONCE // 2)]
            queries = [memory.query(embedding=VECTOR) for _ in range(AT_ONCE // 2)]
            answers = await asyncio.gather(*puts, *queries)
    assert len(answers) == AT_ONCE


@pytest.mark.tools
@pytest.mark.skipif(load.available() is None, reason="`make loadgen` has not been run")
@pytest.mark.parametrize(
    ("method", "raw"), [("PutMemory", PUT), ("QueryMemories", QUERY)], ids=["puts", "queries"]
)
async def test_a_thousand_calls_at_once_from_go_are_served(tmp_path, method, raw):
    load.write_messages(tmp_path / "messages", [raw])
    flow = load.Flow(
        "many",
        "",
        f"{SERVICE}/{method}",
        tmp_path / "messages",
        [load.Step(2.0)],
        connections=1,
        in_flight=AT_ONCE,
        deadline_s=60.0,
    )
    with process(tmp_path / "data", dimension=DIMENSION) as server:
        async with channel(server.listen) as one:
            await one.unary_unary(f"{SERVICE}/PutMemory")(a_put())
        target = dataclasses.replace(flow, target=server.listen)
        (result,) = await asyncio.to_thread(load.run, target)
    answers = result["steps"][0]["answers"]
    assert set(answers) == {"OK"}
    assert answers["OK"] >= AT_ONCE


async def test_calls_of_twenty_connections_at_once_are_served_or_refused_with_details(tmp_path):
    """The transport refuses without details; it is the last to do so."""
    connections = 20
    with process(tmp_path, dimension=DIMENSION) as server:
        channels = [channel(server.listen) for _ in range(connections)]
        await asyncio.gather(*(each.channel_ready() for each in channels))
        await channels[0].unary_unary(f"{SERVICE}/PutMemory")(a_put())
        calls = [
            ended(channels[i % connections].unary_unary(f"{SERVICE}/QueryMemories")(QUERY))
            for i in range(2 * AT_ONCE)
        ]
        ends = collections.Counter(await asyncio.gather(*calls))
        await asyncio.gather(*(each.close() for each in channels))
    assert set(ends) <= {"OK", "UNAVAILABLE Too many calls of this kind are in progress."}
    assert ends["OK"] >= AT_ONCE


def cpu_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


@pytest.mark.parametrize("whole", [False, True], ids=["opened", "whole"])
async def test_a_flood_of_resets_costs_others_nothing(tmp_path, whole):
    with process(tmp_path, dimension=DIMENSION) as server:
        async with channel(server.listen) as one:
            await one.unary_unary(f"{SERVICE}/PutMemory")(a_put())
            query = one.unary_unary(f"{SERVICE}/QueryMemories")
            before_s = cpu_s(server.process.pid)
            flood = asyncio.gather(
                *(
                    reset_rapidly(
                        server.listen, f"{SERVICE}/QueryMemories", QUERY, count=RESETS, whole=whole
                    )
                    for _ in range(FLOODS)
                )
            )
            took_s, ends = [], collections.Counter()
            while not flood.done():
                began_s = time.monotonic()
                ends[await ended(query(QUERY, timeout=5))] += 1
                took_s.append(time.monotonic() - began_s)
                await asyncio.sleep(0.005)
            await flood
            spent_s = cpu_s(server.process.pid) - before_s
        started = await server.metric(
            r'grpc_server_started_total\{grpc_method="QueryMemories",[^}]*\}'
        )
    assert set(ends) == {"OK"}
    assert statistics.median(took_s) < 5 * 0.01
    assert started - ends["OK"] <= FLOODS * RESETS / 5  # few reach a handler
    assert spent_s < 5 * 0.6
