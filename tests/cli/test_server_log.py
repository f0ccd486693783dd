"""Log of a server from start to stop, read from a real process."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import time

import pytest
from forks import Forked

from mlsdm_grpc import __version__
from mlsdm_grpc.config import LoggingSettings, Settings, changed_settings
from tests.cli.conftest import environment

MEMORY = ("--journal", "memory")


def events(log: str) -> dict[str, dict[str, object]]:
    """Return the last log line of each event."""
    return {line["event"]: line for line in map(json.loads, log.splitlines())}


def test_a_start_logs_version_folder_and_changed_settings(serve, tmp_path):
    _, log = serve("--data-dir", str(tmp_path)).stop()
    starting = events(log)["server_starting"]
    assert starting["version"] == __version__
    assert starting["data_dir"] == str(tmp_path)
    assert starting["changed_settings"]["journal.data_dir"] == str(tmp_path)
    assert starting["changed_settings"]["engine.workers"] == 0
    assert "engine.max_streams" not in starting["changed_settings"]


def test_a_start_logs_the_recovery_of_the_journal(serve, mlsdm, tmp_path):
    first = serve("--data-dir", str(tmp_path))
    assert mlsdm("put", "kept", "--target", first.target).returncode == 0
    first.stop(signal.SIGKILL)
    _, log = serve("--data-dir", str(tmp_path)).stop()
    opened = events(log)["journal_opened"]
    assert opened["spaces"] == 1
    assert opened["position"] > 0
    assert not opened["clean_stop"]


def test_a_stop_logs_signal_drain_and_numbers(serve, mlsdm):
    server = serve(*MEMORY)
    assert mlsdm("put", "kept", "--target", server.target).returncode == 0
    _, log = server.stop(signal.SIGINT)
    found = events(log)
    assert list(found)[-3:] == ["signal_received", "drain_started", "server_stopped"]
    assert found["signal_received"]["signal"] == "SIGINT"
    assert found["drain_started"]["in_flight"] == 0
    assert found["server_stopped"]["calls"] == 1
    assert found["server_stopped"]["calls_cut"] == 0
    assert found["server_stopped"]["served_s"] > 0


def test_a_stop_is_announced_on_standard_output(serve):
    server = serve(*MEMORY)
    server.process.send_signal(signal.SIGINT)
    output, _ = server.process.communicate(timeout=20)
    assert server.process.returncode == 0
    stopping, stopped = output.splitlines()
    assert stopping.startswith("STOPPING")
    assert stopped.startswith("STOPPED calls=0 calls_cut=0 served_s=")


def test_a_refused_call_is_logged_with_its_reason(serve, mlsdm):
    server = serve(*MEMORY)
    mlsdm("call", "MemoryService/GetMemory", '{"memory_id": "m-1"}', "--target", server.target)
    assert mlsdm("put", "kept", "--target", server.target).returncode == 0
    _, log = server.stop()
    calls = [line for line in map(json.loads, log.splitlines()) if line["event"] == "call"]
    assert [call.get("reason") for call in calls] == ["SPACE_NOT_FOUND", None]
    assert calls[0]["code"] == "NOT_FOUND"


def test_an_emergency_is_logged_with_values_and_limits(serve, tmp_path):
    reserve = {"MLSDM_PRESSURE__DISK_RESERVE_BYTES": str(2**50)}
    _, log = serve("--data-dir", str(tmp_path), **reserve).stop()
    changed = events(log)["node_mode_changed"]
    assert changed["mode"] == "EMERGENCY"
    assert changed["causes"] == ["disk"]
    assert any(f"{2**30} MiB needed" in signal for signal in changed["signals"])


def test_a_taken_port_is_found_before_the_journal_is_opened(mlsdm, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for listen, ops in ((address, "127.0.0.1:0"), ("127.0.0.1:0", address)):
            result = mlsdm(
                *("serve", "--listen", listen, "--ops", ops, "--data-dir", str(tmp_path / "data"))
            )
            assert result.returncode == 1
            assert f"cannot listen on {address}: another process uses the port" in result.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(("form", "is_json"), [("auto", False), ("json", True)])
def test_a_terminal_gets_the_console_format(form, is_json):
    ours, theirs = pty.openpty()
    process = Forked(
        *("serve", *MEMORY, "--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0"),
        stderr=theirs,
        env=environment(MLSDM_LOGGING__FORMAT=form),
    )
    os.close(theirs)
    try:
        assert process.stdout.readline().startswith("SERVING")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
        line = _read(ours).splitlines()[0]
    finally:
        process.kill()
        os.close(ours)
    assert "server_starting" in line
    assert line.startswith("{") == is_json


def _read(terminal: int) -> str:
    """Return the output on a pseudo-terminal whose other end is closed."""
    data, until_s = b"", time.monotonic() + 10
    while time.monotonic() < until_s:
        try:
            data += os.read(terminal, 65_536)
        except OSError:  # Linux reports the closed end as an error
            break
    return data.decode()


def test_defaults_count_as_unchanged():
    settings = Settings()
    assert not any(name.startswith("logging.") for name in changed_settings(settings))
    changed = settings.model_copy(update={"logging": LoggingSettings(level="debug")})
    assert changed_settings(changed)["logging.level"] == "debug"
