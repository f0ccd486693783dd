"""Log lines on standard error: one event a line, from structlog and from the standard library.

A line has at most 16 KiB and no control characters, so no text can forge or split a line; only
tracebacks in console format take several lines. A lost reader of the log costs lines, never a call.
Personal data and secrets, for example in the text of an exception, are replaced before a line is
written. The lines of single calls have fields without content only, and are written as they are.
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
"""Maximum length of a line, including its end, bytes; values of a longer one are truncated."""

_stamp: Final = structlog.processors.TimeStamper(fmt="iso", utc=True)
_encode: Final = json.JSONEncoder(default=repr).encode
_quoted: Final = json.encoder.encode_basestring_ascii
_FLUSH_S: Final = 0.05
_DRAIN_S: Final = 0.5
_MAX_WAITING: Final = 256
_LONGEST_VALUES: Final = (2_048, 256, 32)
_ESSENTIAL: Final = ("event", "level", "timestamp", "component", "request_id")
# Fields that the server makes itself, and that may hold addresses on purpose.
_OWN_FIELDS: Final = frozenset({"changed_settings", "listen", "ops", "peer", "request_id"})
# Characters of one value in which personal data and secrets are looked for; the rest is cut off.
_MAX_SEARCHED: Final = 64 * KIB
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def configure_logging(
    settings: LoggingSettings,
    *,
    stream: TextIO | None = None,
    redact: Callable[[str], str] = str,
) -> None:
    """Send the events of structlog and of the standard library to one stream.

    Args:
        settings: Minimum level and format.
        stream: Output stream; standard error if absent.
        redact: Returns a text without personal data and secrets; by default the text itself.
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
    """Write an event without the cost of a logger, for events of every call.

    Args:
        level: ``logging.INFO`` or ``logging.DEBUG``.
        event: Name of the event.
        fields: Other fields of the line; ownership passes to this function.
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
    """Write all buffered lines, at the end of a process.

    A blocked reader is waited for at most half a second.

    Returns:
        True if all lines are written; otherwise a write to standard error may block.
    """
    return _sink.lines is None or _sink.lines.finish()


def _renderers(form: LogFormat) -> list[Processor]:
    if form is LogFormat.JSON:
        return [_render_json]
    plain = structlog.dev.plain_traceback
    return [_escape_event, structlog.dev.ConsoleRenderer(colors=False, exception_formatter=plain)]


class _Redaction:
    """Step of the chain that removes personal data and secrets from the values of an event."""

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
    """The last step of the chain: writes finished lines, in order.

    Lines of ordinary events within a twentieth of a second are written together.
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
            except RuntimeError:  # no loop here
                self.flush()

    debug = info

    def error(self, line: str) -> None:
        self._waiting.append(line)
        self.flush()

    critical = warning = msg = error

    def finish(self) -> bool:
        """Write all lines, and return True if they are written; see :func:`flush_events`."""
        self.flush()
        return not isinstance(self._stream, BackgroundStream) or self._stream.drain(_DRAIN_S)

    def flush(self) -> None:
        # Cleared before the lines are taken, so that a line added by another thread schedules a
        # flush.
        self._is_due = False
        lines = []
        # Several threads may take lines at once.
        with suppress(IndexError):
            while True:
                lines.append(self._waiting.popleft() + "\n")
        if not lines:
            return
        try:
            self._stream.write("".join(lines))
            self._stream.flush()
        except (OSError, ValueError):
            # The reader is gone, and there is no other place to report it.
            pass


class BackgroundStream:
    """A stream with its own writer thread, because an unread pipe blocks its writers.

    Text beyond ``max_bytes`` is dropped while the reader is behind; a later line reports the number
    of dropped lines. The thread writes to the file descriptor, because the stream's buffer has a
    lock that the end of the process would wait for.

    Args:
        stream: A pipe, a socket or a terminal.
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
        """Queue text or drop it; never blocks."""
        with self._changed:
            if self._size + len(text) > self._max_bytes:
                self._dropped += text.count("\n")
                return
            self._waiting.append(text)
            self._size += len(text)
            self._changed.notify_all()

    def flush(self) -> None:
        """Do nothing: the thread writes as soon as it can."""

    def drain(self, within_s: float) -> bool:
        """Wait until all text is written or the time is over; return True if it is written."""
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
            # The reader is gone.
            with suppress(OSError):
                _write_all(self._descriptor, text.encode(self._encoding, "backslashreplace"))


def _write_all(descriptor: int, data: bytes) -> None:
    """Write all data to a file descriptor, also to a non-blocking one."""
    left = memoryview(data)
    while left:
        try:
            left = left[os.write(descriptor, left) :]
        except BlockingIOError:
            poller = select.poll()
            poller.register(descriptor, select.POLLOUT)
            poller.poll()


def _may_block(stream: TextIO) -> bool:
    """Return True if a write to a stream may wait for its reader."""
    try:
        kind = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(kind)


class _Sink:
    """Current destination of log lines in this process."""

    lines: _Lines | None = None
    level = logging.INFO
    is_json = False


_sink: Final = _Sink()


class _ToStructlog(logging.Handler):
    """A handler that passes records of the standard library to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        level = logging.DEBUG if _tells_of_a_lost_caller(record) else record.levelno
        structlog.get_logger(component=record.name).log(
            level, record.getMessage(), exc_info=record.exc_info or None
        )


def _tells_of_a_lost_caller(record: logging.LogRecord) -> bool:
    """Return True if grpc.aio reports that the caller of an answer was gone.

    It logs this as an error of the servicer, for a few of 100,000 cancelled calls: an operation on
    an ended call fails. Other metrics count the end of the call.
    """
    kind = record.exc_info[0] if record.exc_info else None
    return (
        record.name == "grpc._cython.cygrpc"
        and kind is not None
        and kind.__name__ == "ExecuteBatchError"
    )


def _now() -> str:
    """Return the time as structlog stamps it; the text of a second is made once."""
    second, microsecond = divmod(time.time_ns() // 1_000, 1_000_000)
    known, text = _last_second[0]
    if known != second:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        _last_second[0] = second, text
    return f"{text}.{microsecond:06d}Z"


_last_second: Final = [(-1, "")]
"""The second of the last line and its text: one tuple, because several threads write."""


def _plain(event: Mapping[str, Any]) -> str:
    """Return what :func:`_dump` returns, in half the time where all values are text or numbers."""
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
    # ASCII only, because JSON then escapes every control character except DEL.
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
    """Make the text one line; the renderer writes other values as ``repr``."""
    text = str(event.get("event", ""))[: MAX_LINE_BYTES // 2]
    event["event"] = _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)
    return event
