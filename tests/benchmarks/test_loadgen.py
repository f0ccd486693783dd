"""The load generator counts the same calls as a real server."""

import asyncio
import re
import urllib.request
from dataclasses import replace

import load
import pytest
from load import Flow, LoadError, Step
from processes import call, serving
from traffic import INGEST, PUT, QUERY, Traffic, ingest_opens

from mlsdm_grpc._gen.mlsdm.v1.memory_query_pb2 import QueryMemoriesRequest
from mlsdm_grpc._gen.mlsdm.v1.space_service_pb2 import GetSpaceRequest, GetSpaceResponse
from mlsdm_grpc.client import MemoryClient

pytestmark = [
    pytest.mark.tools,
    pytest.mark.timeout(120),
    pytest.mark.skipif(load.available() is None, reason="`make loadgen` has not been run"),
]
SPACE = "bench"
BATCH = 16


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="module")
def server(folder):
    with serving(folder / "data") as running:
        yield running


@pytest.fixture(scope="module")
def traffic(folder, server):
    prepared = Traffic.of(folder, rows=300, count=320)
    prepared.fill(server.target, SPACE, 300, capacity=300)
    return prepared


def handled(server, method):
    """Calls of a method by status, as the server counts them."""
    with urllib.request.urlopen(f"http://{server.ops}/metrics") as response:
        text = response.read().decode()
    pattern = rf'grpc_server_handled_total{{grpc_code="(\w+)",grpc_method="{method}",.*}} (\S+)'
    return {code: int(float(count)) for code, count in re.findall(pattern, text) if float(count)}


def revision(server):
    request = GetSpaceRequest(space=SPACE).SerializeToString()
    answer = call(server.target, "/mlsdm.v1.SpaceService/GetSpace", request)
    return GetSpaceResponse.FromString(answer).space.revision


def put_flow(server, traffic, **fields):
    return Flow("puts", server.target, PUT, traffic.puts(SPACE), **fields)


def test_a_closed_loop_counts_what_the_server_counts(server, traffic):
    before, first = handled(server, "PutMemory"), revision(server)
    flow = put_flow(server, traffic, steps=[Step(0.5), Step(1)], connections=2, in_flight=4)
    (result,) = load.run(flow)
    steps = result["steps"]
    ok = sum(step["answers"]["OK"] for step in steps)
    assert ok == sum(step["sent"] for step in steps) == sum(step["arrivals"] for step in steps)
    assert ok == handled(server, "PutMemory")["OK"] - before.get("OK", 0)
    # Messages are sent again and again; that each made a record shows that no id was repeated.
    assert ok == revision(server) - first > 0
    assert sum(result["every_100_ms"]["ok"]) == ok
    latency = steps[1]["ok_ms"]
    assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"] <= latency["max"]
    assert [set(step["answers"]) for step in steps] == [{"OK"}, {"OK"}]


def test_an_open_loop_loses_no_call(server, traffic):
    before = handled(server, "QueryMemories")
    flow = Flow(
        "queries",
        server.target,
        QUERY,
        traffic.queries(SPACE),
        [Step(0.5, 200.0), Step(0.5, 50_000.0), Step(0.5, 0.0)],
        connections=2,
        in_flight=2,
        queue=3,
    )
    (result,) = load.run(flow)
    calm, surge, silent = result["steps"]
    for step in (calm, surge, silent):
        assert step["arrivals"] == step["sent"] + step["not_sent"]
        assert step["sent"] == sum(step["answers"].values())
    assert 50 < calm["arrivals"] < 150  # 100 expected, standard deviation 10
    assert surge["not_sent"] > 0
    assert silent["arrivals"] == 0
    series = result["every_100_ms"]
    assert sum(series["ok"]) + sum(series["failed"]) == calm["arrivals"] + surge["arrivals"]
    ok = calm["answers"]["OK"] + surge["answers"]["OK"]
    assert ok == handled(server, "QueryMemories")["OK"] - before.get("OK", 0)


def test_refusals_are_counted_by_status_and_reason(server, folder):
    messages = folder / "unknown-space"
    load.write_messages(messages, [QueryMemoriesRequest(space="-").SerializeToString()])
    before = handled(server, "QueryMemories")
    flow = Flow("bad", server.target, QUERY, messages, [Step(0.2)], connections=1, in_flight=1)
    (result,) = load.run(flow)
    (step,) = result["steps"]
    assert step["ok_ms"] is None
    assert step["refused_ms"]["max"] > 0
    ((key, count),) = step["answers"].items()
    assert key.startswith("INVALID_ARGUMENT ")
    after = handled(server, "QueryMemories")
    assert count == after["INVALID_ARGUMENT"] - before.get("INVALID_ARGUMENT", 0)


def test_flows_run_side_by_side(server, traffic):
    flow = put_flow(server, traffic, steps=[Step(0.3)], connections=1, in_flight=1)
    results = load.run(flow, replace(flow, name="again"))
    assert [result["name"] for result in results] == ["puts", "again"]
    assert all(set(result["steps"][0]["answers"]) == {"OK"} for result in results)


def test_more_than_16_connections_are_refused(server, traffic):
    flow = put_flow(server, traffic, steps=[Step(0.1)], connections=9, in_flight=1)
    with pytest.raises(LoadError, match="18 connections, at most 16"):
        load.run(flow, flow)


@pytest.mark.anyio
async def test_streams_count_what_was_stored(server, traffic):
    async with MemoryClient(server.target) as memory:
        if INGEST.removeprefix("/") not in (await memory.server_info()).methods:
            pytest.skip("IngestMemories is not served yet")
    flow = Flow(
        "stream",
        server.target,
        INGEST,
        traffic.ingest_batches(SPACE, BATCH),
        [Step(1)],
        connections=2,
        in_flight=2,
        opens=ingest_opens(SPACE, 3),
        batch_items=BATCH,
    )
    for _ in range(2):  # the second run goes on where the first ended
        (result,) = await asyncio.to_thread(load.run, flow)
        (step,) = result["steps"]
        assert set(step["answers"]) == {"OK"}
        assert step["ok_items"] == BATCH * step["sent"] > 0
