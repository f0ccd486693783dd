"""No module imports itself, directly or through other modules, not even for its types."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

# All files are parsed, which takes seconds on an idle machine.
pytestmark = pytest.mark.timeout(180)

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "mlsdm_grpc"


def modules() -> dict[str, Path]:
    """Return the path of every module that is not generated."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in PACKAGE.rglob("*.py")
        if "_gen" not in path.parts
    }


def imported(source: str, names: set[str]) -> set[str]:
    """Return those of the modules that a source imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            parts = {f"{node.module}.{each.name}" for each in node.names}
            found |= parts & names or {node.module}
    return found & names


def in_order(sources: dict[str, str]) -> list[str]:
    """Return the modules, each after the modules that it imports."""
    names = set(sources)
    graph = {name: imported(source, names) for name, source in sources.items()}
    return list(TopologicalSorter(graph).static_order())


def test_imports_form_no_circle() -> None:
    sources = {name: path.read_text() for name, path in modules().items()}
    assert len(in_order(sources)) > 300


def test_a_circle_by_types_alone_is_found() -> None:
    typed = "if TYPE_CHECKING:\n    from mlsdm_grpc.a import A"
    with pytest.raises(CycleError):
        in_order({"mlsdm_grpc.a": "from mlsdm_grpc import b", "mlsdm_grpc.b": typed})
