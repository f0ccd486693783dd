"""Log of a worker: JSON lines on standard error that quote no text and wait for no reader."""

import json
import logging
import os
import subprocess
import sys

import pytest

from mlsdm_grpc.workers.worker_log import WorkerLogHandler

DEFECT = """
import logging
from mlsdm_grpc.workers import worker_log
{load}
worker_log.configure_worker_log()
{log}
"""


def logged(load, log):
    done = subprocess.run(
        [sys.executable, "-c", DEFECT.format(load=load, log=log)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == ""
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_a_defect_is_one_line_without_the_text_of_its_error():
    (line,) = logged(
        "",
        "try:\n    raise ValueError('my secret')\n"
        "except ValueError as error:\n    logging.getLogger('x').error('defect', exc_info=error)",
    )
    assert (line["event"], line["level"], line["error"]) == ("defect", "error", "ValueError")
    assert line["component"] == "worker"
    assert line["frames"] == ["<string>:7 <module>"]
    assert "secret" not in json.dumps(line)


def test_events_of_structlog_go_the_same_way():
    (line,) = logged("import structlog", "structlog.get_logger().error('failed', detector='x')")
    assert line["event"] == "event='failed' detector='x'"
    assert line["level"] == "error"


@pytest.fixture
def pipe():
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)
    os.close(writing)


def record(text):
    return logging.LogRecord("x", logging.ERROR, "x.py", 1, text, None, None)


def test_a_long_event_is_cut(pipe):
    reading, writing = pipe
    WorkerLogHandler(writing).emit(record("x" * 10_000))
    assert len(os.read(reading, 70_000)) <= 4_096


def test_a_pipe_that_is_full_holds_no_worker_up(pipe):
    reading, writing = pipe
    handler = WorkerLogHandler(writing)
    for _ in range(1_000):
        handler.emit(record("y" * 1_000))
    held = os.read(reading, 1_000_000)
    assert 0 < len(held) < 100_000
    assert held.endswith(b"\n")
