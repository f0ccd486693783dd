"""``mlsdm config-reference``: reference of all settings, as Markdown or as a TOML sample.

The text comes from the models of the settings. A test compares ``docs/configuration.md`` and
``deploy/config.toml`` with the output of this command.
"""

import json
import textwrap
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, get_args, get_origin

import typer

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

__all__ = ["config_reference", "markdown", "toml"]

# Descriptions of defaults that depend on the machine; other defaults are printed as values.
_COMPUTED = {"engine.workers": "the number of cores minus one, at least 1"}
_LIMITS = {"gt": "> {}", "ge": ">= {}", "lt": "< {}", "le": "<= {}", "pattern": "`{}`"}
_WIDTH = 96

_INTRO = """\
# Settings

Sources, by increasing precedence: the defaults below, the TOML file of `--config` (one table a
section), environment variables named `MLSDM_SECTION__FIELD`, and the flags of `mlsdm serve`. In the
environment a list is JSON: `MLSDM_LLM__PROVIDERS='["openai", "echo"]'`. All faults are reported
together. `mlsdm check` tests the settings on this machine without starting a server.

This page is the output of `mlsdm config-reference`.
"""

_SAMPLE_INTRO = """\
# All settings of mlsdm-grpc with their defaults, as printed by `mlsdm config-reference --format
# toml`. Remove the # before a setting to change it; start with `mlsdm serve --config FILE`.
"""


class _Setting(NamedTuple):
    section: str
    name: str
    kind: str
    default: str
    """Default in TOML; empty if there is none or if it depends on the machine."""
    note: str
    """Text to print if there is no default in TOML."""
    limits: str
    description: str


def config_reference(
    form: Annotated[
        Literal["markdown", "toml"],
        typer.Option("--format", help="A Markdown page, or a sample TOML file."),
    ] = "markdown",
) -> None:
    """Print every setting with type, default, limits and meaning."""
    typer.echo(markdown() if form == "markdown" else toml(), nl=False)


def markdown() -> str:
    """Return the reference as a page of Markdown."""
    lines = [_INTRO]
    for section, summary, settings in _sections():
        lines += [f"## `[{section}]`", "", summary, ""]
        lines += ["| setting | type | default | limits | meaning |", "|---|---|---|---|---|"]
        for each in settings:
            default = f"`{each.default}`" if each.default else each.note
            limits = each.limits.replace("|", "\\|")
            lines.append(
                f"| `{each.name}` | {each.kind} | {default} | {limits} | {each.description} |"
            )
        lines += [
            "",
            f"In the environment: `MLSDM_{section.upper().replace('.', '__')}__<SETTING>`.",
            "",
        ]
    return "\n".join(lines).rstrip() + "\n"


def toml() -> str:
    """Return a sample file: every setting with its default, commented out."""
    lines = [_SAMPLE_INTRO]
    for section, summary, settings in _sections():
        lines += [f"# {summary}", f"[{section}]"]
        for each in settings:
            lines += textwrap.wrap(
                each.description, _WIDTH, initial_indent="# ", subsequent_indent="# "
            )
            if each.default:
                lines.append(f"# {each.name} = {each.default}")
            else:
                lines.append(f"# {each.name} =  # default: {each.note}")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _sections() -> Iterator[tuple[str, str, list[_Setting]]]:
    from mlsdm_grpc.config import Settings

    for section, info in Settings.model_fields.items():
        if (model := _table(info)) is not None:
            yield from _tables(section, model)


def _tables(path: str, model: "type[BaseModel]") -> Iterator[tuple[str, str, list[_Setting]]]:
    """Yield a table and, recursively, the tables in it."""
    tables = {name: table for name, field in model.model_fields.items() if (table := _table(field))}
    summary = (model.__doc__ or "").splitlines()[0]
    plain = {name: field for name, field in model.model_fields.items() if name not in tables}
    yield path, summary, [_setting(path, name, field) for name, field in plain.items()]
    for name, table in tables.items():
        yield from _tables(f"{path}.{name}", table)


def _table(field: "FieldInfo") -> "type[BaseModel] | None":
    from pydantic import BaseModel

    model = field.annotation
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def _setting(section: str, name: str, field: "FieldInfo") -> _Setting:
    computed = _COMPUTED.get(f"{section}.{name}", "")
    default = "" if computed else _toml_value(field.default)
    limits = ", ".join(
        _LIMITS[key].format(value)
        for constraint in field.metadata
        for key in _LIMITS
        if (value := getattr(constraint, key, None)) is not None
    )
    description = " ".join((field.description or "").replace("``", "`").split())
    return _Setting(
        section, name, _kind(field.annotation), default, computed or "none", limits, description
    )


def _toml_value(value: Any) -> str:
    match value:
        case None:
            return ""
        case Enum() | Path():
            return json.dumps(str(value))
        case float() if value.is_integer():
            return f"{value:.1f}"
        case _:
            return json.dumps(value)


def _kind(annotation: Any) -> str:
    if type(None) in get_args(annotation):
        (annotation,) = set(get_args(annotation)) - {type(None)}
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(f"`{each.value}`" for each in annotation)
    names = {int: "integer", float: "number", bool: "boolean", str: "text", Path: "path"}
    return names.get(annotation, "list of texts" if get_origin(annotation) is tuple else "path")
