"""Files to ingest: those that arguments name, and those in the folders that arguments name."""

import glob
import os
import stat
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

__all__ = ["MAX_FILE_BYTES", "SourceFile", "UnreadableFile", "find_files", "path_name"]

MAX_FILE_BYTES = 256 * 1024 * 1024
"""Maximum size of a file, bytes."""

_GITIGNORE = ".gitignore"


class UnreadableFile(Exception):
    """A file that is not stored.

    Args:
        reason: Reason for people.
        is_fault: False for a file of a folder that holds no text, such as an image.
    """

    def __init__(self, reason: str, *, is_fault: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_fault = is_fault


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A regular file."""

    path: Path
    name: str
    """Path relative to the base folder, or absolute outside of it."""
    size: int
    """Size, bytes."""
    is_named: bool
    """True if an argument names it, not its folder."""


def find_files(
    arguments: Sequence[str], *, base: Path, extensions: Collection[str], gitignore: bool
) -> Iterator[SourceFile | tuple[str, UnreadableFile]]:
    """Yield the files, each once, and the names that cannot be read with the reason.

    Hidden files and folders in a folder are left out, and links to folders are not followed.

    Args:
        arguments: Files, folders and patterns; ``**`` of a pattern matches any folders.
        base: Folder to which names are relative.
        extensions: Extensions, without dot and in lower case, of files in folders; empty allows
            all.
        gitignore: Leave out what ``.gitignore`` files exclude in folders.
    """
    seen: set[str] = set()
    for argument in arguments:
        named = os.path.lexists(argument) or not glob.has_magic(argument)
        for path in [Path(argument)] if named else _matches(argument, gitignore=gitignore):
            is_folder = path.is_dir()
            for each in _walk(path, gitignore=gitignore) if is_folder else [path]:
                if is_folder and extensions and each.suffix[1:].lower() not in extensions:
                    continue
                if (name := path_name(each, base)) not in seen:
                    seen.add(name)
                    yield _examined(each, name, is_named=named and not is_folder)


def path_name(path: Path, base: Path) -> str:
    """Return the name of a file: its path relative to the base, in UTF-8 with ``/``."""
    absolute = Path(os.path.normpath(path.absolute()))
    shown = absolute.relative_to(base) if absolute.is_relative_to(base) else absolute
    return os.fsencode(shown.as_posix()).decode("utf-8", "backslashreplace")


def _examined(path: Path, name: str, *, is_named: bool) -> SourceFile | tuple[str, UnreadableFile]:
    try:
        about = path.stat()
    except OSError as error:
        return name, UnreadableFile(error.strerror or "cannot be read")
    if not stat.S_ISREG(about.st_mode):
        return name, UnreadableFile("is not a regular file")
    if about.st_size > MAX_FILE_BYTES:
        return name, UnreadableFile(f"has more than {MAX_FILE_BYTES >> 20} MiB")
    return SourceFile(path, name, about.st_size, is_named)


def _matches(pattern: str, *, gitignore: bool) -> list[Path]:
    """Return the paths that a pattern matches; the pattern itself if there is none.

    Hidden names match only a part of the pattern that begins with a dot.
    """
    whole = Path(pattern)
    top = Path(whole.anchor)
    parts = whole.relative_to(top).parts
    shown = any(each.startswith(".") for each in parts)
    found = [
        each
        for each in top.glob("/".join(parts))
        if shown or not any(part.startswith(".") for part in each.relative_to(top).parts)
    ]
    if not found:
        return [whole]
    return sorted(each for each in found if not (gitignore and _is_ignored(each, each.is_dir())))


def _walk(top: Path, *, gitignore: bool) -> Iterator[Path]:
    """Yield the files of a folder in order of their names."""
    for folder, folders, files in os.walk(top):
        here = Path(folder)
        folders[:] = sorted(
            each
            for each in folders
            if not each.startswith(".") and not (gitignore and _is_ignored(here / each, True))
        )
        for each in sorted(files):
            if not each.startswith(".") and not (gitignore and _is_ignored(here / each, False)):
                yield here / each


def _is_ignored(path: Path, is_folder: bool) -> bool:  # noqa: FBT001 - used twice, in one way
    """Return True if a ``.gitignore`` file beside or above the path excludes it."""
    path = path.absolute()
    for folder, spec in _specs(path.parent):
        inner = path.relative_to(folder).as_posix()
        verdict = spec.check_file(f"{inner}/" if is_folder else inner).include
        if verdict is not None:
            return verdict
    return False


@cache
def _specs(folder: Path) -> "tuple[tuple[Path, GitIgnoreSpec], ...]":
    """Return the rules for a folder, its own first, up to the top of the repository."""
    from pathspec import GitIgnoreSpec

    above = () if (folder / ".git").exists() or folder == folder.parent else _specs(folder.parent)
    try:
        lines = (folder / _GITIGNORE).read_text("utf-8", "replace").splitlines()
    except OSError:
        return above
    return ((folder, GitIgnoreSpec.from_lines(lines)), *above)
