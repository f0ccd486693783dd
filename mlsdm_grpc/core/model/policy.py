"""Governance policy of a tenant as stored in its reserved space: plain values.

The mind stores the settings and does not interpret them. The package :mod:`mlsdm_grpc.governance`
defines the rules and the effect of each setting.
"""

from __future__ import annotations

import enum

from mlsdm_grpc.value_classes import value_class

__all__ = [
    "Decision",
    "Enforcement",
    "OnError",
    "PolicySet",
    "PolicySettings",
    "RuleSettings",
    "SetPolicy",
    "StoredPolicy",
]


class Decision(enum.IntEnum):
    """Decision of a rule whose threshold is exceeded."""

    UNSPECIFIED = 0
    ALLOW = 1
    FLAG = 2
    REDACT = 3
    DEGRADE = 4
    REFUSE = 5


class Enforcement(enum.IntEnum):
    """Mode of a rule: off, evaluated without effect (shadow), or enforced."""

    UNSPECIFIED = 0
    OFF = 1
    SHADOW = 2
    ENFORCE = 3


class OnError(enum.IntEnum):
    """Decision to use if a rule cannot be evaluated."""

    UNSPECIFIED = 0
    ALLOW = 1
    REFUSE = 2


@value_class
class RuleSettings:
    """Settings of one rule; None and UNSPECIFIED keep the built-in value."""

    rule_id: str
    threshold: float | None = None
    """Threshold in [0, 1]."""
    decision: Decision = Decision.UNSPECIFIED
    enforcement: Enforcement = Enforcement.UNSPECIFIED
    on_error: OnError = OnError.UNSPECIFIED
    expire_time_ns: int = 0
    """Expiry of these settings, Unix nanoseconds; 0 means never."""


@value_class
class PolicySettings:
    """Settings of a tenant that differ from the built-in policy."""

    rules: tuple[RuleSettings, ...] = ()
    """At most one entry for each rule."""
    base_moral_threshold: float | None = None
    """Initial threshold of the moral filter of a new space; None uses the built-in value."""


@value_class
class StoredPolicy:
    """Present policy of a tenant."""

    settings: PolicySettings
    version: int
    """Revision of the record that set the policy; only increases."""
    update_time_ns: int
    """Time of the last change, Unix nanoseconds."""


@value_class
class SetPolicy:
    """Replaces the policy of the tenant; valid only in the tenant's reserved space."""

    settings: PolicySettings
    etag: str
    """Expected etag of the policy to replace."""


@value_class
class PolicySet:
    """Outcome of :class:`SetPolicy`; ``revision`` is the version of the new policy.

    The outcome does not contain the settings. A repeated request has the same settings, or it is
    refused.
    """

    update_time_ns: int
    """Time of the change, Unix nanoseconds; 0 in a preview, which changes nothing."""
    revision: int = 0
