"""``mlsdm generate``: an answer of the server's model, with memory."""

from typing import TYPE_CHECKING, Annotated

import typer

from mlsdm_grpc.cli.evictions import eviction_line
from mlsdm_grpc.cli.options import Conversation
from mlsdm_grpc.cli.session import Session, echo_json, message_dict, with_session
from mlsdm_grpc.cli.verdicts import in_shadow, verdict_line

if TYPE_CHECKING:
    from mlsdm_grpc._gen.mlsdm.v1.generation_service_pb2 import FinalEvent, StreamGenerateResponse
    from mlsdm_grpc.client import MemoryClient

__all__ = ["generate"]


@with_session()
def generate(
    prompt: Annotated[str, typer.Argument(help="Prompt; - reads it from stdin.")],
    *,
    top_k: Annotated[int, typer.Option("--top-k", min=0, help="Number of memories to recall.")] = 5,
    max_tokens: Annotated[
        int,
        typer.Option("--max-tokens", min=0, help="Maximum tokens; 0 uses the server's default."),
    ] = 0,
    model: Annotated[
        str, typer.Option("--model", help="Model; empty uses the server's default.")
    ] = "",
    remember: Annotated[
        bool, typer.Option("--remember/--forget", help="Store prompt and answer.")
    ] = True,
    conversation: Conversation = "",
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Print verdicts of rules in shadow mode too.")
    ] = False,
    session: Session,
) -> None:
    """Print the answer of the server's model, piece by piece, with recall from the space.

    The exit code is 1 if the prompt or the answer was refused. The number of memories evicted for
    the exchange is printed on standard error.
    """
    asked = typer.get_text_stream("stdin").read() if prompt == "-" else prompt
    printer = _Json() if session.as_json else _Words(verbose=verbose)

    async def work(memory: "MemoryClient") -> str:
        events = memory.stream_generate(
            asked,
            top_k=top_k,
            max_tokens=max_tokens,
            model=model,
            remember=remember,
            conversation_id=conversation,
        )
        evicted = 0
        async for event in events:
            printer.show(event)
            evicted += len(event.final.evicted_memory_ids)
        return await eviction_line(memory, 0 if session.as_json else evicted)

    if line := session.run(work):
        typer.echo(line, err=True)
    if printer.refused:
        raise typer.Exit(1)


class _Json:
    """Printer of events as lines of JSON."""

    def __init__(self) -> None:
        self.refused = False

    def show(self, event: "StreamGenerateResponse") -> None:
        echo_json(message_dict(event))
        self.refused |= event.HasField("final") and bool(_refused(event.final))


class _Words:
    """Printer of the answer, and of the verdicts on standard error."""

    def __init__(self, *, verbose: bool) -> None:
        self.refused = False
        self._verbose = verbose
        self._line_is_open = False

    def show(self, event: "StreamGenerateResponse") -> None:
        if event.HasField("token"):
            typer.echo(event.token.text, nl=False)
            self._line_is_open = not event.token.text.endswith("\n")
        elif event.HasField("verdict"):
            if self._verbose or not in_shadow(event.verdict):
                self._end_line()
                typer.echo(verdict_line(event.verdict), err=True)
        elif event.HasField("final"):
            self._end_line()
            self._tell_end(event.final)

    def _tell_end(self, final: "FinalEvent") -> None:
        if why := _refused(final):
            self.refused = True
            typer.echo(f"[no answer: {why}]", err=True)
        elif _is_incomplete(final):
            typer.echo("[the answer may be incomplete]", err=True)
        if final.HasField("remember_status"):
            typer.echo(f"[not remembered: {final.remember_status.message}]", err=True)

    def _end_line(self) -> None:
        if self._line_is_open:
            typer.echo()
            self._line_is_open = False


def _is_incomplete(final: "FinalEvent") -> bool:
    from mlsdm_grpc._gen.mlsdm.v1 import generation_service_pb2 as generation

    return final.finish_reason == generation.FINISH_REASON_INCOMPLETE


def _refused(final: "FinalEvent") -> str:
    """Return the refused part, or an empty string."""
    from mlsdm_grpc._gen.mlsdm.v1 import generation_service_pb2 as generation

    if final.finish_reason == generation.FINISH_REASON_PROMPT_REFUSED:
        return "the prompt was refused"
    if final.finish_reason == generation.FINISH_REASON_RESPONSE_REFUSED:
        return "what the model said was refused"
    return ""
