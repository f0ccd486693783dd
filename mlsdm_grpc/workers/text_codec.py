"""Conversion between results of text workers and messages of the link or of the contract."""

from __future__ import annotations

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc._gen.mlsdm.v1 import governance_pb2, speech_pb2
from mlsdm_grpc.governance.matching.findings import Finding, FindingKind
from mlsdm_grpc.governance.policy.verdict import Measurement
from mlsdm_grpc.speech import Flag, Profile, SpeechReport

__all__ = [
    "measurement_from_proto",
    "measurement_to_proto",
    "report_from_proto",
    "report_to_proto",
]


def measurement_to_proto(measurement: Measurement) -> pb.TextMeasurement:
    """Return the link message of a measurement."""
    return pb.TextMeasurement(
        scores=[
            pb.RuleScore(rule_id=rule_id, score=score)
            for rule_id, score in measurement.scores.items()
        ],
        moral_value=measurement.moral_value,
        injection_score=measurement.injection_score,
        findings=[
            pb.TextFinding(
                kind=governance_pb2.FindingKind.ValueType(finding.kind),
                category=finding.category,
                start=finding.start,
                end=finding.end,
                score=finding.score,
                language=finding.language,
                rule=finding.rule,
            )
            for finding in measurement.findings
        ],
        unsearched=measurement.unsearched,
    )


def measurement_from_proto(message: pb.TextMeasurement) -> Measurement:
    """Return the measurement in ``message``."""
    return Measurement(
        scores={
            each.rule_id: each.score if each.HasField("score") else None for each in message.scores
        },
        moral_value=message.moral_value if message.HasField("moral_value") else None,
        injection_score=message.injection_score if message.HasField("injection_score") else None,
        findings=tuple(
            Finding(
                FindingKind(each.kind),
                each.category,
                each.start,
                each.end,
                each.score,
                each.language,
                each.rule,
            )
            for each in message.findings
        ),
        unsearched=message.unsearched,
    )


def report_to_proto(report: SpeechReport) -> speech_pb2.SpeechReport:
    """Return a speech report as a message of the contract."""
    return speech_pb2.SpeechReport(
        is_aphasic=report.is_aphasic,
        severity=report.severity,
        avg_sentence_len=report.avg_sentence_len,
        function_word_ratio=report.function_word_ratio,
        fragment_ratio=report.fragment_ratio,
        flags=[speech_pb2.SpeechFlag.ValueType(flag) for flag in report.flags],
        language=report.language,
        abstained=report.abstained,
        profile=speech_pb2.SpeechProfile.ValueType(report.profile),
    )


def report_from_proto(message: speech_pb2.SpeechReport) -> SpeechReport:
    """Return the speech report in ``message``."""
    return SpeechReport(
        is_aphasic=message.is_aphasic,
        severity=message.severity,
        avg_sentence_len=message.avg_sentence_len,
        function_word_ratio=message.function_word_ratio,
        fragment_ratio=message.fragment_ratio,
        flags=tuple(map(Flag, message.flags)),
        language=message.language,
        abstained=message.abstained,
        profile=Profile(message.profile),
    )
