"""Storage of many memories through a stream, with a progress bar and a report of failures."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlsdm_grpc.cli.evictions import eviction_line
from mlsdm_grpc.cli.options import Form
from mlsdm_grpc.cli.output import echo, echo_document
from mlsdm_grpc.cli.progress_line import MemoryProgress, ProgressLine
from mlsdm_grpc.cli.verdicts import refusal_lines

if TYPE_CHECKING:
    from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import Memory
    from mlsdm_grpc._gen.mlsdm.v1.memory_stream_pb2 import IngestOutcome
    from mlsdm_grpc.client import MemoryClient

__all__ = ["Stored", "store_all"]

_STORED = frozenset({"CREATED", "REFRESHED", "SETTLED"})
_MEANINGS = {
    "REFRESHED": "refreshed (stored before)",
    "REFUSED": "refused by a rule (not stored)",
    "SETTLED": "stored before the connection broke",
}
"""Explanations of results whose name is not clear by itself."""


@dataclass(slots=True)
class Stored:
    """Outcome of storing many memories."""

    results: Counter[str] = field(default_factory=Counter)
    """Number of memories by result."""
    problems: list[str] = field(default_factory=list)
    """Reasons why memories were not stored."""
    evicted: list[str] = field(default_factory=list)
    """Ids of the evicted memories, oldest first."""
    eviction_line: str = ""
    """Number of evictions as a line of text."""

    @property
    def whole(self) -> bool:
        """True if the space holds all the memories."""
        return not self.results.keys() - _STORED

    def add(self, outcome: "IngestOutcome", place: str) -> bool:
        """Count an outcome and return True if the space holds the memory.

        Args:
            outcome: Outcome of one memory.
            place: Name of the memory for error reports.
        """
        result = _named(outcome)
        self.results[result] += 1
        self.evicted += outcome.evicted_memory_ids
        self.problems += (f"{place}: {why}" for why in _problems(outcome))
        return result in _STORED

    def echo(self, about: dict[str, object], line: str, form: Form) -> None:
        """Print the outcome.

        Args:
            about: Additional fields of the JSON form.
            line: Text for the table form; ``{}`` is replaced by the results.
            form: Form of the output.
        """
        if form != "table":
            lists = {"problems": self.problems, "evicted_memory_ids": self.evicted}
            filled = {name: values for name, values in lists.items() if values}
            echo_document({**about, "results": dict(self.results), **filled}, form)
            return
        counts = (
            f"{count} {_MEANINGS.get(name, name.lower())}"
            for name, count in sorted(self.results.items())
        )
        echo(line.format(", ".join(counts) or "nothing to store"))
        for each in (*self.problems, *filter(None, [self.eviction_line])):
            echo(each, err=True)


async def store_all(
    memory: "MemoryClient",
    memories: "Sequence[Memory]",
    *,
    place: Callable[[int], str],
    patience_s: float,
    is_shown: bool,
) -> Stored:
    """Store memories and return the outcome, with the progress on standard error.

    Args:
        memory: The client.
        memories: Memories to store.
        place: Function that returns the name of a memory by its number, which starts at 1.
        patience_s: Time without progress after which the command fails, seconds.
        is_shown: Show the progress.
    """
    stored, done = Stored(), MemoryProgress(len(memories))
    progress = ProgressLine(done.describe, is_shown=is_shown)
    try:
        async for outcome in memory.ingest(memories, patience_s=patience_s):
            stored.add(outcome, place(outcome.sequence))
            done.done += 1
            progress.update()
    finally:
        progress.clear()
    stored.eviction_line = await eviction_line(memory, len(stored.evicted))
    return stored


def _problems(outcome: "IngestOutcome") -> list[str]:
    """Return the reasons why a memory was not stored; empty if it was stored."""
    from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import PUT_RESULT_REFUSED

    if outcome.HasField("status"):
        return [outcome.status.message]
    return refusal_lines(outcome.verdicts) if outcome.result == PUT_RESULT_REFUSED else []


def _named(outcome: "IngestOutcome") -> str:
    """Return the result, such as CREATED, or the reason why the memory was not stored."""
    from mlsdm_grpc._gen.mlsdm.v1.error_reason_pb2 import ErrorReason
    from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import PUT_RESULT_UNSPECIFIED, PutResult

    if outcome.HasField("status"):
        return ErrorReason.Name(outcome.status.reason).removeprefix("ERROR_REASON_")
    if outcome.result == PUT_RESULT_UNSPECIFIED:
        return "SETTLED"
    return PutResult.Name(outcome.result).removeprefix("PUT_RESULT_")
