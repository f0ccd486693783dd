"""Conversion of evaluated texts, findings and repairs to messages of the contract."""

from __future__ import annotations

from collections.abc import Sequence

from mlsdm_grpc._gen.mlsdm.v1 import (
    governance_pb2,
    governance_service_pb2,
    speech_pb2,
    usage_pb2,
)
from mlsdm_grpc.generation.speech_repair import Repaired, RepairRequest, Spent
from mlsdm_grpc.governance.matching.findings import Finding, merged, redact
from mlsdm_grpc.governance.policy.rules import Stage
from mlsdm_grpc.messages import forms, limits
from mlsdm_grpc.messages.fields import Fields
from mlsdm_grpc.moderation.moderator import Judged
from mlsdm_grpc.speech import Profile
from mlsdm_grpc.speech.repair import MAX_ATTEMPTS
from mlsdm_grpc.wire.call import Call
from mlsdm_grpc.wire.responses import duration, verdict
from mlsdm_grpc.workers.text_codec import report_to_proto

__all__ = [
    "evaluation",
    "language",
    "profile",
    "repair_request",
    "repaired_speech",
    "stage",
    "usage",
]


def stage(fields: Fields, value: int) -> Stage:
    """Return the stage in a request; the prompt stage if it is absent."""
    return fields.known("stage", value, Stage.PROMPT, governance_pb2.GovernanceStage)


def profile(fields: Fields, value: int) -> Profile:
    """Return the speech profile in a request; the standard profile if it is absent."""
    return fields.known("profile", value, Profile.STANDARD, speech_pb2.SpeechProfile)


def language(fields: Fields, value: str) -> str:
    """Return the language code in a request, or "" if it is absent."""
    if value and not forms.LANGUAGE.fits(value):
        fields.fault("language", forms.LANGUAGE.description)
    return value


def repair_request(
    fields: Fields,
    call: Call,
    message: governance_service_pb2.RepairSpeechRequest,
    *,
    max_bytes: int,
) -> RepairRequest:
    """Return a request to repair a text as a domain value."""
    tries = fields.count("max_attempts", message.max_attempts, low=0, high=MAX_ATTEMPTS)
    return RepairRequest(
        fields.text("text", message.text, required=True, max_bytes=max_bytes),
        call.principal.tenant,
        call.deadline_s,
        prompt=fields.text("prompt", message.prompt, max_bytes=max_bytes),
        attempts=tries or MAX_ATTEMPTS,
        profile=profile(fields, message.profile),
        language=language(fields, message.language),
    )


def repaired_speech(
    text: str, repaired: Repaired, spent: Spent
) -> governance_service_pb2.RepairSpeechResponse:
    """Return the response with a repaired text and the cost of the repair."""
    return governance_service_pb2.RepairSpeechResponse(
        text=repaired.text,
        original_text=text,
        repaired=repaired.text != text,
        report=report_to_proto(repaired.report),
        original_report=report_to_proto(repaired.original_report),
        attempt_count=len(repaired.results),
        usage=usage(spent),
        verdicts=map(verdict, repaired.verdicts),
    )


def usage(spent: Spent) -> usage_pb2.Usage:
    """Return the cost of model calls as a message: times, tokens and number of calls."""
    first_s = spent.first_piece_s
    return usage_pb2.Usage(
        queue_wait=duration(spent.queue_wait_s),
        embed_time=duration(spent.embed_s),
        recall_time=duration(spent.recall_s),
        provider_time=duration(spent.provider_s),
        first_token_time=None if first_s is None else duration(first_s),
        total_time=duration(spent.total_s),
        prompt_token_count=spent.prompt_tokens,
        completion_token_count=spent.completion_tokens,
        provider_call_count=spent.call_count,
        provider=spent.provider,
        model=spent.model,
    )


def evaluation(
    text: str, judged: Judged, *, redacts: bool
) -> governance_service_pb2.EvaluateContentResponse:
    """Return the response with the findings and verdicts for a text.

    Args:
        text: Text that was evaluated.
        judged: Findings in the text and verdicts of the rules.
        redacts: True if the response contains a copy of the text without personal data and secrets.
            The copy is empty if the search for them failed.
    """
    found = judged.measurement
    return governance_service_pb2.EvaluateContentResponse(
        moral_value=found.moral_value or 0.0,
        verdicts=map(verdict, judged.verdicts),
        injection_score=1.0 if found.injection_score is None else found.injection_score,
        findings=_findings(text, merged(found.findings)[: limits.MAX_FINDINGS]),
        redacted_text=redact(text, found.findings) if redacts and not found.unsearched else "",
        policy_version=judged.policy.version,
    )


def _findings(text: str, found: Sequence[Finding]) -> list[governance_pb2.Finding]:
    """Return findings with byte offsets in the UTF-8 form of the text, ordered by start.

    Cost: O(length of the text), because overlapping findings share one pass.
    """
    places = sorted({place for finding in found for place in (finding.start, finding.end)})
    in_bytes = dict[int, int]()
    before = count = 0
    for place in places:
        count += len(text[before:place].encode())
        in_bytes[place] = count
        before = place
    return [
        governance_pb2.Finding(
            kind=governance_pb2.FindingKind.ValueType(finding.kind),
            category=finding.category,
            start_byte=in_bytes[finding.start],
            end_byte=in_bytes[finding.end],
            score=finding.score,
            language=finding.language,
            rule=finding.rule,
        )
        for finding in found
    ]
