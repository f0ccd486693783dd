"""Results of detectors are kept by text and reused for all stages and rules."""

from __future__ import annotations

import pytest

from mlsdm_grpc.governance.detectors.harm import Harm
from mlsdm_grpc.governance.detectors.injection import Injection
from mlsdm_grpc.governance.matching.findings import Finding, FindingKind
from mlsdm_grpc.governance.policy.measurement import Detectors, KeptResults, measure
from mlsdm_grpc.governance.policy.rules import Stage

RULES = ("moral.threshold", "injection.prompt", "secret.detect")
MANY = 17
"""Findings that are too many to keep."""


class Counted:
    """Detectors that count their runs."""

    def __init__(self, *, findings: int = 1, fails: bool = False) -> None:
        self.runs = 0
        self.findings = findings
        self.fails = fails

    def detectors(self) -> Detectors:
        return Detectors(
            harm=lambda _: self._run(Harm(0.4, ())),
            injection=lambda _: self._run(Injection(0.6, ())),
            sensitive=lambda _: self._run(
                tuple(
                    Finding(FindingKind.SECRET, "key", i, i + 1, 0.9) for i in range(self.findings)
                )
            ),
            quality={},
        )

    def _secrets(self):
        places = range(self.findings)
        return tuple(Finding(FindingKind.SECRET, "key", i, i + 1, 0.9) for i in places)

    def _run(self, result):
        self.runs += 1
        if self.fails:
            raise ValueError
        return result

    def measure(self, text, kept, stage=Stage.MEMORY, rules=RULES):
        return measure(text, stage, rules=rules, detectors=self.detectors(), kept=kept)


def test_a_text_is_measured_once_for_several_stages():
    counted, kept = Counted(), KeptResults()
    first = counted.measure("text", kept)
    again = counted.measure("text", kept, Stage.RECALL)
    assert (first, counted.runs) == (again, 3)
    assert first == measure("text", Stage.MEMORY, rules=RULES, detectors=counted.detectors())


def test_another_text_is_measured():
    counted, kept = Counted(), KeptResults()
    counted.measure("text", kept)
    counted.measure("texts", kept)
    assert counted.runs == 6


def test_what_other_rules_need_is_measured():
    counted, kept = Counted(), KeptResults()
    counted.measure("text", kept, rules=RULES[:1])
    assert counted.runs == 1
    counted.measure("text", kept)
    assert counted.runs == 3


def test_an_answer_is_read_in_pieces_and_so_measured_apart():
    counted, kept = Counted(), KeptResults()
    counted.measure("text", kept)
    counted.measure("text", kept, Stage.RESPONSE)
    assert counted.runs == 6


def test_a_failure_is_not_kept():
    counted, kept = Counted(fails=True), KeptResults()
    assert set(counted.measure("text", kept).scores.values()) == {None}
    counted.fails = False
    assert None not in counted.measure("text", kept).scores.values()


def test_a_result_with_many_findings_is_not_kept():
    counted, kept = Counted(findings=MANY), KeptResults()
    for _ in range(2):
        assert len(counted.measure("text", kept, rules=RULES[2:]).findings) == MANY
    assert counted.runs == 2


def test_the_least_recently_used_result_is_dropped():
    counted, kept = Counted(), KeptResults(most=2)
    for text in ("one", "two", "one", "three", "one"):
        counted.measure(text, kept, rules=RULES[:1])
    assert counted.runs == 3
    counted.measure("two", kept, rules=RULES[:1])
    assert counted.runs == 4


@pytest.mark.parametrize("text", ["", "\ud800", "\x00"])
def test_any_text_has_a_digest(text):
    counted, kept = Counted(), KeptResults()
    assert counted.measure(text, kept) == counted.measure(text, kept)
    assert counted.runs == 3
