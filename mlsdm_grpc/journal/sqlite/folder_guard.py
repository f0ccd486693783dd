"""Noticing that the folder under a running journal was removed or replaced.

A file that has lost its name takes writes as if nothing had happened, and they are gone with the
process. So the writer compares, before each acknowledgement, that the names still lead to the files
that are open. The names in the folder cannot change without its own time of change, so as long as
that is the same, one ``stat`` is enough. No file is opened for it: closing the database a second
time would release the locks that SQLite relies on.
"""

from __future__ import annotations

import time
from os import stat_result
from pathlib import Path
from typing import Final, TypeAlias

__all__ = ["FolderGuard", "FolderLost"]

_SETTLED_S: Final = 1.0
"""A time of change that is younger may be that of a later change too: file clocks are coarse."""

_Identity: TypeAlias = tuple[int, int]


class FolderLost(OSError):
    """The data folder, or a file of it, is not the one that was opened."""


class FolderGuard:
    """The identity of a data folder and of the files in it that a journal has open.

    Args:
        data_dir: The folder.
        names: Files in it.

    Raises:
        OSError: One of them is not there.
    """

    def __init__(self, data_dir: Path, names: tuple[str, ...]) -> None:
        self._data_dir = data_dir
        self._paths = [data_dir / name for name in names]
        self._folder = _identity(self._data_dir.stat())
        self._files = [_identity(path.stat()) for path in self._paths]
        self._checked_ns = 0
        """Time of change of the folder when all names were last compared; 0 to compare again."""

    def check(self) -> None:
        """Compare the folder with what was opened.

        Raises:
            FolderLost: Something was removed or replaced.
            OSError: It cannot be looked at.

        Cost: one ``stat`` if no name in the folder has changed.
        """
        try:
            folder = self._data_dir.stat()
            if folder.st_mtime_ns == self._checked_ns and _identity(folder) == self._folder:
                return
            self._compare(folder)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise FolderLost(f"{error.filename} was removed under the running server.") from error

    def _compare(self, folder: stat_result) -> None:
        if _identity(folder) != self._folder:
            raise FolderLost(f"{self._data_dir} was replaced under the running server.")
        for path, expected in zip(self._paths, self._files, strict=True):
            found = path.stat()
            if _identity(found) != expected or not found.st_nlink:
                raise FolderLost(f"{path} was replaced under the running server.")
        settled = time.time() - folder.st_mtime > _SETTLED_S
        self._checked_ns = folder.st_mtime_ns if settled else 0


def _identity(found: stat_result) -> _Identity:
    return found.st_dev, found.st_ino
