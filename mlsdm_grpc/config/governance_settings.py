"""Settings of governance."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from mlsdm_grpc.config.llm_settings import ModerationSettings
from mlsdm_grpc.config.section import Section
from mlsdm_grpc.units import KIB, MIB

__all__ = ["GovernanceSettings", "PutEnforcement", "ScorerKind"]


class ScorerKind(StrEnum):
    """Scorers of the moral value of prompts, answers and events."""

    LEXICAL = "lexical"
    MODERATION = "moderation"


class PutEnforcement(StrEnum):
    """Built-in enforcement for texts to be stored."""

    OFF = "off"
    SHADOW = "shadow"
    ENFORCE = "enforce"


class GovernanceSettings(Section):
    """Evaluation of content; a tenant's policy overrides it, see docs/governance.md."""

    put_enforcement: PutEnforcement = PutEnforcement.SHADOW
    """Built-in enforcement of the rules for texts to be stored: ``off``, ``shadow`` (evaluated and
    reported) or ``enforce``."""
    max_text_bytes: int = Field(default=64 * KIB, ge=KIB, le=MIB)
    """Maximum size of a text for EvaluateContent, AnalyzeSpeech and RepairSpeech, and of the prompt
    sent with it, bytes."""
    scorer: ScorerKind = ScorerKind.LEXICAL
    """Scorer of prompts, answers and events: ``lexical`` (in text workers, offline) or
    ``moderation`` (an endpoint with OpenAI's moderation protocol; while the rule ``moral.response``
    is enforced, streamed answers then arrive in one piece)."""
    moderation: ModerationSettings = ModerationSettings()
