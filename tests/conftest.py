"""Fixtures of every test: the asyncio backend, and a guard against blocking the event loop."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Generator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog
from blockbuster import BlockBuster, blockbuster_ctx
from counts import THOROUGH
from hypothesis import HealthCheck, settings

from mlsdm_grpc.config import LoggingSettings
from mlsdm_grpc.governance.detectors.sensitive import load_patterns
from mlsdm_grpc.observability.logging import configure_logging, flush_events

# Coverage is measured in the processes that run tests. Servers and commands run at full speed.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)

# In the background of a shell Ctrl-C is ignored, and programs that tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No test asserts a speed. ``make slow`` has more examples.
settings.register_profile(
    "patient", deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", settings.get_profile("patient"), max_examples=THOROUGH)
settings.load_profile("patient")

_REPORT = pytest.StashKey[pytest.TestReport]()
_EVIDENCE = Path(__file__).parents[1] / "docs" / "evidence" / "slow.md"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    report = yield
    if report.when == "call":
        item.stash[_REPORT] = report
    return report


@pytest.fixture
def evidence(request: pytest.FixtureRequest) -> Iterator[dict[str, object]]:
    """Append what a test notes here to docs/evidence, with date, commit and verdict."""
    figures: dict[str, object] = {}
    yield figures
    git = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    noted = ", ".join(f"{name} {value}" for name, value in figures.items())
    verdict = request.node.stash[_REPORT].outcome
    with _EVIDENCE.open("a", encoding="utf-8") as file:
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
        file.write(f"| {now} | {commit} | {request.node.name} | {noted} | {verdict} |\n")


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, object]]:
    return ("asyncio", {})


@pytest.fixture(scope="session", autouse=True)
async def event_loop_of_the_session(anyio_backend: object) -> AsyncIterator[None]:
    """Keep one event loop, and grpc's poller, for all tests.

    A channel that is closed cancels its calls and does not wait for them. With a loop for every
    test, grpc's C code may still write to what a closed loop has freed, which was seen to crash
    the interpreter at a later garbage collection.
    """
    del anyio_backend
    grpc.aio.init_grpc_aio()
    yield
    grpc.aio.shutdown_grpc_aio()


@pytest.fixture
async def driver() -> AsyncIterator[Any]:
    """An engine with its minds in this process."""
    from drive import running

    async with running() as each:
        yield each


@pytest.fixture(autouse=True)
def blockbuster() -> Iterator[BlockBuster]:
    """Raise in the part of the service that blocks the event loop."""
    with blockbuster_ctx("mlsdm_grpc") as guard:
        # grpc joins its poller when its last object is released, which can happen in any frame.
        guard.functions["threading.Lock.acquire"].can_block_in(
            "threading.py", {"_wait_for_tstate_lock"}
        )
        # Coverage measurement takes a lock for a moment when it meets a file for the first time.
        guard.functions["threading.Lock.acquire"].can_block_in(
            "coverage/collector.py", {"lock_data", "unlock_data"}
        )
        yield guard


class Logs:
    """The lines that a test has logged so far, at every level."""

    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream

    @property
    def text(self) -> str:
        flush_events()
        return self._stream.getvalue()

    def events(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.text.splitlines()]
        return [line for line in lines if line["event"] == event]


@pytest.fixture(autouse=True)
def logs() -> Iterator[Logs]:
    """Log as the server does, into memory."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    stream = io.StringIO()
    load_patterns()  # as a server does before it serves, because reading them blocks
    configure_logging(LoggingSettings(level="debug"), stream=stream)
    yield Logs(stream)
    root.setLevel(level)
    root.handlers[:] = handlers
    structlog.reset_defaults()
