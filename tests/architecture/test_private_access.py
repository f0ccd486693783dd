"""Tests look at what others can see, too; how often each still looks inside never grows.

To record lower numbers: ``python tests/architecture/test_private_access.py``.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path

TESTS = Path(__file__).parents[1]
RECORD = Path(__file__).with_name("private_access.json")


def accesses(source: str) -> int:
    """Count the private attributes of others that a module uses."""
    return sum(
        isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and not (isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"})
        for node in ast.walk(ast.parse(source))
    )


def counted() -> dict[str, int]:
    found = {
        path.relative_to(TESTS).as_posix(): accesses(path.read_text())
        for path in sorted(TESTS.rglob("*.py"))
    }
    return {name: count for name, count in found.items() if count}


def test_no_test_looks_inside_more_often_than_it_did() -> None:
    allowed, found = json.loads(RECORD.read_text()), counted()
    assert {n: c for n, c in found.items() if c > allowed.get(n, 0)} == {}
    assert sorted(allowed.keys() - found.keys()) == [], "take these files out of the record"


if __name__ == "__main__":
    RECORD.write_text(json.dumps(counted(), indent=1) + "\n")
