"""Values of arguments: a text or standard input, and KEY=VALUE pairs."""

from collections.abc import Iterable

import typer

__all__ = ["given_text", "key_values"]


def given_text(text: str) -> str:
    """Return the argument, or standard input for ``-``."""
    return typer.get_text_stream("stdin").read() if text == "-" else text


def key_values(given: Iterable[str], name: str) -> dict[str, str]:
    """Return KEY=VALUE arguments as a mapping.

    Raises:
        typer.BadParameter: An argument has another form.
    """
    pairs = {}
    for each in given:
        key, equals, value = each.partition("=")
        if not key or not equals:
            raise typer.BadParameter(f"{each!r} is not KEY=VALUE", param_hint=name)
        pairs[key] = value
    return pairs
