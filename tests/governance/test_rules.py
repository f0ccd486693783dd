"""The built-in rules as data, with the required fields of each."""

import re
from pathlib import Path

import pytest

from mlsdm_grpc._gen.mlsdm.v1 import governance_pb2
from mlsdm_grpc.core.model.policy import (
    Decision,
    Enforcement,
    OnError,
    PolicySettings,
    RuleSettings,
)
from mlsdm_grpc.governance.detectors.harm import NEUTRAL
from mlsdm_grpc.governance.policy.effective_policy import effective_policy, policy_violations
from mlsdm_grpc.governance.policy.measurement import BUILT_IN_DETECTORS
from mlsdm_grpc.governance.policy.rules import (
    BUILT_IN_RULES,
    MAX_MATCH_CHARS,
    MORAL_THRESHOLD,
    Stage,
    rules_with,
)

PAGE = Path(__file__).parents[2] / "docs" / "governance.md"
SETTABLE = [rule for rule in BUILT_IN_RULES if rule.rule_id != MORAL_THRESHOLD]


def test_ids_are_unique_and_sorted():
    ids = [rule.rule_id for rule in BUILT_IN_RULES]
    assert ids == sorted(set(ids))


def test_stages_are_those_of_the_contract():
    names = governance_pb2.GovernanceStage.items()
    assert {f"GOVERNANCE_STAGE_{stage.name}": stage.value for stage in Stage} == {
        name: number for name, number in names if number
    }


@pytest.mark.parametrize("rule", BUILT_IN_RULES, ids=lambda rule: rule.rule_id)
def test_a_rule_says_all_that_has_to_be_known(rule):
    assert rule.description.endswith(".")
    assert rule.version >= 1
    assert rule.decisions
    assert len(set(rule.decisions)) == len(rule.decisions)
    assert len(set(rule.enforcements)) == len(rule.enforcements)
    assert Decision.ALLOW not in rule.decisions
    kind, _, name = rule.rule_id.partition(".")
    assert (Decision.REDACT in rule.decisions) == (kind in {"pii", "secret"})
    if kind == "quality":
        assert (rule.stage, rule.max_match_chars) == (Stage.SPEECH, None)
        assert name in BUILT_IN_DETECTORS.quality
    else:
        assert 0 < rule.max_match_chars <= MAX_MATCH_CHARS == 512
    if rule.rule_id != MORAL_THRESHOLD:
        assert 0.0 < rule.threshold <= 1.0
        assert set(rule.enforcements) == set(Enforcement) - {Enforcement.UNSPECIFIED}
        assert set(rule.on_errors) == {OnError.REFUSE, OnError.ALLOW}


def test_descriptions_are_sentences():
    said = {rule.rule_id: rule.description for rule in BUILT_IN_RULES}
    assert said["injection.recall"] == (
        "Measures how much a recalled memory tries to change the instructions of a model."
    )
    assert said["moral.response"] == (
        "Measures the moral value of an answer of a model; one below the threshold breaks the rule."
    )


def test_the_page_tells_how_high_a_threshold_makes_sense():
    assert f"at most {NEUTRAL}" in " ".join(PAGE.read_text("utf-8").split())


def test_every_check_of_quality_is_a_rule():
    ids = {rule.rule_id for rule in BUILT_IN_RULES}
    assert {f"quality.{name}" for name in BUILT_IN_DETECTORS.quality} <= ids


@pytest.mark.parametrize("enforcement", [Enforcement.OFF, Enforcement.SHADOW, Enforcement.ENFORCE])
def test_what_a_server_sets_for_puts_is_built_in_for_memories_only(enforcement):
    rules = rules_with(enforcement)
    policy = effective_policy(PolicySettings(), rules)
    for rule, plain in zip(policy.rules, effective_policy(PolicySettings()).rules, strict=True):
        expected = enforcement if rule.stage is Stage.MEMORY else plain.enforcement
        assert rule.enforcement is expected
    overridden = PolicySettings((RuleSettings("pii.memory", enforcement=Enforcement.SHADOW),))
    assert list(policy_violations(overridden, rules)) == []
    (pii,) = (r for r in effective_policy(overridden, rules).rules if r.rule_id == "pii.memory")
    assert pii.enforcement is Enforcement.SHADOW


def test_what_another_scorer_judges_it_judges_as_a_whole():
    usual = {rule.rule_id: rule for rule in rules_with(Enforcement.SHADOW)}
    changed = {
        rule.rule_id
        for rule in rules_with(Enforcement.SHADOW, other_scorer=True)
        if rule != usual[rule.rule_id]
    }
    assert changed == {"moral.response", "moral.threshold"}
    policy = effective_policy(PolicySettings(), rules_with(Enforcement.SHADOW, other_scorer=True))
    assert {r.max_match_chars for r in policy.rules if r.rule_id in changed} == {None}


def test_settings_end_when_they_say():
    rule = RuleSettings("pii.prompt", enforcement=Enforcement.ENFORCE, expire_time_ns=1_000)
    settings = PolicySettings((rule, RuleSettings("pii.recall", threshold=0.9)))

    def shown(now_ns):
        policy = effective_policy(settings, version=3, now_ns=now_ns)
        (pii,) = (each for each in policy.rules if each.rule_id == "pii.prompt")
        return pii.enforcement.name, pii.expire_time_ns, policy.valid_until_ns

    assert shown(999) == ("ENFORCE", 1_000, 1_000)
    assert shown(1_000) == ("SHADOW", 0, float("inf"))
    assert effective_policy(settings, version=3).version == "3"


@pytest.mark.parametrize(
    ("end_ns", "allowed"), [(0, True), (11, True), (10, False), (2**63, False)]
)
def test_ends_lie_in_the_future(end_ns, allowed):
    settings = PolicySettings((RuleSettings("pii.prompt", expire_time_ns=end_ns),))
    faults = [violation.field for violation in policy_violations(settings, now_ns=10)]
    assert faults == ([] if allowed else ["rules[0].expire_time"])


def test_the_hold_back_is_that_of_the_longest_enforced_rule():
    assert effective_policy(PolicySettings()).max_match_chars(Stage.RESPONSE) == MAX_MATCH_CHARS
    off = [RuleSettings(rule.rule_id, enforcement=Enforcement.OFF) for rule in SETTABLE]
    policy = effective_policy(PolicySettings(tuple(off)))
    assert policy.max_match_chars(Stage.RESPONSE) == 0
    assert policy.of(Stage.RESPONSE) == ()


def test_the_page_lists_every_rule_as_it_is():
    page = PAGE.read_text("utf-8")
    rows = re.findall(r"^\| `([a-z.]+)` \| (.+?) \|$", page, re.MULTILINE)
    shown = {rule_id: cells.split(" | ") for rule_id, cells in rows}
    for rule in BUILT_IN_RULES:
        assert shown[rule.rule_id] == [
            rule.stage.name,
            "space" if rule.threshold is None else f"{rule.direction.sign} {rule.threshold:g}",
            " ".join(decision.name for decision in rule.decisions),
            rule.enforcements[0].name,
            "whole text" if rule.max_match_chars is None else str(rule.max_match_chars),
        ]
    assert shown.keys() >= {rule.rule_id for rule in BUILT_IN_RULES}
