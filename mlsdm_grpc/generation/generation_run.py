"""State of one generation, shared by its steps, and its time limits."""

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
# Time limit for access to the memory: a share of the total time, at most this many seconds. After
# it the answer is generated without memory. With a fast model, a generation then still ends within
# a quarter of its time.
_MEMORY_S: Final = 6.0
_LAST_SHARE: Final = 0.05
# Time reserved after storing for the transfer of the answer: a share of the total time, at most
# this many seconds.
_LAST_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Remembered:
    """Result of storing an exchange."""

    memory_ids: tuple[str, ...] = ()
    evicted: tuple[str, ...] = ()
    revision: int = 0
    error: MlsdmError | None = None
    """Reason why the exchange was not stored although the caller requested it."""
    verdicts: tuple[Verdict, ...] = ()
    """Verdicts of the rules for stored texts that refused the exchange."""


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
    """Vector of the prompt after redaction; None until it is computed."""
    moral_value: float = 0.0
    embed_s: float = 0.0
    recall_s: float = 0.0
    first_piece_s: float | None = None
    results: list[ModelResult] = field(default_factory=list)
    """Results of the model: first the answer to the prompt, then repairs."""
    pieces: list[str] = field(default_factory=list)
    recalled: Recalled = field(default_factory=Recalled)
    exchanges: list[PastExchange] = field(default_factory=list)
    """Most recent exchanges of the conversation, oldest first."""
    draft: str = ""
    examined: AnswerExamination | None = None
    """Measurements of the whole answer, from before a repair."""
    speech: SpeechReport | None = None
    keep: bool = True
    """False if a rule forbids storing the exchange."""

    @property
    def deadline_s(self) -> float:
        return self.request.ticket.deadline_s

    @property
    def memory_until_s(self) -> float:
        """Event-loop time until which the generation waits for the memory."""
        return self.began_s + min(_MEMORY_SHARE * (self.deadline_s - self.began_s), _MEMORY_S)

    @property
    def ticket(self) -> Ticket:
        """Ticket for writes; its deadline is slightly earlier than that of the call."""
        last_s = min(_LAST_SHARE * (self.deadline_s - self.began_s), _LAST_S)
        return replace(self.request.ticket, deadline_s=self.deadline_s - last_s)

    @property
    def revision(self) -> int:
        return 0 if self.view is None else max(self.view.revision, self.recalled.revision)
