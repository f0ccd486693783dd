"""One class name means one thing; modules share a name only as two faces of one thing."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "mlsdm_grpc"
GENERATED = PACKAGE / "_gen"
FACES = {
    "generation": {"client", "servicers", "wire"},
    "governance": {"client", "servicers", "wire"},
    "spaces": {"client", "servicers", "wire"},
    "streams": {"client", "engine", "servicers", "wire"},
    "parameters": {"core/model", "journal/codec"},
    "policies": {"journal/codec", "wire"},
    "decisions": {"core/model", "spaces", "wire"},
    "tenants": {"cli", "client", "journal/codec", "servicers", "spaces", "wire"},
    "snapshots": {"journal/codec", "spaces"},
    "health": {"cli", "server"},
}
"""Folders of each module name that stands more than once: a thing's wire form, its codec, the
service and the client of it, its command."""


def modules() -> list[Path]:
    return [each for each in sorted(PACKAGE.rglob("*.py")) if GENERATED not in each.parents]


def test_a_class_name_stands_once_in_the_package() -> None:
    places = defaultdict(list)
    for module in modules():
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(f"{module.relative_to(PACKAGE)}:{node.lineno}")
    assert len(places) > 300
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_a_module_name_stands_once_but_for_the_faces_of_one_thing() -> None:
    folders = defaultdict(set)
    for module in modules():
        if module.stem not in {"__init__", "__main__"}:
            folders[module.stem].add(module.parent.relative_to(PACKAGE).as_posix())
    assert {name: found for name, found in folders.items() if len(found) > 1} == FACES


def test_a_module_offers_its_own_names_only() -> None:
    """A name stands in one module; ``__init__.py`` is where a package offers those of others."""
    lent = {}
    for module in modules():
        if module.name == "__init__.py":
            continue
        tree = ast.parse(module.read_text())
        imported = {
            alias.asname or alias.name
            for node in tree.body
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        offered = {
            name
            for node in tree.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
            for name in ast.literal_eval(node.value)
        }
        if offered & imported:
            lent[module.relative_to(PACKAGE).as_posix()] = sorted(offered & imported)
    assert lent == {}
