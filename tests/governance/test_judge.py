"""Measurement of a text, and the verdicts of the rules on it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc.core.model.policy import (
    Decision,
    Enforcement,
    OnError,
    PolicySettings,
    RuleSettings,
)
from mlsdm_grpc.governance.detectors.harm import Harm
from mlsdm_grpc.governance.detectors.injection import Injection
from mlsdm_grpc.governance.matching.findings import Finding, FindingKind
from mlsdm_grpc.governance.policy.effective_policy import effective_policy
from mlsdm_grpc.governance.policy.measurement import BUILT_IN_DETECTORS, Detectors, measure
from mlsdm_grpc.governance.policy.rules import BUILT_IN_RULES, MORAL_THRESHOLD, Direction, Stage
from mlsdm_grpc.governance.policy.verdict import (
    Measurement,
    Verdict,
    enforced,
    noteworthy,
    redacted,
    verdicts,
)

EVERY = {rule.rule_id: rule for rule in BUILT_IN_RULES}
EMAIL = Finding(FindingKind.PERSONAL_DATA, "email", 9, 16, 0.9)
KEY = Finding(FindingKind.SECRET, "aws_key", 20, 40, 1.0)
TEXT = "write to a@b.de or  AKIAABCDEFGHIJKLMNOP now"


def broken(*_):
    raise ZeroDivisionError("the text of a caller")


def detectors(moral=0.8, injection=0.0, sensitive=(), quality=0.0):
    """Detectors that always find the same; None is a broken one."""
    return Detectors(
        harm=broken if moral is None else lambda _: Harm(moral, ()),
        injection=broken if injection is None else lambda _: Injection(injection, ()),
        sensitive=broken if sensitive is None else lambda _: tuple(sensitive),
        quality=dict.fromkeys(
            BUILT_IN_DETECTORS.quality, broken if quality is None else lambda *_: quality
        ),
    )


def policy_of(*given, base=None):
    return effective_policy(PolicySettings(given, base), version=7)


def judged(stage, policy, **found):
    rules = [rule.rule_id for rule in policy.of(stage)]
    measurement = measure(TEXT, stage, rules=rules, detectors=detectors(**found))
    return {verdict.rule_id: verdict for verdict in verdicts(measurement, policy, stage)}


def test_a_harmless_text_is_allowed_by_every_rule():
    for stage in Stage:
        found = judged(stage, policy_of())
        assert set(found) == {
            rule.rule_id
            for rule in BUILT_IN_RULES
            if rule.stage is stage and rule.enforcements[0] is not Enforcement.OFF
        }
        assert {verdict.decision for verdict in found.values()} == {Decision.ALLOW}
        assert noteworthy(found.values()) == ()
        assert enforced(tuple(found.values())) is Decision.ALLOW


def test_the_built_in_settings_are_those_of_an_operator():
    bad = {"moral": 0.1, "injection": 0.9, "sensitive": (EMAIL, KEY), "quality": 1.0}
    done = {
        verdict.rule_id: (verdict.decision.name, verdict.enforcement.name)
        for stage in Stage
        for verdict in judged(stage, policy_of(), **bad).values()
    }
    assert done == {
        "moral.threshold": ("REFUSE", "ENFORCE"),
        "moral.response": ("REFUSE", "ENFORCE"),
        "moral.recall": ("REFUSE", "ENFORCE"),
        "moral.memory": ("REFUSE", "SHADOW"),
        "injection.prompt": ("REFUSE", "ENFORCE"),
        "injection.recall": ("REFUSE", "ENFORCE"),
        "injection.memory": ("REFUSE", "SHADOW"),
        "pii.prompt": ("FLAG", "SHADOW"),
        "pii.recall": ("FLAG", "SHADOW"),
        "pii.response": ("FLAG", "SHADOW"),
        "pii.memory": ("FLAG", "SHADOW"),
        "secret.prompt": ("REDACT", "SHADOW"),
        "secret.recall": ("REDACT", "SHADOW"),
        "secret.response": ("REDACT", "ENFORCE"),
        "secret.memory": ("REFUSE", "SHADOW"),
        "quality.collapse": ("DEGRADE", "ENFORCE"),
        "quality.looping": ("DEGRADE", "ENFORCE"),
        "quality.incoherence": ("FLAG", "SHADOW"),
        "quality.drift": ("FLAG", "SHADOW"),
        "quality.telegraphing": ("FLAG", "SHADOW"),
        "quality.hedging": ("FLAG", "SHADOW"),
    }


@pytest.mark.parametrize("direction", Direction)
def test_limits_are_broken_on_one_side(direction):
    low, at, high = (direction.breaks(score, 0.5) for score in (0.49, 0.5, 0.51))
    assert (low, at, high) == {
        Direction.BELOW: (True, False, False),
        Direction.AT_LEAST: (False, True, True),
    }[direction]


def test_the_moral_rule_of_a_prompt_follows_its_space():
    measurement = Measurement({MORAL_THRESHOLD: 0.6})
    for limit, decision in ((None, "ALLOW"), (0.65, "REFUSE"), (0.6, "ALLOW")):
        found = verdicts(measurement, policy_of(), Stage.PROMPT, moral_threshold=limit)
        (moral,) = (verdict for verdict in found if verdict.rule_id == MORAL_THRESHOLD)
        assert (moral.decision.name, moral.threshold) == (decision, limit or 0.5)
        assert moral.policy_version == "7"


scores = st.none() | st.floats(0, 1)


@given(scores, scores, scores, st.sampled_from([OnError.REFUSE, OnError.ALLOW]))
def test_shadow_and_enforcement_give_the_same_verdicts(moral, injection, quality, on_error):
    def found(enforcement):
        policy = policy_of(
            *(
                RuleSettings(rule_id, enforcement=enforcement, on_error=on_error)
                for rule_id in EVERY
                if rule_id != MORAL_THRESHOLD
            )
        )
        return [
            verdict
            for stage in Stage
            for verdict in judged(
                stage, policy, moral=moral, injection=injection, quality=quality
            ).values()
            if verdict.rule_id != MORAL_THRESHOLD
        ]

    shadow, enforce = found(Enforcement.SHADOW), found(Enforcement.ENFORCE)
    assert [v.decision for v in shadow] == [v.decision for v in enforce]
    assert [v.score for v in shadow] == [v.score for v in enforce]
    assert enforced(tuple(shadow)) is Decision.ALLOW
    assert enforced(tuple(enforce)) == max(v.decision for v in shadow)
    assert found(Enforcement.OFF) == []


@pytest.mark.parametrize("rule_id", sorted(EVERY.keys() - {MORAL_THRESHOLD}))
@pytest.mark.parametrize("enforcement", [Enforcement.SHADOW, Enforcement.ENFORCE])
def test_a_broken_detector_leaves_it_to_on_error(rule_id, enforcement):
    stage = EVERY[rule_id].stage
    failing = {"moral": None, "injection": None, "sensitive": None, "quality": None}
    for on_error, decision in ((OnError.REFUSE, "REFUSE"), (OnError.ALLOW, "ALLOW")):
        given_rule = RuleSettings(rule_id, enforcement=enforcement, on_error=on_error)
        verdict = judged(stage, policy_of(given_rule), **failing)[rule_id]
        assert (verdict.decision.name, verdict.on_error_applied) == (decision, True)
        assert (verdict.score, verdict.enforcement) == (0.0, enforcement)
        assert noteworthy([verdict]) == (verdict,)


def test_without_a_word_enforced_rules_fail_closed_and_others_open():
    failing = {"moral": None, "injection": None, "sensitive": None, "quality": None}
    for stage in Stage:
        for verdict in judged(stage, policy_of(), **failing).values():
            keeps_back = EVERY[verdict.rule_id].decisions[0] in {Decision.REDACT, Decision.REFUSE}
            closed = verdict.enforcement is Enforcement.ENFORCE and keeps_back
            assert verdict.decision is (Decision.REFUSE if closed else Decision.ALLOW)


def test_one_broken_detector_does_not_spoil_the_others():
    found = judged(Stage.RESPONSE, policy_of(), moral=None, sensitive=(KEY,))
    assert found["moral.response"].on_error_applied
    assert found["secret.response"].decision is Decision.REDACT


def test_a_failure_is_logged_without_its_text(caplog):
    failing = detectors(injection=None)
    measure(TEXT, Stage.PROMPT, rules=["injection.prompt"], detectors=failing)
    assert caplog.messages == [
        "detector_failed detector=injection stage=PROMPT error=ZeroDivisionError"
    ]


def test_each_detector_runs_once_for_all_its_rules():
    calls = []

    def counting(text):
        calls.append(text)
        return (EMAIL, KEY)

    measurement = measure(
        TEXT,
        Stage.RESPONSE,
        rules=["pii.response", "secret.response"],
        detectors=Detectors(broken, broken, counting, {}),
    )
    assert calls == [TEXT]
    assert measurement.scores == {"pii.response": 0.9, "secret.response": 1.0}
    assert (measurement.moral_value, measurement.injection_score) == (None, None)
    assert measurement.findings == (EMAIL, KEY)


def test_the_whole_is_measured_whatever_the_rules():
    measurement = measure(TEXT, Stage.SPEECH, rules=[], whole=True, detectors=detectors(0.3, 0.2))
    assert (measurement.moral_value, measurement.injection_score) == (0.3, 0.2)
    assert measurement.scores == {}


def test_checks_of_quality_are_given_the_prompt():
    seen = []
    quality = {"drift": lambda text, prompt: seen.append((text, prompt)) or 0.75}
    measurement = measure(
        TEXT,
        Stage.SPEECH,
        prompt="a question",
        rules=["quality.drift"],
        detectors=Detectors(broken, broken, broken, quality),
    )
    assert seen == [(TEXT, "a question")]
    assert measurement.scores == {"quality.drift": 0.75}


def test_another_moral_value_replaces_the_scores_of_moral_rules_only():
    measurement = Measurement({"moral.response": 0.8, "pii.response": 0.9}, moral_value=0.8)
    other = measurement.with_moral_value(0.1)
    assert other.scores == {"moral.response": 0.1, "pii.response": 0.9}
    assert other.moral_value == 0.1
    assert measurement.with_moral_value(None).scores["moral.response"] is None


def verdict(rule_id, decision, enforcement=Enforcement.ENFORCE, threshold=0.5):
    return Verdict(rule_id, decision, enforcement, 1.0, threshold, "0", EVERY[rule_id].stage)


def test_only_what_an_enforced_rule_wants_is_redacted():
    measurement = Measurement(findings=(EMAIL, KEY))
    pii = verdict("pii.response", Decision.REDACT)
    secret = verdict("secret.response", Decision.REDACT)
    shadow = verdict("secret.response", Decision.REDACT, Enforcement.SHADOW)
    assert redacted(TEXT, measurement, [pii, shadow]) == TEXT.replace("a@b.de ", "[email]")
    both = redacted(TEXT, measurement, [pii, secret])
    assert "AKIA" not in both
    assert "[email]" in both
    assert redacted(TEXT, measurement, [shadow]) == TEXT
    sure = verdict("pii.response", Decision.REDACT, threshold=0.95)
    assert redacted(TEXT, measurement, [sure]) == TEXT
