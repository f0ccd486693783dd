"""Processes of ``mlsdm`` that start in milliseconds, because they are forks."""

import atexit
import contextlib
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from forking import NUMBER

ROOT = Path(__file__).parents[2]


@functools.cache
def _address():
    """Start the process that forks, once for all tests of this process; return its address."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("")  # to a name that Linux chooses
        listener.listen()
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests/support/forking.py"), str(listener.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[listener.fileno()],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
        )
        atexit.register(process.communicate, timeout=20)
        return listener.getsockname()


class Forked:
    """``mlsdm`` with some arguments; used as ``subprocess.Popen`` with text is."""

    def __init__(
        self,
        *arguments,
        env=None,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        address=None,
    ):
        self.returncode = None
        self.stdout = self.stderr = self._output = None
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(address or _address())
        with contextlib.ExitStack() as theirs:

            def pipe():
                reader, writer = os.pipe()
                theirs.callback(os.close, writer)
                return os.fdopen(reader, encoding="utf-8", errors="replace"), writer

            if stdin == subprocess.DEVNULL:
                stdin = theirs.enter_context(Path(os.devnull).open("rb"))
            if stdout == subprocess.PIPE:
                self.stdout, stdout = pipe()
            if stderr == subprocess.PIPE:
                self.stderr, stderr = pipe()
            streams = [
                each if isinstance(each, int) else each.fileno() for each in (stdin, stdout, stderr)
            ]
            socket.send_fds(self._connection, [b"\n"], streams)
        request = {
            "arguments": arguments,
            "folder": str(cwd),
            "environment": dict(os.environ if env is None else env),
        }
        self._connection.sendall(json.dumps(request).encode() + b"\n")
        self.pid = self._number()

    def _number(self):
        return NUMBER.unpack(self._connection.recv(NUMBER.size, socket.MSG_WAITALL))[0]

    def poll(self):
        """Return the exit code, or None of a process that runs."""
        return self._ended(0)

    def wait(self, timeout=None):
        if self._ended(timeout) is None:
            raise subprocess.TimeoutExpired("mlsdm", timeout)
        return self.returncode

    def _ended(self, timeout):
        if self.returncode is None and select.select([self._connection], [], [], timeout)[0]:
            self.returncode = self._number()
            self._connection.close()
        return self.returncode

    def communicate(self, timeout=None):
        """Read both outputs to their ends, and wait for that of the process."""
        if self._output is None:
            output = {}

            def read(name, stream):
                with stream:
                    output[name] = stream.read()

            streams = {"stdout": self.stdout, "stderr": self.stderr}
            readers = [
                threading.Thread(target=read, args=each, daemon=True)
                for each in streams.items()
                if each[1] is not None
            ]
            for reader in readers:
                reader.start()
            for reader in readers:
                reader.join(timeout)
                if reader.is_alive():
                    raise subprocess.TimeoutExpired("mlsdm", timeout)
            self._output = tuple(output.get(name) for name in streams)
        self.wait(timeout)
        return self._output

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self):
        self.send_signal(signal.SIGTERM)

    def kill(self):
        self.send_signal(signal.SIGKILL)


def run_forked(*arguments, env=None, cwd=ROOT, stdin="", timeout=60):
    """Run a command to its end, as ``subprocess.run`` does with text."""
    with tempfile.TemporaryFile() as given:
        given.write(stdin.encode("utf-8", "surrogateescape"))
        given.seek(0)
        process = Forked(*arguments, env=env, cwd=cwd, stdin=given)
    try:
        stdout, stderr = process.communicate(timeout)
    finally:
        process.kill()
    return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)


def execute(*arguments, env):
    """Start ``mlsdm`` in an interpreter of its own, as people do."""
    return subprocess.Popen(
        [sys.executable, "-m", "mlsdm_grpc", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=env,
    )


def write_command(path):
    """Write a program ``mlsdm`` for shells, whose runs are forks of those of this process."""
    program = f'"{sys.executable}" -S "{__file__}" {_address().hex()}'
    path.write_text(f'#!/bin/sh\nexec {program} "$@"\n', "utf-8")
    path.chmod(0o755)


def main():
    address, arguments = bytes.fromhex(sys.argv[1]), sys.argv[2:]
    process = Forked(*arguments, cwd=Path.cwd(), stdin=0, stdout=1, stderr=2, address=address)
    sys.exit(process.wait())


if __name__ == "__main__":
    main()
