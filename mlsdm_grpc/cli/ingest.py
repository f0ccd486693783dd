"""``mlsdm ingest``: stores files and folders as passages."""

import codecs
from pathlib import Path
from typing import Annotated

import typer

from mlsdm_grpc.cli.options import Labels
from mlsdm_grpc.cli.session import Session, with_session
from mlsdm_grpc.errors import MlsdmError

__all__ = ["ingest"]

# Maximum length, characters. At most 4 bytes each in UTF-8, they take at most 6,400 of the 8,192
# bytes of a text.
_MAX_PASSAGE_CHARS = 1_600
_INTERRUPTED = 130
_STDIN = "-"


@with_session(timeout_s=60.0)
def ingest(
    files: Annotated[
        list[str],
        typer.Argument(help="Files, folders, patterns such as 'docs/**/*.md', or - for stdin."),
    ],
    *,
    passage_chars: Annotated[
        int,
        typer.Option(
            "--passage-chars",
            min=50,
            max=_MAX_PASSAGE_CHARS,
            help="Maximum length of a passage, characters.",
        ),
    ] = 800,
    context: Annotated[
        bool,
        typer.Option(help="Also index each passage by the heading and first sentence of its file."),
    ] = True,
    label: Labels = None,
    ext: Annotated[
        list[str] | None,
        typer.Option(
            "--ext", help="Extensions of files taken from folders, e.g. md,txt; all by default."
        ),
    ] = None,
    gitignore: Annotated[
        bool, typer.Option(help="Skip files in folders that .gitignore files exclude.")
    ] = True,
    base: Annotated[
        Path | None,
        typer.Option(
            "--base",
            exists=True,
            file_okay=False,
            help="Folder to which stored paths are relative; by default the current one.",
        ),
    ] = None,
    encoding: Annotated[
        str, typer.Option("--encoding", help="Encoding of text files without a byte order mark.")
    ] = "utf-8",
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete passages of earlier versions of the files.")
    ] = False,
    session: Session,
) -> None:
    """Split files into passages and store each as a memory.

    A memory has the label file:PATH and the metadata path. Plain text, Markdown, HTML,
    reStructuredText, PDF and DOCX are read; a file that cannot be read is skipped and listed. The
    command may be repeated: what is stored is skipped. Exit code 1 if a file was not stored.
    """
    # These modules import asyncio, which `mlsdm --help` does not need.
    from mlsdm_grpc.cli.ingest_run import IngestRun
    from mlsdm_grpc.cli.ingestion import PassageOptions
    from mlsdm_grpc.cli.source_files import SourceFile, find_files

    extensions = {each.strip(" .").lower() for given in ext or () for each in given.split(",")}
    found = find_files(
        [each for each in files if each != _STDIN],
        base=base or Path(),
        extensions=extensions,
        gitignore=gitignore,
    )
    options = PassageOptions(
        passage_chars=passage_chars,
        context=context,
        labels=label or (),
        encoding=_encoding_name(encoding),
    )
    run = IngestRun(session, options, prune=prune)
    for each in found:
        run.add(each)
    if _STDIN in files:
        run.add(SourceFile(Path(_STDIN), "stdin", 0, is_named=True, is_stdin=True))
    try:
        session.run(run.store)
    except KeyboardInterrupt:
        run.report(interrupted=True)
        raise typer.Exit(_INTERRUPTED) from None
    except MlsdmError:
        if run.stored.results:
            run.report(interrupted=True)
        raise
    run.report()
    if not run.whole:
        raise typer.Exit(1)


def _encoding_name(given: str) -> str:
    """Return the canonical name of an encoding, for example utf-8 for UTF8."""
    try:
        "".encode(given)
        return codecs.lookup(given).name
    except (LookupError, ValueError):
        raise typer.BadParameter(
            "is not an encoding that Python knows", param_hint="--encoding"
        ) from None
