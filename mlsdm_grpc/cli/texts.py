"""Parsing of arguments: a text or standard input, KEY=VALUE pairs, JSON messages, and times."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

import typer

from mlsdm_grpc.errors import InvalidInput

if TYPE_CHECKING:
    from google.protobuf.message import Message

__all__ = ["given_text", "input_lines", "input_text", "key_values", "parsed", "zoned"]

MessageT = TypeVar("MessageT", bound="Message")


def given_text(text: str) -> str:
    """Return the argument, or standard input for ``-``.

    Raises:
        InvalidInput: Standard input is not UTF-8 text.
    """
    return input_text() if text == "-" else text


def input_text() -> str:
    """Return standard input.

    Raises:
        InvalidInput: Standard input is not UTF-8 text.
    """
    return "".join(input_lines())


def input_lines() -> Iterator[str]:
    """Yield the lines of standard input.

    Raises:
        InvalidInput: Standard input is not UTF-8 text; earlier lines may have been yielded already.
    """
    try:
        yield from typer.get_text_stream("stdin", encoding="utf-8", errors="strict")
    except UnicodeDecodeError:
        raise InvalidInput.of("standard input", "is not UTF-8 text") from None


def parsed(text: str, message: MessageT, *, ignore_unknown_fields: bool = False) -> MessageT:
    """Fill a message from the text of a JSON object, and return it.

    Args:
        text: Text of a JSON object.
        message: Message to fill.
        ignore_unknown_fields: Ignore fields that the message does not define.

    Raises:
        ValueError: The text is not a JSON object, or a field is wrong.
    """
    from google.protobuf.json_format import Parse, ParseError

    if not text.lstrip().startswith("{"):
        raise ValueError("must be a JSON object")
    try:
        return Parse(text, message, ignore_unknown_fields=ignore_unknown_fields)
    except (ParseError, RecursionError) as error:
        raise ValueError(str(error)) from None


def key_values(given: Iterable[str], name: str) -> dict[str, str]:
    """Return KEY=VALUE arguments as a mapping.

    Raises:
        typer.BadParameter: An argument is not KEY=VALUE.
    """
    pairs = {}
    for each in given:
        key, equals, value = each.partition("=")
        if not key or not equals:
            raise typer.BadParameter(f"{each!r} does not have the form KEY=VALUE", param_hint=name)
        pairs[key] = value
    return pairs


def zoned(moment: datetime | None, name: str) -> datetime | None:
    """Return the time of an option with a zone, the local one if it has none.

    Raises:
        typer.BadParameter: The zone of such a time is unknown.
    """
    try:
        return moment.astimezone() if moment else None
    except (OverflowError, ValueError, OSError):
        raise typer.BadParameter(
            "must be a time from year 1 to 9999 in UTC", param_hint=name
        ) from None
