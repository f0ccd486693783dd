"""Reload of identity files while the server runs: on a change of their content, and on request."""

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
"""Interval at which the files are read, seconds."""
_log = structlog.get_logger(component="security")


class Reloadable(Protocol):
    """Owner of the content of some files."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Paths of the files."""

    def reload(self) -> None:
        """Read the files again; the content read before stays in use after an error.

        Raises:
            InvalidInput: One violation for every fault of the files.
        """


class FileWatch:
    """Owners that read their files again when the content of one of them changes.

    All of them read again, in order, because the entries of one file may name those of another.
    Contents are compared and not times, so that a change within one tick of the clock counts.

    Args:
        owners: Owners of files; each has read them.
        interval_s: Time between two comparisons, seconds.
    """

    def __init__(self, owners: Sequence[Reloadable], *, interval_s: float = LOOK_S) -> None:
        self._owners = tuple(owners)
        self._interval_s = interval_s
        self._requested = asyncio.Event()
        self._seen = self._contents()

    def request(self) -> None:
        """Read all files again at once, even if nothing changed."""
        self._seen = ()
        self._requested.set()

    async def changed(self) -> bool:
        """Wait for the next reload, and return True if all owners accepted their files."""
        while True:
            # Notifications of changes exist on some file systems only, so contents are compared.
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
        """Return None without a change, else True if every owner accepted its files."""
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
    """Return the hash of a file's content; empty if it cannot be read."""
    try:
        return hashlib.sha256(file.read_bytes()).digest()
    except OSError:
        return b""
