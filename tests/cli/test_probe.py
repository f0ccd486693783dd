"""The cheap health check says what the full one says, or leaves it to that."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading

import pytest

from mlsdm_grpc.cli.probe import probe

LIGHT = """
import sys
sys.argv = ["mlsdm", "health", *sys.argv[1:]]
from mlsdm_grpc.__main__ import main
try:
    main()
except SystemExit as end:
    print(end.code, "grpc" in sys.modules, "typer" in sys.modules)
"""


def test_a_plain_question_loads_nothing_heavy(target):
    asked = subprocess.run(
        [sys.executable, "-c", LIGHT, "--target", target],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert asked.stdout == "SERVING\n0 False False\n"


@pytest.mark.parametrize("service", ["", "readiness", "journal", "mlsdm.v1.MemoryService"])
def test_services_are_asked_by_name(target, service):
    for arguments in (
        ["--target", target, "--service", service],
        [f"--service={service}", f"--target={target}"],
    ):
        assert probe(arguments, "127.0.0.1:1") == "SERVING"
    assert probe(["--service", service], target) == "SERVING"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--service", "nothing"],
        ["--watch"],
        ["--json"],
        ["--help"],
        ["--target"],
        ["--target", "no port"],
        ["--target", "127.0.0.1:99999"],
        ["--service", "x" * 101],
        ["--service", "a\r\nb"],
    ],
)
def test_all_else_is_left_to_the_full_command(target, arguments):
    assert probe(arguments, target) is None


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", bytes(range(200))])
def test_a_server_of_another_kind_is_left_to_the_full_command(said):
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer():
            peer, _ = listening.accept()
            with peer:
                peer.recv(1)
                peer.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        host, port = listening.getsockname()
        assert probe([], f"{host}:{port}") is None
        thread.join()
    assert probe([], f"{host}:{port}") is None
