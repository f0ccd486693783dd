"""Conversion of files to memories, which leaves out files that the server already holds.

Every memory has the metadata ``path``, ``part`` (such as 3/17) and ``digest`` (of text and
options). A repeated command compares them: it skips files that are stored completely and stores no
passage twice.
"""

import hashlib
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlsdm_grpc.cli.document_reader import DocumentReader, format_of
from mlsdm_grpc.cli.source_files import SourceFile, UnreadableFile
from mlsdm_grpc.errors import MlsdmError, NotFound

if TYPE_CHECKING:
    from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import Memory
    from mlsdm_grpc.client import MemoryClient

__all__ = ["Ingestion", "PassageOptions", "file_label"]

_MAX_LABEL_CHARS = 64
_PREFIX = "file:"
_DIGEST_CHARS = 10
_NOT_IN_LABELS = re.compile(r"[^A-Za-z0-9._/-]+")
# Limit of the contract for all metadata of a memory, minus the bytes of the other entries.
_MAX_PATH_BYTES = 3_900


@dataclass(frozen=True, slots=True, kw_only=True)
class PassageOptions:
    """Options that determine the passages of a file."""

    passage_chars: int
    context: bool
    labels: Sequence[str]
    encoding: str


@dataclass(slots=True)
class Ingestion:
    """Progress of the files that one command stores in a space."""

    memory: "MemoryClient"
    options: PassageOptions
    on_passages: Callable[[int], None]
    """Called with the number of passages of a file before they are sent."""
    on_file: Callable[[SourceFile], None]
    """Called when a file is finished."""
    on_wait: Callable[[MlsdmError, float], None]
    """Called before each wait for an unreachable server, with its error and the wait in seconds."""
    patience_s: float
    """Time for which calls to an unreachable server are retried, seconds."""
    unchanged: int = 0
    """Number of files that the space already held."""
    empty: int = 0
    """Number of files without text."""
    files: int = 0
    """Number of files whose passages were sent."""
    skipped: list[tuple[str, UnreadableFile]] = field(default_factory=list)
    """Names of files that cannot be read, with the reason."""
    stale: dict[str, list[str]] = field(default_factory=dict)
    """Ids of passages of earlier versions of the files, by file name."""
    pruned: int = 0
    """Number of passages of earlier versions that were deleted."""
    partial: set[str] = field(default_factory=set)
    """Names of files of which at least one passage was not stored."""
    places: deque[tuple[SourceFile, int, int]] = field(default_factory=deque)
    """File, part and number of parts of each sent memory whose outcome is not yet known."""

    async def memories(
        self, files: Sequence[SourceFile], *, known: bool
    ) -> "AsyncIterator[Memory]":
        """Yield the memories of files, except those of files that are stored completely.

        Args:
            files: Files to read.
            known: Whether the space may already hold passages of these files.
        """
        from mlsdm_grpc.client import new_memory, passage_context, split_passages

        options = self.options
        async with DocumentReader(encoding=options.encoding) as reader:
            for file in files:
                try:
                    kind = format_of(file)
                    if len(file.name.encode()) > _MAX_PATH_BYTES:
                        raise UnreadableFile(f"its path exceeds {_MAX_PATH_BYTES} bytes")
                    text = await reader.text(file, kind)
                except UnreadableFile as error:
                    self.skipped.append((file.name, error))
                    self.on_file(file)
                    continue
                passages = split_passages(text, max_chars=options.passage_chars)
                heading = passage_context(text) if options.context else ""
                digest = self._digest(text)
                label = file_label(file.name)
                is_stored = known and await self._is_stored(file, label, digest, len(passages))
                if not passages:
                    self.empty += 1
                elif is_stored:
                    self.unchanged += 1
                else:
                    self.files += 1
                    self.on_passages(len(passages))
                    for part, passage in enumerate(passages, 1):
                        self.places.append((file, part, len(passages)))
                        yield new_memory(
                            passage,
                            context=heading,
                            labels=[label, *options.labels],
                            metadata={
                                "path": file.name,
                                "part": f"{part}/{len(passages)}",
                                "digest": digest,
                            },
                        )
                    continue
                self.on_file(file)

    def place(self) -> str:
        """Return a name for the memory whose outcome comes next."""
        file, part, _ = self.places[0]
        return f"passage {part} of {file.name}"

    def settled(self, *, is_stored: bool) -> None:
        """Record the outcome of the next memory; call ``on_file`` after the last one of a file."""
        file, part, count = self.places.popleft()
        if not is_stored:
            self.partial.add(file.name)
        if part == count:
            self.on_file(file)

    async def prune(self) -> None:
        """Delete passages of earlier versions of those files that are stored completely."""
        for name in self.stale.keys() - self.partial:
            for each in self.stale.pop(name):
                # The passage may have been evicted in the meantime.
                with suppress(NotFound):
                    await self.memory.delete(each)
                    self.pruned += 1

    def _digest(self, text: str) -> str:
        """Return a short digest of the text and of the options that determine the passages."""
        about = f"{self.options.passage_chars} {self.options.context} "
        return hashlib.sha256(about.encode() + text.encode("utf-8", "replace")).hexdigest()[:16]

    async def _is_stored(self, file: SourceFile, label: str, digest: str, count: int) -> bool:
        """Return True if the space holds all passages; record passages of earlier versions."""
        parts, stale = set(), []
        for each in await self._found(file, label):
            known = each.metadata.get("digest", "")
            if known == digest:
                parts.add(each.metadata.get("part", ""))
            # Other commands stored the memories that have no digest.
            elif known:
                stale.append(each.memory_id)
        if stale:
            self.stale[file.name] = stale
        return len(parts) == count

    async def _found(self, file: SourceFile, label: str) -> "list[Memory]":
        """Return the stored memories of a file; retries while the server cannot be reached."""
        from mlsdm_grpc.client.retry import Retry

        retry = Retry(self.patience_s, self.on_wait)
        # An earlier call has succeeded, so an unreachable server counts as a temporary failure.
        retry.went_on()
        labels = [label, *self.options.labels]
        while True:
            try:
                found = self.memory.list(labels=labels, metadata={"path": file.name})
                return [each async for each in found]
            except NotFound:
                return []
            except MlsdmError as error:
                await retry.after(error)


def file_label(name: str) -> str:
    """Return ``file:NAME`` as a valid label; distinct names have distinct labels.

    A name that is too long or has characters outside of labels becomes its last characters,
    followed by a digest of the whole name.
    """
    label = f"{_PREFIX}{name}"
    if len(label) <= _MAX_LABEL_CHARS and not _NOT_IN_LABELS.search(name):
        return label
    digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:_DIGEST_CHARS]
    room = _MAX_LABEL_CHARS - len(_PREFIX) - len(digest) - 1
    return f"{_PREFIX}{_NOT_IN_LABELS.sub('_', name)[-room:]}-{digest}"
