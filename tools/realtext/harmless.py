"""Harmless messages of other authors, from chats between people.

Half of them trains, by hash, and half measures how many are refused. They are read from the cache
and never committed: see ``sources.toml``.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from typing import Any, Final, Literal

from tools.realtext.collect import CACHE

__all__ = ["harmless_messages"]

_PATH: Final = "chitchat_dataset/dataset.json"
_SHORTEST: Final = 20
"""Characters; less says nothing."""
_LIMIT: Final = {"train": 30_000, "measure": 10_000}


def harmless_messages(half: Literal["train", "measure"]) -> Iterator[str]:
    """Yield the messages of one half in the order of their hashes, in English."""
    hashes = {hashlib.sha256(text.encode()).digest(): text for text in set(_messages())}
    odd = half == "train"
    chosen = sorted(digest for digest in hashes if (digest[1] % 2 == 1) == odd)
    yield from (hashes[digest] for digest in chosen[: _LIMIT[half]])


def _messages() -> Iterator[str]:
    for archive in (CACHE / "harmless").glob("chitchat_dataset-*.whl"):
        with zipfile.ZipFile(archive) as members:
            talks: dict[str, Any] = json.loads(members.read(_PATH))
        for talk in talks.values():
            for turn in talk["messages"]:
                text = " ".join(message["text"].strip() for message in turn)
                if len(text) >= _SHORTEST:
                    yield text
