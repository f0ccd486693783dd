from __future__ import annotations

import asyncio
import collections
import io
import json
import logging
import os
import subprocess
import sys
import threading

import anyio
import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlsdm_grpc.config import LogFormat, LoggingSettings
from mlsdm_grpc.governance.detectors.sensitive import without_sensitive
from mlsdm_grpc.observability.logging import (
    MAX_LINE_BYTES,
    BackgroundStream,
    configure_logging,
    flush_events,
    write_event,
)


def _configured(level="info", form=LogFormat.JSON):
    stream = io.StringIO()
    configure_logging(LoggingSettings(level=level, format=form), stream=stream)
    return structlog.get_logger(component="test"), stream


def _only(stream):
    text = stream.getvalue()
    assert text.endswith("\n")
    (line,) = text.removesuffix("\n").split("\n")
    return json.loads(line)


def test_an_event_is_one_line_of_json():
    logger, stream = _configured()
    logger.info("begun", count=3)
    event = _only(stream)
    assert event.pop("timestamp").endswith("Z")
    assert event == {"event": "begun", "level": "info", "component": "test", "count": 3}


@pytest.mark.parametrize("form", [LogFormat.JSON, LogFormat.CONSOLE])
def test_no_value_of_an_event_has_personal_data_or_secrets(form):
    stream = io.StringIO()
    configure_logging(LoggingSettings(format=form), stream=stream, redact=without_sensitive)
    logger = structlog.get_logger(component="test", peer="ipv4:8.8.8.8:1234")
    secret, mail = "ghp_" + "Q1z" * 12, "ada@mail.example"
    try:
        raise ValueError(f"cannot convert {secret}")
    except ValueError:
        event = f"mail of {mail}"
        logger.exception(event, detail=[mail, {"key": (secret,)}], other={mail}, count=3)
    logging.getLogger("library").error("sent %s", secret)
    text = stream.getvalue()
    assert secret not in text
    assert mail not in text
    assert text.count("[email]") == 3
    assert text.count("[github_token]") == 3
    # An address of the connection is meant.
    assert "ipv4:8.8.8.8:1234" in text
    assert "ValueError: cannot convert [github_token]" in text


def test_lines_of_ordinary_events_are_written_together_and_in_order():
    class Counting(io.StringIO):
        writes = 0

        def write(self, text):
            self.writes += 1
            return super().write(text)

    stream = Counting()
    configure_logging(LoggingSettings(), stream=stream)
    logger = structlog.get_logger()

    def written():
        return [json.loads(line)["event"] for line in stream.getvalue().splitlines()]

    async def calls():
        for name in "abc":
            logger.info(name)
        assert written() == []
        with anyio.fail_after(5):
            while not written():
                await anyio.lowlevel.checkpoint()
        assert (written(), stream.writes) == (["a", "b", "c"], 1)
        logger.info("d")
        logger.error("e")
        assert written() == ["a", "b", "c", "d", "e"]
        for number in range(256):
            logger.info(str(number))
        assert len(written()) == 261
        logger.info("f")

    asyncio.run(calls())
    flush_events()
    assert written()[-1] == "f"


@pytest.mark.parametrize("form", [LogFormat.JSON, LogFormat.CONSOLE])
def test_an_event_of_every_call_looks_like_any_other(form):
    _, stream = _configured("info", form)
    fields = {"component": "test", "peer": 'a"\n\x7f\u2028', "duration_ms": 1.5}
    structlog.get_logger().info("call", **fields)
    plain = stream.getvalue()
    write_event(logging.INFO, "call", dict(fields))
    write_event(logging.DEBUG, "call", dict(fields))
    one, two = plain, stream.getvalue().removeprefix(plain)
    if form is LogFormat.JSON:
        one, two = json.loads(one), json.loads(two)
        assert len(one.pop("timestamp")) == len(two.pop("timestamp"))
        assert one == two
    else:
        assert one.split()[1:] == two.split()[1:]


def test_levels_below_the_chosen_one_are_left_out():
    logger, stream = _configured("warning")
    logger.info("no")
    logging.getLogger("other").info("no")
    assert stream.getvalue() == ""
    logger.warning("yes")
    assert _only(stream)["event"] == "yes"


def test_the_standard_library_is_routed_through():
    _, stream = _configured()
    try:
        raise ValueError("why")
    except ValueError:
        logging.getLogger("grpc").exception("it %s", "broke")
    event = _only(stream)
    assert (event["event"], event["level"], event["component"]) == ("it broke", "error", "grpc")
    assert "ValueError: why" in event["exception"]


def test_configuring_again_does_not_double_the_lines():
    _configured()
    _, stream = _configured()
    logging.getLogger("other").warning("once")
    assert _only(stream)["event"] == "once"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(), key=st.from_regex(r"k[a-z]{0,5}", fullmatch=True))
def test_no_text_can_forge_or_tear_a_line(text, key):
    logger, stream = _configured()
    logger.info(text, **{key: text})
    event = _only(stream)
    assert event["event"] == event[key] == text
    assert stream.getvalue().removesuffix("\n").isprintable()


@pytest.mark.parametrize(
    "values",
    [
        {"big": "x" * 100_000},
        {"big": "\u0001" * 100_000},
        {f"k{number}": "\U0001f600" * 1_000 for number in range(100)},
        {"big": list(range(100_000))},
        {"k" * 20_000: 1},
    ],
    ids=["long", "escaped", "many", "list", "key"],
)
def test_a_line_has_a_bound(values):
    logger, stream = _configured()
    logger.info("large", request_id="id-1", **values)
    assert len(stream.getvalue()) <= MAX_LINE_BYTES
    event = _only(stream)
    assert (event["event"], event["request_id"], event["cut"]) == ("large", "id-1", True)


def test_a_line_within_the_bound_is_whole():
    logger, stream = _configured()
    logger.info("fits", value="x" * (MAX_LINE_BYTES - 200))
    assert "cut" not in _only(stream)


def test_the_form_for_people():
    logger, stream = _configured(form=LogFormat.CONSOLE)
    logger.info("two\nlines\x1b[31m", value="a\nb")
    line = stream.getvalue()
    assert line.count("\n") == 1
    assert "\x1b" not in line
    assert "two\\x0alines" in line


def test_a_reader_that_is_gone_costs_lines_only():
    logger, stream = _configured()
    stream.close()
    logger.info("nobody hears")


def test_values_that_json_does_not_know_are_written_somehow():
    logger, stream = _configured()
    logger.info("odd", value={1, 2}, other=object)
    assert _only(stream)["other"] == "<class 'object'>"


@pytest.mark.parametrize(("level", "lines"), [("info", 1), ("debug", 2)])
def test_a_caller_that_was_lost_is_no_error(level, lines):
    class ExecuteBatchError(Exception):
        """Error in the form that grpc.aio raises."""

    _, stream = _configured(level)
    grpc_logger = logging.getLogger("grpc._cython.cygrpc")
    for error in (ExecuteBatchError("gone"), ValueError("a defect")):
        grpc_logger.error("raised in core", exc_info=error)
    flush_events()
    logged = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(logged) == lines
    assert logged[-1]["level"] == "error"
    assert "a defect" in logged[-1]["exception"]


UNREAD = """
import structlog
from mlsdm_grpc.config import LoggingSettings
from mlsdm_grpc.observability.logging import configure_logging, flush_events
configure_logging(LoggingSettings())
for number in range(3_000):
    structlog.get_logger().warning("unread", number=number, text="x" * 100)
print(flush_events(), flush=True)
"""


def test_a_process_ends_although_nobody_reads_its_log():
    process = subprocess.Popen(
        [sys.executable, "-c", UNREAD], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
    )  # fmt: skip
    with process:
        try:
            assert process.stdout.readline() == "False\n"
            assert process.wait(20) == 0
        finally:
            process.kill()


def test_a_pipe_that_never_blocks_gets_whole_lines():
    reading, writing = os.pipe()
    # Another process that shares the pipe may have set it to non-blocking.
    os.set_blocking(writing, False)
    lines = [json.dumps({"number": number, "text": "x" * 200}) for number in range(2_000)]
    with os.fdopen(writing, "w") as stream, os.fdopen(reading) as log:
        background = BackgroundStream(stream)
        for line in lines:
            background.write(line + "\n")
        assert [log.readline().removesuffix("\n") for _ in lines] == lines
        assert background.drain(5)


def test_lines_that_two_threads_add_at_once_are_written(monkeypatch):
    class Racing(collections.deque):
        """Another thread adds a line between a thread's adding its own and looking at them."""

        def append(self, line):
            super().append(line)
            if "ours" in line:
                other = threading.Thread(target=write_event, args=(logging.INFO, "theirs", {}))
                other.start()
                other.join()

    async def logged():
        write_event(logging.INFO, "ours", {})
        with anyio.fail_after(5):
            while "ours" not in stream.getvalue():
                await anyio.lowlevel.checkpoint()

    stream = io.StringIO()
    monkeypatch.setattr("mlsdm_grpc.observability.logging.deque", Racing)
    configure_logging(LoggingSettings(), stream=stream)
    asyncio.run(logged())
    events = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert sorted(events) == ["ours", "theirs"]
