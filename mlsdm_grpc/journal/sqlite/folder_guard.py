"""Detection of a data folder that was removed or replaced under a running journal.

Writes to a file without a name succeed, and are lost when the process ends. The writer therefore
checks before each acknowledgement that the names still lead to the open files. A name cannot change
without a change of the folder's modification time, so one ``stat`` is enough while that is the
same. No file is opened for the check: closing the database a second time would release the locks of
SQLite.
"""

from __future__ import annotations

import time
from os import stat_result
from pathlib import Path
from typing import Final, TypeAlias

__all__ = ["UNCHANGED_S", "FolderGuard", "FolderLost"]

# Age below which a modification time is not trusted, seconds: file clocks are coarse, so a later
# change may have the same time.
UNCHANGED_S: Final = 1.0

_Identity: TypeAlias = tuple[int, int]


class FolderLost(OSError):
    """A data folder, or a file in it, that is not the one that was opened."""


class FolderGuard:
    """Identity of a data folder and of the open files in it.

    Args:
        data_dir: The folder.
        names: Names of files in the folder.

    Raises:
        OSError: A file does not exist.
    """

    def __init__(self, data_dir: Path, names: tuple[str, ...]) -> None:
        self._data_dir = data_dir
        self._paths = [data_dir / name for name in names]
        self._folder = _identity(self._data_dir.stat())
        self._files = [_identity(path.stat()) for path in self._paths]
        # Modification time of the folder at the last full comparison; 0 forces the next one.
        self._checked_ns = 0

    def check(self) -> None:
        """Compare the folder with the opened one.

        Raises:
            FolderLost: A file was removed or replaced.
            OSError: The folder cannot be inspected.

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
        settled = time.time() - folder.st_mtime > UNCHANGED_S
        self._checked_ns = folder.st_mtime_ns if settled else 0


def _identity(found: stat_result) -> _Identity:
    return found.st_dev, found.st_ino
