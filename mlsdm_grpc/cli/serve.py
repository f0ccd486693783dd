"""``mlsdm serve``: runs the server until a signal.

Exit codes: 0 after a drain; 1 if the environment prevents the start, or if the journal failed while
the server ran; 2 if the configuration is wrong; 128 + n if a second signal, with number n,
interrupts the drain.
"""

import os
import platform
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from mlsdm_grpc.cli.options import (
    CLIENT_VARIABLES,
    Config,
    DataDir,
    Journal,
    Listen,
    Ops,
    Workers,
    overrides,
)
from mlsdm_grpc.cli.reporting import report
from mlsdm_grpc.errors import MlsdmError, Unavailable

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from mlsdm_grpc.config import Settings
    from mlsdm_grpc.server.build import RunningServer
    from mlsdm_grpc.server.lifecycle import GrpcServer

__all__ = ["process_age_s", "serve"]

# Allocations between collections of the youngest generation. The default, 700, collects 14 times as
# often.
_COLLECT_EVERY = 10_000
_STDOUT = 1

Fault = TypeVar("Fault", bound=BaseException)


def serve(
    listen: Listen = None,
    ops: Ops = None,
    data_dir: DataDir = None,
    journal: Journal = None,
    workers: Workers = None,
    config: Config = None,
) -> None:
    """Run the server until SIGTERM or SIGINT, then drain and exit."""
    flags = overrides(listen=listen, ops=ops, data_dir=data_dir, journal=journal, workers=workers)
    import anyio

    from mlsdm_grpc.config import load_settings, unknown_environment
    from mlsdm_grpc.governance.detectors.sensitive import without_sensitive
    from mlsdm_grpc.observability.logging import configure_logging, flush_events

    try:
        settings = load_settings(config, flags)
    except MlsdmError as error:
        report(error, as_json=False, local=True)
        raise typer.Exit(2) from None
    # Only the user of the server may read its files.
    os.umask(0o077)
    configure_logging(settings.logging, redact=without_sensitive)
    import structlog

    from mlsdm_grpc.protection.allocator import keep_little

    keep_little()

    log = structlog.get_logger(component="serve")
    for name in unknown_environment(os.environ):
        if name not in CLIENT_VARIABLES:
            log.warning("setting_unknown", variable=name)
    _log_start(log, settings)
    failed = False
    try:
        anyio.run(_serve, settings, backend_options={"use_uvloop": _has_uvloop()})
    except* MlsdmError as group:
        failed = True
        # If flushing failed, the reader of standard error is gone and a write would block forever.
        if flush_events():
            for refusal in _leaves(group):
                report(refusal, as_json=False, local=True)
    except* OSError as group:
        failed = True
        if flush_events():
            for fault in _leaves(group):
                typer.echo(f"The server cannot run: {fault}", err=True)
    finally:
        flush_events()
    if failed:
        raise typer.Exit(1)


def _leaves(group: BaseExceptionGroup[Fault]) -> Iterator[Fault]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


async def _serve(settings: "Settings") -> None:
    import anyio
    import structlog

    from mlsdm_grpc.observability.logging import flush_events
    from mlsdm_grpc.protection.allocator import freeze_memory
    from mlsdm_grpc.server.build import running_server

    log = structlog.get_logger(component="serve")
    began_s = time.monotonic()
    serving, stop, signalled = anyio.Event(), anyio.Event(), anyio.Event()
    running: list[RunningServer] = []

    async def watch(signals: AsyncIterator[signal.Signals]) -> None:
        async for number in signals:
            if number is signal.SIGHUP:
                if running:
                    running[0].authentication.reload()
                continue
            if signalled.is_set():
                flush_events()
                os._exit(128 + number)
            signalled.set()
            log.info("signal_received", signal=number.name)
            if serving.is_set():
                _say("STOPPING: calls in flight finish; a second signal stops at once")
            else:
                start_up.cancel()
            stop.set()

    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        async with anyio.create_task_group() as watcher:
            watcher.start_soon(watch, signals)
            with anyio.CancelScope() as start_up:
                async with running_server(settings, stop=stop) as server:
                    running.append(server)
                    serving.set()
                    freeze_memory(_COLLECT_EVERY)
                    listen, ops = str(server.listen), str(server.ops)
                    started_in_s = round(process_age_s(), 3)
                    typer.echo(f"SERVING listen={listen} ops={ops} started_in_s={started_in_s:.3f}")
                    log.info("server_started", listen=listen, ops=ops, started_in_s=started_in_s)
                    watcher.start_soon(_keep_promise, server.data_port)
                    await stop.wait()
                    await server.drain()
                    journal, in_flight = server.journal.health(), server.data_port.in_flight
            if serving.is_set():
                calls, cut = in_flight.ended_count, in_flight.cut_count
                served_s = round(time.monotonic() - began_s, 3)
                log.info("server_stopped", calls=calls, calls_cut=cut, served_s=served_s)
                _say(f"STOPPED calls={calls} calls_cut={cut} served_s={served_s:.3f}")
            else:
                log.info("start_cancelled")
            # The signal watcher runs until here, so that a second signal works during the drain.
            watcher.cancel_scope.cancel()
    if serving.is_set() and journal.failed:
        raise Unavailable(
            f"The journal failed while the server ran: {journal.detail} See the log.",
            metadata={"data_dir": str(settings.journal.data_dir)},
        )


async def _keep_promise(data_port: "GrpcServer") -> None:
    """End the process at the time that the response to Drain names, even if work is unfinished.

    Every acknowledged write is in the journal already; at most a snapshot is missing.
    """
    import asyncio

    await data_port.end_promised.wait()
    if (drained := data_port.drained) is not None:
        left_s = drained.ends_s - time.monotonic()
        asyncio.get_running_loop().call_later(left_s, _end_now)


def _end_now() -> None:
    from mlsdm_grpc.observability.logging import flush_events

    flush_events()
    os._exit(1)


def _log_start(log: "FilteringBoundLogger", settings: "Settings") -> None:
    from mlsdm_grpc import __version__
    from mlsdm_grpc.config import changed_settings

    log.info(
        "server_starting",
        version=__version__,
        python=platform.python_version(),
        pid=os.getpid(),
        journal=settings.journal.kind,
        data_dir=str(settings.journal.data_dir.absolute()),
        changed_settings=changed_settings(settings),
    )


def _say(line: str) -> None:
    # The reader of standard output may be gone; a failed write must not change the exit code.
    with suppress(OSError):
        os.write(_STDOUT, f"{line}\n".encode())


def process_age_s() -> float:
    """Return the age of this process, seconds."""
    try:
        fields = Path("/proc/self/stat").read_text("ascii").rpartition(")")[2].split()
        started_s = int(fields[19]) / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started_s
    except (OSError, AttributeError):  # not Linux; at the start, CPU time is close to it
        return time.process_time()


def _has_uvloop() -> bool:
    from importlib.util import find_spec

    return find_spec("uvloop") is not None
