"""Encoding of policies, for records, snapshots and links to workers."""

from __future__ import annotations

from mlsdm_grpc._gen.mlsdm.internal.v1 import record_pb2 as pb
from mlsdm_grpc.core.model.policy import (
    Decision,
    Enforcement,
    OnError,
    PolicySettings,
    RuleSettings,
    StoredPolicy,
)

__all__ = ["policy_from_proto", "policy_to_proto", "settings_from_proto", "settings_to_proto"]


def settings_to_proto(settings: PolicySettings) -> pb.PolicySettings:
    """Return the encoded form of a tenant's settings."""
    return pb.PolicySettings(
        rules=[
            pb.RuleSettings(
                rule_id=rule.rule_id,
                threshold=rule.threshold,
                decision=rule.decision,
                enforcement=rule.enforcement,
                on_error=rule.on_error,
                expire_time_ns=rule.expire_time_ns,
            )
            for rule in settings.rules
        ],
        base_moral_threshold=settings.base_moral_threshold,
    )


def settings_from_proto(message: pb.PolicySettings) -> PolicySettings:
    """Return the settings in ``message``."""
    base = message.base_moral_threshold if message.HasField("base_moral_threshold") else None
    return PolicySettings(tuple(map(_rule, message.rules)), base)


def _rule(message: pb.RuleSettings) -> RuleSettings:
    return RuleSettings(
        rule_id=message.rule_id,
        threshold=message.threshold if message.HasField("threshold") else None,
        decision=Decision(message.decision),
        enforcement=Enforcement(message.enforcement),
        on_error=OnError(message.on_error),
        expire_time_ns=message.expire_time_ns,
    )


def policy_to_proto(policy: StoredPolicy) -> pb.StoredPolicy:
    """Return the encoded form of a stored policy."""
    return pb.StoredPolicy(
        settings=settings_to_proto(policy.settings),
        version=policy.version,
        update_time_ns=policy.update_time_ns,
    )


def policy_from_proto(message: pb.StoredPolicy) -> StoredPolicy:
    """Return the stored policy in ``message``."""
    return StoredPolicy(
        settings=settings_from_proto(message.settings),
        version=message.version,
        update_time_ns=message.update_time_ns,
    )
