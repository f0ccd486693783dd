"""Contexts: named servers with their credentials, in a file of the user.

The values of a context are used together, and only if neither ``--target`` nor MLSDM_TARGET names a
server. So its credential never reaches another server. Flags override its other values.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from mlsdm_grpc.cli.context_file import CONTEXT_VARIABLE, contexts_file
from mlsdm_grpc.cli.output import json_text
from mlsdm_grpc.errors import InvalidInput

__all__ = ["Contexts", "ServerContext", "chosen_context", "load_contexts"]

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerContext:
    """Address of a server, with the space and credentials to use there."""

    target: str
    space: str | None = None
    token_file: str | None = None
    tls: bool = False
    ca: str | None = None
    cert: str | None = None
    key: str | None = None


@dataclass(slots=True)
class Contexts:
    """Content of the contexts file."""

    by_name: dict[str, ServerContext]
    current: str = ""
    """Name of the context that commands use; empty if none."""

    def get(self, name: str) -> ServerContext:
        """Return a context.

        Raises:
            InvalidInput: No context has this name.
        """
        if (found := self.by_name.get(name)) is None:
            known = ", ".join(self.by_name) or "none"
            raise InvalidInput.of(
                "context", f"must be one of those of `mlsdm context list`: {known}"
            )
        return found

    def add(self, name: str, context: ServerContext) -> None:
        """Add or replace a context; the first one becomes the current one.

        Raises:
            InvalidInput: The name is not valid.
        """
        if not _NAME.fullmatch(name):
            raise InvalidInput.of("context", f"must match {_NAME.pattern}")
        self.by_name[name] = context
        self.current = self.current or name

    def remove(self, name: str) -> None:
        """Remove a context.

        Raises:
            InvalidInput: No context has this name.
        """
        self.get(name)
        del self.by_name[name]
        if self.current == name:
            self.current = ""

    def save(self) -> None:
        """Write the file, readable by its user only.

        Raises:
            InvalidInput: The file cannot be written, or is not a regular one.
        """
        lines = [f"current = {json_text(self.current)}"]
        for name, context in self.by_name.items():
            lines += ["", f"[context.{json_text(name)}]"]
            given = {key: value for key, value in asdict(context).items() if value}
            lines += [f"{key} = {json_text(value)}" for key, value in given.items()]
        # If the path is a symbolic link, replace the file that it points to and keep the link.
        file = Path(os.path.realpath(contexts_file()))
        try:
            if file.exists() and not file.is_file():
                raise InvalidInput.of(str(file), "is not a regular file")
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            new = file.with_name(f"{file.name}.new")
            new.unlink(missing_ok=True)
            opened = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(opened, "w", encoding="utf-8") as written:
                written.write("\n".join(lines) + "\n")
            new.replace(file)
        except OSError as error:
            raise InvalidInput.of(str(file), f"cannot be written: {error.strerror}") from None
        except UnicodeEncodeError:
            raise InvalidInput.of(str(file), "cannot hold a path that is not UTF-8") from None


def load_contexts() -> Contexts:
    """Return the contexts of the file; no contexts if the file does not exist.

    Raises:
        InvalidInput: The file cannot be read, or is not valid.
    """
    file = contexts_file()
    try:
        content = tomllib.loads(file.read_text("utf-8"))
        found = {name: _context(given) for name, given in content.get("context", {}).items()}
        return Contexts(found, str(content.get("current", "")))
    except (FileNotFoundError, NotADirectoryError):
        return Contexts({})
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InvalidInput.of(str(file), f"is not a valid contexts file: {error}") from None


def chosen_context() -> ServerContext | None:
    """Return the context that MLSDM_CONTEXT or the contexts file selects; None if neither does.

    Raises:
        InvalidInput: The file is not valid, or no context has this name.
    """
    wanted = os.environ.get(CONTEXT_VARIABLE)
    # A command that needs no context must not fail because the file belongs to another user.
    if not wanted and not os.access(contexts_file(), os.R_OK):
        return None
    contexts = load_contexts()
    name = wanted or contexts.current
    return contexts.get(name) if name else None


def _context(given: Mapping[str, Any]) -> ServerContext:
    known = {each.name: bool if each.name == "tls" else str for each in fields(ServerContext)}
    for key, value in given.items():
        if not isinstance(value, known.get(key, ())):
            raise TypeError(f"the key {key} is unknown, or its value has a wrong type")
    return ServerContext(**given)
