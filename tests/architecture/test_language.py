"""Language of docstrings, comments, messages and documents: CONTRIBUTING.md, "Language"."""

from __future__ import annotations

import ast
import functools
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from pydantic import BaseModel

from mlsdm_grpc import errors
from mlsdm_grpc.config import Settings

# All files are parsed, which takes seconds on an idle machine.
pytestmark = pytest.mark.timeout(180)

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "mlsdm_grpc"
FOLDERS = ("mlsdm_grpc", "benchmarks", "tools", "tests", "proto", "clients")
NOT_OURS = {"_gen", ".venv", "node_modules", "__pycache__"}
DIALECT = re.compile(
    r"\b(told|tells|settled|settles|nobody|somebody|anybody|whoever|whatever|wherever|looks|glance)\b",
    re.IGNORECASE,
)
"""Words that leave the actor or the action open; CONTRIBUTING.md lists the words to use."""
OPENING = re.compile(
    r"(What|Who|How|Where|Which|When|Whether|Why|None|If|The same|It|They|So|Of|By|With|As|That)\b"
)
"""Beginnings that do not name the documented thing."""
DIRECTIVE = re.compile(r"#\s*(noqa|type:|pragma|fmt:|ruff:|mypy:|!)")
LEAST_SHARE, MOST_SHARE = 0.03, 0.08
ERRORS = {
    name
    for name, each in vars(errors).items()
    if isinstance(each, type) and issubclass(each, errors.MlsdmError)
}


class Note(NamedTuple):
    """Docstring, note of a constant or attribute, or comment."""

    place: str
    text: str
    is_comment: bool
    of_value: bool


def sources(*folders: str) -> Iterator[Path]:
    """Yield the Python files of folders that are not generated."""
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*.py")):
            if NOT_OURS.isdisjoint(file.parts):
                yield file


def notes(source: str, name: str) -> Iterator[Note]:
    """Yield the docstrings, notes and comments of a module."""
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", ())
        before: ast.AST | None = None
        for each in body if isinstance(body, list) else ():
            if (
                isinstance(each, ast.Expr)
                and isinstance(each.value, ast.Constant)
                and isinstance(each.value.value, str)
            ):
                of_value = isinstance(before, ast.Assign | ast.AnnAssign)
                text = each.value.value.strip()
                yield Note(f"{name}:{each.lineno}", text, is_comment=False, of_value=of_value)
            before = each
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and not DIRECTIVE.match(token.string):
            place = f"{name}:{token.start[0]}"
            yield Note(place, token.string, is_comment=True, of_value=False)


@functools.cache
def all_notes() -> tuple[Note, ...]:
    return tuple(
        note
        for file in sources(*FOLDERS)
        if file != Path(__file__)
        for note in notes(file.read_text("utf-8"), str(file.relative_to(ROOT)))
    )


def faults_of_beginning(found: Iterable[Note]) -> list[str]:
    return [
        f"{note.place} {note.text[:60]}"
        for note in found
        if not note.is_comment and OPENING.match(note.text)
    ]


def faults_of_words(found: Iterable[Note]) -> list[str]:
    return [
        f"{note.place} {match[0]}"
        for note in found
        for match in DIALECT.finditer(re.sub(r"`[^`]*`", "", note.text))
    ]


def test_docstrings_begin_with_a_verb_or_a_noun_phrase() -> None:
    assert faults_of_beginning(all_notes()) == []


def test_docstrings_and_comments_use_no_dialect() -> None:
    assert faults_of_words(all_notes()) == []


@pytest.mark.parametrize(
    "file",
    [
        *("README.md", "CONTRIBUTING.md", "Makefile", "Dockerfile"),
        *(str(each.relative_to(ROOT)) for each in sorted((ROOT / "docs").glob("*.md"))),
        *(str(each.relative_to(ROOT)) for each in sorted((ROOT / "docs/adr").glob("*.md"))),
        *(str(each.relative_to(ROOT)) for each in sorted((ROOT / "proto").rglob("*.proto"))),
    ],
)
def test_documents_use_no_dialect(file: str) -> None:
    text = (ROOT / file).read_text("utf-8")
    prose = re.sub(
        r"(?s)```.*?```|`[^`\n]*`|<!-- language: off -->.*?<!-- language: on -->", "", text
    )
    assert [match[0] for match in DIALECT.finditer(prose)] == []


def test_a_bad_docstring_is_found() -> None:
    source = '"""What the module does."""\nX = 1\n"""The same for X."""\n# nobody is told\n'
    assert len(faults_of_beginning(notes(source, "m"))) == 2
    assert len(faults_of_words(notes(source, "m"))) == 2


def described(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, str]]:
    """Yield each setting with its description."""
    for name, field in model.model_fields.items():
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from described(annotation, f"{path}{name}.")
        else:
            yield f"{path}{name}", field.description or ""


def test_each_setting_is_described_by_itself() -> None:
    found = dict(described(Settings))
    assert len(found) > 100
    faults = [
        name
        for name, text in found.items()
        if not text or re.search(r"\b([Tt]he same|[Ll]ikewise|[Dd]itto|see above)\b", text)
    ]
    assert faults == []
    assert all(text.rstrip().endswith(".") for text in found.values())


def share_of_comments(files: Iterator[Path]) -> float:
    """Return the lines of comments and of notes on values, as a share of the lines of code."""
    comments = code = 0
    for file in files:
        source = file.read_text("utf-8")
        found = list(notes(source, file.name))
        docstrings: set[int] = set()
        for note in found:
            first = int(note.place.rpartition(":")[2])
            length = note.text.count("\n") + 1
            comments += length if note.is_comment or note.of_value else 0
            if not note.is_comment:
                docstrings.update(range(first, first + length + 1))
        lines = {
            line
            for token in tokenize.generate_tokens(io.StringIO(source).readline)
            if token.type in {tokenize.NAME, tokenize.OP, tokenize.NUMBER, tokenize.STRING}
            for line in range(token.start[0], token.end[0] + 1)
        }
        code += len(lines - docstrings)
    return comments / code


def test_comments_are_3_to_8_percent_of_the_code() -> None:
    # Notes on settings are the manual of the server, and no comments on code.
    files = (file for file in sources("mlsdm_grpc") if file.parent.name != "config")
    assert LEAST_SHARE <= share_of_comments(files) <= MOST_SHARE


def calls_of_errors(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            name = node.func.id if isinstance(node.func, ast.Name) else name
            if name in ERRORS or name == "FieldViolation":
                yield node


def texts_of(node: ast.AST) -> str:
    return " ".join(
        each.value
        for each in ast.walk(node)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    )


def test_no_error_is_raised_without_a_message() -> None:
    faults = []
    for file in sources("mlsdm_grpc"):
        for call in calls_of_errors(ast.parse(file.read_text("utf-8"))):
            has_violations = any(
                each.arg in {"violations", "description"} for each in call.keywords
            )
            is_empty = not call.args or (
                isinstance(call.args[0], ast.Constant) and not call.args[0].value
            )
            if (
                is_empty
                and not has_violations
                and not any(each.arg is None for each in call.keywords)
            ):
                faults.append(f"{file.relative_to(ROOT)}:{call.lineno}")
    assert faults == []


def test_error_messages_use_no_dialect() -> None:
    faults = [
        f"{file.relative_to(ROOT)}:{call.lineno}"
        for file in sources("mlsdm_grpc")
        for call in calls_of_errors(ast.parse(file.read_text("utf-8")))
        if call.args and DIALECT.search(texts_of(call.args[0]))
    ]
    assert faults == []
