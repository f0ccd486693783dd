"""Runs `loadgen`, the load generator in the folder of that name.

A *flow* is calls of one method in a closed loop, or at a rate; flows of one run are side by side.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import shutil
import struct
import subprocess
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = [
    "FRESH_ID",
    "Flow",
    "LoadError",
    "Step",
    "available",
    "first_message",
    "run",
    "write_messages",
]

FRESH_ID = "a-fresh-uuid-for-each-call-goes-here"
"""Placeholder in a message that each call replaces with a new UUID."""

BUILT = Path(__file__).parents[1] / ".tools" / "bin" / "loadgen"
_PATIENCE_S = 60.0
# A call costs 50 us on one core and 75 us on two, which the server needs too; as many are sent.
_ENVIRONMENT = {"GOMAXPROCS": "1"}


class LoadError(Exception):
    """A run that does not count: the generator failed, or an answer was not the expected one."""


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a flow."""

    seconds: float
    rate: float | None = None
    """Calls a second, due at random moments; None is a closed loop."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Calls that the generator sends."""

    name: str
    target: str
    """HOST:PORT of this machine."""
    method: str
    """Path of the method."""
    messages: Path
    """File of :func:`write_messages`."""
    steps: Sequence[Step]
    connections: int = 8
    in_flight: int = 8
    """Calls on one connection at once."""
    queue: int = 0
    """Calls that are due and may wait for a free place; more count as not sent."""
    deadline_s: float = 10.0
    """From the moment when a call is due."""
    metadata: Sequence[Mapping[str, str]] = ()
    """Metadata of the calls in turn."""
    server_stream: bool = False
    """True for a method with a stream of responses; a call ends with the last one."""
    opens: Sequence[bytes] = field(default=(), repr=False)
    """First messages of streams of IngestMemories; empty for other calls."""
    batch_items: int = 0
    """Memories in one message of a stream."""


def write_messages(path: Path, messages: Iterable[bytes]) -> int:
    """Write prepared requests to a file and return their number.

    All numbers are little-endian uint32: length of the message, count of places where
    :data:`FRESH_ID` stands, the offsets of these, the bytes.
    """
    mark = FRESH_ID.encode()
    count = 0
    with path.open("wb") as file:
        for message in messages:
            places, at = [], message.find(mark)
            while at >= 0:
                places.append(at)
                at = message.find(mark, at + len(mark))
            file.write(struct.pack(f"<{2 + len(places)}I", len(message), len(places), *places))
            file.write(message)
            count += 1
    return count


def first_message(path: Path) -> bytes:
    """Return the first request of a file, with a UUID in it."""
    with path.open("rb") as file:
        length, places = struct.unpack("<2I", file.read(8))
        file.seek(4 * places, 1)
        return file.read(length).replace(FRESH_ID.encode(), str(uuid.uuid4()).encode())


def available() -> str | None:
    """Return the path of the generator, or None where it has not been built."""
    return str(BUILT) if BUILT.exists() else shutil.which("loadgen")


def run(*flows: Flow) -> list[dict[str, Any]]:
    """Run the flows side by side and return the result of each, as `loadgen` writes it.

    Raises:
        LoadError: The generator is missing, or could not run.
    """
    command = available()
    if command is None:
        raise LoadError("there is no loadgen: `make loadgen` builds it with Go")
    longest = max(sum(step.seconds for step in flow.steps) + flow.deadline_s for flow in flows)
    try:
        done = subprocess.run(
            [command],
            input=json.dumps({"flows": [_as_json(flow) for flow in flows]}),
            capture_output=True,
            text=True,
            check=False,
            timeout=longest + _PATIENCE_S,
            env=_ENVIRONMENT | os.environ,
        )
    except subprocess.TimeoutExpired as error:
        raise LoadError(f"loadgen did not end within {error.timeout:.0f} s") from None
    if done.returncode:
        raise LoadError(done.stderr.strip())
    results: list[dict[str, Any]] = json.loads(done.stdout)
    return results


def _as_json(flow: Flow) -> dict[str, Any]:
    plan = dataclasses.asdict(flow) | {"messages": str(flow.messages)}
    plan["opens"] = [base64.b64encode(opening).decode() for opening in flow.opens]
    return plan
