"""Effective policies, and settings that no policy may contain."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc.core.mind.moral import MoralFilter
from mlsdm_grpc.core.model.parameters import MoralParameters
from mlsdm_grpc.core.model.policy import (
    Decision,
    Enforcement,
    OnError,
    PolicySettings,
    RuleSettings,
)
from mlsdm_grpc.governance.policy.effective_policy import (
    MAX_RULES,
    base_moral_threshold,
    effective_policy,
    policy_violations,
)
from mlsdm_grpc.governance.policy.rules import BUILT_IN_RULES, MORAL_THRESHOLD, Rule, Stage

BUILT_IN = PolicySettings()
OPEN = Rule(
    rule_id="a.later_one",
    description="Measures something.",
    stage=Stage.RESPONSE,
    threshold=0.25,
    decisions=(Decision.FLAG, Decision.REFUSE),
    enforcements=(Enforcement.SHADOW, Enforcement.ENFORCE, Enforcement.OFF),
    on_errors=(OnError.ALLOW, OnError.REFUSE),
)
TWO_RULES = (*BUILT_IN_RULES, OPEN)


def moral(**settings):
    base = settings.pop("base", None)
    return PolicySettings((RuleSettings(MORAL_THRESHOLD, **settings),), base)


def faults(settings, rules=BUILT_IN_RULES):
    return [violation.field for violation in policy_violations(settings, rules)]


def one(policy, rule_id):
    (rule,) = (rule for rule in policy.rules if rule.rule_id == rule_id)
    return rule


def test_the_built_in_policy_is_what_the_moral_filter_does():
    rule = one(effective_policy(BUILT_IN), "moral.threshold")
    assert rule.threshold == MoralFilter(MoralParameters()).threshold
    assert rule.threshold == effective_policy(BUILT_IN).base_moral_threshold
    assert (rule.decision, rule.enforcement, rule.on_error) == (
        Decision.REFUSE,
        Enforcement.ENFORCE,
        OnError.REFUSE,
    )
    assert rule.description.endswith(".")


def test_the_base_is_the_threshold_of_the_moral_rule():
    settings = PolicySettings(base_moral_threshold=0.7)
    assert effective_policy(settings).base_moral_threshold == 0.7
    assert one(effective_policy(settings), "moral.threshold").threshold == 0.7
    assert base_moral_threshold(settings) == 0.7


def test_what_is_given_overlays_what_is_built_in_and_rules_are_sorted():
    given_rule = RuleSettings("a.later_one", threshold=0.0, enforcement=Enforcement.OFF)
    rules = effective_policy(PolicySettings((given_rule,)), TWO_RULES).rules
    ids = [rule.rule_id for rule in rules]
    assert (ids, ids[0]) == (sorted(ids), "a.later_one")
    assert (rules[0].threshold, rules[0].decision, rules[0].enforcement, rules[0].on_error) == (
        0.0,
        Decision.FLAG,
        Enforcement.OFF,
        OnError.ALLOW,
    )


def test_a_stored_rule_that_this_version_does_not_have_has_no_effect():
    stored = PolicySettings((RuleSettings("from.the_future", threshold=0.1),))
    assert effective_policy(stored) == effective_policy(BUILT_IN)


@pytest.mark.parametrize("base", [0.30, 0.5, 0.90])
def test_bases_in_range_are_allowed(base):
    assert faults(PolicySettings(base_moral_threshold=base)) == []
    assert faults(moral(threshold=base, base=base)) == []


@pytest.mark.parametrize("base", [0.2999, 0.9001, -1.0, math.nan, math.inf])
def test_bases_out_of_range_are_named(base):
    assert faults(PolicySettings(base_moral_threshold=base)) == ["base_moral_threshold"]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        (moral(threshold=0.6), "threshold"),
        (moral(threshold=0.5, base=0.6), "threshold"),
        (moral(threshold=math.nan), "threshold"),
        (moral(decision=Decision.FLAG), "decision"),
        (moral(decision=Decision.ALLOW), "decision"),
        (moral(enforcement=Enforcement.OFF), "enforcement"),
        (moral(enforcement=Enforcement.SHADOW), "enforcement"),
        (moral(on_error=OnError.ALLOW), "on_error"),
    ],
)
def test_what_cannot_be_carried_out_is_refused(settings, field):
    assert faults(settings) == [f"rules[0].{field}"]


def test_every_fault_is_reported_with_its_place():
    settings = PolicySettings(
        (
            RuleSettings(MORAL_THRESHOLD, decision=Decision.FLAG, on_error=OnError.ALLOW),
            RuleSettings("no.such_rule", threshold=7.0),
            RuleSettings(MORAL_THRESHOLD),
        ),
        base_moral_threshold=0.1,
    )
    assert faults(settings) == [
        "base_moral_threshold",
        "rules[0].decision",
        "rules[0].on_error",
        "rules[1].rule_id",
        "rules[2].rule_id",
    ]


def test_the_choices_are_spelled_as_the_contract_does():
    (violation,) = policy_violations(moral(decision=Decision.FLAG))
    assert "DECISION_REFUSE" in violation.description
    (violation,) = policy_violations(moral(on_error=OnError.ALLOW))
    assert "ON_ERROR_REFUSE" in violation.description


@pytest.mark.parametrize(("threshold", "allowed"), [(0.0, True), (1.0, True), (1.1, False)])
def test_a_rule_with_a_limit_of_its_own_takes_any_in_its_scale(threshold, allowed):
    settings = PolicySettings((RuleSettings("a.later_one", threshold=threshold),))
    assert faults(settings, TWO_RULES) == ([] if allowed else ["rules[0].threshold"])


def test_the_number_of_rules_is_bounded():
    settings = PolicySettings((RuleSettings("no.such_rule"),) * (MAX_RULES + 1))
    assert faults(settings) == ["rules"]


rule_settings = st.builds(
    RuleSettings,
    rule_id=st.sampled_from([MORAL_THRESHOLD, "a.later_one", "unknown"]),
    threshold=st.none() | st.sampled_from([0.5, 0.6]) | st.floats(0, 1),
    decision=st.sampled_from(Decision),
    enforcement=st.sampled_from(Enforcement),
    on_error=st.sampled_from(OnError),
)


@given(
    st.builds(
        PolicySettings,
        rules=st.lists(rule_settings, max_size=3).map(tuple),
        base_moral_threshold=st.none() | st.sampled_from([0.5, 0.6]),
    )
)
def test_what_is_allowed_takes_effect_and_can_be_sent_again_as_it_is_shown(settings):
    if faults(settings, TWO_RULES):
        return
    effective = effective_policy(settings, TWO_RULES)
    shown = {rule.rule_id: rule for rule in effective.rules}
    for given_rule in settings.rules:
        for name in ("threshold", "decision", "enforcement", "on_error"):
            wanted = getattr(given_rule, name)
            if wanted is not None and wanted != 0:
                assert getattr(shown[given_rule.rule_id], name) == wanted
    echo = PolicySettings(
        tuple(
            RuleSettings(r.rule_id, r.threshold, r.decision, r.enforcement, r.on_error)
            for r in effective.rules
        ),
        effective.base_moral_threshold,
    )
    assert faults(echo, TWO_RULES) == []
    assert effective_policy(echo, TWO_RULES) == effective
