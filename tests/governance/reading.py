"""Detectors as functions of a text."""

from __future__ import annotations

from mlsdm_grpc.governance.detectors.harm import Harm, score_harm
from mlsdm_grpc.governance.detectors.injection import Injection, score_injection
from mlsdm_grpc.governance.detectors.text_passages import ReadText

__all__ = ["harm_of", "injection_of"]


def harm_of(text: str, *, in_pieces: bool = False) -> Harm:
    return score_harm(ReadText(text, in_pieces=in_pieces))


def injection_of(text: str, *, in_pieces: bool = False) -> Injection:
    return score_injection(ReadText(text, in_pieces=in_pieces))
