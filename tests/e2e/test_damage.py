"""A real server with a damaged data folder: refused, served and recovered spaces."""

import asyncio
import hashlib
import shutil
import sqlite3
from functools import partial

import anyio
import numpy as np
import pytest
from forks import run_forked
from serving import ServerProcess, in_process

from mlsdm_grpc._gen.mlsdm.v1 import event_pb2, space_pb2
from mlsdm_grpc.client import MemoryClient, Policy, new_memory
from mlsdm_grpc.errors import DataLoss, DeadlineExceeded, MlsdmError, Unavailable

pytestmark = pytest.mark.anyio

NOT_SERVING = 2
TENANTS = ("acme", "other")
TEXT = "The release train leaves on Tuesday."


def unit(index):
    return np.eye(16, dtype=np.float32)[index]


def settings(tmp_path):
    """Return settings of a durable server with two tenants, each with its token."""
    (tmp_path / "tokens.toml").write_text(
        "".join(
            f'[[token]]\nname = "{tenant}"\ntenant = "{tenant}"\n'
            f'sha256 = "{hashlib.sha256(tenant.encode()).hexdigest()}"\n'
            for tenant in TENANTS
        )
    )
    return {
        "journal": {"kind": "sqlite", "data_dir": tmp_path / "data"},
        "security": {"mode": "token", "tokens_file": tmp_path / "tokens.toml"},
        "space": {"dimension": 16},
    }


def client(server, tenant, space="default"):
    return MemoryClient(str(server.listen), token=tenant, space=space, timeout_s=10)


async def fill(tmp_path, spaces):
    """Write to some spaces, (tenant, name) each, and set every policy; then end in order."""
    async with in_process(**await asyncio.to_thread(settings, tmp_path)) as server:
        for tenant, name in spaces:
            async with client(server, tenant, name) as each:
                for i in range(5):
                    await each.put(embedding=unit(i), memory_id=f"m{i}")
        for tenant in TENANTS:
            async with client(server, tenant) as each:
                await each.set_policy(Policy(base_moral_threshold=0.4), etag='"0"')


def lose(data_dir, tenant, name, kept):
    """Take the records of a space after a revision away, and its snapshots."""
    database = sqlite3.connect(data_dir / "journal.sqlite3")
    with database:
        (number,) = database.execute(
            "SELECT id FROM spaces WHERE tenant = ? AND space = ?", (tenant, name)
        ).fetchone()
        database.execute("DELETE FROM records WHERE space_id = ? AND revision > ?", (number, kept))
        database.execute("DELETE FROM snapshots WHERE space_id = ?", (number,))
    database.close()
    for path in (data_dir / "snapshots").glob(f"{number}-*.snap"):
        path.unlink()


async def collected(stream):
    return [each async for each in stream]


def calls(mlsdm, space):
    """Return every kind of call to a space."""
    memory = new_memory(TEXT, embedding=unit(7))
    event = event_pb2.Event(text=TEXT, embedding={"f32_le": unit(0).tobytes()})
    return {
        "put": lambda: mlsdm.put(TEXT, embedding=unit(7)),
        "put_many": lambda: mlsdm.put_many([memory]),
        "query": lambda: mlsdm.query(embedding=unit(1)),
        "query_many": lambda: mlsdm.query_many(np.stack([unit(1)])),
        "get": lambda: mlsdm.get("m1"),
        "list": lambda: collected(mlsdm.list()),
        "update": lambda: mlsdm.update("m1", pinned=True),
        "delete": lambda: mlsdm.delete("m1"),
        "ingest": lambda: collected(mlsdm.ingest([memory], patience_s=5)),
        "export": lambda: collected(mlsdm.export(patience_s=5)),
        "process_event": lambda: mlsdm.process_event(TEXT, embedding=unit(0)),
        "stream_events": lambda: collected(mlsdm.stream_events([event], patience_s=5)),
        "state": mlsdm.state,
        "watch_state": lambda: anext(mlsdm.watch_state()),
        "consolidate": mlsdm.consolidate,
        "generate": lambda: mlsdm.generate(TEXT),
        "get_space": lambda: mlsdm.get_space(space),
        "create_space": lambda: mlsdm.create_space(space),
        "update_space": lambda: mlsdm.update_space(space, etag='"1"', capacity=9_000),
    }


async def outcomes(mlsdm, space):
    """Return the error of each call, or None."""
    found = {}
    for name, call in calls(mlsdm, space).items():
        try:
            await asyncio.wait_for(call(), 10)
            found[name] = None
        except MlsdmError as error:
            found[name] = error
    return found


async def test_a_damaged_space_answers_data_loss_to_every_call_and_the_others_serve(tmp_path):
    await fill(tmp_path, [("acme", "whole"), ("acme", "broken")])
    await asyncio.to_thread(lose, tmp_path / "data", "acme", "broken", 3)
    async with in_process(**await asyncio.to_thread(settings, tmp_path)) as server:
        async with client(server, "acme", "broken") as broken:
            for name, error in (await outcomes(broken, "broken")).items():
                assert isinstance(error, DataLoss), (name, error)
                assert error.metadata["space"] == "broken", name
                assert (error.metadata["revision"], error.metadata["last_revision"]) == ("4", "6")
            listed = {each.space: each async for each in broken.list_spaces()}
        assert listed["broken"].state == space_pb2.SPACE_STATE_QUARANTINED
        assert listed["broken"].revision == 6
        assert listed["whole"].state == space_pb2.SPACE_STATE_ACTIVE
        async with client(server, "acme", "whole") as whole:
            assert len(await collected(whole.list())) == 5
            await whole.put(embedding=unit(9))


async def test_a_damaged_policy_stops_what_it_would_judge_for_its_tenant_alone(tmp_path):
    await fill(tmp_path, [("acme", "whole"), ("other", "whole")])
    await asyncio.to_thread(lose, tmp_path / "data", "acme", "_tenant", 0)
    async with in_process(**await asyncio.to_thread(settings, tmp_path)) as server:
        async with client(server, "acme", "whole") as mine:
            judged = await outcomes(mine, "whole")
            for name in ("put", "put_many", "ingest", "process_event", "stream_events", "generate"):
                assert isinstance(judged[name], DataLoss), (name, judged[name])
            with pytest.raises(DataLoss):
                await mine.get_policy()
            with pytest.raises(DataLoss):
                await mine.set_policy(Policy(base_moral_threshold=0.4), etag='"0"')
        async with client(server, "other", "whole") as other:
            await other.put("A text that is judged.", embedding=unit(9))
            assert (await other.get_policy()).policy.base_moral_threshold == pytest.approx(0.4)


async def test_a_space_whose_loss_was_accepted_goes_on_in_a_new_incarnation(tmp_path):
    await fill(tmp_path, [("acme", "whole"), ("acme", "broken")])
    await asyncio.to_thread(lose, tmp_path / "data", "acme", "broken", 3)
    recover = partial(run_forked, "recover", str(tmp_path / "data"))
    told = await asyncio.to_thread(recover)
    assert told.returncode == 1
    assert "acme/broken: lost revisions 4 to 6" in told.stdout
    done = await asyncio.to_thread(recover, "--accept-loss", "acme/broken")
    assert done.returncode == 0, done.stderr
    assert "continues at revision 7" in done.stdout
    async with (
        in_process(**await asyncio.to_thread(settings, tmp_path)) as server,
        client(server, "acme", "broken") as broken,
    ):
        assert {each.memory_id for each in await collected(broken.list())} == {"m0", "m1"}
        state = await broken.state()
        assert (state.revision, state.state.incarnation) == (7, 7)
        assert (await broken.put(embedding=unit(9))).revision == 8
        assert (await broken.put(embedding=unit(1), memory_id="m1", allow_replace=True)).revision


async def test_a_server_whose_folder_is_removed_acknowledges_nothing_and_fails(tmp_path):
    server = await asyncio.to_thread(ServerProcess, tmp_path / "data")
    try:
        async with MemoryClient(server.listen, timeout_s=1.0) as mlsdm:
            vector = [1.0] + [0.0] * 383
            await mlsdm.put(embedding=vector, timeout_s=10)
            await asyncio.to_thread(shutil.rmtree, tmp_path / "data")
            for _ in range(5):
                with pytest.raises(MlsdmError) as caught:
                    await mlsdm.put(embedding=vector)
                assert isinstance(caught.value, Unavailable | DeadlineExceeded)
            with anyio.fail_after(10):
                async for each in mlsdm.watch_health("journal"):
                    if each.status == NOT_SERVING:
                        break
            assert await mlsdm.query(embedding=vector)
    finally:
        assert await asyncio.to_thread(server.terminate) == 1
