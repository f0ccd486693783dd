"""``mlsdm export``: all memories of a space, one JSON object a line."""

from typing import TYPE_CHECKING, Annotated

import typer

from mlsdm_grpc.cli.options import Labels
from mlsdm_grpc.cli.output import echo_all, echo_json, message_dict
from mlsdm_grpc.cli.session import Session, with_session

if TYPE_CHECKING:
    from mlsdm_grpc.client import MemoryClient

__all__ = ["export"]


@with_session(timeout_s=60.0, forms=("jsonl", "json"))
def export(
    *,
    label: Labels = None,
    embeddings: Annotated[bool, typer.Option(help="Include the vectors.")] = False,
    session: Session,
) -> None:
    """Print all memories of a space, oldest first, one JSON object a line."""
    held = []

    async def print_all(memory: "MemoryClient") -> None:
        memories = memory.export(
            labels=label or (), include_embedding=embeddings, patience_s=session.timeout_s
        )
        async for each in memories:
            if session.form == "jsonl":
                echo_json(message_dict(each))
            else:
                held.append(message_dict(each))

    session.run(print_all)
    if session.form == "json":
        echo_all(held, "json")
