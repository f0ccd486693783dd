"""State of one generation on its way from step to step, and the times it may take."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from mlsdm_grpc.core.mind.mind import SpaceView
from mlsdm_grpc.core.model.record import Vector
from mlsdm_grpc.errors import MlsdmError
from mlsdm_grpc.generation.exchanges import PastExchange
from mlsdm_grpc.generation.generation_events import GenerationRequest, Recalled
from mlsdm_grpc.governance.policy.effective_policy import EffectivePolicy
from mlsdm_grpc.governance.policy.verdict import Verdict
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.llm.answers import ModelResult
from mlsdm_grpc.moderation.moderator import AnswerExamination
from mlsdm_grpc.spaces.write_pipeline import Ticket
from mlsdm_grpc.speech import SpeechReport

__all__ = ["GenerationRun", "Remembered"]

_MEMORY_SHARE: Final = 0.2
_MEMORY_S: Final = 6.0
"""Time that the memory may take, a share of all time and so many seconds at most; where it takes
longer the answer is generated without it, and is there within a quarter if the model is quick."""
_LAST_SHARE: Final = 0.05
_LAST_S: Final = 0.25
"""Time that remembering leaves for the answer to arrive, a share and seconds at most."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What became of an exchange."""

    memory_ids: tuple[str, ...] = ()
    evicted: tuple[str, ...] = ()
    revision: int = 0
    error: MlsdmError | None = None
    """Why it is not remembered although it should be."""
    verdicts: tuple[Verdict, ...] = ()
    """What the rules of texts that are to be stored say against it."""


@dataclass(slots=True)
class GenerationRun:
    """One generation on its way."""

    key: SpaceKey
    request: GenerationRequest
    policy: EffectivePolicy
    began_s: float
    view: SpaceView | None = None
    """The space; None while it does not exist, or cannot be used."""
    memory_error: MlsdmError | None = None
    prompt: str = ""
    """As policy leaves it."""
    system_prompt: str = ""
    """The same of the instructions."""
    vector: Vector | None = None
    """Of the prompt as policy leaves it, once it is known."""
    moral_value: float = 0.0
    embed_s: float = 0.0
    recall_s: float = 0.0
    first_piece_s: float | None = None
    results: list[ModelResult] = field(default_factory=list)
    """The answers of the model, the one to the prompt first, repairs behind it."""
    pieces: list[str] = field(default_factory=list)
    recalled: Recalled = field(default_factory=Recalled)
    exchanges: list[PastExchange] = field(default_factory=list)
    """The last ones of the conversation, oldest first."""
    draft: str = ""
    examined: AnswerExamination | None = None
    """What was measured of the whole answer, before a repair."""
    speech: SpeechReport | None = None
    keep: bool = True
    """No rule has said that the exchange is not to be remembered."""

    @property
    def deadline_s(self) -> float:
        return self.request.ticket.deadline_s

    @property
    def memory_until_s(self) -> float:
        """Event-loop time until which the memory is waited for."""
        return self.began_s + min(_MEMORY_SHARE * (self.deadline_s - self.began_s), _MEMORY_S)

    @property
    def ticket(self) -> Ticket:
        """What is written may take until shortly before the deadline."""
        last_s = min(_LAST_SHARE * (self.deadline_s - self.began_s), _LAST_S)
        return replace(self.request.ticket, deadline_s=self.deadline_s - last_s)

    @property
    def revision(self) -> int:
        return 0 if self.view is None else max(self.view.revision, self.recalled.revision)
