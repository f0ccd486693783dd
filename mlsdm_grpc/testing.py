"""A real server inside of a test's process, for tests of programs that use the service.

It serves the whole contract on a free port of 127.0.0.1. Its memories are in this process and end
with it, unless there is a data folder. It starts in about 0.1 s, so one for each test module costs
little; tests are kept apart by a space of their own.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import anyio
import anyio.to_thread
import structlog

from mlsdm_grpc.client.background_loop import BACKGROUND
from mlsdm_grpc.client.client import MemoryClient
from mlsdm_grpc.client.sync_client import SyncMemoryClient
from mlsdm_grpc.config import load_settings
from mlsdm_grpc.errors import PreconditionFailed
from mlsdm_grpc.server.build import running_server

if TYPE_CHECKING:
    from mlsdm_grpc.config import Settings

__all__ = ["LocalServer"]

_SECTIONS: Mapping[str, Mapping[str, object]] = {
    "server": {
        "listen": "127.0.0.1:0",
        "ops": "127.0.0.1:0",
        "drain_delay_s": 0.0,
        "drain_grace_s": 1.0,
    },
    "journal": {"kind": "memory"},
    "engine": {"workers": 0, "text_workers": 0},
    # A machine that is busy with other tests is no cause of pressure.
    "pressure": {"max_loop_lag_s": 60.0, "max_processing_s": 120.0},
}


class LocalServer:
    """A server for tests; a context manager, both ``with`` and ``async with``.

    ``async with`` runs it in the loop of the caller, ``with`` in a thread of its own::

        @pytest.fixture(scope="module")
        def server():
            with LocalServer() as server:
                yield server

        def test_my_agent(server):
            with server.sync_client(space="my-test") as memory:
                memory.put("The parcel is at the neighbour's.")

    Args:
        data_dir: Folder of a durable journal, such as pytest's ``tmp_path``; a second server on it
            has the memories of the first. None keeps memories in this process only.
        sections: Settings by section, such as ``space={"dimension": 16}``; see
            docs/configuration.md. Settings of the environment apply as to every server.

    Raises:
        InvalidInput: A setting is invalid; raised at the start.
    """

    def __init__(
        self, data_dir: os.PathLike[str] | str | None = None, **sections: Mapping[str, object]
    ) -> None:
        durable = {"kind": "sqlite", "data_dir": os.fspath(data_dir)} if data_dir else {}
        given: Mapping[str, Mapping[str, object]] = {"journal": durable}
        self._overrides: dict[str, dict[str, Any]] = {
            name: {
                **_SECTIONS.get(name, {}),
                **given.get(name, {}),
                **sections.get(name, {}),
            }
            for name in {**_SECTIONS, **sections}
        }
        self._stop: anyio.Event | None = None
        self._running: asyncio.Task[None] | None = None
        self._target = ""

    @property
    def target(self) -> str:
        """Address of the server, HOST:PORT.

        Raises:
            PreconditionFailed: The server does not run.
        """
        if not self._target:
            raise PreconditionFailed(
                "The server does not run; use it inside `with LocalServer() as server:`.",
                reason="",
            )
        return self._target

    def client(self, **arguments: Any) -> MemoryClient:
        """Return an asyncio client of this server; the arguments are those of the client."""
        return MemoryClient(self.target, **arguments)

    def sync_client(self, **arguments: Any) -> SyncMemoryClient:
        """Return a synchronous client of this server; the arguments are those of the client."""
        return SyncMemoryClient(self.target, **arguments)

    async def __aenter__(self) -> Self:
        _log_quietly()
        settings = await anyio.to_thread.run_sync(load_settings, None, self._overrides)
        started: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._stop = anyio.Event()
        # The server has a task of its own, because fixtures may start and end it in different ones.
        self._running = asyncio.create_task(self._serve(settings, self._stop, started))
        self._running.add_done_callback(lambda task: _fail(started, task))
        try:
            self._target = await started
        except BaseException:
            self._running.cancel()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._target = ""
        if self._stop is not None and self._running is not None:
            self._stop.set()
            await self._running

    def __enter__(self) -> Self:
        return BACKGROUND.run(self.__aenter__())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        BACKGROUND.run(self.__aexit__(kind, error, traceback))

    @staticmethod
    async def _serve(settings: Settings, stop: anyio.Event, started: asyncio.Future[str]) -> None:
        async with running_server(settings, stop=stop) as server:
            started.set_result(str(server.listen))
            await stop.wait()
            await server.drain()


def _fail(started: asyncio.Future[str], task: asyncio.Task[None]) -> None:
    """Let the start fail with the error of a server that ended before it."""
    if started.done():
        return
    if task.cancelled():
        started.cancel()
    elif (error := task.exception()) is not None:
        # The single error inside is the reason; groups come from the tasks of the server.
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            (error,) = error.exceptions
        started.set_exception(error)


def _log_quietly() -> None:
    """Send the server's warnings to Python's log, unless the process has configured structlog."""
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
