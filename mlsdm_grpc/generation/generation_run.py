"""State of one generation in its steps, and its time limits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from mlsdm_grpc.core.mind.space_view import SpaceView
from mlsdm_grpc.core.model.new_memory import Vector
from mlsdm_grpc.errors import MlsdmError
from mlsdm_grpc.generation.exchanges import PastExchange
from mlsdm_grpc.generation.generation_events import GenerationRequest, Recalled
from mlsdm_grpc.governance.policy.effective_policy import EffectivePolicy
from mlsdm_grpc.governance.policy.verdict import Verdict
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.llm.answers import ModelResult
from mlsdm_grpc.moderation.moderator import AnswerExamination
from mlsdm_grpc.spaces.ticket import Ticket
from mlsdm_grpc.speech import SpeechReport

__all__ = ["GenerationRun", "Remembered"]

_MEMORY_SHARE: Final = 0.2
# Time limit of the memory: a share of the total time, at most this many seconds. Beyond it the
# answer is generated without memory, so that a quick model still answers within a quarter of the
# time.
_MEMORY_S: Final = 6.0
_LAST_SHARE: Final = 0.05
# Time kept after storing for the answer to arrive: a share of the total time, at most this many
# seconds.
_LAST_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Remembered:
    """Result of storing an exchange."""

    memory_ids: tuple[str, ...] = ()
    evicted: tuple[str, ...] = ()
    revision: int = 0
    error: MlsdmError | None = None
    """Reason why it was not stored although it was requested."""
    verdicts: tuple[Verdict, ...] = ()
    """Verdicts of the rules of stored texts against it."""


@dataclass(slots=True)
class GenerationRun:
    """One generation in progress."""

    key: SpaceKey
    request: GenerationRequest
    policy: EffectivePolicy
    began_s: float
    view: SpaceView | None = None
    """State of the space; None if it does not exist or cannot be used."""
    memory_error: MlsdmError | None = None
    prompt: str = ""
    """Prompt after redaction."""
    system_prompt: str = ""
    """System prompt after redaction."""
    vector: Vector | None = None
    """Vector of the prompt after redaction, once known."""
    moral_value: float = 0.0
    embed_s: float = 0.0
    recall_s: float = 0.0
    first_piece_s: float | None = None
    results: list[ModelResult] = field(default_factory=list)
    """Answers of the model: the one to the prompt first, then repairs."""
    pieces: list[str] = field(default_factory=list)
    recalled: Recalled = field(default_factory=Recalled)
    exchanges: list[PastExchange] = field(default_factory=list)
    """Last exchanges of the conversation, oldest first."""
    draft: str = ""
    examined: AnswerExamination | None = None
    """Measurements of the whole answer before a repair."""
    speech: SpeechReport | None = None
    keep: bool = True
    """False if a rule forbids to store the exchange."""

    @property
    def deadline_s(self) -> float:
        return self.request.ticket.deadline_s

    @property
    def memory_until_s(self) -> float:
        """Event-loop time until which the memory is waited for."""
        return self.began_s + min(_MEMORY_SHARE * (self.deadline_s - self.began_s), _MEMORY_S)

    @property
    def ticket(self) -> Ticket:
        """Ticket for writes, which end shortly before the deadline."""
        last_s = min(_LAST_SHARE * (self.deadline_s - self.began_s), _LAST_S)
        return replace(self.request.ticket, deadline_s=self.deadline_s - last_s)

    @property
    def revision(self) -> int:
        return 0 if self.view is None else max(self.view.revision, self.recalled.revision)
