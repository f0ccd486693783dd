"""Conversion of policies between messages of the contract and domain values."""

from __future__ import annotations

from collections.abc import Sequence

from mlsdm_grpc._gen.mlsdm.v1 import governance_pb2, governance_service_pb2
from mlsdm_grpc.core.model.outcome import etag_of
from mlsdm_grpc.core.model.policy import (
    Decision,
    Enforcement,
    OnError,
    PolicySettings,
    RuleSettings,
    SetPolicy,
    StoredPolicy,
)
from mlsdm_grpc.governance.policy.effective_policy import EffectivePolicy, policy_violations
from mlsdm_grpc.governance.policy.rules import Rule
from mlsdm_grpc.messages.fields import Fields
from mlsdm_grpc.messages.times import time_ns, timestamp

__all__ = ["new_policy", "policy_as_it_would_be", "policy_message"]


def new_policy(
    fields: Fields,
    message: governance_service_pb2.SetPolicyRequest,
    rules: Sequence[Rule],
    *,
    now_ns: int,
) -> SetPolicy:
    """Return the policy in a request. Fields that only the server sets are ignored.

    Args:
        fields: Collector of violations.
        message: Request to convert.
        rules: Rules of the server.
        now_ns: Current time, Unix nanoseconds. Expiry times must be later.
    """
    if not message.HasField("policy"):
        fields.fault("policy", "is required")
    if not message.etag:
        fields.fault("etag", "is required; GetPolicy returns it")
    policy = message.policy
    base = policy.base_moral_threshold if policy.HasField("base_moral_threshold") else None
    given = tuple(_rule(fields, f"policy.rules[{i}]", rule) for i, rule in enumerate(policy.rules))
    settings = PolicySettings(given, base)
    for violation in policy_violations(settings, rules, now_ns=now_ns):
        fields.fault(f"policy.{violation.field}", violation.description)
    return SetPolicy(settings, message.etag)


def _rule(fields: Fields, path: str, rule: governance_pb2.PolicyRule) -> RuleSettings:
    return RuleSettings(
        rule_id=rule.rule_id,
        threshold=rule.threshold if rule.HasField("threshold") else None,
        decision=fields.known(
            f"{path}.decision", rule.decision, Decision(0), governance_pb2.Decision
        ),
        enforcement=fields.known(
            f"{path}.enforcement", rule.enforcement, Enforcement(0), governance_pb2.Enforcement
        ),
        on_error=fields.known(
            f"{path}.on_error", rule.on_error, OnError(0), governance_pb2.OnError
        ),
        expire_time_ns=time_ns(rule.expire_time) if rule.HasField("expire_time") else 0,
    )


def policy_message(policy: StoredPolicy, effective: EffectivePolicy) -> governance_pb2.Policy:
    """Return a stored policy as a message, with the effective settings of every rule."""
    message = policy_as_it_would_be(effective)
    message.policy_version = str(policy.version)
    message.etag = etag_of(policy.version)
    if policy.version:
        message.update_time.CopyFrom(timestamp(policy.update_time_ns))
    return message


def policy_as_it_would_be(effective: EffectivePolicy) -> governance_pb2.Policy:
    """Return effective settings as a policy message without version, etag and time."""
    return governance_pb2.Policy(
        rules=[
            governance_pb2.PolicyRule(
                rule_id=rule.rule_id,
                threshold=rule.threshold,
                decision=governance_pb2.Decision.ValueType(rule.decision),
                enforcement=governance_pb2.Enforcement.ValueType(rule.enforcement),
                on_error=governance_pb2.OnError.ValueType(rule.on_error),
                description=rule.description,
                expire_time=timestamp(rule.expire_time_ns) if rule.expire_time_ns else None,
            )
            for rule in effective.rules
        ],
        base_moral_threshold=effective.base_moral_threshold,
    )
