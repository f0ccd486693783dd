"""Progress on standard error: one updated line on a terminal, else a new line every 10 s."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO

from mlsdm_grpc.cli.output import terminal_width

__all__ = ["ProgressLine", "byte_text"]

_TERMINAL_INTERVAL_S = 0.2
_FILE_INTERVAL_S = 10.0
_CLEAR = "\r\x1b[K"


@dataclass
class ProgressLine:
    """Count of processed files, passages and bytes, with mean rate and estimated remaining time."""

    files: int
    """Number of files to process."""
    size: int
    """Bytes to process."""
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    clock: Callable[[], float] = time.monotonic
    files_done: int = 0
    bytes_done: int = 0
    passages_done: int = 0

    def __post_init__(self) -> None:
        self._began_s = self._shown_s = self.clock()
        self._is_terminal = self.stream.isatty()

    def file_done(self, size: int) -> None:
        """Count a finished file and its size in bytes."""
        self.files_done += 1
        self.bytes_done += size
        self._show()

    def passage_done(self) -> None:
        """Count a stored passage."""
        self.passages_done += 1
        self._show()

    def clear(self) -> None:
        """Erase the progress line on a terminal."""
        if self._is_terminal:
            self.stream.write(_CLEAR)
            self.stream.flush()

    def line(self) -> str:
        """Return the progress in words."""
        elapsed_s = max(self.clock() - self._began_s, 1e-9)
        rate = self.bytes_done / elapsed_s
        left = f", {(self.size - self.bytes_done) / rate:.0f} s left" if rate else ""
        return (
            f"{self.files_done}/{self.files} files, {self.passages_done} passages"
            f" ({self.passages_done / elapsed_s:.0f}/s),"
            f" {byte_text(self.bytes_done)} of {byte_text(self.size)}{left}"
        )

    def _show(self) -> None:
        interval_s = _TERMINAL_INTERVAL_S if self._is_terminal else _FILE_INTERVAL_S
        if self.clock() - self._shown_s < interval_s:
            return
        self._shown_s = self.clock()
        if self._is_terminal:
            self.stream.write(f"{_CLEAR}{self.line()[: terminal_width() - 1]}")
        else:
            self.stream.write(f"{self.line()}\n")
        self.stream.flush()


def byte_text(size: float) -> str:
    """Return a size in a readable unit, such as 1.5 MiB."""
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
