"""``mlsdm ingest``: text files as passages."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlsdm_grpc.cli.options import Labels
from mlsdm_grpc.cli.session import Session, report, with_session
from mlsdm_grpc.cli.storing import store_all
from mlsdm_grpc.errors import FieldViolation, InvalidInput

if TYPE_CHECKING:
    from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import Memory

__all__ = ["file_label", "ingest"]

# Maximum number of characters of a passage; in UTF-8 it stays within 8,192 bytes.
_MAX_PASSAGE_CHARS = 1_600
_MAX_LABEL_CHARS = 64


@with_session(timeout_s=60.0)
def ingest(
    files: Annotated[list[Path], typer.Argument(help="Text files, UTF-8.")],
    *,
    passage_chars: Annotated[
        int,
        typer.Option(
            "--passage-chars", min=50, max=_MAX_PASSAGE_CHARS, help="Maximum length of a passage."
        ),
    ] = 800,
    context: Annotated[
        bool,
        typer.Option(help="Also index each passage under the file's heading and first sentence."),
    ] = True,
    label: Labels = None,
    session: Session,
) -> None:
    """Split text files into passages and store each as a memory with the label file:NAME.

    The number of memories evicted for them is printed on standard error.
    """
    texts = _read(files, session)
    memories = list(_memories(texts, label or [], passage_chars, context=context))
    began = time.perf_counter()
    stored = session.run(
        lambda memory: store_all(
            memory,
            memories,
            what="passages",
            place=lambda number: f"passage {number} ({memories[number - 1].labels[0]})",
            patience_s=session.timeout_s,
        )
    )
    elapsed_s = time.perf_counter() - began
    about: dict[str, object] = {"files": len(texts), "seconds": round(elapsed_s, 3)}
    line = f"{len(texts)} files: {{}} in {elapsed_s:.2f} s"
    stored.echo(about, line, as_json=session.as_json)
    if not stored.whole:
        raise typer.Exit(1)


def file_label(file: Path) -> str:
    """Return ``file:NAME`` as a valid label."""
    return f"file:{re.sub(r'[^A-Za-z0-9._-]', '_', file.name)}"[:_MAX_LABEL_CHARS]


def _read(files: list[Path], session: Session) -> dict[Path, str]:
    """Return the texts, or report all unreadable files and end the command."""
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
            yield new_memory(passage, context=heading, labels=[file_label(file), *labels])
