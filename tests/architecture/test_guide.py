"""The documents name existing things, and no guide takes ten steps."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text()
LINK = re.compile(r"\]\(([^)#\s:]+)(?:#[^)\s]*)?\)")
PATH = re.compile(r"`((?:mlsdm_grpc/|tests/|docs/|[a-z]+/)[\w/]*(?:\.\w+)?)`")


def test_every_file_that_the_guide_names_exists() -> None:
    named = set(PATH.findall(GUIDE))
    assert len(named) > 40
    places = (ROOT, ROOT / "mlsdm_grpc")
    assert [name for name in sorted(named) if not any((at / name).exists() for at in places)] == []


def test_every_link_of_the_documents_leads_to_a_file() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    links = [(page, link) for page in pages for link in LINK.findall(page.read_text())]
    assert len(links) > 100
    broken = [(page.name, link) for page, link in links if not (page.parent / link).exists()]
    assert broken == []


def test_a_guide_has_fewer_than_ten_steps() -> None:
    guides = re.findall(r"(?ms)^## Add [^\n]+\n(.*?)(?=^## |\Z)", GUIDE)
    assert len(guides) == 5
    for guide in guides:
        assert 3 <= len(re.findall(r"(?m)^\d+\. ", guide)) < 10


def test_every_place_that_the_guide_names_is_in_its_file() -> None:
    """``file.py`` (`name`) means that the file defines it."""
    named = re.findall(r"`((?:mlsdm_grpc/)?[\w/]+\.py)` \(((?:`\w+`(?:, )?)+)\)", GUIDE)
    assert len(named) > 10
    missing = []
    for path, names in named:
        file = ROOT / path if path.startswith("mlsdm_grpc/") else ROOT / "mlsdm_grpc" / path
        source = file.read_text()
        missing += [
            (path, name)
            for name in re.findall(r"\w+", names)
            if not re.search(rf"(?m)^\s*(?:async )?(?:def|class) {name}\b", source)
        ]
    assert missing == []


def test_the_guide_answers_where_things_happen() -> None:
    questions = re.findall(r"(?m)^\| (?!question|---)([^|]+) \|", GUIDE)
    assert len(questions) >= 30
    assert len(set(questions)) == len(questions)
