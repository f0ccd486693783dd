"""Progress on standard error: one line that changes, or a line now and then in a file."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO

from mlsdm_grpc.cli.output import terminal_width

__all__ = ["FileProgress", "MemoryProgress", "ProgressLine", "byte_text"]

_TERMINAL_INTERVAL_S = 0.2
_FILE_INTERVAL_S = 10.0
_CLEAR = "\r\x1b[K"


@dataclass
class ProgressLine:
    """Line that shows a progress at intervals."""

    describe: Callable[[float], str]
    """Returns the progress in words from the elapsed time, seconds."""
    is_shown: bool = True
    """False writes nothing, as for JSON output."""
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._began_s = self._shown_s = self.clock()
        self._is_terminal = self.stream.isatty()

    def update(self) -> None:
        """Show the progress if the last time is long enough ago."""
        now_s = self.clock()
        interval_s = _TERMINAL_INTERVAL_S if self._is_terminal else _FILE_INTERVAL_S
        if not self.is_shown or now_s - self._shown_s < interval_s:
            return
        self._shown_s = now_s
        line = self.describe(max(now_s - self._began_s, 1e-9))
        if self._is_terminal:
            self.stream.write(f"{_CLEAR}{line[: terminal_width() - 1]}")
        else:
            self.stream.write(f"{line}\n")
        self.stream.flush()

    def clear(self) -> None:
        """Remove the line from a terminal."""
        if self.is_shown and self._is_terminal:
            self.stream.write(_CLEAR)
            self.stream.flush()


@dataclass
class FileProgress:
    """Count of files, passages and bytes, with rate and time left over the whole run."""

    files: int
    """Number of files to do."""
    size: int
    """Bytes to do."""
    files_done: int = 0
    bytes_done: int = 0
    passages_done: int = 0

    def describe(self, elapsed_s: float) -> str:
        """Return the progress in words."""
        return (
            f"{self.files_done}/{self.files} files, {self.passages_done} passages"
            f" ({self.passages_done / elapsed_s:.0f}/s),"
            f" {byte_text(self.bytes_done)} of {byte_text(self.size)}"
            f"{_left(self.bytes_done, self.size, elapsed_s)}"
        )


@dataclass
class MemoryProgress:
    """Count of memories, with rate and time left over the whole run."""

    memories: int
    """Number of memories to do."""
    done: int = 0

    def describe(self, elapsed_s: float) -> str:
        """Return the progress in words."""
        return (
            f"{self.done}/{self.memories} memories ({self.done / elapsed_s:.0f}/s)"
            f"{_left(self.done, self.memories, elapsed_s)}"
        )


def byte_text(size: float) -> str:
    """Return a size for people, such as 1.5 MiB."""
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def _left(done: int, total: int, elapsed_s: float) -> str:
    return f", {(total - done) * elapsed_s / done:.0f} s left" if done else ""
