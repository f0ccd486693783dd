"""Log lines of a worker process: JSON on standard error, one event a line, as the server has them.

The text of an exception stays out, because it may quote what a caller sent. A line is written only
where that waits for no reader: a worker that hangs in its log would be killed for it.
"""

from __future__ import annotations

import json
import logging
import os
import select
import sys
import traceback
from datetime import UTC, datetime
from typing import Final

__all__ = ["WorkerLogHandler", "configure_worker_log"]

_STDERR: Final = 2
_MAX_LINE_BYTES: Final = select.PIPE_BUF
"""A pipe takes a line of that length whole, and has room for one where it says that it has any."""
_FRAMES: Final = 12


class WorkerLogHandler(logging.Handler):
    """Writes records as lines of JSON.

    Args:
        descriptor: Where to.
    """

    def __init__(self, descriptor: int = _STDERR) -> None:
        super().__init__()
        self._descriptor = descriptor

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or drop it where somebody has to read first."""
        fields: dict[str, object] = {
            "event": record.getMessage(),
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "component": "worker",
            "pid": os.getpid(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            fields["error"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])[-_FRAMES:]
            fields["frames"] = [f"{each.filename}:{each.lineno} {each.name}" for each in frames]
        line = json.dumps(fields)
        while len(line) >= _MAX_LINE_BYTES and fields.pop("frames", None):
            line = json.dumps(fields)
        poller = select.poll()
        poller.register(self._descriptor, select.POLLOUT)
        try:
            if any(events & select.POLLOUT for _, events in poller.poll(0)):
                os.write(self._descriptor, line[: _MAX_LINE_BYTES - 1].encode() + b"\n")
        except OSError:
            pass  # the reader is gone


def configure_worker_log() -> None:
    """Send the events of the standard library, and those of structlog if it is loaded, there."""
    logging.basicConfig(level=logging.INFO, handlers=[WorkerLogHandler()], force=True)
    if (structlog := sys.modules.get("structlog")) is None:
        return  # it takes memory that a space worker has better use for
    structlog.configure(
        processors=[structlog.processors.KeyValueRenderer(key_order=["event"])],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
