"""The cheap health check gives the result of the full one, or leaves the decision to it."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading

import pytest

from mlsdm_grpc.cli import probe as probe_module
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


def frame(kind, flags, stream, payload):
    head = len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big")
    return head + payload


def served(answer):
    """Return the address of a server that answers one connection, and its thread."""
    listening = socket.create_server(("127.0.0.1", 0))

    def run():
        with listening, contextlib.suppress(OSError):
            peer, _ = listening.accept()
            with peer:
                peer.recv(1)
                answer(peer)

    thread = threading.Thread(target=run)
    thread.start()
    host, port = listening.getsockname()
    return f"{host}:{port}", thread


ANSWER = bytes((0, 0, 0, 0, 2, 8, 1))
SETTINGS = frame(4, 0, 0, b"")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (SETTINGS + frame(0, 0, 1, ANSWER), "SERVING"),
        (
            frame(6, 0, 0, bytes(8)) + frame(7, 0, 0, bytes(8)) + frame(8, 0, 0, b"\0\0\0\1")
            + SETTINGS + frame(1, 4, 1, b"\x88") + frame(0, 0, 3, b"\0") + frame(0, 0, 1, ANSWER),
            "SERVING",
        ),
        (SETTINGS + frame(0, 0, 3, ANSWER), None),
        (SETTINGS + frame(0, 0, 1, b"\1" + ANSWER[1:]), None),  # compressed
        (SETTINGS + frame(0, 0, 1, ANSWER[:4] + b"\t\x08\1"), None),  # there is more of it
        (SETTINGS + frame(0, 8, 1, b"\1" + ANSWER + b"\0"), None),  # padded
        (SETTINGS + frame(1, 5, 1, b"\x88"), None),
    ],
)  # fmt: skip
def test_other_frames_are_no_answer(said, expected):
    def answer(peer):
        peer.sendall(said)
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(4_096):  # what is not read would reset the connection
            pass

    where, thread = served(answer)
    assert probe([], where) == expected
    thread.join()


def test_a_server_that_talks_without_end_is_left_to_the_full_command(monkeypatch):
    monkeypatch.setattr(probe_module, "TIMEOUT_S", 0.2)

    def talk(peer):
        while True:
            peer.sendall(frame(6, 0, 0, bytes(8)) * 100)

    where, thread = served(talk)
    found = []
    asking = threading.Thread(target=lambda: found.append(probe([], where)), daemon=True)
    asking.start()
    asking.join(5)
    assert found == [None]
    thread.join()


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
