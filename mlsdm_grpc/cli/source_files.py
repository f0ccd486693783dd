"""Search for the files to ingest: files named as arguments, and the content of named folders."""

import glob
import os
import re
import stat
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from mlsdm_grpc.errors import InvalidInput

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

__all__ = ["MAX_FILE_BYTES", "SourceFile", "UnreadableFile", "find_files", "path_name"]

MAX_FILE_BYTES = 256 * 1024 * 1024
"""Maximum size of a file, bytes."""

_GITIGNORE = ".gitignore"
_TOO_LARGE = f"exceeds {MAX_FILE_BYTES >> 20} MiB"


class UnreadableFile(Exception):
    """Reason why a file is not stored.

    Args:
        reason: Explanation for the user.
        is_fault: False for a file without text that was found in a folder, such as an image.
    """

    def __init__(self, reason: str, *, is_fault: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_fault = is_fault


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A regular file, or standard input."""

    path: Path
    name: str
    """Path relative to the base folder, or absolute outside of it."""
    size: int
    """Size, bytes."""
    is_named: bool
    """True if an argument names the file itself, and not its folder."""
    is_stdin: bool = False
    """True if the file is standard input."""

    def read_bytes(self) -> bytes:
        """Return the content.

        Raises:
            OSError: The file cannot be read.
            UnreadableFile: The content is larger than 256 MiB.
        """
        with sys.stdin.buffer if self.is_stdin else self.path.open("rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise UnreadableFile(_TOO_LARGE)
        return content


def find_files(
    arguments: Sequence[str], *, base: Path, extensions: Collection[str], gitignore: bool
) -> Iterator[SourceFile | tuple[str, UnreadableFile]]:
    """Yield each file once; for a file that cannot be read, yield its name with the reason.

    Hidden files and folders inside of a folder are left out. Links to folders are not followed;
    links to files are followed if they stay inside of the folder. For a pattern, that folder is the
    part of it before the first wildcard.

    Args:
        arguments: Files, folders and patterns; ``**`` in a pattern matches any number of folders.
        base: Folder to which the names of files are relative.
        extensions: Extensions, without dot and in lower case, of files in folders; empty allows
            all.
        gitignore: Leave out what ``.gitignore`` files exclude in folders.

    Raises:
        InvalidInput: A pattern is not valid.
    """
    base = _normal(base)
    seen: set[str] = set()
    for argument in arguments:
        named = os.path.lexists(argument) or not glob.has_magic(argument)
        for path in [Path(argument)] if named else _matches(argument, gitignore=gitignore):
            inside = path if named else _top(argument)
            is_folder = _is_folder(path) and (named or not _leaves(inside, path))
            failed: list[OSError] = []
            for each in _walk(path, failed, gitignore=gitignore) if is_folder else [path]:
                if is_folder and extensions and each.suffix[1:].lower() not in extensions:
                    continue
                if (name := path_name(each, base)) not in seen:
                    seen.add(name)
                    # The walk of a folder yields no links to folders, but a pattern may match one.
                    suspect = not named or (is_folder and _is_link(each))
                    if suspect and _leaves(inside, each):
                        yield (
                            name,
                            UnreadableFile(
                                "is a symbolic link to a file outside the folder", is_fault=False
                            ),
                        )
                    else:
                        yield _examined(each, name, is_named=named and not is_folder)
            for error in failed:
                yield path_name(Path(error.filename), base), _unreadable(error)


def path_name(path: Path, base: Path) -> str:
    """Return the name of a file: its path relative to the base, with ``/`` and as valid UTF-8."""
    absolute = _normal(path)
    shown = absolute.relative_to(base) if absolute.is_relative_to(base) else absolute
    return os.fsencode(shown.as_posix()).decode("utf-8", "backslashreplace")


def _normal(path: Path) -> Path:
    return Path(os.path.normpath(path.absolute()))


def _is_folder(path: Path) -> bool:
    # Path.is_dir raises errors for missing permissions and for names that are too long.
    return os.path.isdir(path)  # noqa: PTH112


def _is_link(path: Path) -> bool:
    return os.path.islink(path)  # noqa: PTH114 - Path.is_symlink raises errors


def _top(pattern: str) -> Path:
    """Return the part of a pattern before the first wildcard."""
    return Path(*takewhile(lambda part: not glob.has_magic(part), Path(pattern).parts))


def _leaves(folder: Path, file: Path) -> bool:
    """Return True if a symbolic link on the path of the file leads out of the folder."""
    return not Path(os.path.realpath(file)).is_relative_to(os.path.realpath(folder))


def _unreadable(error: OSError) -> UnreadableFile:
    return UnreadableFile(error.strerror or "cannot be read")


def _examined(path: Path, name: str, *, is_named: bool) -> SourceFile | tuple[str, UnreadableFile]:
    try:
        about = path.stat()
    except OSError as error:
        return name, _unreadable(error)
    if not stat.S_ISREG(about.st_mode):
        return name, UnreadableFile("is not a regular file")
    if about.st_size > MAX_FILE_BYTES:
        return name, UnreadableFile(_TOO_LARGE)
    return SourceFile(path, name, about.st_size, is_named)


def _matches(pattern: str, *, gitignore: bool) -> list[Path]:
    """Return the paths that a pattern matches; the pattern itself if it matches none.

    A hidden name is matched only if a part of the pattern begins with a dot.

    Raises:
        InvalidInput: ``**`` is not a whole part of the path.
    """
    whole = Path(pattern)
    top = Path(whole.anchor)
    parts = whole.relative_to(top).parts
    if any("**" in each and each != "**" for each in parts):
        problem = "must have ** only as a whole name, such as docs/**/*.md"
        raise InvalidInput.of(pattern, problem)
    shown = any(map(_is_hidden, parts))
    found = [
        each
        for each in top.glob("/".join(parts))
        if shown or not any(map(_is_hidden, each.relative_to(top).parts))
    ]
    if not found:
        return [whole]
    return sorted(each for each in found if not (gitignore and _is_ignored(each, _is_folder(each))))


def _is_hidden(name: str) -> bool:
    return name.startswith(".") and name != ".."


def _walk(top: Path, failed: list[OSError], *, gitignore: bool) -> Iterator[Path]:
    """Yield the files of a folder in the order of their names; append its errors to ``failed``."""
    for folder, folders, files in os.walk(top, onerror=failed.append):
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
    """Return True if a ``.gitignore`` file in the file's folder or above excludes it."""
    path = _normal(path)
    for folder, spec in _specs(path.parent):
        inner = path.relative_to(folder).as_posix()
        verdict = spec.check_file(f"{inner}/" if is_folder else inner).include
        if verdict is not None:
            return verdict
    return False


@cache
def _specs(folder: Path) -> "tuple[tuple[Path, GitIgnoreSpec], ...]":
    """Return the ignore rules for a folder, innermost first, up to the root of the repository."""
    from pathspec import GitIgnoreSpec

    is_top = os.path.lexists(folder / ".git") or folder == folder.parent
    above = () if is_top else _specs(folder.parent)
    file = folder / _GITIGNORE
    # Reading from a special file, such as a pipe, may block forever.
    if not os.path.isfile(file):  # noqa: PTH113 - the method of Path raises errors
        return above
    patterns: list[GitIgnoreSpecPattern] = []
    try:
        lines = file.read_text("utf-8-sig", "replace").splitlines()
    except OSError:
        return above
    for line in lines:
        # Like Git, ignore lines that are not valid patterns.
        with suppress(ValueError, re.error):
            patterns += GitIgnoreSpec.from_lines([line]).patterns
    return ((folder, GitIgnoreSpec(patterns)), *above)
