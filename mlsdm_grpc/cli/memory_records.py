"""``mlsdm get | list | update | delete``: reads and changes of stored memories."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from mlsdm_grpc.cli.options import (
    After,
    Before,
    Conversation,
    Full,
    Labels,
    Metadata,
    Sources,
)
from mlsdm_grpc.cli.output import echo, echo_all, echo_document, echo_table, in_line, message_dict
from mlsdm_grpc.cli.session import Session, with_session
from mlsdm_grpc.cli.texts import key_values, zoned
from mlsdm_grpc.errors import NotFound

if TYPE_CHECKING:
    from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import Memory
    from mlsdm_grpc.client import MemoryClient

__all__ = ["delete", "get", "list_memories", "update"]

Ids = Annotated[list[str], typer.Argument(help="Ids of memories.", metavar="ID...")]
Id = Annotated[str, typer.Argument(help="Id of the memory.", metavar="ID")]
Etag = Annotated[str, typer.Option("--etag", help="Etag that the memory must have.")]


@with_session()
def get(
    ids: Ids,
    *,
    embedding: Annotated[bool, typer.Option("--embedding", help="Include the vectors.")] = False,
    session: Session,
) -> None:
    """Print memories with all their fields; exit code 1 if one does not exist."""

    async def work(memory: "MemoryClient") -> "list[Memory]":
        return [(await memory.get(each, include_embedding=embedding)).memory for each in ids]

    found = session.run(work)
    if session.as_json:
        values = [message_dict(each) for each in found]
        if session.form == "json" and len(values) == 1:
            echo_document(values[0])
        else:
            echo_all(values, session.form)
        return
    for number, each in enumerate(found):
        if number:
            echo()
        _print_memory(each)


@with_session()
def list_memories(
    *,
    label: Labels = None,
    metadata: Metadata = None,
    conversation: Conversation = "",
    source: Sources = None,
    after: After = None,
    before: Before = None,
    limit: Annotated[
        int, typer.Option("--limit", min=0, help="Maximum number of memories; 0 prints all.")
    ] = 100,
    full: Full = False,
    session: Session,
) -> None:
    """Print the memories of a space, oldest first."""
    earliest, end = zoned(after, "--after"), zoned(before, "--before")

    async def work(memory: "MemoryClient") -> "tuple[list[Memory], bool]":
        found: list[Memory] = []
        memories = memory.list(
            labels=label or (),
            metadata=key_values(metadata or (), "--metadata"),
            conversation_id=conversation,
            sources=source or (),
            after=earliest,
            before=end,
            page_size=min(limit + 1, 1_000) if limit else 0,
        )
        async for each in memories:
            if limit and len(found) == limit:
                return found, True
            found.append(each)
        return found, False

    found, more = session.run(work)
    if session.as_json:
        echo_all(map(message_dict, found), session.form)
    else:
        rows = (
            (
                each.memory_id,
                each.create_time.ToJsonString()[:19],
                ",".join(each.labels) or "-",
                each.text if full else in_line(each.text),
            )
            for each in found
        )
        echo_table(("ID", "CREATED", "LABELS", "TEXT"), rows, full=full)
    if not found:
        echo("no memory", err=True)
    if more:
        echo(f"there are more than {limit}; --limit 0 prints all", err=True)


@with_session()
def update(
    memory_id: Id,
    *,
    add_label: Annotated[
        list[str] | None, typer.Option("--add-label", help="Label to add; may be repeated.")
    ] = None,
    remove_label: Annotated[
        list[str] | None, typer.Option("--remove-label", help="Label to remove; may be repeated.")
    ] = None,
    pinned: Annotated[
        bool | None,
        typer.Option(
            "--pin/--unpin", help="Protect the memory from eviction, or end the protection."
        ),
    ] = None,
    expire_time: Annotated[
        datetime | None,
        typer.Option("--expire-time", help="Expiry time, local or with a time zone."),
    ] = None,
    never_expire: Annotated[
        bool, typer.Option("--never-expire", help="Remove the expiry time.")
    ] = False,
    etag: Etag = "",
    session: Session,
) -> None:
    """Change labels, pin or expiry of a memory; everything else of it never changes."""
    changes = (add_label, remove_label, expire_time, never_expire or None)
    if pinned is None and not any(changes):
        raise typer.BadParameter(
            "give --add-label, --remove-label, --pin, --unpin, --expire-time or --never-expire"
        )
    expires = zoned(expire_time, "--expire-time")
    response = session.run(
        lambda memory: memory.update(
            memory_id,
            add_labels=add_label or (),
            remove_labels=remove_label or (),
            pinned=pinned,
            expire_time=expires,
            clear_expire_time=never_expire,
            etag=etag,
        )
    )
    if session.as_json:
        echo_document(message_dict(response), session.form)
    else:
        echo(f"UPDATED {memory_id} revision {response.revision}")


@with_session()
def delete(
    ids: Ids,
    *,
    etag: Etag = "",
    missing_ok: Annotated[
        bool, typer.Option("--missing-ok", help="Do not fail if a memory does not exist.")
    ] = False,
    session: Session,
) -> None:
    """Delete memories; exit code 1 if one does not exist.

    The memories before a failed one are deleted.
    """
    if etag and len(ids) > 1:
        raise typer.BadParameter("can be used with one id only", param_hint="--etag")

    deleted: dict[str, int | None] = {}

    async def work(memory: "MemoryClient") -> None:
        for each in ids:
            try:
                deleted[each] = (await memory.delete(each, etag=etag)).revision
            except NotFound as error:
                if not missing_ok or error.reason != "MEMORY_NOT_FOUND":
                    raise
                deleted.setdefault(each, None)

    try:
        session.run(work)
    finally:
        _print_deleted(deleted, session)


def _print_deleted(deleted: dict[str, int | None], session: Session) -> None:
    """Print the revision of each deletion; a revision of None means that no such memory existed."""
    if session.as_json:
        values = ({"memory_id": each, "revision": revision} for each, revision in deleted.items())
        echo_all(values, session.form)
        return
    for each, revision in deleted.items():
        echo(f"MISSING {each}" if revision is None else f"DELETED {each} revision {revision}")


def _print_memory(memory: "Memory") -> None:
    shown = message_dict(memory)
    text = shown.pop("text", "")
    embedding = shown.pop("embedding", None)
    rows = [(name, _cell(value)) for name, value in shown.items()]
    if embedding:
        rows.append(("embedding", _cell(embedding)))
    echo_table(("FIELD", "VALUE"), rows, full=True)
    if text:
        echo(f"\n{text}")


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={each}" for key, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
