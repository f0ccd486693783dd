"""Forms of the output: tables for people, one JSON document, or one JSON object per line."""

import json
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import typer

from mlsdm_grpc.cli.options import Form

if TYPE_CHECKING:
    from google.protobuf.message import Message

__all__ = [
    "echo",
    "echo_all",
    "echo_document",
    "echo_json",
    "echo_table",
    "in_line",
    "json_text",
    "message_dict",
    "printable",
    "terminal_width",
]

_GAP = "  "
# Minimum width of the last column; in a narrower terminal the cell moves to a line of its own.
_LEAST_ROOM = 30
_WIDTH_WITHOUT_TERMINAL = 120
# Control characters of terminals, and characters that change the direction of text.
_CONTROLS = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
# Control characters that json.dumps does not escape.
_UNESCAPED = re.compile("[\x7f-\x9f]")


def echo(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Print a text; on a terminal, U+FFFD replaces control characters that the terminal would obey.

    Args:
        text: Text from any source, such as a memory or the name of a file.
        err: Print on standard error.
        nl: End with a line feed.
    """
    is_terminal = (sys.stderr if err else sys.stdout).isatty()
    typer.echo(printable(text) if is_terminal else text, err=err, nl=nl)


def printable(text: str) -> str:
    """Return a text with U+FFFD for control characters other than line feed and tab."""
    return _CONTROLS.sub("\ufffd", text.replace("\r\n", "\n"))


def json_text(value: Any, indent: int | None = None) -> str:
    """Return a value as JSON in which every control character is escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return _UNESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def echo_json(value: Any) -> None:
    """Print a value as one line of JSON on standard output."""
    typer.echo(json_text(value))


def echo_document(value: Any, form: Form = "json") -> None:
    """Print a value as a JSON document: indented on a terminal, in one line for jsonl."""
    indent = 2 if form == "json" and sys.stdout.isatty() else None
    typer.echo(json_text(value, indent))


def echo_all(values: Iterable[Any], form: Form) -> None:
    """Print values as one JSON array, or one value per line for jsonl."""
    if form == "json":
        echo_document(list(values))
        return
    for value in values:
        echo_json(value)


def echo_table(headers: Sequence[str], rows: Iterable[Sequence[str]], *, full: bool) -> None:
    """Print rows in columns; only the last cell is shortened to fit the terminal.

    Args:
        headers: Names of the columns; printed if there is at least one row.
        rows: Cells without line breaks.
        full: Do not shorten the last cell.
    """
    lines = [headers, *rows]
    if len(lines) == 1:
        return
    widths = [max(_width(line[column]) for line in lines) for column in range(len(headers) - 1)]
    room = terminal_width() - sum(widths) - len(_GAP) * len(widths)
    for line in lines:
        cells = (
            cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=False)
        )
        head, last = _GAP.join(cells), line[-1]
        if not widths:
            echo(last)
        elif full or _width(last) <= room:
            echo(f"{head}{_GAP}{last}".rstrip())
        elif room >= _LEAST_ROOM:
            echo(f"{head}{_GAP}{_shortened(last, room)}")
        else:
            echo(f"{head.rstrip()}\n{_GAP}{_shortened(last, terminal_width() - len(_GAP))}")


def in_line(text: str) -> str:
    """Return a text in one line, without control characters that a terminal would obey."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def terminal_width() -> int:
    """Return the width of the terminal in columns; 120 without a terminal."""
    return shutil.get_terminal_size((_WIDTH_WITHOUT_TERMINAL, 24)).columns


def message_dict(message: "Message") -> dict[str, Any]:
    """Return a message as a JSON-compatible dict with the field names of the contract."""
    from google.protobuf.json_format import MessageToDict

    found: dict[str, Any] = MessageToDict(message, preserving_proto_field_name=True)
    return found


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _shortened(text: str, room: int) -> str:
    if _width(text) <= room:
        return text
    shown = text[: room - 3]
    while _width(shown) > room - 3:
        shown = shown[:-1]
    return f"{shown}..."
