"""``mlsdm import``: stores memories from the output of ``mlsdm export``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlsdm_grpc.cli.session import Session, with_session
from mlsdm_grpc.cli.storing import store_all
from mlsdm_grpc.cli.texts import input_text, parsed
from mlsdm_grpc.errors import FieldViolation, InvalidInput

if TYPE_CHECKING:
    from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import Memory

__all__ = ["import_memories"]


@with_session(timeout_s=60.0)
def import_memories(
    file: Annotated[
        Path, typer.Argument(help="File of memories, one JSON object per line; - is stdin.")
    ],
    *,
    session: Session,
) -> None:
    """Store memories printed by `mlsdm export`, one by one; exit code 1 if any was not stored.

    Times, revisions, etags and policy versions are assigned again.
    """
    memories = _read(file)
    stored = session.run(
        lambda memory: store_all(
            memory,
            memories,
            place=_place,
            patience_s=session.timeout_s,
            is_shown=not session.as_json,
        )
    )
    stored.echo({}, "{}", session.form)
    if not stored.whole:
        raise typer.Exit(1)


def _place(number: int) -> str:
    return f"line {number}"


def _read(file: Path) -> "list[Memory]":
    """Return the memories of a file.

    Raises:
        InvalidInput: The file cannot be read, or a line is not a memory.
    """
    from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import Memory

    try:
        text = input_text() if str(file) == "-" else file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        kind = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise _invalid(str(file), str(kind)) from None
    if text.startswith("["):
        problem = (
            "is a JSON array; one JSON object per line is needed, as from `mlsdm export -o jsonl`"
        )
        raise _invalid(f"{file}, {_place(1)}", problem)
    memories: list[Memory] = []
    for line in text.removesuffix("\n").split("\n") if text else ():
        try:
            memory = parsed(line, Memory(), ignore_unknown_fields=True)
        except ValueError as error:
            raise _invalid(f"{file}, {_place(len(memories) + 1)}", str(error)) from None
        memories.append(memory)
    return memories


def _invalid(place: str, problem: str) -> InvalidInput:
    violation = FieldViolation(place, problem)
    return InvalidInput("The file contains no memories.", violations=[violation])
