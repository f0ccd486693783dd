"""One run of ``mlsdm ingest``: warnings, progress and report."""

import mimetypes
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlsdm_grpc.cli.evictions import eviction_line
from mlsdm_grpc.cli.ingestion import Ingestion, PassageOptions
from mlsdm_grpc.cli.output import echo
from mlsdm_grpc.cli.progress_line import FileProgress, ProgressLine
from mlsdm_grpc.cli.session import Session
from mlsdm_grpc.cli.source_files import SourceFile, UnreadableFile
from mlsdm_grpc.cli.storing import Stored
from mlsdm_grpc.cli.text_formats import FORMATS
from mlsdm_grpc.errors import NotFound

if TYPE_CHECKING:
    from mlsdm_grpc.client import MemoryClient

__all__ = ["IngestRun"]

# Average length of a passage, as a share of the maximum length.
_MEAN_SHARE = 0.75


@dataclass
class IngestRun:
    """Files found by one command, with their results."""

    session: Session
    options: PassageOptions
    prune: bool = field(kw_only=True)
    files: list[SourceFile] = field(default_factory=list)
    skipped: list[tuple[str, UnreadableFile]] = field(default_factory=list)
    """Names of files that are not stored, with the reason."""
    stored: Stored = field(default_factory=Stored)

    def __post_init__(self) -> None:
        self._began_s = time.monotonic()
        self._ingestion: Ingestion | None = None
        self._warned = False

    @property
    def whole(self) -> bool:
        """True if the space holds all files with text, and at least one file was found."""
        faults = any(error.is_fault for _, error in self.skipped)
        return self.stored.whole and not faults and bool(self.files)

    def add(self, found: SourceFile | tuple[str, UnreadableFile]) -> None:
        """Add a result of :func:`find_files`."""
        if isinstance(found, SourceFile):
            self.files.append(found)
        else:
            self.skipped.append(found)

    async def store(self, memory: "MemoryClient") -> None:
        """Store all files.

        Raises:
            MlsdmError: The server cannot be reached, or refuses the whole stream.
        """
        if not self.files:
            return
        capacity, used = await _capacity(memory)
        done = FileProgress(len(self.files), sum(map(_weight, self.files)))
        progress = ProgressLine(done.describe, is_shown=not self.session.as_json)
        self._warn_if(self._estimate() > capacity - used, capacity, used)

        def finish(file: SourceFile) -> None:
            done.files_done += 1
            done.bytes_done += _weight(file)
            progress.update()

        def before(count: int) -> None:
            created = self.stored.results["CREATED"]
            needed = created + len(ingestion.places) + count
            self._warn_if(needed > capacity - used, capacity, used)

        ingestion = self._ingestion = Ingestion(
            memory,
            self.options,
            on_passages=before,
            on_file=finish,
            on_wait=self.session.explain_wait,
            patience_s=self.session.timeout_s,
            skipped=self.skipped,
        )
        memories = ingestion.memories(self.files, known=used > 0)
        try:
            async for outcome in memory.ingest(memories, patience_s=self.session.timeout_s):
                ingestion.settled(is_stored=self.stored.add(outcome, ingestion.place()))
                done.passages_done += 1
                progress.update()
        finally:
            progress.clear()
        if self.prune:
            await ingestion.prune()
        self.stored.eviction_line = await eviction_line(memory, len(self.stored.evicted))

    def report(self, *, interrupted: bool = False) -> None:
        """Print the result and the files that were skipped."""
        done = self._ingestion
        unchanged, empty = (done.unchanged, done.empty) if done else (0, 0)
        count = (done.files if done else 0) + unchanged + empty
        elapsed_s = time.monotonic() - self._began_s
        about: dict[str, object] = {
            "files": count,
            "unchanged": unchanged,
            "empty": empty,
            "seconds": round(elapsed_s, 3),
            "interrupted": interrupted,
            "pruned": done.pruned if done else 0,
            "skipped": [{"path": name, "reason": error.reason} for name, error in self.skipped],
        }
        notes = [f"{unchanged} unchanged"] if unchanged else []
        notes += [f"{empty} without text"] if empty else []
        inner = f" ({', '.join(notes)})" if notes else ""
        plural = "" if count == 1 else "s"
        line = f"{count} file{plural}{inner}: {{}} in {elapsed_s:.2f} s"
        self.stored.echo(about, line, self.session.form)
        if not self.session.as_json:
            self._explain(interrupted=interrupted)

    def _explain(self, *, interrupted: bool) -> None:
        for name, error in self.skipped:
            echo(f"skipped {name}: {error.reason}", err=True)
        done = self._ingestion
        if done and done.pruned:
            echo(f"{done.pruned} passages of earlier versions deleted")
        if done and (count := sum(map(len, done.stale.values()))):
            hint = (
                "their files were not stored completely" if self.prune else "--prune deletes them"
            )
            line = f"{count} passages of earlier versions of these files remain; {hint}"
            echo(line, err=True)
        if interrupted:
            line = (
                "stopped; to continue, run the command again: stored passages are not stored twice"
            )
            echo(line, err=True)
        elif not self.files and not self.skipped:
            echo("no files found", err=True)

    def _estimate(self) -> int:
        """Return the estimated number of passages of those files that are text by their names."""
        sizes = (each.size for each in self.files if _is_text_by_name(each.name))
        return int(sum(sizes) / (self.options.passage_chars * _MEAN_SHARE))

    def _warn_if(self, is_short: bool, capacity: int, used: int) -> None:  # noqa: FBT001 - a condition
        if not is_short or self._warned:
            return
        self._warned = True
        if not self.session.as_json:
            echo(
                f"warning: the space has room for {capacity - used} of {capacity} memories, and"
                " these files need more: the oldest memories will be evicted. Ctrl-C stops;"
                f" `mlsdm spaces set {self.session.space} capacity=N` makes room",
                err=True,
            )


def _weight(file: SourceFile) -> int:
    """Return the bytes of a file that must be read; 0 for a file without text, which is skipped."""
    is_read = file.path.suffix.lower() in FORMATS or _is_text_by_name(file.name)
    return file.size if is_read else 0


def _is_text_by_name(name: str) -> bool:
    kind, compression = mimetypes.guess_type(name)
    return compression is None and (kind or "text/plain").startswith("text/")


async def _capacity(memory: "MemoryClient") -> tuple[int, int]:
    """Return capacity and memory count of the space; a new space has the default capacity."""
    try:
        state = (await memory.state()).state.memory
    except NotFound:
        return (await memory.server_info()).limits.default_capacity, 0
    return state.capacity, state.used
