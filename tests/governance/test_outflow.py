"""Release of an answer before it is complete."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc.core.model.policy import Decision, Enforcement, PolicySettings, RuleSettings
from mlsdm_grpc.governance.matching.findings import MAX_MATCH_CHARS, Finding, FindingKind, redact
from mlsdm_grpc.governance.policy.effective_policy import effective_policy
from mlsdm_grpc.governance.policy.holdback import Outflow, holds_all
from mlsdm_grpc.governance.policy.measurement import measure
from mlsdm_grpc.governance.policy.rules import BUILT_IN_RULES, Stage
from mlsdm_grpc.governance.policy.verdict import Measurement, Verdict, verdicts

SECRET = "#" * 40
WORDS = st.sampled_from(["a few words ", "more ", "x" * 90 + " ", "end. ", SECRET + " "])
TEXTS = st.lists(WORDS, max_size=60).map("".join)


def judge(text, decision, enforcement=Enforcement.ENFORCE):
    """Judge like a rule that searches for places of at most 512 characters."""
    findings, at = [], text.find(SECRET)
    while at >= 0:
        findings.append(Finding(FindingKind.SECRET, "hash", at, at + len(SECRET), 1.0))
        at = text.find(SECRET, at + len(SECRET))
    verdict = Verdict(
        rule_id="secret.response",
        decision=decision if findings else Decision.ALLOW,
        enforcement=enforcement,
        score=float(bool(findings)),
        threshold=0.5,
        policy_version="1",
        stage=Stage.RESPONSE,
    )
    return Measurement(findings=tuple(findings)), (verdict,)


def flow(chunks, decision, enforcement=Enforcement.ENFORCE):
    """Release an answer like the server; return its pieces and whether it was refused."""
    window = MAX_MATCH_CHARS if enforcement is Enforcement.ENFORCE else 0
    outflow, pieces = Outflow(window), []
    for chunk in chunks:
        outflow.add(chunk)
        if outflow.due:
            start, end = outflow.start, len(outflow.text)
            about = judge(outflow.text[start:end], decision, enforcement)
            pieces.append(outflow.judged(*about, start=start, end=end))
        if outflow.refused:
            break
    else:
        pieces.append(outflow.finished(*judge(outflow.text, decision, enforcement)))
    return [piece for piece in pieces if piece], outflow.refused


def cut(text, sizes):
    at = 0
    for size in sizes:
        yield text[at : at + size]
        at += size
    yield text[at:]


SIZES = st.lists(st.integers(1, 200), max_size=60)


@given(TEXTS, SIZES)
def test_what_is_refused_does_not_leave_in_any_part(text, sizes):
    pieces, refused = flow(cut(text, sizes), Decision.REFUSE)
    assert refused == (SECRET in text)
    out = "".join(pieces)
    assert "#" not in out
    assert text.startswith(out)
    assert refused or out == text


@given(TEXTS, SIZES)
def test_pieces_together_are_what_the_whole_would_be(text, sizes):
    pieces, refused = flow(cut(text, sizes), Decision.REDACT)
    assert not refused
    assert "#" not in "".join(pieces)
    assert "".join(pieces) == redact(text, judge(text, Decision.REDACT)[0].findings)


@given(TEXTS, SIZES)
def test_a_rule_in_shadow_changes_nothing(text, sizes):
    pieces, refused = flow(cut(text, sizes), Decision.REFUSE, Enforcement.SHADOW)
    assert not refused
    assert "".join(pieces) == text


@pytest.mark.parametrize("decision", [Decision.REFUSE, Decision.REDACT])
@pytest.mark.parametrize("split", range(len(SECRET) + 1))
def test_every_split_of_what_is_forbidden(decision, split):
    before, after = "it goes on and on. " * 60, " and on" * 200
    text = before + SECRET + after
    at = len(before) + split
    out = "".join(flow([*cut(text[:at], [50] * 60), *cut(text[at:], [50] * 60)], decision)[0])
    assert "#" not in out
    if decision is Decision.REFUSE:
        assert len(before) - MAX_MATCH_CHARS - 114 <= len(out) <= len(before)
    else:
        assert out == before + "[hash]" + after


def test_text_leaves_before_the_answer_is_complete():
    pieces, _ = flow(["some words, " * 10] * 20, Decision.REFUSE)
    assert len(pieces) > 10
    assert len(pieces[-1]) <= MAX_MATCH_CHARS + 64 + 120


def test_without_enforced_rules_nothing_is_held_back():
    outflow = Outflow(0)
    outflow.add("x" * 64)
    assert outflow.due
    assert outflow.judged(Measurement(), (), start=0, end=64) == "x" * 64


def test_only_rules_that_need_the_whole_answer_hold_all_of_it():
    def policy(decision, enforcement):
        rule = RuleSettings("quality.looping", decision=decision, enforcement=enforcement)
        return effective_policy(PolicySettings((rule,)), BUILT_IN_RULES)

    assert not holds_all(effective_policy(PolicySettings(), BUILT_IN_RULES))
    assert holds_all(policy(Decision.REFUSE, Enforcement.ENFORCE))
    assert not holds_all(policy(Decision.REFUSE, Enforcement.SHADOW))
    assert not holds_all(policy(Decision.DEGRADE, Enforcement.ENFORCE))


CALM = "Here is the story that you asked for, and it is a calm one. "
KEY = "\n".join("MIIEpAIBAAKCAQEAxYz0" * 3 for _ in range(40))
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{KEY}\n-----END RSA PRIVATE KEY-----"
ENFORCED = effective_policy(
    PolicySettings(
        tuple(
            RuleSettings(rule, decision=Decision.REDACT, enforcement=Enforcement.ENFORCE)
            for rule in ("pii.response", "secret.response")
        )
    )
)


def measured(text):
    rules = [rule.rule_id for rule in ENFORCED.of(Stage.RESPONSE)]
    found = measure(text, Stage.RESPONSE, rules=rules)
    return found, verdicts(found, ENFORCED, Stage.RESPONSE)


@pytest.mark.parametrize(
    "stretched",
    [
        PEM,
        PEM.replace("\n", "\n" + 12 * " "),
        PEM.replace("\n", "\n" + 600 * " "),
        "I will k" + "\u200b" * 700 + "ill you and your whole family tonight",
        "I will k" + "\u0301" * 60 + "ill you tonight",
        "I will k" + "\u200b" * 900 + "i" + "\u200b" * 900 + "ll you and your whole family tonight",
    ],
    ids=["key", "indented", "stretched key", "invisible", "stacked", "more invisible"],
)
def test_what_is_stretched_is_judged_alike_in_pieces_and_as_a_whole(stretched):
    text = CALM * 30 + stretched + " " + CALM * 20
    whole = Outflow(MAX_MATCH_CHARS)
    whole.add(text)
    at_once = whole.finished(*measured(text))
    outflow, out = Outflow(MAX_MATCH_CHARS), ""
    for piece in cut(text, [33] * (len(text) // 33)):
        outflow.add(piece)
        if outflow.due:
            start, end = outflow.start, len(outflow.text)
            out += outflow.judged(*measured(outflow.text[start:end]), start=start, end=end)
        if outflow.refused:
            break
    else:
        out += outflow.finished(*measured(text))
    assert outflow.refused == whole.refused
    assert out == at_once if not whole.refused else "I will k" not in out


def test_an_indented_key_is_covered():
    text = CALM + PEM.replace("\n", "\n" + 12 * " ") + "\n" + CALM
    assert "MII" not in redact(text, measured(text)[0].findings)
