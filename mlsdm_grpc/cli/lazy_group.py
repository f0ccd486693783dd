"""A group of commands that imports and builds only the command that runs.

The option parser takes milliseconds to build a command, and there are dozens. The list of commands
needs their docstrings only.
"""

import importlib
from collections.abc import Mapping
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

__all__ = ["LazyGroup"]


class LazyGroup(TyperGroup):
    """Group whose commands are functions or applications of the package ``mlsdm_grpc.cli``."""

    places: ClassVar[Mapping[str, str]]
    """``module:name`` of each command, by the name of the command."""
    _lists = False

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands, in order of the help."""
        del ctx
        return list(self.places)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command; None if there is none of this name."""
        del ctx
        if cmd_name not in self.places:
            return None
        module, _, name = self.places[cmd_name].partition(":")
        found = getattr(importlib.import_module(f"mlsdm_grpc.cli.{module}"), name)
        if self._lists:
            text = found.info.help if isinstance(found, typer.Typer) else found.__doc__
            return TyperCommand(cmd_name, help=text)
        if not isinstance(found, typer.Typer):
            application = typer.Typer(add_completion=False, rich_markup_mode=None)
            application.command(cmd_name)(found)
            found = application
        return typer.main.get_command(found)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, with the commands as their docstrings describe them."""
        self._lists = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._lists = False
