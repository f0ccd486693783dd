from __future__ import annotations

import json
import signal
import socket
import urllib.request

import pytest
from forks import execute

MEMORY = ("--journal", "memory")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_ends_with_0(serve, mlsdm, number):
    server = serve(*MEMORY, start=execute)
    assert 0 < server.started_in_s < 20
    assert mlsdm("health", "--target", server.target).stdout == "SERVING\n"
    with urllib.request.urlopen(f"http://{server.ops}/readyz", timeout=5) as response:
        assert response.status == 200
    code, log = server.stop(number)
    assert code == 0, log


def test_a_second_signal_ends_it_at_once(serve):
    server = serve(*MEMORY, MLSDM_SERVER__DRAIN_DELAY_S="60")
    server.process.send_signal(signal.SIGTERM)
    # The ops port answers "not ready" once the drain has begun; only then the second one comes.
    while ready(server.ops):
        pass
    code, _ = server.stop(signal.SIGINT)
    assert code == 128 + signal.SIGINT


def ready(ops: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{ops}/readyz", timeout=5) as response:
            return response.status == 200
    except urllib.error.HTTPError:
        return False


def test_what_was_stored_is_there_after_a_restart(serve, mlsdm, tmp_path):
    first = serve("--data-dir", str(tmp_path))
    stored = mlsdm("put", "kept", "--memory-id", "m-1", "--target", first.target)
    assert stored.returncode == 0, stored.stderr
    assert first.stop()[0] == 0
    second = serve("--data-dir", str(tmp_path))
    call = mlsdm(
        "call", "MemoryService/GetMemory", '{"memory_id": "m-1"}', "--target", second.target
    )
    assert json.loads(call.stdout)["memory"]["text"] == "kept"


def test_a_taken_port_is_one_clear_message(mlsdm):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for own, other in (("--listen", "--ops"), ("--ops", "--listen")):
            result = mlsdm("serve", *MEMORY, own, f"127.0.0.1:{port}", other, "127.0.0.1:0")
            assert result.returncode == 1
            assert result.stdout == ""
            assert f"127.0.0.1:{port}" in result.stderr
            assert "Traceback" not in result.stderr


def test_a_data_folder_belongs_to_one_server(serve, mlsdm, tmp_path):
    serve("--data-dir", str(tmp_path))
    ports = ("--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0")
    second = mlsdm("serve", *ports, "--data-dir", str(tmp_path))
    assert second.returncode == 1
    assert str(tmp_path) in second.stderr
    assert "Traceback" not in second.stderr
    check = mlsdm("check", *ports, "--data-dir", str(tmp_path))
    assert check.returncode == 1
    assert "another server" in check.stdout


def test_a_bad_configuration_lists_all_faults_and_ends_with_2(mlsdm, tmp_path):
    config = tmp_path / "config.toml"
    config.write_text('[server]\nlisten = "nowhere"\nkeepalive_s = 0\nnot_a_setting = 1\n', "utf-8")
    result = mlsdm("serve", "--config", str(config))
    assert result.returncode == 2
    for name in ("server.listen", "server.keepalive_s", "server.not_a_setting"):
        assert name in result.stderr
    assert "Traceback" not in result.stderr
    assert mlsdm("serve", "--config", str(tmp_path / "absent.toml")).returncode == 2


def test_an_exposed_port_needs_credentials(mlsdm):
    result = mlsdm("serve", *MEMORY, "--listen", "0.0.0.0:0")
    assert result.returncode == 2
    assert "security.mode" in result.stderr


def test_a_variable_that_nothing_reads_is_a_warning(serve):
    server = serve(*MEMORY, MLSDM_LISTEN="x", MLSDM_TARGET="127.0.0.1:1")
    code, log = server.stop()
    assert code == 0
    assert "MLSDM_LISTEN" in log
    assert "MLSDM_TARGET" not in log


def test_a_new_data_folder_is_for_its_owner_only(serve, tmp_path):
    folder = tmp_path / "data"
    serve("--data-dir", str(folder)).stop()
    modes = {path.name: path.stat().st_mode & 0o777 for path in (folder, *folder.rglob("*"))}
    assert modes["data"] == modes["snapshots"] == 0o700
    assert set(modes.values()) == {0o600, 0o700}
