"""Tests and modules use no private name of another module."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

# All files are parsed, which takes seconds on an idle machine.
pytestmark = pytest.mark.timeout(180)

TESTS = Path(__file__).parents[1]
OF_NAMED_TUPLES = {"_asdict", "_fields", "_make", "_replace"}
"""Public, in spite of their names: they must not clash with names of fields."""
PATCHES = {"context", "delattr", "getattr", "hasattr", "object", "patch", "setattr", "setitem"}
DOTTED = re.compile(r"mlsdm_grpc(?:\.\w+)*\._(?!gen\b|_)\w+")
ALLOWED = {
    "support/stretches.py": {"_run"},
    "support/forking.py": {"_exit", "_run_exitfuncs", "_shutdown"},
}
"""No public name of asyncio sees every callback of the event loop, those of transports too, and
none ends a fork without taking apart every module that it shares with its parent."""


def is_private(name: object) -> bool:
    return isinstance(name, str) and re.fullmatch(r"_(?!_|gen$)\w+", name) is not None


def private_names(source: str) -> Iterator[str]:
    """Yield the private names of others that a module reads, imports or patches."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(value=ast.Name(id="self" | "cls")):
                pass
            case ast.Attribute(attr=name) if is_private(name) and name not in OF_NAMED_TUPLES:
                yield name
            case ast.ImportFrom(names=names):
                yield from (each.name for each in names if is_private(each.name))
            case ast.Call(func=ast.Attribute(attr=function) | ast.Name(id=function), args=found):
                texts = [each.value for each in found if isinstance(each, ast.Constant)]
                yield from (each for each in texts if function in PATCHES and is_private(each))
            case ast.Constant(value=str(text)) if DOTTED.fullmatch(text):
                yield text


@pytest.mark.parametrize(
    "source",
    [
        "space._view",
        "from mlsdm_grpc.client.attempts import _OPEN",
        "monkeypatch.setattr(loader, '_TURN_S', 0)",
        "monkeypatch.setattr('mlsdm_grpc.workers.pool._READY_S', 0)",
        "getattr(space, '_view')",
    ],
)
def test_every_way_to_a_private_name_is_seen(source: str) -> None:
    assert len(list(private_names(source))) == 1


def test_names_of_oneself_of_named_tuples_and_of_generated_code_are_no_such_names() -> None:
    source = "from mlsdm_grpc._gen import x\nself._a\ncls._b\nKEY._replace(space='s')\nx.__name__"
    assert list(private_names(source)) == []


def test_no_test_uses_a_private_name_of_another_module() -> None:
    found = {
        path.relative_to(TESTS).as_posix(): set(private_names(path.read_text()))
        for path in sorted(TESTS.rglob("*.py"))
    }
    assert len(found) > 200
    assert {name: used for name, used in found.items() if used - ALLOWED.get(name, set())} == {}
    assert {name: found[name] for name in ALLOWED} == ALLOWED
