"""``mlsdm generate``: answers of the server's model with recall; one answer or a conversation."""

import sys
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlsdm_grpc.cli.evictions import eviction_line
from mlsdm_grpc.cli.options import Conversation
from mlsdm_grpc.cli.output import echo, echo_document, echo_json, message_dict
from mlsdm_grpc.cli.reporting import report
from mlsdm_grpc.cli.session import Session, with_session
from mlsdm_grpc.cli.texts import given_text, input_lines
from mlsdm_grpc.cli.verdicts import in_shadow, verdict_line
from mlsdm_grpc.errors import MlsdmError

if TYPE_CHECKING:
    from mlsdm_grpc._gen.mlsdm.v1.generation_service_pb2 import FinalEvent, StreamGenerateResponse
    from mlsdm_grpc.client import MemoryClient

__all__ = ["generate"]

_ECHO = "echo"
_ECHO_NOTE = (
    "[the provider echo is not a language model: it repeats recalled memories; see docs/llm.md]"
)


@with_session()
def generate(
    prompt: Annotated[
        str | None,
        typer.Argument(help="Prompt; - reads it from stdin. Without one, each line of stdin."),
    ] = None,
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
        bool, typer.Option("--verbose", help="Also print verdicts of rules in shadow mode.")
    ] = False,
    session: Session,
) -> None:
    """Print the answer of the server's model, piece by piece, with recall from the space.

    Without a prompt it is a conversation: each line of standard input is a prompt, to the end of
    the input (Ctrl-D). Verdicts and notes go to standard error, after the answer. The exit code is
    1 if a prompt or answer was refused.
    """
    limits = {"top_k": top_k, "max_tokens": max_tokens, "model": model, "remember": remember}
    if prompt is not None:
        limits["conversation_id"] = conversation
        refused = _answer(session, given_text(prompt), limits, verbose=verbose)
    elif session.form == "json":
        raise typer.BadParameter(
            "must be table or jsonl if prompts are read from stdin", param_hint="--output"
        )
    else:
        limits["conversation_id"] = conversation or f"chat-{uuid.uuid4().hex[:12]}"
        note = f"conversation {limits['conversation_id']}; continue it with --conversation"
        if not session.as_json:
            echo(note, err=True)
        refused = False
        for line in _lines():
            try:
                refused |= _answer(session, line, limits, verbose=verbose)
            except MlsdmError as error:
                if not _is_chat():
                    raise
                report(error, as_json=session.as_json)
    if refused:
        raise typer.Exit(1)


def _is_chat() -> bool:
    """Return True if a person types the prompts: such a conversation continues after an error."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _lines() -> Iterator[str]:
    """Yield the lines of standard input that are not blank; a terminal shows a prompt."""
    if _is_chat():
        # The import of readline gives input() line editing and history.
        import readline  # noqa: F401

        while True:
            try:
                line = input("> ")
            except EOFError:
                echo()
                return
            if line.strip():
                yield line
    for line in input_lines():
        if line.strip():
            yield line.rstrip("\n")


def _answer(session: Session, prompt: str, limits: dict[str, Any], *, verbose: bool) -> bool:
    """Print one answer; return True if the prompt or the answer was refused."""
    if session.form == "json":
        response = session.run(lambda memory: memory.generate(prompt, **limits))
        echo_document(message_dict(response))
        return bool(_refused(response.finish_reason))
    printer = _Json() if session.as_json else _Words(verbose=verbose)

    async def work(memory: "MemoryClient") -> str:
        evicted = 0
        try:
            async for event in memory.stream_generate(prompt, **limits):
                printer.show(event)
                evicted += len(event.final.evicted_memory_ids)
        finally:
            printer.end()
        return await eviction_line(memory, 0 if session.as_json else evicted)

    if line := session.run(work):
        echo(line, err=True)
    return printer.refused


class _Json:
    """Printer of events as lines of JSON."""

    def __init__(self) -> None:
        self.refused = False

    def show(self, event: "StreamGenerateResponse") -> None:
        echo_json(message_dict(event))
        self.refused |= event.HasField("final") and bool(_refused(event.final.finish_reason))

    def end(self) -> None:
        """Do nothing, because each event is already a complete line."""


class _Words:
    """Printer of the answer, followed by verdicts and notes on standard error."""

    def __init__(self, *, verbose: bool) -> None:
        self.refused = False
        self._verbose = verbose
        self._line_is_open = False
        self._notes: list[str] = []

    def show(self, event: "StreamGenerateResponse") -> None:
        if event.HasField("token"):
            echo(event.token.text, nl=False)
            self._line_is_open = not event.token.text.endswith("\n")
        elif event.HasField("verdict"):
            if self._verbose or not in_shadow(event.verdict):
                self._notes.append(verdict_line(event.verdict))
        elif event.HasField("usage"):
            if event.usage.provider == _ECHO:
                self._notes.append(_ECHO_NOTE)
        elif event.HasField("final"):
            self._tell_end(event.final)

    def end(self) -> None:
        """End the line of the answer and print the notes."""
        if self._line_is_open:
            echo()
        for note in self._notes:
            echo(note, err=True)

    def _tell_end(self, final: "FinalEvent") -> None:
        if why := _refused(final.finish_reason):
            self.refused = True
            self._notes.append(f"[no answer: {why}]")
        elif _is_incomplete(final):
            self._notes.append("[the answer may be incomplete]")
        if final.HasField("remember_status"):
            self._notes.append(f"[not remembered: {final.remember_status.message}]")


def _is_incomplete(final: "FinalEvent") -> bool:
    from mlsdm_grpc._gen.mlsdm.v1 import generation_service_pb2 as generation

    return final.finish_reason == generation.FINISH_REASON_INCOMPLETE


def _refused(reason: int) -> str:
    """Return a note that says whether prompt or answer was refused; empty if neither was."""
    from mlsdm_grpc._gen.mlsdm.v1 import generation_service_pb2 as generation

    if reason == generation.FINISH_REASON_PROMPT_REFUSED:
        return "the prompt was refused"
    if reason == generation.FINISH_REASON_RESPONSE_REFUSED:
        return "the answer of the model was refused"
    return ""
