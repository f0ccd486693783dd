"""``mlsdm ingest``: text files as passages."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlsdm_grpc.cli.evictions import eviction_line
from mlsdm_grpc.cli.options import AsJson, Labels, Space, Target, TimeoutS, TokenFile
from mlsdm_grpc.cli.session import Session, echo_json, report
from mlsdm_grpc.cli.verdicts import refusal_lines
from mlsdm_grpc.errors import FieldViolation, InvalidInput

if TYPE_CHECKING:
    from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import Memory
    from mlsdm_grpc._gen.mlsdm.v1.memory_stream_pb2 import IngestOutcome
    from mlsdm_grpc.client import MemoryClient

__all__ = ["file_label", "ingest"]

_MAX_PASSAGE_CHARS = 1_600
"""With its context at most 2,002 characters, which UTF-8 never makes longer than 8,192 bytes."""
_MAX_LABEL_CHARS = 64


def ingest(
    files: Annotated[list[Path], typer.Argument(help="Text files, UTF-8.")],
    *,
    passage_chars: Annotated[
        int,
        typer.Option("--passage-chars", min=50, max=_MAX_PASSAGE_CHARS, help="Longest passage."),
    ] = 800,
    context: Annotated[
        bool, typer.Option(help="Put the file's heading and first sentence before each passage.")
    ] = True,
    label: Labels = None,
    target: Target = "127.0.0.1:50051",
    token_file: TokenFile = None,
    space: Space = "default",
    timeout: TimeoutS = 60.0,
    as_json: AsJson = False,
) -> None:
    """Cut text files into passages and store each as a memory labelled file:NAME.

    Where older memories had to leave for them, their number is told on standard error.
    """
    session = Session(
        target=target, token_file=token_file, timeout_s=timeout, as_json=as_json, space=space
    )
    texts = _read(files, session)
    memories = list(_memories(texts, label or [], passage_chars, context=context))
    began = time.perf_counter()
    stored = _Stored()

    async def work(memory: "MemoryClient") -> str:
        await _store(memory, memories, stored, patience_s=timeout)
        return await eviction_line(memory, 0 if as_json else len(stored.evicted))

    evicted = session.run(work)
    elapsed_s = time.perf_counter() - began
    results, problems = dict(stored.results), stored.problems
    if as_json:
        found = {"files": len(texts), "results": results, "seconds": round(elapsed_s, 3)}
        lists = {"problems": problems, "evicted_memory_ids": stored.evicted}
        echo_json(found | {name: values for name, values in lists.items() if values})
    else:
        told = ", ".join(f"{count} {name.lower()}" for name, count in sorted(results.items()))
        typer.echo(f"{len(texts)} files: {told or 'nothing to store'} in {elapsed_s:.2f} s")
        for line in (*problems, *filter(None, [evicted])):
            typer.echo(line, err=True)
    if results.keys() - {"CREATED", "REFRESHED", "SETTLED"}:
        raise typer.Exit(1)


def file_label(file: Path) -> str:
    """Return ``file:NAME`` in the form that labels have."""
    return f"file:{re.sub(r'[^A-Za-z0-9._-]', '_', file.name)}"[:_MAX_LABEL_CHARS]


def _read(files: list[Path], session: Session) -> dict[Path, str]:
    """Return the texts; tells all files that cannot be read and ends the command."""
    texts: dict[Path, str] = {}
    problems: list[FieldViolation] = []
    for file in files:
        try:
            texts[file] = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            kind = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
            problems.append(FieldViolation(str(file), str(kind)))
    if problems:
        report(InvalidInput("Files cannot be read.", violations=problems), as_json=session.as_json)
        raise typer.Exit(1)
    return texts


def _memories(
    texts: dict[Path, str], labels: list[str], passage_chars: int, *, context: bool
) -> "Iterator[Memory]":
    from mlsdm_grpc.client import new_memory, passage_context, split_passages

    for file, text in texts.items():
        heading = passage_context(text) if context else ""
        for passage in split_passages(text, max_chars=passage_chars):
            content = f"{heading}\n\n{passage}" if heading else passage
            yield new_memory(content, labels=[file_label(file), *labels])


@dataclass(slots=True)
class _Stored:
    """What became of passages."""

    results: Counter[str] = field(default_factory=Counter)
    """How many of each result there are."""
    problems: list[str] = field(default_factory=list)
    """Why passages were not stored."""
    evicted: list[str] = field(default_factory=list)
    """Ids of the memories that left to make room, oldest first."""


async def _store(
    memory: "MemoryClient", memories: "list[Memory]", stored: _Stored, *, patience_s: float
) -> None:
    """Store all and note what becomes of each; shows the progress."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("passages", total=len(memories))
        async for outcome in memory.ingest(memories, patience_s=patience_s):
            stored.results[_named(outcome)] += 1
            stored.evicted += outcome.evicted_memory_ids
            place = f"passage {outcome.sequence} ({memories[outcome.sequence - 1].labels[0]})"
            stored.problems += (f"{place}: {why}" for why in _problems(outcome))
            progress.advance(task)


def _problems(outcome: "IngestOutcome") -> list[str]:
    """Return why a passage was not stored; empty where it was."""
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
