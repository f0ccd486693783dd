"""Log lines on standard error, from structlog and the standard library, one event a line.

A line has at most 16 KiB and no control characters, so no text can forge or split a line. Only
tracebacks in console format have several lines. If the process that reads the log is lost, lines
are lost, but no call fails. Personal data and secrets, for example in the text of an exception, are
replaced before a line is written. Lines of single calls skip this step, because their fields have
no content.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import os
import re
import select
import stat
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import structlog

from mlsdm_grpc.config import LogFormat
from mlsdm_grpc.units import KIB

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TextIO

    from structlog.typing import EventDict, Processor, WrappedLogger

    from mlsdm_grpc.config import LoggingSettings

__all__ = ["MAX_LINE_BYTES", "BackgroundStream", "configure_logging", "flush_events", "write_event"]

MAX_LINE_BYTES: Final = 16 * KIB
"""Maximum size of a line with its end, bytes. Values in a longer line are truncated."""

_stamp: Final = structlog.processors.TimeStamper(fmt="iso", utc=True)
_encode: Final = json.JSONEncoder(default=repr).encode
_quoted: Final = json.encoder.encode_basestring_ascii
# Delay of ordinary lines, maximum wait at the end of the process, seconds; number of lines that are
# written without the delay.
_FLUSH_S: Final = 0.05
_DRAIN_S: Final = 0.5
_MAX_WAITING: Final = 256
# Characters to which values of a long line are cut, until the line is short enough.
_LONGEST_VALUES: Final = (2_048, 256, 32)
_ESSENTIAL: Final = ("event", "level", "timestamp", "component", "request_id")
# Fields that the server sets itself. They may contain addresses on purpose.
_OWN_FIELDS: Final = frozenset({"changed_settings", "listen", "ops", "peer", "request_id"})
# Characters of one value that are searched for personal data and secrets. Further ones are cut off.
_MAX_SEARCHED: Final = 64 * KIB
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def configure_logging(
    settings: LoggingSettings,
    *,
    stream: TextIO | None = None,
    redact: Callable[[str], str] = str,
) -> None:
    """Write the events of structlog and of the standard library to one stream.

    Args:
        settings: Minimum level and format.
        stream: Output stream; standard error by default.
        redact: Returns a text with personal data and secrets replaced; by default the text
            unchanged.
    """
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    stream = sys.stderr if stream is None else stream
    lines = _Lines(BackgroundStream(stream) if _may_block(stream) else stream)
    _sink.lines, _sink.level = lines, level
    form = settings.format
    if form is LogFormat.AUTO:
        form = LogFormat.CONSOLE if stream.isatty() else LogFormat.JSON
    _sink.is_json = form is LogFormat.JSON
    structlog.configure(
        processors=[
            structlog.processors.format_exc_info,
            _Redaction(redact),
            structlog.processors.add_log_level,
            _stamp,
            *_renderers(form),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(_ToStructlog())
    root.setLevel(level)


def write_event(level: int, event: str, fields: dict[str, Any]) -> None:
    """Write an event without a logger, which is faster. For events of every call.

    Args:
        level: ``logging.INFO`` or ``logging.DEBUG``.
        event: Name of the event.
        fields: Other fields of the line. This function changes them.
    """
    if level < _sink.level:
        return
    name = "info" if level == logging.INFO else "debug"
    if _sink.lines is None or not _sink.is_json:
        structlog.get_logger().log(level, event, **fields)
        return
    fields["event"], fields["level"], fields["timestamp"] = event, name, _now()
    line = _plain(fields)
    _sink.lines.info(line if len(line) < MAX_LINE_BYTES else _render_json(None, name, fields))


def flush_events() -> bool:
    """Write all buffered lines, at the end of the process.

    The wait for a blocked reader is at most half a second.

    Returns:
        True if all lines are written. Otherwise a write to standard error may block.
    """
    return _sink.lines is None or _sink.lines.finish()


def _renderers(form: LogFormat) -> list[Processor]:
    if form is LogFormat.JSON:
        return [_render_json]
    plain = structlog.dev.plain_traceback
    return [_escape_event, structlog.dev.ConsoleRenderer(colors=False, exception_formatter=plain)]


class _Redaction:
    """Processor of structlog that replaces personal data and secrets in the values of an event."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._redact = redact

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {
            key: value if key in _OWN_FIELDS else self._clean(value) for key, value in event.items()
        }

    def _clean(self, value: Any) -> Any:
        if value is None or isinstance(value, int | float):
            return value
        if isinstance(value, str):
            return self._redact(value[:_MAX_SEARCHED])
        if isinstance(value, list | tuple):
            return [self._clean(each) for each in value]
        if isinstance(value, dict):
            return {str(key): self._clean(each) for key, each in value.items()}
        return self._redact(repr(value)[:_MAX_SEARCHED])


class _Lines:
    """Last step of structlog, which writes finished lines in order.

    Lines of level info and below are written together after 50 ms. Lines of higher levels are
    written at once.
    """

    __slots__ = ("_is_due", "_stream", "_waiting")

    def __init__(self, stream: TextIO | BackgroundStream) -> None:
        self._stream = stream
        self._waiting: deque[str] = deque()
        self._is_due = False

    def info(self, line: str) -> None:
        self._waiting.append(line)
        if len(self._waiting) >= _MAX_WAITING:
            self.flush()
        elif not self._is_due:
            self._is_due = True
            try:
                asyncio.get_running_loop().call_later(_FLUSH_S, self.flush)
            except RuntimeError:  # This thread has no event loop.
                self.flush()

    debug = info

    def error(self, line: str) -> None:
        self._waiting.append(line)
        self.flush()

    critical = warning = msg = error

    def finish(self) -> bool:
        """Write all lines and return True on success; see :func:`flush_events`."""
        self.flush()
        return not isinstance(self._stream, BackgroundStream) or self._stream.drain(_DRAIN_S)

    def flush(self) -> None:
        # The flag is cleared before the lines are read. So a line that another thread adds
        # meanwhile schedules a flush.
        self._is_due = False
        lines = []
        # Several threads may flush at once.
        with suppress(IndexError):
            while True:
                lines.append(self._waiting.popleft() + "\n")
        if not lines:
            return
        try:
            self._stream.write("".join(lines))
            self._stream.flush()
        except (OSError, ValueError):
            # The reader has disconnected, and no other place for a report exists.
            pass


class BackgroundStream:
    """Stream with a writer thread of its own, because a pipe without a reader blocks writers.

    While the reader is slow, text beyond ``max_bytes`` is dropped, and a later line reports the
    number of dropped lines. The thread writes to the file descriptor: the buffer of the stream has
    a lock that would block the end of the process.

    Args:
        stream: Pipe, socket or terminal.
        max_bytes: Maximum number of waiting characters.
    """

    def __init__(self, stream: TextIO, max_bytes: int = 1_024 * KIB) -> None:
        stream.flush()
        self._descriptor = stream.fileno()
        self._encoding = stream.encoding
        self._max_bytes = max_bytes
        self._changed = threading.Condition()
        self._waiting: list[str] = []
        self._size = 0
        self._dropped = 0
        self._writes = False
        threading.Thread(target=self._run, name="log-writer", daemon=True).start()

    def write(self, text: str) -> None:
        """Queue a text, or drop it if too much text waits. Never blocks."""
        with self._changed:
            if self._size + len(text) > self._max_bytes:
                self._dropped += text.count("\n")
                return
            self._waiting.append(text)
            self._size += len(text)
            self._changed.notify_all()

    def flush(self) -> None:
        """Do nothing, because the thread writes at once."""

    def drain(self, within_s: float) -> bool:
        """Wait until all text is written or the time is over; return True if all is written."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._size or self._writes), within_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._writes = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._size or self._dropped)
                text, self._waiting, self._size = "".join(self._waiting), [], 0
                dropped, self._dropped = self._dropped, 0
                self._writes = True
            if dropped:
                fields = {"event": "log_lines_dropped", "level": "warning", "dropped": dropped}
                text += _render_json(None, "", _stamp(None, "warning", fields)) + "\n"
            # A write fails if the reader has disconnected.
            with suppress(OSError):
                _write_all(self._descriptor, text.encode(self._encoding, "backslashreplace"))


def _write_all(descriptor: int, data: bytes) -> None:
    """Write all data to a file descriptor, which may be non-blocking."""
    left = memoryview(data)
    while left:
        try:
            left = left[os.write(descriptor, left) :]
        except BlockingIOError:
            poller = select.poll()
            poller.register(descriptor, select.POLLOUT)
            poller.poll()


def _may_block(stream: TextIO) -> bool:
    """Return True if a write to a stream may block."""
    try:
        kind = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(kind)


class _Sink:
    """Current destination of the log lines of this process."""

    lines: _Lines | None = None
    level = logging.INFO
    is_json = False


_sink: Final = _Sink()


class _ToStructlog(logging.Handler):
    """Handler that passes records of the standard library to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        level = logging.DEBUG if _tells_of_a_lost_caller(record) else record.levelno
        structlog.get_logger(component=record.name).log(
            level, record.getMessage(), exc_info=record.exc_info or None
        )


def _tells_of_a_lost_caller(record: logging.LogRecord) -> bool:
    """Return True if grpc.aio reports that the caller of a response has disconnected.

    grpc.aio logs this as an error of the servicer, for a few of 100,000 cancelled calls. Other
    metrics count the end of the call.
    """
    kind = record.exc_info[0] if record.exc_info else None
    return (
        record.name == "grpc._cython.cygrpc"
        and kind is not None
        and kind.__name__ == "ExecuteBatchError"
    )


def _now() -> str:
    """Return the current time in the format of structlog. The text of each second is made once."""
    second, microsecond = divmod(time.time_ns() // 1_000, 1_000_000)
    known, text = _last_second[0]
    if known != second:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        _last_second[0] = second, text
    return f"{text}.{microsecond:06d}Z"


_last_second: Final = [(-1, "")]
"""Last second with its text, in one tuple, because several threads write."""


def _plain(event: Mapping[str, Any]) -> str:
    """Return the result of :func:`_dump`, in half the time if all values are texts or numbers."""
    parts = []
    for key, value in event.items():
        kind = type(value)
        if kind is str:
            parts.append(f'"{key}": {_quoted(value)}')
        elif kind is int or (kind is float and math.isfinite(value)):
            parts.append(f'"{key}": {value!r}')
        else:
            return _dump(event)
    return f"{{{', '.join(parts)}}}".replace("\x7f", "\\u007f")


def _dump(event: Mapping[str, Any]) -> str:
    # In ASCII form, JSON escapes every control character except DEL.
    return _encode(event).replace("\x7f", "\\u007f")


def _render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    line = _dump(event)
    for longest in _LONGEST_VALUES:
        if len(line) < MAX_LINE_BYTES:
            return line
        line = _dump({key: _cut(value, longest) for key, value in event.items()} | {"cut": True})
    if len(line) < MAX_LINE_BYTES:
        return line
    essential = {key: _cut(event[key], _LONGEST_VALUES[-1]) for key in _ESSENTIAL if key in event}
    return _dump(essential | {"cut": True})


def _cut(value: Any, longest: int) -> Any:
    if value is None or isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= longest else text[:longest]


def _escape_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escape control characters in the text; the renderer writes other values as ``repr``."""
    text = str(event.get("event", ""))[: MAX_LINE_BYTES // 2]
    event["event"] = _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)
    return event
