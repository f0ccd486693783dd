"""Log of a worker process: JSON lines on standard error, in the format of the server.

The message of an exception is omitted, because it may quote data of a caller. A line is dropped if
writing it would block, because a worker that blocks on its log would be killed as stalled.
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
# Maximum size of a line, bytes; a pipe that is writable accepts this many bytes without blocking.
_MAX_LINE_BYTES: Final = select.PIPE_BUF
# Maximum number of stack frames in a line.
_FRAMES: Final = 12


class WorkerLogHandler(logging.Handler):
    """Log handler that writes records as JSON lines.

    Args:
        descriptor: File descriptor of the output.
    """

    def __init__(self, descriptor: int = _STDERR) -> None:
        super().__init__()
        self._descriptor = descriptor

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or drop it if the write would block."""
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
        # The frames are the largest and the least important part of a line.
        while len(line) >= _MAX_LINE_BYTES and fields.pop("frames", None):
            line = json.dumps(fields)
        poller = select.poll()
        poller.register(self._descriptor, select.POLLOUT)
        try:
            if any(events & select.POLLOUT for _, events in poller.poll(0)):
                os.write(self._descriptor, line[: _MAX_LINE_BYTES - 1].encode() + b"\n")
        except OSError:
            # The reader of the log has closed the pipe.
            pass


def configure_worker_log() -> None:
    """Write the events of ``logging``, and of structlog if it is loaded, to standard error."""
    logging.basicConfig(level=logging.INFO, handlers=[WorkerLogHandler()], force=True)
    if (structlog := sys.modules.get("structlog")) is None:
        # Importing structlog only for this would take RAM in every space worker.
        return
    structlog.configure(
        processors=[structlog.processors.KeyValueRenderer(key_order=["event"])],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
