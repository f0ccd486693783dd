"""Reading of text from files. A child process reads documents, because it may hang or crash."""

import asyncio
import importlib.util
import json
import os
import sys
import tempfile
from contextlib import suppress
from functools import cache
from types import TracebackType
from typing import IO, Self

from mlsdm_grpc.cli.source_files import SourceFile, UnreadableFile
from mlsdm_grpc.cli.text_formats import FORMATS, LIBRARIES, MAX_TEXT_BYTES, decoded

__all__ = ["MAX_SECONDS", "DocumentReader", "format_of"]

MAX_SECONDS = 30.0
"""Maximum time for one file, seconds."""

_NEEDS_EXTRA = frozenset({"pdf", "docx"})
_HEADER_BYTES = 8
# Time for the child process to exit after it has closed its output, seconds.
_EXIT_S = 5.0
_MAX_REASON_CHARS = 200


def format_of(file: SourceFile) -> str:
    """Return the format in which a file is read; an empty string means plain text.

    Formats that are also readable as text are read as plain text without the extra ``ingest``.

    Raises:
        UnreadableFile: The format needs the extra.
    """
    kind = FORMATS.get(file.path.suffix.lower(), "")
    if not kind or all(_has(module) for module in LIBRARIES[kind]):
        return kind
    if kind in _NEEDS_EXTRA:
        raise UnreadableFile("needs the extra `ingest`: pip install 'mlsdm-grpc[ingest]'")
    return ""


class DocumentReader:
    """Reader of files; an asynchronous context manager that ends its child process on exit.

    Args:
        encoding: Encoding of text files without a byte order mark.
        timeout_s: Maximum time for one document, seconds.
    """

    def __init__(self, *, encoding: str, timeout_s: float = MAX_SECONDS) -> None:
        self._encoding = encoding
        self._timeout_s = timeout_s
        self._process: asyncio.subprocess.Process | None = None
        self._log: IO[bytes] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._end(0.0)

    async def text(self, file: SourceFile, kind: str) -> str:
        """Return the text of a file.

        Args:
            file: The file.
            kind: Result of :func:`format_of`.

        Raises:
            UnreadableFile: The file cannot be read, or not within the time limit.
        """
        if not kind:
            return await asyncio.to_thread(self._plain, file)
        # A file opened inside the timeout would stay open if the timeout struck during the opening.
        if self._log is None:
            self._log = await asyncio.to_thread(tempfile.TemporaryFile)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._ask(file, kind)
        except TimeoutError:
            await self._end(0.0)
            raise UnreadableFile(f"could not be read within {self._timeout_s:g} s") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            raise UnreadableFile(await self._end(_EXIT_S)) from None

    def _plain(self, file: SourceFile) -> str:
        try:
            return decoded(file.read_bytes(), self._encoding)
        except OSError as error:
            raise UnreadableFile(error.strerror or "cannot be read") from None
        except ValueError as error:
            binary = "binary" in str(error)
            raise UnreadableFile(str(error), is_fault=file.is_named or not binary) from None

    async def _ask(self, file: SourceFile, kind: str) -> str:
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                # Without -P Python would import modules from the current folder.
                *(sys.executable, "-P", "-m", "mlsdm_grpc.cli.text_formats"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=self._log,
                # A session of its own keeps Ctrl-C from the process; the command ends the process
                # itself.
                start_new_session=True,
            )
        asked, answered = self._process.stdin, self._process.stdout
        assert asked is not None and answered is not None  # noqa: PT018, S101 - pipes
        request = [os.fsdecode(file.path.absolute()), kind, self._encoding]
        asked.write(json.dumps(request).encode() + b"\n")
        await asked.drain()
        size = int.from_bytes(await answered.readexactly(_HEADER_BYTES), "big")
        if size > MAX_TEXT_BYTES:
            await self._end(0.0)
            raise UnreadableFile(f"its text exceeds {MAX_TEXT_BYTES >> 20} MiB")
        return (await answered.readexactly(size)).decode()

    async def _end(self, patience_s: float) -> str:
        """End the child process and return the last line of its error output.

        Args:
            patience_s: Time for the process to exit by itself before it is killed, seconds.
        """
        process, log, self._process, self._log = self._process, self._log, None, None
        if log is None:
            return ""
        if process is None:
            log.close()
            return ""
        try:
            async with asyncio.timeout(patience_s):
                code = await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            code = await process.wait()
        last = await asyncio.to_thread(_last_line, log)
        return f"the process that read it was killed by signal {-code}" if code < 0 else last


def _last_line(log: IO[bytes]) -> str:
    """Return the last line of a file, at most 200 characters, and close the file."""
    with log:
        log.seek(0)
        lines = log.read().decode("utf-8", "replace").strip().splitlines()
    return (
        lines[-1].removeprefix("ValueError: ")[:_MAX_REASON_CHARS]
        if lines
        else "the process that read it failed"
    )


@cache
def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
