"""Storing many memories by a stream, with a progress bar and a word on each that was not stored."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mlsdm_grpc.cli.verdicts import refusal_lines

if TYPE_CHECKING:
    from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import Memory
    from mlsdm_grpc._gen.mlsdm.v1.memory_stream_pb2 import IngestOutcome
    from mlsdm_grpc.client import MemoryClient

__all__ = ["STORED", "store_all"]

STORED = frozenset({"CREATED", "REFRESHED", "SETTLED"})
"""Results of a memory that is in the space."""


async def store_all(
    memory: "MemoryClient",
    memories: "Sequence[Memory]",
    problems: list[str],
    *,
    what: str,
    place: Callable[[int], str],
    patience_s: float,
) -> dict[str, int]:
    """Store memories and return how many of each result there are; shows the progress.

    Args:
        memory: The client.
        memories: What to store.
        problems: Takes a sentence on each that was not stored.
        what: Name of the memories in the progress bar.
        place: Returns the name of a memory by its number, from 1.
        patience_s: How long to try while nothing goes on, seconds.
    """
    from rich.console import Console
    from rich.progress import Progress

    counts: Counter[str] = Counter()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=len(memories))
        async for outcome in memory.ingest(memories, patience_s=patience_s):
            counts[_named(outcome)] += 1
            problems += (f"{place(outcome.sequence)}: {why}" for why in _problems(outcome))
            progress.advance(task)
    return dict(counts)


def _problems(outcome: "IngestOutcome") -> list[str]:
    """Return why a memory was not stored; empty where it was."""
    from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import PUT_RESULT_REFUSED

    if outcome.HasField("status"):
        return [outcome.status.message]
    return refusal_lines(outcome.verdicts) if outcome.result == PUT_RESULT_REFUSED else []


def _named(outcome: "IngestOutcome") -> str:
    """Return CREATED and the like, or why the memory was not stored."""
    from mlsdm_grpc._gen.mlsdm.v1.error_reason_pb2 import ErrorReason
    from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import PUT_RESULT_UNSPECIFIED, PutResult

    if outcome.HasField("status"):
        return ErrorReason.Name(outcome.status.reason).removeprefix("ERROR_REASON_")
    if outcome.result == PUT_RESULT_UNSPECIFIED:
        return "SETTLED"
    return PutResult.Name(outcome.result).removeprefix("PUT_RESULT_")
