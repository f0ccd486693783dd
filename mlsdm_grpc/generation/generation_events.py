"""A generation as its caller sees it: the request, and what happens while it is answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import Match
from mlsdm_grpc.errors import MlsdmError
from mlsdm_grpc.generation.speech_repair import Spent
from mlsdm_grpc.governance.policy.verdict import Verdict
from mlsdm_grpc.llm.providers.provider import Finish
from mlsdm_grpc.spaces.write_pipeline import Ticket
from mlsdm_grpc.speech import SpeechReport

__all__ = ["GenerationEvent", "GenerationRequest", "GenerationResult", "Piece", "Recalled"]


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """What is wanted."""

    prompt: str
    ticket: Ticket
    moral_value: float | None = None
    """The caller's, 0 to 1; None lets the server's scorer speak alone."""
    attested: bool = False
    """The caller's moral value counts as given."""
    max_tokens: int = 0
    """0 takes the configured default."""
    top_k: int = 5
    remember: bool = True
    system_prompt: str = ""
    model: str = ""
    temperature: float | None = None
    stop: tuple[str, ...] = ()
    synaptic_bias: float = 0.1
    repair_speech: bool = True
    min_revision: int = 0
    piecewise: bool = False
    """Let the answer out as it comes."""
    conversation_id: str = ""
    min_score: float | None = None
    """Lowest score of what is recalled; None is none."""
    sources: tuple[int, ...] = ()
    """That a recalled memory may have; none allows all."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """What went into the prompt."""

    matches: tuple[Match, ...] = ()
    """Best first."""
    revision: int = 0
    """That it was recalled at; 0 when stateless."""
    stateless: bool = False
    """The memory could not be used."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the answer that governance has let out, not empty."""

    text: str


@dataclass(frozen=True, slots=True)
class GenerationResult:
    """The end of an answer."""

    text: str
    """All that was let out."""
    finish: Finish
    prompt_refused: bool
    speech: SpeechReport | None
    draft: str
    """Answer of the model before speech repair; empty when nothing was repaired."""
    memory_ids: tuple[str, ...]
    evicted: tuple[str, ...]
    """Memories that left to make room for the exchange, oldest first."""
    not_remembered: MlsdmError | None
    """Why the exchange was not remembered although it should have been."""
    stateless: bool
    revision: int
    phase: float
    moral_value: float


GenerationEvent: TypeAlias = Recalled | Verdict | Piece | Spent | GenerationResult
"""At most one ``Recalled``, first; then verdicts and pieces as they come; then ``Spent``; then the
``GenerationResult``."""
