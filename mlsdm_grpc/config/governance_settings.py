"""Settings of the judging of content."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from mlsdm_grpc.config.llm_settings import ModerationSettings
from mlsdm_grpc.config.section import KIB, MIB, Section

__all__ = ["GovernanceSettings", "PutEnforcement", "ScorerKind"]


class ScorerKind(StrEnum):
    """Scorers of the moral value of prompts, answers and events."""

    LEXICAL = "lexical"
    MODERATION = "moderation"


class PutEnforcement(StrEnum):
    """Built-in enforcement for texts that are to be stored."""

    OFF = "off"
    SHADOW = "shadow"
    ENFORCE = "enforce"


class GovernanceSettings(Section):
    """Judgement of content; tenants set their policies over it, see docs/governance.md."""

    put_enforcement: PutEnforcement = PutEnforcement.SHADOW
    """Built-in enforcement of the rules for texts that are to be stored: ``off``, ``shadow``
    (judged and reported) or ``enforce``."""
    max_text_bytes: int = Field(default=64 * KIB, ge=KIB, le=MIB)
    """Longest text that EvaluateContent, AnalyzeSpeech and RepairSpeech take, and longest prompt
    beside it, bytes."""
    scorer: ScorerKind = ScorerKind.LEXICAL
    """Scorer of prompts, answers and events: ``lexical`` (in text workers, offline) or
    ``moderation`` (an endpoint that speaks OpenAI's moderation protocol; streamed answers then come
    in one piece while ``moral.response`` refuses)."""
    moderation: ModerationSettings = ModerationSettings()
