"""Options, credentials and error reports common to all client commands."""

import functools
import inspect
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from mlsdm_grpc.cli.contexts import chosen_context
from mlsdm_grpc.cli.options import (
    TOKEN_FILE_VARIABLE,
    TOKEN_VARIABLE,
    AsJson,
    Ca,
    Cert,
    Form,
    Key,
    Output,
    Space,
    Target,
    TimeoutS,
    Tls,
    TokenFile,
)
from mlsdm_grpc.cli.output import echo
from mlsdm_grpc.cli.reporting import report
from mlsdm_grpc.errors import FieldViolation, InvalidInput, MlsdmError

if TYPE_CHECKING:
    import grpc

    from mlsdm_grpc.client import MemoryClient

__all__ = ["ALL_FORMS", "Session", "chosen_form", "with_session"]

ALL_FORMS: tuple[Form, ...] = ("table", "json", "jsonl")
"""Output forms of most commands."""

Result = TypeVar("Result")

# Shorter waits are not reported, seconds.
_LONG_WAIT_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Options of a client command: server, credentials and output form."""

    target: str | None
    token_file: Path | None
    timeout_s: float
    form: Form
    space: str = "default"
    tenant: str | None = None
    """Name of another tenant to act for."""
    tls: bool = False
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    in_context: bool = False
    """A context names the server, so that a token of the environment is not for it."""

    @property
    def as_json(self) -> bool:
        """True if the output is JSON, in one document or in lines."""
        return self.form != "table"

    def client(self, token: Callable[[], str] | None = None) -> "MemoryClient":
        """Return a client of the server, which reports long waits on standard error.

        Args:
            token: Function that returns the token of each call; None uses :meth:`token`.

        Raises:
            InvalidInput: A file cannot be read, or an option is not valid.
        """
        from mlsdm_grpc.client import MemoryClient

        return MemoryClient(
            self.target,
            token=token or self.token(),
            space=self.space,
            timeout_s=self.timeout_s,
            credentials=self.credentials(),
            on_wait=self.explain_wait,
            tenant=self.tenant,
        )

    def run(self, work: "Callable[[MemoryClient], Awaitable[Result]]") -> Result:
        """Return the result of ``work`` with a connected client.

        Raises:
            MlsdmError: A call failed, or an option is not valid.
        """
        import anyio

        async def main() -> Result:
            async with self.client() as memory:
                return await work(memory)

        return anyio.run(main)

    def explain_wait(self, error: MlsdmError, wait_s: float) -> None:
        """Print a long wait for the server with its reason, unless the output is JSON.

        Args:
            error: Error that causes the wait.
            wait_s: Duration of the wait, seconds.
        """
        if wait_s >= _LONG_WAIT_S and not self.as_json:
            echo(f"waiting {wait_s:.1f} s: {error.message}", err=True)

    def token(self) -> str | None:
        """Return the token in the file or, without a file, in the environment.

        Raises:
            InvalidInput: The file cannot be read or is empty.
        """
        if self.token_file is None:
            return None if self.in_context else os.environ.get(TOKEN_VARIABLE) or None
        try:
            token = self.token_file.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            kind = error.strerror if isinstance(error, OSError) else "it is not ASCII text"
            raise _bad_token(f"cannot be read: {kind}") from None
        if not token:
            raise _bad_token("is empty")
        return token

    def credentials(self) -> "grpc.ChannelCredentials | None":
        """Return the TLS credentials; None for a connection without TLS.

        Raises:
            InvalidInput: A file cannot be read.
        """
        if not (self.tls or self.ca or self.cert or self.key):
            return None
        from mlsdm_grpc.client.transport_credentials import tls_credentials

        return tls_credentials(self.ca, certificate=self.cert, key=self.key)


def chosen_form(output: Form | None, *, as_json: bool, forms: tuple[Form, ...] = ALL_FORMS) -> Form:
    """Return the selected output form; the first of ``forms`` if no option selects one.

    Raises:
        typer.BadParameter: The command does not support this form.
    """
    form = output or ("json" if as_json else forms[0])
    if form not in forms:
        raise typer.BadParameter(f"must be {' or '.join(forms)} here", param_hint="--output")
    return form


def with_session(
    *, timeout_s: float = 30.0, in_space: bool = True, forms: tuple[Form, ...] = ALL_FORMS
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that adds the session options to a command and reports its errors.

    In the command's signature the options replace the parameter ``session``. The exit code after an
    error is 1.

    Args:
        timeout_s: Default of ``--timeout``, seconds.
        in_space: Whether the command has the option ``--space``.
        forms: Output forms of the command, the default first.
    """
    fixed = set() if in_space else {"space"}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        options = [
            each.replace(default=timeout_s) if each.name == "timeout" else each
            for each in inspect.signature(_session).parameters.values()
            if each.name not in {"forms", *fixed}
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
            as_json = chosen["as_json"] or (chosen["output"] or forms[0]) != "table"
            try:
                command(session=_session(forms=forms, **chosen), **given)
            except MlsdmError as error:
                report(error, as_json=as_json)
                raise typer.Exit(1) from None

        # typer reads both the signature and the annotations.
        vars(run)["__signature__"] = signature.replace(parameters=parameters)
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        return run

    return decorate


def _session(
    *,
    target: Target = None,
    token_file: TokenFile = None,
    space: Space = None,
    timeout: TimeoutS = 30.0,
    output: Output = None,
    as_json: AsJson = False,
    tls: Tls = False,
    ca: Ca = None,
    cert: Cert = None,
    key: Key = None,
    forms: tuple[Form, ...] = ALL_FORMS,
) -> Session:
    form = chosen_form(output, as_json=as_json, forms=forms)
    context = chosen_context() if target is None else None
    if context is not None:
        target, tls = context.target, tls or context.tls
        space = space or context.space
        token_file = _given_token_file(token_file, as_json=form != "table") or _path(
            context.token_file
        )
        ca, cert, key = (
            ca or _path(context.ca),
            cert or _path(context.cert),
            key or _path(context.key),
        )
    return Session(
        target=target,
        token_file=token_file,
        timeout_s=timeout,
        form=form,
        space="default" if space is None else space,
        tls=tls,
        ca=ca,
        cert=cert,
        key=key,
        in_context=context is not None,
    )


def _given_token_file(token_file: Path | None, *, as_json: bool) -> Path | None:
    """Return the token file of the command line; a token belongs to its context.

    The token of the environment may be for another server, so it is not sent to that of a context.
    """
    of_environment = os.environ.get(TOKEN_FILE_VARIABLE)
    is_foreign = token_file is not None and str(token_file) == of_environment
    if (is_foreign or os.environ.get(TOKEN_VARIABLE)) and not as_json:
        name = TOKEN_FILE_VARIABLE if is_foreign else TOKEN_VARIABLE
        echo(
            f"warning: {name} is not sent to the server of a context; use --token-file, here or in"
            " `mlsdm context add`",
            err=True,
        )
    return None if is_foreign else token_file


def _path(given: str | None) -> Path | None:
    # Path.expanduser raises an error for a user without a home folder.
    return Path(os.path.expanduser(given)) if given else None  # noqa: PTH111


def _bad_token(problem: str) -> InvalidInput:
    return InvalidInput(
        "The token file is not valid.", violations=[FieldViolation("--token-file", problem)]
    )
