"""Style of texts: telegraphic speech, quality of answers, and acceptance of repairs."""

from mlsdm_grpc.speech.analysis import analyse
from mlsdm_grpc.speech.quality import QUALITY_CHECKS, QualityCheck
from mlsdm_grpc.speech.repair import (
    MAX_ATTEMPTS,
    acceptable,
    best,
    draft_of,
    instruction,
    is_repairable,
)
from mlsdm_grpc.speech.report import Flag, Profile, SpeechReport

__all__ = [
    "MAX_ATTEMPTS",
    "QUALITY_CHECKS",
    "Flag",
    "Profile",
    "QualityCheck",
    "SpeechReport",
    "acceptable",
    "analyse",
    "best",
    "draft_of",
    "instruction",
    "is_repairable",
]
