"""A data folder of an earlier version: opened, replayed to the same bytes, answering as before."""

import asyncio
import hashlib
import io
import json
import sqlite3
import tarfile
from contextlib import asynccontextmanager, closing
from pathlib import Path

import grpc
import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message_factory import GetMessageClass
from serving import channel, in_process

from mlsdm_grpc.client.channel import CONTRACT_FILES
from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.model import semantics
from mlsdm_grpc.journal.codec.records import decode_record
from mlsdm_grpc.journal.codec.snapshots import read_snapshot, snapshot_bytes
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.journal.sqlite.sqlite_journal import SqliteJournal

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

ARCHIVE = Path(__file__).parents[1] / "data" / "folder" / "folder.tar.xz"
SERVICES = {s.name: s for file in CONTRACT_FILES for s in file.services_by_name.values()}


@pytest.fixture
def unpacked(tmp_path):
    """Copy of the folder, and the answers of the version that wrote it."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    expected = json.loads((tmp_path / "expected.json").read_text("utf-8"))
    return tmp_path / "data", expected


@asynccontextmanager
async def serving(folder, **space):
    """Serve a folder with the settings that wrote it, but for minds in this process."""
    settings = {"dimension": 384, **space}
    journal = {"kind": "sqlite", "data_dir": str(folder)}
    async with (
        in_process(journal=journal, space=settings) as server,
        channel(server.listen) as connection,
    ):
        yield connection


async def ask(connection, rpc, request):
    """Return the answer of an RPC, both as JSON values."""
    service, name = rpc.split("/")
    method = SERVICES[service].methods_by_name[name]
    message = ParseDict(request, GetMessageClass(method.input_type)())
    call = connection.unary_unary(
        f"/{method.containing_service.full_name}/{name}",
        request_serializer=type(message).SerializeToString,
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    return MessageToDict(await call(message, timeout=20))


def same(found, expected, *, but=frozenset()):
    """Return whether an answer contains all fields of the older one, floats as they are stored."""
    if isinstance(expected, dict):
        names = expected.keys() - {"usedBytes", *but}  # that is the RAM that the code takes
        return all(name in found and same(found[name], expected[name], but=but) for name in names)
    if isinstance(expected, list):
        pairs = zip(found, expected, strict=False)
        return len(found) == len(expected) and all(same(*pair, but=but) for pair in pairs)
    if isinstance(expected, float):
        return found == pytest.approx(expected, rel=1e-6, abs=1e-6)
    return found == expected


def by_vectors(request):
    """Return a query as the version that knew no words understood it."""
    if "queries" in request:
        return {**request, "queries": [by_vectors(query) for query in request["queries"]]}
    return {**request, "mode": "QUERY_MODE_VECTOR"}


async def assert_answers(connection, expected):
    for asked in expected["answers"]:
        request = by_vectors(asked["request"]) if "Query" in asked["rpc"] else asked["request"]
        found = await ask(connection, asked["rpc"], request)
        assert same(found, asked["response"]), asked


async def records_of(folder, name):
    journal = SqliteJournal(folder)
    await journal.open()
    key = SpaceKey("dev", name)
    try:
        raws = [e.payload async for es in journal.read(key, after=0) for e in es]
        snapshot = await journal.load_snapshot(key)
        content = await asyncio.to_thread(snapshot.path.read_bytes) if snapshot else b""
    finally:
        await journal.close()
    return raws, content


def test_the_folder_is_small():
    assert ARCHIVE.stat().st_size < 200_000


async def test_records_and_snapshots_give_the_state_that_they_gave(unpacked):
    folder, expected = unpacked
    kinds = set()
    for name, told in expected["states"].items():
        raws, content = await records_of(folder, name)
        mind = Mind()
        for raw in raws:
            mind.apply(decode_record(raw))
        state = snapshot_bytes(mind)
        kinds |= {type(decode_record(raw).body).__name__ for raw in raws}
        assert (mind.semantics_version, mind.revision) == (1, told["revision"]), name
        assert mind.chain.hex() == told["chain"], name
        assert len(state) == told["state_bytes"], name
        assert hashlib.sha256(state).hexdigest() == told["state_sha256"], name
        assert snapshot_bytes(read_snapshot(io.BytesIO(content))) == state, name
    assert kinds >= {"Consolidate", "DeleteMemory", "ProcessEvent", "StreamItems", "UpdateMemory"}


async def test_it_answers_as_before_and_its_new_spaces_are_under_version_1(unpacked):
    folder, expected = unpacked
    for _ in range(2):
        async with serving(folder) as connection:
            await assert_answers(connection, expected)
    async with serving(folder) as connection:
        put = {"space": "new", "memory": {"text": "Something new."}}
        await ask(connection, "MemoryService/PutMemory", put)
        await ask(connection, "SpaceService/CreateSpace", {"space": "made"})
        for name in ("new", "made", "default"):
            assert await version_of(connection, name) == 1
        info = await ask(connection, "AdminService/GetServerInfo", {})
        assert info["info"]["semanticsVersion"] == 1


async def version_of(connection, name):
    found = await ask(connection, "SpaceService/GetSpace", {"space": name})
    return found["space"]["semanticsVersion"]


@pytest.mark.parametrize("kind", ["sqlite", "memory"])
async def test_spaces_of_a_new_folder_are_under_the_newest_rules(tmp_path, kind):
    journal = {"kind": kind, "data_dir": str(tmp_path)}
    async with in_process(journal=journal) as server, channel(server.listen) as connection:
        await ask(connection, "SpaceService/CreateSpace", {"space": "made"})
        put = {"space": "put", "memory": {"embedding": {"floats": {"values": [1.0] * 16}}}}
        await ask(connection, "MemoryService/PutMemory", put)
        for name in ("made", "put"):
            assert await version_of(connection, name) == semantics.newest()
        info = await ask(connection, "AdminService/GetServerInfo", {})
        assert info["info"]["semanticsVersion"] == semantics.newest()


def lose_snapshots(folder):
    for path in (folder / "snapshots").iterdir():
        path.unlink()
    with closing(sqlite3.connect(folder / "journal.sqlite3")) as database, database:
        database.execute("DELETE FROM snapshots")


async def test_it_answers_as_before_from_its_records_alone(unpacked):
    folder, expected = unpacked
    await asyncio.to_thread(lose_snapshots, folder)
    async with serving(folder) as connection:
        await assert_answers(connection, expected)


def listed(expected, name):
    """Return the memories that a list of a space had."""
    for asked in expected["answers"]:
        wanted = {"space": name, "includeEmbedding": True}
        if asked["rpc"] == "MemoryService/ListMemories" and asked["request"] == wanted:
            return asked["response"].get("memories", [])
    raise AssertionError(name)


async def test_with_upgrades_its_spaces_get_the_newest_rules_and_keep_all_memories(unpacked):
    folder, expected = unpacked
    version = semantics.newest()
    async with serving(folder, upgrade_semantics=True) as connection:
        await assert_answers(connection, expected)  # reading upgrades nothing
        for name, dimension in (("default", 0), ("vectors", 16), ("streams", 384)):
            put = {"space": name, "memory": {"text": "More.", "memoryId": "more"}}
            if dimension:
                put["memory"]["embedding"] = {"floats": {"values": [0.5] * dimension}}
            before = listed(expected, name)
            response = await ask(connection, "MemoryService/PutMemory", put)
            left = response.get("evictedMemoryIds", [])
            wanted = {"space": name, "includeEmbedding": True}
            found = await ask(connection, "MemoryService/ListMemories", wanted)
            kept = [memory for memory in before if memory["memoryId"] not in left]
            # An upgrade changes what duplicates share, which is a part of the lineage.
            assert same(found["memories"][: len(kept)], kept, but={"lineageHash"})
            assert [memory["memoryId"] for memory in found["memories"][len(kept) :]] == ["more"]
            assert await version_of(connection, name) == version
        await ask(connection, "SpaceService/CreateSpace", {"space": "made"})
        assert await version_of(connection, "made") == version
        assert await version_of(connection, "still") == 1
    async with serving(folder) as connection:  # marked for good
        for name in ("default", "vectors", "streams", "made"):
            assert await version_of(connection, name) == version
        await ask(connection, "SpaceService/CreateSpace", {"space": "later"})
        assert await version_of(connection, "later") == version


async def test_its_spaces_cannot_recall_in_the_band(unpacked):
    folder, _ = unpacked
    async with serving(folder) as connection:
        space = (await ask(connection, "SpaceService/GetSpace", {"space": "vectors"}))["space"]
        assert space["config"]["recall"] == {"phase": "RECALL_PHASE_ALL"}
        change = {"space": "vectors", "etag": space["etag"], "config": space["config"]}
        change["config"]["recall"] = {"phase": "RECALL_PHASE_BAND"}
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ask(connection, "SpaceService/UpdateSpace", change)
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert "space.upgrade_semantics" in caught.value.details()
        again = (await ask(connection, "SpaceService/GetSpace", {"space": "vectors"}))["space"]
        assert again["revision"] == space["revision"]
        change["config"]["recall"] = {"phase": "RECALL_PHASE_ALL"}
        await ask(connection, "SpaceService/UpdateSpace", change)
    async with serving(folder, upgrade_semantics=True) as connection:
        space = (await ask(connection, "SpaceService/GetSpace", {"space": "vectors"}))["space"]
        change |= {"etag": space["etag"], "config": {"recall": {"phase": "RECALL_PHASE_BAND"}}}
        found = await ask(connection, "SpaceService/UpdateSpace", change)
        assert found["space"]["config"]["recall"] == {"phase": "RECALL_PHASE_BAND"}
        assert found["space"]["semanticsVersion"] == semantics.newest()
