"""``mlsdm mcp``: tools of the memory for agents that speak the Model Context Protocol."""

from typing import TYPE_CHECKING, Annotated

import typer

from mlsdm_grpc.cli.output import echo
from mlsdm_grpc.cli.session import Session, with_session
from mlsdm_grpc.errors import InvalidInput, PreconditionFailed

if TYPE_CHECKING:
    from mlsdm_grpc.config import Address

__all__ = ["mcp"]


@with_session(forms=("table",))
def mcp(
    *,
    http: Annotated[
        str | None,
        typer.Option("--http", help="Serve streamable HTTP on HOST:PORT instead of stdio."),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", help="Further name of this server; may be repeated."),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option("--allow-origin", help="Web page that may call it; may be repeated."),
    ] = None,
    session: Session,
) -> None:
    """Serve the tools remember, recall, forget and state over MCP, by default on stdio.

    Off loopback, and with --allow-host, every request needs a bearer token, which is the credential
    of its calls. Otherwise every local caller has the credential of this command.
    """
    address = _address(http)
    try:
        from mlsdm_grpc.integrations.mcp_tools import CallerCredential, memory_tools
    except ModuleNotFoundError as error:
        raise PreconditionFailed(
            f"MCP needs an extra: pip install 'mlsdm-grpc[mcp]' ({error.name} is missing).",
            reason="",
        ) from None
    # A name of another host means a proxy, behind which every caller arrives from loopback.
    is_public = address is not None and (not address.is_loopback or bool(allow_host))
    if is_public and (session.cert or session.key):
        raise InvalidInput.of(
            "--cert", "would speak for all callers; off loopback each has a token of its own"
        )
    caller = CallerCredential(None if is_public else session.token)

    async def run() -> None:
        async with session.client(token=caller.token) as memory:
            tools = memory_tools(memory, caller)
            if address is None:
                await tools.run_stdio_async()
                return
            from mlsdm_grpc.integrations.mcp_http import MCP_PATH, guarded_app, serve_http

            await serve_http(
                guarded_app(
                    tools,
                    address,
                    needs_token=is_public,
                    hosts=allow_host or (),
                    origins=allow_origin or (),
                ),
                address,
                on_listen=lambda opened: echo(f"MCP url=http://{opened}{MCP_PATH}"),
            )

    import anyio

    anyio.run(run)


def _address(http: str | None) -> "Address | None":
    if http is None:
        return None
    from mlsdm_grpc.config import parse_address

    try:
        return parse_address(http)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--http") from None
