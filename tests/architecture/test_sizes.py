"""Limits for the size of files and classes; no banner comments."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "mlsdm_grpc"
GENERATED = PACKAGE / "_gen"
MAX_FILE_LINES = 400
MAX_CLASS_LINES = 250
MAX_METHODS = 20
BANNER = re.compile(r"(?m)^\n( *# [-=]{3,}.*| *# [A-Z][a-z]+( [a-z]+){0,3}\.)\n\n")


def modules() -> Iterator[tuple[str, str]]:
    """Yield the name and the source of every module that is not generated."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if GENERATED not in path.parents:
            yield path.relative_to(PACKAGE).as_posix(), path.read_text()


def test_a_file_has_at_most_400_lines() -> None:
    long = {name for name, source in modules() if source.count("\n") > MAX_FILE_LINES}
    assert long == set()


def test_a_class_has_at_most_250_lines_and_20_methods() -> None:
    large = set()
    for _, source in modules():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ClassDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                methods = sum(
                    isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) for each in node.body
                )
                if lines > MAX_CLASS_LINES or methods > MAX_METHODS:
                    large.add(node.name)
    assert large == set()


def test_no_banner_divides_a_file() -> None:
    assert {name for name, source in modules() if BANNER.search(source)} == set()
