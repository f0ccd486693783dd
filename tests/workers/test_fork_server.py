"""The fork server starts workers; its own end disturbs none, and it outlives no server."""

import asyncio
import contextlib
import errno
import os
import select
import signal
import socket
import sys
import threading
from pathlib import Path

import anyio
import pytest
import structlog
from drive import running
from processes import pids_by_role
from serving import ServerProcess

from mlsdm_grpc.engine import parts
from mlsdm_grpc.errors import MlsdmError
from mlsdm_grpc.workers.fork_server import serve_forks
from mlsdm_grpc.workers.forked import ForkServer
from mlsdm_grpc.workers.process import WorkerRole, WorkerStarter
from mlsdm_grpc.workers.progress import shared_page

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]
STARTS = 50
FAILING_FORK = """
import errno, os, socket, sys
from mlsdm_grpc.workers import fork_server

def fail():
    raise OSError(errno.EAGAIN, "no more processes")

os.fork = fail
fork_server.serve_forks(socket.socket(fileno=int(sys.argv[2])))
"""


@pytest.fixture
async def forks():
    server = ForkServer()
    yield server
    await asyncio.to_thread(server.close)


def starter_of(forks, start_s=20.0):
    def lost(worker):
        worker.position.close()
        worker.lost.set()

    return WorkerStarter(WorkerRole("minds"), forks, start_s, lost)


async def end(worker):
    worker.link.close()
    await worker.collect()
    await worker.lost.wait()


async def until(condition, within_s=30):
    """Wait for an effect of another process."""
    with anyio.fail_after(within_s):
        while not condition():  # noqa: ASYNC110 - other processes set no events
            await anyio.sleep(0.01)


def ended(pid):
    return not Path(f"/proc/{pid}").exists()


def descriptors(pid):
    found = []
    for each in list(Path(f"/proc/{pid}/fd").iterdir()):
        with contextlib.suppress(FileNotFoundError):  # that of the listing itself
            found.append(str(each.readlink()))
    return found


def shown(pid, name):
    return Path(f"/proc/{pid}/{name}").read_text().strip()


async def test_fifty_starts_leave_no_process_and_no_descriptor(forks):
    starter = starter_of(forks)
    await end(await starter.start())
    before = [len(descriptors(pid)) for pid in (os.getpid(), forks.pid)]
    for _ in range(STARTS):
        worker = await starter.start()
        pid = worker.process.pid
        await end(worker)
        assert worker.process.returncode == 0
        assert ended(pid)
    assert [len(descriptors(pid)) for pid in (os.getpid(), forks.pid)] == before


async def test_a_worker_holds_its_link_and_nothing_of_the_fork_server(forks):
    starter = starter_of(forks)
    first, second = [await starter.start() for _ in range(2)]
    for worker in (first, second):
        held = descriptors(worker.process.pid)
        assert sum(each.startswith("socket:") for each in held) == 1
        assert sum("memfd" in each for each in held) == 1
        assert not any("pidfd" in each for each in held)
        assert shown(worker.process.pid, "oom_score_adj") == "500"
        assert shown(worker.process.pid, "comm") == "mlsdm-minds"
        # Ctrl-C of a terminal reaches the server only.
        assert os.getsid(worker.process.pid) != os.getsid(0)
    await end(first)
    assert not ended(second.process.pid)
    await end(second)


async def test_the_fork_server_has_one_thread_and_loads_neither_grpc_nor_an_event_loop(forks):
    await end(await starter_of(forks).start())
    assert "\nThreads:\t1\n" in shown(forks.pid, "status")
    loaded = shown(forks.pid, "maps")
    assert "numpy" in loaded
    assert "cygrpc" not in loaded
    assert "_asyncio" not in loaded


def test_a_process_with_threads_forks_nothing():
    ours, theirs = socket.socketpair()
    over = threading.Event()
    other = threading.Thread(target=over.wait)
    other.start()
    try:
        with ours, theirs, pytest.raises(RuntimeError):
            serve_forks(theirs)
    finally:
        over.set()
        other.join()


async def test_workers_survive_the_fork_server_and_the_next_start_brings_another_one():
    async with running(workers=1) as driver:
        pool, forks = driver.engine.parts.space_workers, driver.engine.parts.forks
        await driver.put(1)
        first, (worker,) = forks.pid, pool.pids()
        os.kill(first, signal.SIGKILL)
        await driver.put(2)
        assert pool.pids() == [worker]
        with structlog.testing.capture_logs() as logged:
            os.kill(worker, signal.SIGKILL)
            await until(lambda: pool.pids() not in ([], [worker]))
            assert (await driver.put(3)).revision == 4
            await until(lambda: logged)
        assert forks.pid not in {0, first}
        # Only the parent of a process learns its exit code.
        assert [each["exit_code"] for each in logged if each["event"] == "worker_lost"] == [None]
        pids = [forks.pid, *pool.pids()]
    assert all(map(ended, pids))


async def test_the_exit_code_of_a_lost_worker_is_logged():
    async with running(workers=1) as driver:
        (pid,) = driver.engine.parts.space_workers.pids()
        with structlog.testing.capture_logs() as logged:
            os.kill(pid, signal.SIGTERM)
            await until(lambda: logged)
        assert logged[0]["event"] == "worker_lost"
        assert logged[0]["exit_code"] == -signal.SIGTERM
        assert ended(pid)


async def test_a_worker_killed_while_it_starts_is_a_failed_start(forks, monkeypatch):
    starter = starter_of(forks)
    await end(await starter.start())
    forked = forks.fork
    killed = []

    def fork_and_kill(*arguments):
        pid, pidfd = forked(*arguments)
        os.kill(pid, signal.SIGKILL)
        killed.append(pid)
        return pid, pidfd

    monkeypatch.setattr(forks, "fork", fork_and_kill)
    before = len(descriptors(os.getpid()))
    for _ in range(5):
        with contextlib.suppress(TimeoutError):  # it may have greeted before
            await end(await starter.start())
    assert all(map(ended, killed))
    monkeypatch.setattr(forks, "fork", forked)
    await end(await starter.start())
    assert len(descriptors(os.getpid())) == before


async def test_a_fork_server_that_hangs_is_replaced(forks):
    await end(await starter_of(forks).start())
    first = forks.pid
    os.kill(first, signal.SIGSTOP)
    with pytest.raises(TimeoutError):
        await starter_of(forks, start_s=0.2).start()
    assert ended(first)
    await end(await starter_of(forks).start())
    assert forks.pid not in {0, first}


async def test_a_fork_that_fails_is_an_os_error_and_leaves_the_fork_server(forks, monkeypatch):
    monkeypatch.setattr(
        "mlsdm_grpc.workers.forked.WORKER_COMMAND", (sys.executable, "-c", FAILING_FORK)
    )
    for _ in range(3):
        with pytest.raises(OSError, match="fork") as caught:
            await starter_of(forks).start()
        assert caught.value.errno == errno.EAGAIN
    assert forks.pid
    await until(lambda: not any("memfd" in each for each in descriptors(forks.pid)))


async def test_an_engine_whose_workers_do_not_start_leaves_no_process(monkeypatch):
    command = (sys.executable, "-c", "raise SystemExit(3)")
    monkeypatch.setattr("mlsdm_grpc.workers.forked.WORKER_COMMAND", command)
    with pytest.RaisesGroup(MlsdmError, flatten_subgroups=True):
        async with running(workers=1):
            raise AssertionError
    assert pids_by_role(os.getpid())["forks"] == []


async def test_a_server_without_pidfds_executes_an_interpreter_for_each_worker(monkeypatch):
    monkeypatch.setattr(parts, "has_pidfd", lambda: False)
    async with running(workers=1, text_workers=1) as driver:
        assert driver.engine.parts.forks is None
        pool = driver.engine.parts.space_workers
        await driver.put(1)
        (pid,) = pool.pids()
        assert shown(pid, "comm") == "mlsdm-minds"
        assert shown(pid, "oom_score_adj") == "500"
        os.kill(pid, signal.SIGKILL)
        await until(lambda: pool.pids() not in ([], [pid]))
        assert (await driver.put(2)).revision == 3
        pids = [*pool.pids(), *driver.engine.parts.text_workers.pids()]
    assert all(map(ended, pids))


async def test_workers_and_fork_server_end_with_a_server_that_is_killed(tmp_path):
    server = ServerProcess(tmp_path / "data")
    found = pids_by_role(server.process.pid)
    pids = [*found["forks"], *found["minds"], *found["text"]]
    assert len(pids) == 3
    server.kill()
    await until(lambda: not any(map(runs, pids)))


def runs(pid):
    """Return whether a process runs; an orphan stays a zombie where no init process reaps it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] not in "ZX"
    except OSError:
        return False


async def test_a_worker_ends_with_its_link_and_its_exit_code_is_given_once(forks):
    page = shared_page()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        worker, pidfd = await asyncio.to_thread(forks.fork, "minds", "", theirs, page, 20.0)
    os.close(page)
    # Both ends of its link are closed here, so it ends by itself.
    assert select.select([pidfd], [], [], 20.0)[0]
    os.close(pidfd)
    assert await asyncio.to_thread(forks.exit_code, worker) == 0
    assert await asyncio.to_thread(forks.exit_code, worker) is None
    await asyncio.to_thread(forks.close)
    assert await asyncio.to_thread(forks.exit_code, worker) is None
