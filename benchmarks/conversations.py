"""Conversations with questions, and the turns that hold the answers, in the format of LoCoMo.

A file is a JSON object: ``session_N`` is a list of turns (``speaker``, ``dia_id``, ``text``, maybe
``blip_caption``), ``session_N_date_time`` a date, ``qa`` a list of questions with ``evidence``, the
ids of turns, and a ``category``. See Maharana et al., Evaluating Very Long-Term Conversational
Memory of LLM Agents, ACL 2024.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Context", "Conversation", "Question", "load"]

ADVERSARIAL = 5
"""Category of the questions without an answer in the conversation."""
_SESSION = re.compile(r"session_(\d+)")
_TURN_ID = re.compile(r"D\d+:\d+")


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and which turns hold the answer."""

    text: str
    evidence: frozenset[int]


@dataclass(frozen=True, slots=True)
class Context:
    """Fields that are stored with a turn in addition to its text."""

    turns: int = 0
    """Turns before it in the same session."""
    date: bool = False

    def __str__(self) -> str:
        parts = [f"{self.turns} before"] if self.turns else []
        return " + ".join(parts + ["date"] * self.date) or "none"


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation."""

    name: str
    turns: list[str]
    sessions: list[int]
    """Session of each turn."""
    dates: Mapping[int, str]
    """Date of each session, as it is written there."""
    questions: list[Question]

    def contexts(self, context: Context) -> list[str]:
        """Return the context of each turn; empty where it has none."""
        return ["\n".join(self._context(i, context)) for i in range(len(self.turns))]

    def _context(self, turn: int, context: Context) -> Iterator[str]:
        session = self.sessions[turn]
        if context.date:
            yield self.dates.get(session, "")
        for before in range(max(turn - context.turns, 0), turn):
            if self.sessions[before] == session:
                yield self.turns[before]


def load(path: Path) -> list[Conversation]:
    """Return the conversations of a folder or a zip file, by name.

    Questions without evidence that names a turn are left out, and adversarial ones.
    """
    if path.is_dir():
        texts = {file.name: file.read_text("utf-8") for file in path.glob("*.json")}
    else:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith(".json")]
            texts = {name: archive.read(name).decode() for name in names}
    return [conversation(name, json.loads(texts[name])) for name in sorted(texts)]


def conversation(name: str, data: Mapping[str, Any]) -> Conversation:
    """Return a conversation read from JSON."""
    spoken = data.get("conversation", data)
    numbers = sorted(int(found[1]) for key in spoken if (found := _SESSION.fullmatch(key)))
    turns = [(number, turn) for number in numbers for turn in spoken[f"session_{number}"]]
    places = {turn["dia_id"]: i for i, (_, turn) in enumerate(turns)}
    questions = []
    for asked in data["qa"]:
        ids = [turn_id for part in asked["evidence"] for turn_id in _TURN_ID.findall(part)]
        evidence = frozenset(places[turn_id] for turn_id in ids if turn_id in places)
        if evidence and asked["category"] != ADVERSARIAL:
            questions.append(Question(asked["question"], evidence))
    return Conversation(
        name=name,
        turns=[_text(turn) for _, turn in turns],
        sessions=[number for number, _ in turns],
        dates={number: spoken.get(f"session_{number}_date_time", "") for number in numbers},
        questions=questions,
    )


def _text(turn: Mapping[str, str]) -> str:
    caption = turn.get("blip_caption")
    photo = f" [shares a photo: {caption}]" if caption else ""
    return f"{turn['speaker']}: {turn['text']}{photo}"
