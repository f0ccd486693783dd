"""Addresses of servers as people give them, and servers that do not listen."""

from __future__ import annotations

import time

import anyio
import grpc
import pytest

from mlsdm_grpc import errors
from mlsdm_grpc._gen.mlsdm.v1.memory_put_pb2 import PutMemoryResponse
from mlsdm_grpc.client import MemoryClient
from mlsdm_grpc.client.server_address import server_address
from tests.support.counting import GOOD, called

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

NOBODY = "127.0.0.1:1"
SLOWEST_S = 3.0
NOT_CALLS = {"MemoryClient", "new_memory", "split_passages", "passage_context", "request_id_of"}


@pytest.mark.parametrize(
    ("given", "target"),
    [
        ("127.0.0.1:50051", "127.0.0.1:50051"),
        ("db.example.org", "db.example.org:50051"),
        ("localhost:1", "localhost:1"),
        ("[::1]:7", "[::1]:7"),
        ("[::1]", "[::1]:50051"),
        ("::1", "[::1]:50051"),
        ("[fe80::1%eth0]:7", "[fe80::1%eth0]:7"),
        ("http://h:7", "h:7"),
        ("HTTP://h/", "h:50051"),
        ("grpc://h:7/", "h:7"),
        ("dns:///h:7", "dns:///h:7"),
        ("unix:/run/mlsdm.sock", "unix:/run/mlsdm.sock"),
        ("ipv4:10.0.0.1:7,10.0.0.2:7", "ipv4:10.0.0.1:7,10.0.0.2:7"),
    ],
)
def test_an_address_in_any_form_is_a_target(given, target):
    assert server_address(given) == target


@pytest.mark.parametrize("scheme", ["https", "grpcs"])
def test_a_scheme_with_tls_needs_credentials(scheme):
    assert server_address(f"{scheme}://h:7", secure=True) == "h:7"
    with pytest.raises(errors.InvalidInput, match=rf"asks for TLS by {scheme}://; add --tls"):
        server_address(f"{scheme}://h:7")
    MemoryClient(f"{scheme}://h:7", credentials=grpc.ssl_channel_credentials())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "must not be empty"),
        ("h:0", "has the port 0; a port is from 1 to 65535"),
        ("h:65536", "has the port 65536"),
        ("h:port", "must be HOST:PORT or [IPV6]:PORT"),
        (":50051", "must be HOST:PORT"),
        ("a:b:c", "must be HOST:PORT"),
        ("two words:7", "must be HOST:PORT"),
        ("user@h:7", "must be HOST:PORT"),
        ("http://h:7/metrics", "must be HOST:PORT"),
        ("ftp://h:7", "has the unknown scheme ftp://"),
    ],
)
def test_any_other_address_is_refused_with_what_to_send(given, said):
    with pytest.raises(errors.InvalidInput) as caught:
        MemoryClient(given)
    assert str(caught.value).startswith(f"target: {said}")


def test_without_a_target_it_is_that_of_the_environment(monkeypatch):
    monkeypatch.delenv("MLSDM_TARGET", raising=False)
    assert server_address(None) == "127.0.0.1:50051"
    monkeypatch.setenv("MLSDM_TARGET", "http://h:7")
    assert server_address(None) == "h:7"
    MemoryClient()
    monkeypatch.setenv("MLSDM_TARGET", "h:x")
    with pytest.raises(errors.InvalidInput, match="target: must be HOST:PORT"):
        MemoryClient()


@pytest.mark.parametrize("call", sorted(GOOD.keys() - NOT_CALLS))
async def test_every_call_fails_soon_where_nothing_listens(call):
    async with MemoryClient(NOBODY) as memory:
        began_s = time.monotonic()
        with pytest.raises(errors.Unavailable) as caught:
            await called(memory, call, GOOD[call])
        assert time.monotonic() - began_s < SLOWEST_S
    assert f"is `mlsdm serve` running at {NOBODY}?" in str(caught.value)
    assert "Connection refused" in str(caught.value)


async def test_a_wait_for_a_retry_is_reported_with_its_reason(scripted):
    waits = []
    async with scripted() as script:
        refusals = [
            errors.Unavailable("In EMERGENCY.", reason="EMERGENCY", retry_after_s=0.2),
        ]

        def answer(*_):
            if refusals:
                raise refusals.pop()
            return PutMemoryResponse(revision=1)

        script.answers["PutMemory"] = answer
        report = lambda error, wait_s: waits.append((error.reason, wait_s))  # noqa: E731
        async with script.client(on_wait=report) as memory:
            assert (await memory.put("x")).revision == 1
    assert waits == [("EMERGENCY", pytest.approx(0.2))]


async def test_a_stream_reports_its_waits_and_stays_patient_with_a_known_server(scripted):
    waits = []
    async with scripted() as script:

        async def refuse(*_):
            raise errors.Unavailable("In EMERGENCY.", reason="EMERGENCY", retry_after_s=0.3)
            yield

        script.answers["ExportMemories"] = refuse
        report = lambda error, _: waits.append(error.reason)  # noqa: E731
        async with script.client(on_wait=report) as memory:
            with pytest.raises(errors.Unavailable), anyio.fail_after(20):
                async for _ in memory.export(patience_s=1.0):
                    pass
    assert len(waits) >= 2
    assert set(waits) == {"EMERGENCY"}
