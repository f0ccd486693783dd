"""Execution of a client command, with error reports for people or as JSON."""

import functools
import inspect
import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from mlsdm_grpc.cli.options import (
    TOKEN_VARIABLE,
    AsJson,
    Ca,
    Cert,
    Key,
    Space,
    Target,
    TimeoutS,
    Tls,
    TokenFile,
)
from mlsdm_grpc.errors import ApiStatusError, FieldViolation, InvalidInput, MlsdmError

if TYPE_CHECKING:
    import grpc
    from google.protobuf.message import Message

    from mlsdm_grpc.client import MemoryClient

__all__ = ["Session", "describe", "echo_json", "message_dict", "report", "with_session"]

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Options of a client command: server and output."""

    target: str
    token_file: Path | None
    timeout_s: float
    as_json: bool
    space: str = "default"
    tenant: str | None = None
    """Another tenant to act in."""
    tls: bool = False
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    def run(self, work: "Callable[[MemoryClient], Awaitable[Result]]") -> Result:
        """Return the result of ``work`` with a connected client.

        Raises:
            typer.Exit: With code 1, after the error was reported on standard error.
        """
        import anyio

        from mlsdm_grpc.client import MemoryClient

        async def main(token: str | None) -> Result:
            async with MemoryClient(
                self.target,
                token=token,
                space=self.space,
                timeout_s=self.timeout_s,
                credentials=self.credentials(),
                tenant=self.tenant,
            ) as memory:
                return await work(memory)

        try:
            return anyio.run(main, self.token())
        except MlsdmError as error:
            report(error, as_json=self.as_json)
            raise typer.Exit(1) from None

    def token(self) -> str | None:
        """Return the token in the file or, without a file, in the environment.

        Raises:
            InvalidInput: The file cannot be read or is empty.
        """
        if self.token_file is None:
            return os.environ.get(TOKEN_VARIABLE) or None
        try:
            token = self.token_file.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            kind = error.strerror if isinstance(error, OSError) else "it is not ASCII text"
            raise _bad_token(f"cannot be read: {kind}") from None
        if not token:
            raise _bad_token("is empty")
        return token

    def credentials(self) -> "grpc.ChannelCredentials | None":
        """Return the credentials of TLS; None for plain text.

        Raises:
            InvalidInput: A file cannot be read.
        """
        if not (self.tls or self.ca or self.cert or self.key):
            return None
        from mlsdm_grpc.client.transport_credentials import tls_credentials

        return tls_credentials(self.ca, certificate=self.cert, key=self.key)


def with_session(
    *, timeout_s: float = 30.0, in_space: bool = True, only_json: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that gives a command the options of a session.

    In the signature of the command they take the place of its parameter ``session``.

    Args:
        timeout_s: Default of ``--timeout``, seconds.
        in_space: The command has the option ``--space``.
        only_json: It prints JSON always, and has no option ``--json``.
    """
    fixed = ({"as_json"} if only_json else set()) | (set() if in_space else {"space"})

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        options = [
            each.replace(default=timeout_s) if each.name == "timeout" else each
            for each in inspect.signature(_session).parameters.values()
            if each.name not in fixed
        ]
        signature = inspect.signature(command)
        parameters = [
            each
            for own in signature.parameters.values()
            for each in (options if own.name == "session" else [own])
        ]

        @functools.wraps(command)
        def run(**given: Any) -> None:
            chosen = {each.name: given.pop(each.name) for each in options}
            command(session=_session(**{"as_json": only_json} | chosen), **given)

        # typer reads both.
        vars(run)["__signature__"] = signature.replace(parameters=parameters)
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        return run

    return decorate


def _session(
    *,
    target: Target = "127.0.0.1:50051",
    token_file: TokenFile = None,
    space: Space = "default",
    timeout: TimeoutS = 30.0,
    as_json: AsJson = False,
    tls: Tls = False,
    ca: Ca = None,
    cert: Cert = None,
    key: Key = None,
) -> Session:
    return Session(
        target=target,
        token_file=token_file,
        timeout_s=timeout,
        as_json=as_json,
        space=space,
        tls=tls,
        ca=ca,
        cert=cert,
        key=key,
    )


def _bad_token(problem: str) -> InvalidInput:
    return InvalidInput(
        "The token file is not valid.", violations=[FieldViolation("--token-file", problem)]
    )


def echo_json(value: Any) -> None:
    """Print a value as one line of JSON on standard output."""
    typer.echo(json.dumps(value, ensure_ascii=False))


def message_dict(message: "Message") -> dict[str, Any]:
    """Return a message as JSON values, with the field names of the contract."""
    from google.protobuf.json_format import MessageToDict

    found: dict[str, Any] = MessageToDict(message, preserving_proto_field_name=True)
    return found


def describe(error: MlsdmError) -> dict[str, Any]:
    """Return all information of an error as JSON values."""
    from mlsdm_grpc.client import request_id_of
    from mlsdm_grpc.wire.status import CODE_NAMES, CODES

    code = error.code if isinstance(error, ApiStatusError) else CODES[type(error)]
    described: dict[str, Any] = {
        "code": CODE_NAMES[code],
        "reason": error.reason,
        "message": error.message,
        "metadata": error.metadata,
    }
    if isinstance(error, InvalidInput):
        described["violations"] = [
            {"field": each.field, "description": each.description} for each in error.violations
        ]
    if error.retry_after_s is not None:
        described["retry_after_s"] = error.retry_after_s
    if request_id := request_id_of(error):
        described["request_id"] = request_id
    return described


def report(error: MlsdmError, *, as_json: bool, local: bool = False) -> None:
    """Report an error on standard error; a local error has no status of a server."""
    described = describe(error)
    if as_json:
        typer.echo(json.dumps(described, ensure_ascii=False), err=True)
        return
    status = "" if local else f"{described['code']} {error.reason}".strip() + ": "
    typer.echo(f"{status}{error.message}", err=True)
    for violation in described.get("violations", ()):
        line = f"{violation['field']}: {violation['description']}"
        if line not in error.message:
            typer.echo(f"  {line}", err=True)
    for key, value in error.metadata.items():
        # The violations contain it.
        if key != "field":
            typer.echo(f"  {key}={value}", err=True)
    for note in getattr(error, "__notes__", ()):
        typer.echo(f"  {note}", err=True)
    if "request_id" in described:
        typer.echo(f"  request id: {described['request_id']}", err=True)
