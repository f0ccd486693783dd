"""The request of a generation, and the events that its caller sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import Match
from mlsdm_grpc.errors import MlsdmError
from mlsdm_grpc.generation.speech_repair import Spent
from mlsdm_grpc.governance.policy.verdict import Verdict
from mlsdm_grpc.llm.providers.provider import Finish
from mlsdm_grpc.spaces.ticket import Ticket
from mlsdm_grpc.speech import SpeechReport

__all__ = ["GenerationEvent", "GenerationRequest", "GenerationResult", "Piece", "Recalled"]


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """A request for a generation."""

    prompt: str
    ticket: Ticket
    moral_value: float | None = None
    """Moral value that the caller reports, 0 to 1; None if it reports none."""
    attested: bool = False
    """True if the caller's moral value replaces that of the scorer; else the lower one counts."""
    max_tokens: int = 0
    """Maximum number of tokens of the answer; 0 uses the configured default."""
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
    """True to release the answer in pieces as it arrives."""
    conversation_id: str = ""
    min_score: float | None = None
    """Minimum score of recalled memories; None for none."""
    sources: tuple[int, ...] = ()
    """Allowed sources of recalled memories; empty allows all."""
    after_ns: int | None = None
    """Earliest event time of recalled memories, inclusive, Unix nanoseconds. A memory without one
    uses its creation time."""
    before_ns: int | None = None
    """Latest event time of recalled memories, exclusive, Unix nanoseconds."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """Memories that were added to the prompt."""

    matches: tuple[Match, ...] = ()
    """Best match first."""
    revision: int = 0
    """Revision of the space at the recall; 0 if stateless."""
    stateless: bool = False
    """True if the space could not be used, so that the answer has no memory."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A non-empty piece of the answer that governance has released."""

    text: str


@dataclass(frozen=True, slots=True)
class GenerationResult:
    """Last event of a generation."""

    text: str
    """Complete released text."""
    finish: Finish
    prompt_refused: bool
    speech: SpeechReport | None
    draft: str
    """Answer of the model before speech repair; empty if nothing was repaired."""
    memory_ids: tuple[str, ...]
    evicted: tuple[str, ...]
    """Memories evicted for the exchange, oldest first."""
    not_remembered: MlsdmError | None
    """Reason why the exchange was not stored although it was requested."""
    stateless: bool
    revision: int
    phase: float
    moral_value: float


GenerationEvent: TypeAlias = Recalled | Verdict | Piece | Spent | GenerationResult
"""Order: at most one ``Recalled``; then verdicts and pieces; then ``Spent``; then the
``GenerationResult``."""
