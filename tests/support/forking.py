"""Run commands, each in a fork of a process that has imported all that commands import.

Requests are lines of JSON on standard input: arguments, stdin, folder, environment. Answers are
lines of JSON on standard output: code, stdout, stderr.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import sys
import tempfile
import traceback

MODULES = (
    "mlsdm_grpc.client",
    "mlsdm_grpc.wire.status",
    "anyio._backends._asyncio",
    "google.protobuf.json_format",
    "rich.console",
    "rich.cells",
)


def run(request: dict[str, object]) -> int:
    """Run a command in this process, and return its exit code."""
    from mlsdm_grpc.__main__ import main

    sys.argv = ["mlsdm", *request["arguments"]]
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - a fault of the command is its output
        traceback.print_exc()
        return 99
    return 0


def child(request: dict[str, object], files: list[io.BufferedRandom]) -> None:
    """Run a command with files as its standard streams, and end this process."""
    code = 98
    try:
        for number, file in enumerate(files):
            os.dup2(file.fileno(), number)
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["folder"])
        sys.stdin = io.TextIOWrapper(open(0, "rb", closefd=False), "utf-8")  # noqa: SIM115
        code = run(request)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        # A child that went on would read the requests of its parent.
        os._exit(code)


def main() -> None:
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
    app = importlib.import_module("mlsdm_grpc.cli.app").app
    commands = (place.partition(":")[0] for place in app.info.cls.places.values())
    for module in (*MODULES, *(f"mlsdm_grpc.cli.{each}" for each in commands)):
        importlib.import_module(module)
    for line in sys.stdin:
        request = json.loads(line)
        with (
            tempfile.TemporaryFile() as stdin,
            tempfile.TemporaryFile() as stdout,
            tempfile.TemporaryFile() as stderr,
        ):
            stdin.write(request["stdin"].encode("utf-8", "surrogateescape"))
            stdin.flush()
            stdin.seek(0)
            if (process := os.fork()) == 0:
                child(request, [stdin, stdout, stderr])
            _, status = os.waitpid(process, 0)
            answer = {"code": os.waitstatus_to_exitcode(status)}
            for name, file in (("stdout", stdout), ("stderr", stderr)):
                file.seek(0)
                answer[name] = file.read().decode("utf-8", "replace")
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
