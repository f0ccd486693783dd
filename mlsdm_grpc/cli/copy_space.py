"""``mlsdm copy``: copies the memories of a space into a new one and embeds their texts again."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from mlsdm_grpc.cli.session import Session, with_session
from mlsdm_grpc.cli.storing import Stored, store_all

if TYPE_CHECKING:
    from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import Memory
    from mlsdm_grpc.client import MemoryClient

__all__ = ["copy_space"]


@with_session(timeout_s=60.0)
def copy_space(
    new: Annotated[str, typer.Argument(help="Name of the new space.")],
    *,
    embedder: Annotated[
        str, typer.Option("--embedder", help="Embedder that the server must have.")
    ] = "",
    session: Session,
) -> None:
    """Copy the memories of a space into a new space, which gets the server's embedder.

    The new space has the same capacity; its other settings are the defaults. The embedder
    of a space is fixed, so this is the way to another one: restart the server with
    `space.embedder` changed, then copy. Texts that a server embedded are embedded again; vectors
    of callers are copied. The exit code is 1 if a memory was not stored. Times, revisions, etags
    and policy versions are assigned again.
    """
    from mlsdm_grpc.llm.embedders import embedder_info

    info = embedder_info(embedder)
    model = info.model_id if info is not None else embedder

    async def read(memory: "MemoryClient") -> "list[Memory]":
        capacity = (await memory.get_space()).space.config.capacity
        memories = [
            _bare(each)
            async for each in memory.export(include_embedding=True, patience_s=session.timeout_s)
        ]
        await memory.create_space(new, capacity=capacity, embedder_model=model or None)
        return memories

    memories = session.run(read)

    async def write(memory: "MemoryClient") -> Stored:
        return await store_all(
            memory,
            memories,
            place=lambda number: memories[number - 1].memory_id,
            patience_s=session.timeout_s,
            is_shown=not session.as_json,
        )

    stored = replace(session, space=new).run(write)
    stored.echo({"space": new}, f"{new}: {{}}", session.form)
    if not stored.whole:
        raise typer.Exit(1)


def _bare(memory: "Memory") -> "Memory":
    """Return a memory, without its vector if the server can compute the vector from the text."""
    if memory.embedding_model and memory.text:
        memory.ClearField("embedding")
        memory.ClearField("embedding_model")
    return memory
