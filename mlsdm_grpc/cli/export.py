"""``mlsdm export``: all memories of a space, one JSON object a line."""

from typing import TYPE_CHECKING, Annotated

import typer

from mlsdm_grpc.cli.options import Labels, Space, Target, TimeoutS, TokenFile
from mlsdm_grpc.cli.session import Session, echo_json, message_dict

if TYPE_CHECKING:
    from mlsdm_grpc.client import MemoryClient

__all__ = ["export"]


def export(
    *,
    label: Labels = None,
    embeddings: Annotated[bool, typer.Option(help="Include the vectors.")] = False,
    target: Target = "127.0.0.1:50051",
    token_file: TokenFile = None,
    space: Space = "default",
    timeout: TimeoutS = 60.0,
) -> None:
    """Print all memories of a space, oldest first, one JSON object a line."""
    session = Session(
        target=target, token_file=token_file, timeout_s=timeout, as_json=True, space=space
    )

    async def print_all(memory: "MemoryClient") -> None:
        memories = memory.export(
            labels=label or (), include_embedding=embeddings, patience_s=timeout
        )
        async for each in memories:
            echo_json(message_dict(each))

    session.run(print_all)
