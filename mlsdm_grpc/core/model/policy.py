"""The governance policy of a tenant as stored in its reserved space: plain values.

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
    """Decision of a rule whose limit is exceeded."""

    UNSPECIFIED = 0
    ALLOW = 1
    FLAG = 2
    REDACT = 3
    DEGRADE = 4
    REFUSE = 5


class Enforcement(enum.IntEnum):
    """Mode of a rule: off, logged only (shadow), or enforced."""

    UNSPECIFIED = 0
    OFF = 1
    SHADOW = 2
    ENFORCE = 3


class OnError(enum.IntEnum):
    """Decision assumed when a rule cannot be evaluated."""

    UNSPECIFIED = 0
    ALLOW = 1
    REFUSE = 2


@value_class
class RuleSettings:
    """Settings of one rule; None and UNSPECIFIED keep the built-in value."""

    rule_id: str
    threshold: float | None = None
    """Limit in the scale of the rule, 0 to 1."""
    decision: Decision = Decision.UNSPECIFIED
    enforcement: Enforcement = Enforcement.UNSPECIFIED
    on_error: OnError = OnError.UNSPECIFIED
    expire_time_ns: int = 0
    """Expiry of these settings, Unix nanoseconds; 0 means never."""


@value_class
class PolicySettings:
    """The part of a policy that differs from the built-in one, as set by a tenant."""

    rules: tuple[RuleSettings, ...] = ()
    """At most one entry for each rule."""
    base_moral_threshold: float | None = None
    """Initial threshold of the moral filter of a new space; None uses the built-in value."""


@value_class
class StoredPolicy:
    """The policy in force for a tenant."""

    settings: PolicySettings
    version: int
    """Revision of the record that set the policy; it only grows."""
    update_time_ns: int
    """Time of the last change, Unix nanoseconds."""


@value_class
class SetPolicy:
    """Replaces the policy of the tenant; valid only in the tenant's reserved space."""

    settings: PolicySettings
    etag: str
    """Expected etag of the replaced policy."""


@value_class
class PolicySet:
    """Outcome of :class:`SetPolicy`; ``revision`` is the version of the new policy.

    Free of content: a repeated request has the same settings as the first one, or it is refused.
    """

    update_time_ns: int
    """Time of the change; 0 in a preview, which sets nothing."""
    revision: int = 0
