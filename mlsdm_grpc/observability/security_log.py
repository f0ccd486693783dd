"""Security event log: one JSON object a line, with one schema, without content of calls.

docs/security_event.schema.json is the schema. Values come from verified credentials, the contract
and the server. No value comes from the body of a request or from a credential itself. Events that
an attacker can cause in large numbers are aggregated: the first one is written at once, and the
others of the next seconds as one event with their count. A thread writes, so no call waits.
"""

from __future__ import annotations

import json
import os
import queue
import re
import threading
import time
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["SecurityEvent", "SecurityLog", "record_event", "use_security_log"]


class SecurityEvent(StrEnum):
    """Kinds of security events."""

    AUTHENTICATION_FAILED = "authentication_failed"
    CREDENTIAL_EXPIRED = "credential_expired"
    PERMISSION_DENIED = "permission_denied"
    RATE_LIMITED = "rate_limited"
    TENANT_IMPERSONATED = "tenant_impersonated"
    IDENTITY_RELOADED = "identity_reloaded"
    IDENTITY_RELOAD_FAILED = "identity_reload_failed"
    STREAMS_ENDED = "streams_ended"
    ISSUER_UNAVAILABLE = "issuer_unavailable"
    NODE_EMERGENCY = "node_emergency"
    SPACE_QUARANTINED = "space_quarantined"
    CLOCK_DRIFT = "clock_drift"


_SEVERITY: Final = {
    SecurityEvent.TENANT_IMPERSONATED: "notice",
    SecurityEvent.IDENTITY_RELOADED: "notice",
    SecurityEvent.IDENTITY_RELOAD_FAILED: "error",
    SecurityEvent.NODE_EMERGENCY: "error",
    SecurityEvent.SPACE_QUARANTINED: "error",
}
_AGGREGATED: Final = frozenset(
    {
        SecurityEvent.AUTHENTICATION_FAILED,
        SecurityEvent.CREDENTIAL_EXPIRED,
        SecurityEvent.PERMISSION_DENIED,
        SecurityEvent.RATE_LIMITED,
        SecurityEvent.CLOCK_DRIFT,
    }
)
# Fields whose texts may come from a request or an error, so they are redacted.
_REDACTED: Final = ("cause", "space")
# Time for which equal events are aggregated, seconds.
_WINDOW_S: Final = 10.0
# Maximum number of groups of aggregated events. Events of further groups count together.
_MAX_GROUPS: Final = 1_000
# Maximum number of events that wait for the thread; further ones are dropped.
_MAX_WAITING: Final = 10_000
_MAX_CHARS: Final = 128
# Interval at which ended groups are written when no event arrives, seconds.
_LOOK_S: Final = 0.5
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9 ._:/@*+=,()\[\]-]")


class SecurityLog:
    """Writer of the security event log. :meth:`close` writes all waiting events.

    Args:
        file: Path of the log. Rotated files have the endings ``.1``, ``.2`` and so on.
        max_bytes: Size at which the file is rotated, bytes.
        files: Number of rotated files to keep.
        now: Returns Unix seconds.
        redact: Returns a text with personal data and secrets replaced, for fields that may come
            from a request or an error. By default the text is unchanged.
    """

    def __init__(
        self,
        file: Path,
        *,
        max_bytes: int,
        files: int,
        now: Callable[[], float] = time.time,
        redact: Callable[[str], str] = str,
    ) -> None:
        self._file = file
        self._max_bytes = max_bytes
        self._files = files
        self._now = now
        self._redact = redact
        self._waiting: queue.Queue[dict[str, str | int] | None] = queue.Queue(_MAX_WAITING)
        self.dropped = 0
        """Number of events that were not written."""
        self._groups: dict[tuple[str | int, ...], tuple[float, dict[str, str | int], int]] = {}
        self._thread = threading.Thread(target=self._run, name="security-log", daemon=True)
        self._thread.start()

    def record(self, event: SecurityEvent, **fields: str) -> None:
        """Add an event. Never blocks; if too many events wait, this one is dropped and counted."""
        line: dict[str, str | int] = {
            "time": datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="milliseconds"),
            "event": event.value,
            "severity": _SEVERITY.get(event, "warning"),
            "count": 1,
        }
        line.update((name, _clean(value)) for name, value in fields.items() if value)
        try:
            self._waiting.put_nowait(line)
        except queue.Full:
            self.dropped += 1

    @property
    def is_open(self) -> bool:
        """True until the log is closed."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Write all events and end the thread."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                line = self._waiting.get(timeout=_LOOK_S)
            except queue.Empty:
                self._write(self._ended_groups(self._now()))
                continue
            if line is None:
                self._write(self._ended_groups(float("inf")))
                return
            self._write([*self._ended_groups(self._now()), *self._grouped(line)])

    def _grouped(self, line: dict[str, str | int]) -> list[dict[str, str | int]]:
        """Return the line if it must be written now, or nothing if a group counts it."""
        if line["event"] not in _AGGREGATED:
            return [line]
        names = ("event", "principal", "tenant", "key_id", "method", "address", "cause")
        key = tuple(line.get(name, "") for name in names)
        if key not in self._groups and len(self._groups) >= _MAX_GROUPS:
            line = {name: line[name] for name in ("time", "event", "severity", "count")}
            line["cause"] = "many"
            key = (line["event"], "many")
        if key not in self._groups:
            self._groups[key] = (self._now() + _WINDOW_S, line, 0)
            return [line]
        ends_s, first, count = self._groups[key]
        self._groups[key] = (ends_s, first, count + 1)
        return []

    def _ended_groups(self, now_s: float) -> list[dict[str, str | int]]:
        """Remove the groups whose time is over, and return a line for each with further events."""
        over = [key for key, (ends_s, _, _) in self._groups.items() if ends_s <= now_s]
        ended = [self._groups.pop(key) for key in over]
        return [{**first, "count": count} for _, first, count in ended if count]

    def _write(self, lines: list[dict[str, str | int]]) -> None:
        if not lines:
            return
        text = "".join(f"{json.dumps(self._redacted(line), sort_keys=True)}\n" for line in lines)
        try:
            self._rotate(len(text))
            descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, text.encode("ascii"))
            finally:
                os.close(descriptor)
        except OSError:
            self.dropped += len(lines)

    def _redacted(self, line: dict[str, str | int]) -> dict[str, str | int]:
        return line | {name: self._redact(str(line[name])) for name in _REDACTED if name in line}

    def _rotate(self, coming_bytes: int) -> None:
        try:
            size = self._file.stat().st_size
        except FileNotFoundError:
            return
        if size + coming_bytes <= self._max_bytes:
            return
        for number in range(self._files, 0, -1):
            older = self._numbered(number)
            newer = self._numbered(number - 1) if number > 1 else self._file
            if newer.exists():
                newer.replace(older)

    def _numbered(self, number: int) -> Path:
        return self._file.with_name(f"{self._file.name}.{number}")


class _Destination:
    """Security event log of this process, if one is configured."""

    log: SecurityLog | None = None


_destination: Final = _Destination()


def use_security_log(log: SecurityLog | None) -> None:
    """Write the events of this process to a log; None stops the writing."""
    _destination.log = log


def record_event(event: SecurityEvent, **fields: str) -> None:
    """Write an event to the log of this process, if one is configured.

    Args:
        event: Kind of the event.
        fields: Fields of the schema. Empty ones are left out.
    """
    if _destination.log is not None:
        _destination.log.record(event, **fields)


def _clean(value: str) -> str:
    return _UNSAFE.sub("?", value[:_MAX_CHARS])
