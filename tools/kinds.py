"""Labelled lines, generated from phrases and sentence frames.

A file of ``tests/data/training/kinds`` lists phrases of one language and one label by category. A
harmless phrase may be said in the frames of hostile ones, so that no frame is hostile by itself.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

__all__ = ["FramedLine", "framed_lines"]

FOLDER: Final = Path(__file__).parents[1] / "tests" / "data" / "training" / "kinds"
FRAMES: Final = 3
"""Frames that each phrase is said in."""


class FramedLine(NamedTuple):
    """A phrase in one of its frames."""

    text: str
    label: str
    """``harm``, ``injection`` or ``harmless``."""
    category: str
    language: str


def framed_lines() -> Iterator[FramedLine]:
    """Yield each phrase in some of its frames, chosen by a hash of the phrase."""
    tables = {file.stem: tomllib.loads(file.read_text("utf-8")) for file in FOLDER.glob("*.toml")}
    shared = _shared_frames(tables)
    for name, table in sorted(tables.items()):
        label = name.partition("_")[0]
        language = table["language"]
        for group in table["group"]:
            frames = shared[language] if group["frames"] == "all" else group["frames"]
            for phrase in group["phrases"]:
                for text in _framed(phrase, frames):
                    yield FramedLine(text, label, group["category"], language)


def _shared_frames(tables: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    """Return the frames of hostile phrases by language, each once."""
    found: dict[str, dict[str, None]] = {}
    for name, table in sorted(tables.items()):
        if not name.startswith("harmless"):
            known = found.setdefault(table["language"], {})
            for group in table["group"]:
                known.update(dict.fromkeys(each for each in group["frames"] if each != "{}"))
    return {language: list(frames) for language, frames in found.items()}


def _framed(phrase: str, frames: Sequence[str]) -> list[str]:
    first = int.from_bytes(hashlib.sha256(phrase.encode()).digest()[:4], "big")
    step = max(len(frames) // FRAMES, 1)
    chosen = {frames[(first + step * n) % len(frames)] for n in range(FRAMES)}
    return sorted(each.replace("{}", phrase) for each in chosen)
