"""A repeated ``mlsdm ingest``: which memories it deletes, and which errors it survives."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import Memory
from mlsdm_grpc.cli.ingestion import Ingestion, PassageOptions
from mlsdm_grpc.cli.source_files import SourceFile
from mlsdm_grpc.errors import MlsdmError, NotFound, Unavailable

pytestmark = pytest.mark.anyio

OPTIONS = PassageOptions(passage_chars=100, context=False, labels=(), encoding="utf-8")


class Space:
    """Memories of a space, as the client gives them."""

    def __init__(self, *memories: Memory, failures: int = 0) -> None:
        self.memories = {each.memory_id: each for each in memories}
        self.failures = failures
        self.gone: set[str] = set()

    async def list(self, *, labels: list[str], metadata: dict[str, str]) -> AsyncIterator[Memory]:
        assert labels
        if self.failures:
            self.failures -= 1
            raise Unavailable("The connection broke.", reason="")
        for each in self.memories.values():
            if each.metadata.get("path") == metadata["path"]:
                yield each

    async def delete(self, memory_id: str) -> None:
        if memory_id in self.gone:
            raise NotFound("It was evicted.", reason="MEMORY_NOT_FOUND")
        del self.memories[memory_id]


def memory(name: str, path: str, **metadata: str) -> Memory:
    return Memory(memory_id=name, metadata={"path": path, **metadata})


def ingestion(space: Space, waits: list[float] | None = None) -> Ingestion:
    def wait(error: MlsdmError, wait_s: float) -> None:
        assert isinstance(error, Unavailable)
        (waits if waits is not None else []).append(wait_s)

    return Ingestion(
        space,  # type: ignore[arg-type]
        OPTIONS,
        on_passages=lambda _: None,
        on_file=lambda _: None,
        on_wait=wait,
        patience_s=5.0,
    )


@pytest.fixture
def files(tmp_path):
    found = []
    for name, text in (("full", "New text."), ("refused", "A bad text."), ("empty", "")):
        file = tmp_path / name
        file.write_text(text)
        found.append(SourceFile(file, name, len(text), is_named=True))
    return found


async def sent(run: Ingestion, files, *, refused: str = "") -> None:
    async for each in run.memories(files, known=True):
        run.settled(is_stored=each.metadata["path"] != refused)


async def test_only_replaced_passages_of_files_that_are_stored_whole_are_deleted(files):
    space = Space(
        memory("a", "full", digest="old", part="1/1"),
        memory("b", "full", digest="old", part="1/2"),
        memory("by-hand", "full"),
        memory("c", "refused", digest="old", part="1/1"),
        memory("d", "empty", digest="old", part="1/1"),
        memory("other", "elsewhere", digest="old", part="1/1"),
    )
    space.gone = {"b"}
    run = ingestion(space)
    await sent(run, files, refused="refused")
    assert run.stale == {"full": ["a", "b"], "refused": ["c"], "empty": ["d"]}
    await run.prune()
    assert space.memories.keys() == {"b", "by-hand", "c", "other"}
    assert run.pruned == 2
    assert run.stale == {"refused": ["c"]}


async def test_a_restart_of_the_server_is_survived_while_files_are_compared(files):
    waits: list[float] = []
    run = ingestion(Space(failures=2), waits)
    await sent(run, files)
    assert (run.files, run.empty, len(waits)) == (2, 1, 2)
