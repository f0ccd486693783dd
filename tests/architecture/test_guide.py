"""What CONTRIBUTING.md names exists, and no guide takes ten steps."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text()
PATH = re.compile(r"`((?:mlsdm_grpc/|tests/|docs/|[a-z]+/)[\w/]*(?:\.\w+)?)`")


def test_every_file_that_the_guide_names_exists() -> None:
    named = set(PATH.findall(GUIDE))
    assert len(named) > 40
    places = (ROOT, ROOT / "mlsdm_grpc")
    assert [name for name in sorted(named) if not any((at / name).exists() for at in places)] == []


def test_a_guide_has_fewer_than_ten_steps() -> None:
    guides = re.findall(r"(?ms)^## Add [^\n]+\n(.*?)(?=^## |\Z)", GUIDE)
    assert len(guides) == 5
    for guide in guides:
        assert 3 <= len(re.findall(r"(?m)^\d+\. ", guide)) < 10
