"""``mlsdm put | query | state``: the most frequent calls."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mlsdm_grpc.cli.evictions import eviction_line
from mlsdm_grpc.cli.options import (
    After,
    Before,
    Conversation,
    Full,
    Labels,
    Metadata,
    Sources,
)
from mlsdm_grpc.cli.output import (
    echo,
    echo_all,
    echo_document,
    echo_table,
    message_dict,
    printable,
)
from mlsdm_grpc.cli.passage import matched_passage
from mlsdm_grpc.cli.session import Session, with_session
from mlsdm_grpc.cli.texts import given_text, key_values, zoned
from mlsdm_grpc.cli.verdicts import refusal_lines
from mlsdm_grpc.errors import InvalidInput

if TYPE_CHECKING:
    from mlsdm_grpc.client import MemoryClient, MemoryWrite, QueryAnswer, Vector

__all__ = ["put", "query", "state"]

EmbeddingFile = Annotated[
    Path | None,
    typer.Option(
        "--embedding-file", exists=True, dir_okay=False, help="Vector: a JSON array, or .npy."
    ),
]


@with_session()
def put(
    text: Annotated[str, typer.Argument(help="Text to store; - reads it from stdin.")] = "",
    *,
    embedding_file: EmbeddingFile = None,
    memory_id: Annotated[
        str, typer.Option("--memory-id", help="Id of the memory; by default the server chooses it.")
    ] = "",
    label: Labels = None,
    metadata: Metadata = None,
    context: Annotated[
        str, typer.Option("--context", help="Searchable text that is not part of the memory.")
    ] = "",
    conversation: Conversation = "",
    pinned: Annotated[
        bool, typer.Option("--pinned", help="Protect the memory from eviction.")
    ] = False,
    allow_replace: Annotated[
        bool,
        typer.Option(
            "--allow-replace", help="Replace the memory with the id of --id, if it exists."
        ),
    ] = False,
    session: Session,
) -> None:
    """Store one memory and print its id; exit code 1 if the policy refused it.

    The number of memories evicted for it is printed on standard error.
    """
    content = given_text(text)
    vector = _vector(embedding_file)
    pairs = key_values(metadata or (), "--metadata")

    async def work(memory: "MemoryClient") -> "tuple[MemoryWrite, str]":
        stored = await memory.put(
            content,
            embedding=vector,
            memory_id=memory_id,
            labels=label or (),
            metadata=pairs,
            context=context,
            conversation_id=conversation,
            pinned=pinned,
            allow_replace=allow_replace,
        )
        evicted_count = 0 if session.as_json else len(stored.evicted_memory_ids)
        return stored, await eviction_line(memory, evicted_count)

    response, evicted = session.run(work)
    from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import PUT_RESULT_REFUSED, PutResult

    refused = response.result == PUT_RESULT_REFUSED
    if session.as_json:
        echo_document(message_dict(response.message), session.form)
    elif refused:
        echo(f"REFUSED, nothing was stored; revision {response.revision}")
        for line in refusal_lines(response.verdicts):
            echo(line, err=True)
    else:
        result = PutResult.Name(response.result).removeprefix("PUT_RESULT_")
        echo(f"{result} {response.memory.memory_id} revision {response.revision}")
    if evicted:
        echo(evicted, err=True)
    if refused:
        raise typer.Exit(1)


@with_session()
def query(
    text: Annotated[str, typer.Argument(help="Text of the query; - reads it from stdin.")] = "",
    *,
    embedding_file: EmbeddingFile = None,
    top_k: Annotated[
        int, typer.Option("--top-k", min=1, max=1_000, help="Maximum number of matches.")
    ] = 5,
    label: Labels = None,
    mode: Annotated[
        Literal["auto", "vector", "lexical", "hybrid"],
        typer.Option(
            "--mode", help="Search by meaning (vector), by words (lexical), or both (hybrid)."
        ),
    ] = "auto",
    min_score: Annotated[
        float | None, typer.Option("--min-score", min=-2, max=2, help="Minimum score of a match.")
    ] = None,
    conversation: Conversation = "",
    metadata: Metadata = None,
    source: Sources = None,
    after: After = None,
    before: Before = None,
    phase: Annotated[
        float | None,
        typer.Option("--phase", min=0, max=1, help="Phase from 0 to 1; search only near it."),
    ] = None,
    phase_tolerance: Annotated[
        float | None,
        typer.Option(
            "--phase-tolerance",
            min=0,
            max=1,
            help="Half width of the phase band; 0.15 by default, if --phase is set.",
        ),
    ] = None,
    full: Full = False,
    session: Session,
) -> None:
    """Print the best matches for a text, best first, with the matching words highlighted."""
    sought = given_text(text)
    vector, required = _vector(embedding_file), key_values(metadata or (), "--metadata")
    earliest, end = zoned(after, "--after"), zoned(before, "--before")
    response = session.run(
        lambda memory: memory.query(
            sought,
            embedding=vector,
            top_k=top_k,
            labels=label or (),
            mode=mode,
            min_score=min_score,
            conversation_id=conversation,
            metadata=required,
            sources=source or (),
            after=earliest,
            before=end,
            phase=phase,
            phase_tolerance=phase_tolerance,
        )
    )
    if session.form == "json":
        echo_document(message_dict(response.message))
    elif session.form == "jsonl":
        echo_all(map(message_dict, response.message.matches), "jsonl")
    else:
        _print_matches(response, "" if mode == "vector" else sought, full=full)


@with_session()
def state(
    *,
    session: Session,
) -> None:
    """Print the state of a space."""
    response = session.run(lambda memory: memory.state())
    found = message_dict(response.state)
    if session.as_json:
        echo_document(found, session.form)
        return
    echo_table(("NAME", "VALUE"), ((name, str(value)) for name, value in _flat(found)), full=True)


def _flat(value: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, item in value.items():
        if isinstance(item, dict):
            found += _flat(item, f"{prefix}{name}.")
        else:
            found.append((prefix + name, item))
    return found


def _print_matches(response: "QueryAnswer", sought: str, *, full: bool) -> None:
    from rich.console import Console
    from rich.text import Text

    if response.outside_phase_count:
        phase = response.message.phase
        echo(f"not searched, far from phase {phase:.2f}: {response.outside_phase_count}", err=True)
    if not response.matches:
        echo("no match", err=True)
        return
    console = Console(soft_wrap=True, highlight=False)
    for match in response.matches:
        memory = match.memory
        about = (memory.memory_id, *memory.labels)
        echo(f"{match.score:.3f}  resonance {match.resonance:.3f}  {'  '.join(about)}")
        text = printable(memory.text) if console.is_terminal else memory.text
        passage = Text(text) if full else matched_passage(text, sought)
        console.print(Text("  ").append_text(passage))


def _vector(file: Path | None) -> "Vector | None":
    """Return the vector in the file as a one-dimensional float32 array.

    Raises:
        InvalidInput: The file holds no vector.
    """
    if file is None:
        return None
    import numpy as np

    try:
        is_numpy = file.suffix == ".npy"
        values = (
            np.load(file, allow_pickle=False) if is_numpy else json.loads(file.read_text("utf-8"))
        )
        return np.asarray(values, np.float32)
    except (OSError, ValueError, TypeError) as error:
        raise InvalidInput.of("--embedding-file", f"holds no vector: {error}") from None
