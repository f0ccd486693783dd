"""Every upstream fault ends as docs/llm.md says, and reveals nothing about the upstream."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import socket
import sys
from pathlib import Path

import pytest
from faults import BOTH, FAULTS, http_date, status
from setting import asking, certificate, gateway_over, openai_settings, streamed
from upstream import KEY, SECRET_BODY, Upstream, answers, http

from mlsdm_grpc.errors import MlsdmError
from mlsdm_grpc.wire.status import CODE_NAMES, to_status

pytest.importorskip("openai", reason="the extra openai is not installed")
pytestmark = pytest.mark.anyio

PATIENT_S = 10.0
DOCS = Path(__file__).parents[2] / "docs" / "llm.md"
CASES = [(fault, mode) for fault in FAULTS for mode in fault.modes]


@contextlib.asynccontextmanager
async def endpoint(what, tmp_path):
    """Hold an upstream of a kind; yield it, its base URL and further settings."""
    if callable(what):
        async with Upstream(what).serving() as server:
            yield server, f"http://127.0.0.1:{server.port}/v1", {}
        return
    plain = Upstream(answers())
    match what:
        case "refused":
            with socket.create_server(("127.0.0.1", 0)) as taken:
                port = taken.getsockname()[1]
            yield plain, f"http://127.0.0.1:{port}/v1", {}
        case "connect hangs":
            with contextlib.ExitStack() as stack:
                full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
                port = full.getsockname()[1]
                for _ in range(4):
                    client = stack.enter_context(socket.socket())
                    client.setblocking(False)
                    client.connect_ex(("127.0.0.1", port))
                yield plain, f"http://127.0.0.1:{port}/v1", {}
        case "no such name":
            yield plain, "http://upstream.invalid/v1", {}
        case "retry-after date":
            async with endpoint(status(429, f"retry-after: {http_date(2.5)}"), tmp_path) as found:
                yield found
        case "skewed date":
            years_s = 10 * 365 * 86_400
            headers = f"date: {http_date(years_s)}", f"retry-after: {http_date(years_s + 2)}"
            async with endpoint(status(503, *headers), tmp_path) as found:
                yield found
        case "tls none":

            async def plainly(reader, writer):
                await reader.read(1)
                writer.write(http(400, b""))
                writer.close()
                await writer.wait_closed()

            async with await asyncio.start_server(plainly, "127.0.0.1", 0) as server:
                yield plain, f"https://localhost:{server.sockets[0].getsockname()[1]}/v1", {}
        case "tls unknown" | "tls expired" | "tls name":
            pytest.importorskip("trustme", reason="makes the certificates of this test")
            name = "elsewhere.example" if what == "tls name" else "localhost"
            context, authority = certificate(tmp_path, name=name, expired=what == "tls expired")
            plain.tls = context
            trusted = {} if what == "tls unknown" else {"ca_file": authority}
            async with plain.serving():
                yield plain, f"https://localhost:{plain.port}/v1", trusted


async def outcome(gateway, mode, within_s):
    """Return the outcome for a caller: a result or an ``MlsdmError``."""
    request = asking(within_s=within_s)
    try:
        if mode == "whole":
            return await gateway.complete(request, tenant="t")
        return (await streamed(gateway, request))[1]
    except MlsdmError as error:
        return error


def calls_of(gateway):
    families = gateway.metrics.llm_calls.collect()
    samples = (sample for family in families for sample in family.samples)
    return sum(int(each.value) for each in samples if each.name.endswith("_count"))


@pytest.mark.parametrize(
    ("fault", "mode"), CASES, ids=[f"{fault.name}, {mode}" for fault, mode in CASES]
)
async def test_a_fault_ends_as_documented(fault, mode, tmp_path, logs):
    short = fault.status == "DEADLINE_EXCEEDED"
    waits = short or fault.cause == "timeout"
    # Only faults that wait have short time limits. On a busy machine another try could reach its
    # limit before the endpoint has read the request.
    connecting = {} if waits else {"connect_timeout_s": PATIENT_S}
    trying = {} if waits else {"timeout_s": PATIENT_S, "stream_idle_timeout_s": PATIENT_S}
    async with (
        endpoint(fault.script, tmp_path) as (server, url, more),
        gateway_over(
            provider_of(openai_settings(url, tmp_path, **more, **connecting)), **trying
        ) as gateway,
    ):
        found = await outcome(gateway, mode, within_s=1.0 if short else 20.0)
        calls = calls_of(gateway)
    if fault.status == "OK":
        assert not isinstance(found, MlsdmError), found
        assert found.finish == fault.reason
        assert 0 <= found.usage.prompt_tokens <= 1_000_000
        assert 0 <= found.usage.completion_tokens <= 1_000_000
        assert not any(not c.isprintable() and c not in "\t\n" for c in found.text)
        found.text.encode()
    else:
        assert isinstance(found, MlsdmError), found
        sent = to_status(found, "r")
        assert CODE_NAMES[sent.code] == fault.status
        assert found.reason == fault.reason
        assert found.metadata.get("cause", found.metadata.get("status", "")) == fault.cause
        for text in (found.message, str(found.metadata), str(sent), logs.text):
            assert KEY not in text
            assert SECRET_BODY not in text
        assert (found.retry_after_s is not None) == (fault.status == "UNAVAILABLE")
    assert calls == fault.calls
    if server.port and server.tls is None:
        fewest = 1 if waits else fault.calls
        assert fewest <= len(server.requests) <= fault.calls


LEFT_BY_THE_HTTP_CLIENT = {"PoolByteStream.__aiter__"}
"""The HTTP client closes its connection, but not this generator over it."""


@contextlib.contextmanager
def generators_left():
    """Yield the names of asynchronous generators that are dropped before they have ended."""
    names, before = set(), sys.get_asyncgen_hooks()

    def dropped(generator):
        names.add(generator.__qualname__)
        before.finalizer(generator)

    sys.set_asyncgen_hooks(before.firstiter, dropped)
    try:
        yield names
        gc.collect()
    finally:
        sys.set_asyncgen_hooks(*before)


@pytest.mark.parametrize("mode", BOTH)
@pytest.mark.parametrize(
    "name",
    [
        "cut JSON",
        "50 MB in chunks",
        "an error with status 200",
        "usage below zero",
        "control characters and half characters",
    ],
)
async def test_no_generator_is_left_to_the_garbage_collector(name, mode, tmp_path):
    """The collector may run in any thread, and would close what the event loop is closing."""
    (fault,) = (each for each in FAULTS if each.name == name)
    with generators_left() as left:
        async with (
            endpoint(fault.script, tmp_path) as (_, url, _),
            gateway_over(provider_of(openai_settings(url, tmp_path))) as gateway,
        ):
            await outcome(gateway, mode, within_s=20.0)
    assert left <= LEFT_BY_THE_HTTP_CLIENT


def provider_of(settings):
    from mlsdm_grpc.llm.providers.openai import OpenAIProvider

    clock = asyncio.get_running_loop().time
    return functools.partial(OpenAIProvider, settings, clock=clock, max_connections=8)


def test_there_are_enough_kinds():
    assert len(FAULTS) >= 30


def test_the_table_of_the_documents_is_this_list():
    lines = DOCS.read_text("utf-8").splitlines()
    start = lines.index("| fault | answer | status | reason | cause | calls |") + 2
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append(line)
    assert rows == [fault.row for fault in FAULTS]
