"""Detection of a data folder that was removed or replaced under a running journal.

Writes to an open file succeed after its name is removed, but the data are lost when the process
ends. Before each acknowledgement, the writer therefore checks that the names still refer to the
open files. A name cannot change without a change of the folder's modification time, so one ``stat``
is enough while that time is unchanged. The check opens no file: when SQLite's file is opened and
closed a second time, the process loses its locks.
"""

from __future__ import annotations

import time
from os import stat_result
from pathlib import Path
from typing import Final, TypeAlias

__all__ = ["UNCHANGED_S", "FolderGuard", "FolderLost"]

# Minimum age, in seconds, of a modification time that proves that nothing changed. File clocks are
# coarse, so two changes within a short time may have the same modification time.
UNCHANGED_S: Final = 1.0

_Identity: TypeAlias = tuple[int, int]


class FolderLost(OSError):
    """Error: a data folder or a file in it is not the one that was opened."""


class FolderGuard:
    """Identity of a data folder and of the open files in it.

    Args:
        data_dir: Data folder.
        names: Names of files and folders in it.

    Raises:
        OSError: A file does not exist.
    """

    def __init__(self, data_dir: Path, names: tuple[str, ...]) -> None:
        self._data_dir = data_dir
        self._paths = [data_dir / name for name in names]
        self._folder = _identity(self._data_dir.stat())
        self._files = [_identity(path.stat()) for path in self._paths]
        # Modification time of the folder at the last full comparison; 0 forces a full one next
        # time.
        self._checked_ns = 0

    def check(self) -> None:
        """Check that the folder and its files are the ones that were opened.

        Raises:
            FolderLost: The folder or a file was removed or replaced.
            OSError: The folder cannot be inspected.

        Cost: one ``stat`` while the modification time of the folder is unchanged.
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
        settled = time.time() - folder.st_mtime > UNCHANGED_S
        self._checked_ns = folder.st_mtime_ns if settled else 0


def _identity(found: stat_result) -> _Identity:
    return found.st_dev, found.st_ino
