"""Reload of identity files by a running server."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import asynccontextmanager

import grpc
import pytest
from serving import ServerProcess, channel, in_process

from mlsdm_grpc._gen.mlsdm.v1 import cognition_service_pb2, cognition_service_pb2_grpc
from mlsdm_grpc.security.file_watch import FileWatch
from mlsdm_grpc.security.key_file import add_key, remove_key
from mlsdm_grpc.security.presented import Presented
from mlsdm_grpc.security.roles import ROLES
from mlsdm_grpc.security.static_keys import StaticKeys
from tests.security.test_tokens import NOW
from tests.support.node import refusal

pytestmark = pytest.mark.anyio
FIELDS = {"name": "job", "tenant": "acme", "roles": ["writer"]}
REFUSED_S = 5.0


async def _added(file):
    return await asyncio.to_thread(add_key, file, FIELDS, ROLES)


async def _remove(file, key):
    await asyncio.to_thread(remove_key, file, key.split("_")[1], ROLES)


async def _watching(file, interval_s):
    keys = await asyncio.to_thread(StaticKeys, file, now=lambda: NOW)
    return keys, await asyncio.to_thread(FileWatch, [keys], interval_s=interval_s)


async def _read_to_end(stream):
    async with asyncio.timeout(REFUSED_S):
        while await stream.read():
            pass


@asynccontextmanager
async def _asking(listen):
    """Yield a function that asks with a key, and the stub."""
    async with channel(listen) as opened:
        stub = cognition_service_pb2_grpc.CognitionServiceStub(opened)

        async def ask(key):
            # The space does not exist, so that an accepted call ends with NOT_FOUND.
            request = cognition_service_pb2.GetStateRequest(space="none")
            metadata = [("authorization", f"Bearer {key}")]
            return (await refusal(stub.GetState(request, metadata=metadata, timeout=10))).reason

        yield ask, stub


async def _until(ask, key, wanted):
    """Ask until the answer is the wanted one, and return the time that it took."""
    began = time.monotonic()
    async with asyncio.timeout(2 * REFUSED_S):
        while await ask(key) != wanted:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0.05)
    return time.monotonic() - began


async def test_keys_come_and_go_without_a_restart(tmp_path):
    file = tmp_path / "tokens.toml"
    old = await _added(file)
    security = {"mode": "token", "tokens_file": str(file)}
    async with in_process(security=security) as server, _asking(server.listen) as (ask, _):
        assert await ask(old) == "SPACE_NOT_FOUND"
        new = await _added(file)
        assert await _until(ask, new, "SPACE_NOT_FOUND") < REFUSED_S
        assert await ask(old) == "SPACE_NOT_FOUND"
        await _remove(file, old)
        assert await _until(ask, old, "CREDENTIAL_INVALID") < REFUSED_S
        assert await ask(new) == "SPACE_NOT_FOUND"


async def test_a_stream_of_a_revoked_key_ends_and_the_others_go_on(tmp_path):
    file = tmp_path / "tokens.toml"
    old, new = await _added(file), await _added(file)
    security = {"mode": "token", "tokens_file": str(file)}
    async with in_process(security=security) as server, _asking(server.listen) as (_, stub):

        async def watch(key):
            metadata = [("authorization", f"Bearer {key}")]
            request = cognition_service_pb2.ProcessEventRequest(
                moral_value=0.9, embedding={"floats": {"values": [1.0] * 16}}
            )
            await stub.ProcessEvent(request, metadata=metadata)
            stream = stub.WatchState(cognition_service_pb2.WatchStateRequest(), metadata=metadata)
            await stream.read()
            return stream

        watches = [await watch(key) for key in (old, new)]
        await _remove(file, old)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await _read_to_end(watches[0])
        assert raised.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert not watches[1].done()
        watches[1].cancel()


async def test_a_damaged_file_leaves_the_last_good_keys_in_force(tmp_path):
    file = tmp_path / "tokens.toml"
    key = await _added(file)
    keys, watch = await _watching(file, 0.01)
    good = await asyncio.to_thread(file.read_text)
    for damaged in ("[[token]", "", good.replace("acme", "ACME"), None):
        if damaged is None:
            await asyncio.to_thread(file.unlink)
        else:
            await asyncio.to_thread(file.write_text, damaged)
        async with asyncio.timeout(5):
            assert await watch.changed() is False
        assert keys.verify(Presented(key)).name == "job"
    await asyncio.to_thread(file.write_text, good.replace("job", "job-2"))
    async with asyncio.timeout(5):
        assert await watch.changed() is True
    assert keys.verify(Presented(key)).name == "job-2"


async def test_a_request_reloads_without_a_change(tmp_path):
    file = tmp_path / "tokens.toml"
    await _added(file)
    _, watch = await _watching(file, 60)
    watch.request()
    async with asyncio.timeout(5):
        assert await watch.changed() is True


async def test_sighup_reloads_at_once(tmp_path):
    file = tmp_path / "tokens.toml"
    await _added(file)
    environment = {
        "MLSDM_SECURITY__MODE": "token",
        "MLSDM_SECURITY__TOKENS_FILE": str(file),
        "MLSDM_SPACE__EMBEDDER": "none",
    }
    server = await asyncio.to_thread(ServerProcess, tmp_path / "data", environment=environment)
    try:
        async with _asking(server.listen) as (ask, _):
            new = await _added(file)
            server.process.send_signal(signal.SIGHUP)
            assert await _until(ask, new, "SPACE_NOT_FOUND") < REFUSED_S
            server.process.send_signal(signal.SIGHUP)
            await asyncio.sleep(0.1)
            assert await ask(new) == "SPACE_NOT_FOUND"
        assert await asyncio.to_thread(server.terminate) == 0
    finally:
        server.process.kill()
