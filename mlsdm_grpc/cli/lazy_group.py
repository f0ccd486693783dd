"""Group of commands that imports and builds only the command that runs.

Building one of the dozens of commands takes milliseconds. The list of commands needs only their
docstrings.
"""

import importlib
from collections.abc import Mapping
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

__all__ = ["LazyGroup"]


class LazyGroup(TyperGroup):
    """Group whose commands are functions or typer applications of ``mlsdm_grpc.cli``."""

    places: ClassVar[Mapping[str, str]]
    """``module:name`` of the implementation of each command, by command name."""
    _lists = False

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands, in the order of the help."""
        del ctx
        return list(self.places)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command; None if the group has no command with this name."""
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
        """Write the help of the group, with the docstring of each command."""
        self._lists = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._lists = False
