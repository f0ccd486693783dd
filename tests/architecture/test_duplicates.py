"""No block of six or more lines stands twice.

Signatures do not count, nor do lists of fields that are copied: a value is written field by field
in the direction to its message and back.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

# All files are parsed, which takes seconds on an idle machine.
pytestmark = pytest.mark.timeout(180)

ROOT = Path(__file__).parents[2]
LINES = 6
SHORTEST = 90
"""Characters of a block; fewer are closing brackets and the like."""
FIELD = re.compile(r"\*?[\w.()]+(?:=[\w.*()]+)?,|\w+: [^=]+ = .+")


def code_lines(path: Path) -> list[tuple[int, str]]:
    """Return the number and text of each line that counts."""
    source = path.read_text()
    left_out = set[int]()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Expr(value=ast.Constant(value=str())) | ast.Import() | ast.ImportFrom():
                left_out.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                left_out.update(range(node.lineno, node.body[0].lineno))
            case ast.Assign() if ast.unparse(node.targets[0]) == "__all__":
                left_out.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return [
        (number, line.strip())
        for number, line in enumerate(source.splitlines(), 1)
        if line.strip() and number not in left_out and not line.strip().startswith("#")
    ]


def repeated(*folders: str) -> set[str]:
    """Return a place of each block that stands twice, once for each pair of files."""
    places = defaultdict(list)
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "_gen" in path.parts:
                continue
            lines = code_lines(path)
            for at in range(len(lines) - LINES + 1):
                block = tuple(text for _, text in lines[at : at + LINES])
                fields = sum(FIELD.fullmatch(text) is not None for text in block)
                if sum(map(len, block)) >= SHORTEST and fields < LINES - 1:
                    place = path.relative_to(ROOT).as_posix()
                    places[block].append(f"{place}:{lines[at][0]}")
    return {" ".join(found) for found in places.values() if len(found) > 1}


def test_no_block_of_the_package_stands_twice() -> None:
    assert repeated("mlsdm_grpc") == set()


def test_no_block_of_the_tests_stands_twice() -> None:
    assert repeated("tests", "tools", "benchmarks") == set()
