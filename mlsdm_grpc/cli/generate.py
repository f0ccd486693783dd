"""``mlsdm generate``: an answer of the server's model, with memory."""

from typing import TYPE_CHECKING, Annotated

import typer

from mlsdm_grpc.cli.options import AsJson, Space, Target, TimeoutS, TokenFile
from mlsdm_grpc.cli.session import Session, echo_json, message_dict

if TYPE_CHECKING:
    from mlsdm_grpc.client import MemoryClient

__all__ = ["generate"]


def generate(
    prompt: Annotated[str, typer.Argument(help="What to answer; - reads it from stdin.")],
    *,
    top_k: Annotated[int, typer.Option("--top-k", min=0, help="Memories to recall.")] = 5,
    max_tokens: Annotated[int, typer.Option("--max-tokens", min=0, help="0 is the default.")] = 0,
    model: Annotated[str, typer.Option("--model", help="One that the server offers.")] = "",
    remember: Annotated[
        bool, typer.Option("--remember/--forget", help="Remember prompt and answer.")
    ] = True,
    space: Space = "default",
    target: Target = "127.0.0.1:50051",
    token_file: TokenFile = None,
    timeout: TimeoutS = 30.0,
    as_json: AsJson = False,
) -> None:
    """Let the server's model answer, piece by piece, with what the space remembers."""
    session = Session(
        target=target, token_file=token_file, timeout_s=timeout, as_json=as_json, space=space
    )
    asked = typer.get_text_stream("stdin").read() if prompt == "-" else prompt

    async def work(memory: "MemoryClient") -> None:
        events = memory.stream_generate(
            asked, top_k=top_k, max_tokens=max_tokens, model=model, remember=remember
        )
        async for event in events:
            if as_json:
                echo_json(message_dict(event))
            elif event.HasField("token"):
                typer.echo(event.token.text, nl=False)
            elif event.HasField("verdict"):
                typer.echo(f"[{event.verdict.rule_id} did not allow something]", err=True)
            elif event.HasField("final"):
                typer.echo()
                if event.final.HasField("remember_status"):
                    why = event.final.remember_status.message
                    typer.echo(f"[not remembered: {why}]", err=True)

    session.run(work)
