"""Reload of identity files in a running server, after a change of their content or on request."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from mlsdm_grpc.errors import InvalidInput
from mlsdm_grpc.observability.security_log import SecurityEvent, record_event

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["LOOK_S", "FileWatch", "Reloadable"]

LOOK_S: Final = 2.0
"""Interval between two reads of the files, seconds."""
_log = structlog.get_logger(component="security")


class Reloadable(Protocol):
    """Owner of the content of some files."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Paths of the files."""

    def reload(self) -> None:
        """Read the files again. After an error, the previous content stays in use.

        Raises:
            InvalidInput: One violation for every fault in the files.
        """


class FileWatch:
    """Watch over files, whose owners reload them when the content of any file changes.

    All owners reload, in order, because entries of one file may refer to another file. Contents are
    compared and not modification times, so two changes within one tick of the file clock are
    noticed.

    Args:
        owners: Owners of files, which have read them once.
        interval_s: Time between two comparisons, seconds.
    """

    def __init__(self, owners: Sequence[Reloadable], *, interval_s: float = LOOK_S) -> None:
        self._owners = tuple(owners)
        self._interval_s = interval_s
        self._requested = asyncio.Event()
        self._seen = self._contents()

    def request(self) -> None:
        """Request a reload of all files, even without a change."""
        self._seen = ()
        self._requested.set()

    async def changed(self) -> bool:
        """Wait for the next reload; return True if all owners accepted their files."""
        while True:
            # Only some file systems report changes, so contents are compared.
            try:
                async with asyncio.timeout(self._interval_s):
                    await self._requested.wait()
            except TimeoutError:
                pass
            self._requested.clear()
            result = await asyncio.to_thread(self._look)
            if result is not None:
                return result

    def _look(self) -> bool | None:
        """Reload after a change; return None without one, else True if all owners accepted it."""
        contents = self._contents()
        if contents == self._seen:
            return None
        self._seen = contents
        well = True
        for owner in self._owners:
            names = [file.name for file in owner.files]
            try:
                owner.reload()
            except InvalidInput as error:
                well = False
                faults = [f"{each.field}: {each.description}" for each in error.violations]
                _log.error("identity_reload_failed", files=names, faults=faults)
                record_event(SecurityEvent.IDENTITY_RELOAD_FAILED, cause=", ".join(names))
            else:
                _log.info("identity_reloaded", files=names)
                if names:
                    record_event(SecurityEvent.IDENTITY_RELOADED, cause=", ".join(names))
        return well

    def _contents(self) -> tuple[bytes, ...]:
        return tuple(_digest(file) for owner in self._owners for file in owner.files)


def _digest(file: Path) -> bytes:
    """Return the hash of the content of a file, or b"" for an unreadable file."""
    try:
        return hashlib.sha256(file.read_bytes()).digest()
    except OSError:
        return b""
