"""The governance policy of a tenant as its reserved space keeps it: plain values, no behaviour.

The mind keeps what was set and does not interpret it: which rules there are, and what the settings
come to, is known in :mod:`mlsdm_grpc.governance`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

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
    """What a rule decides when its limit is broken."""

    UNSPECIFIED = 0
    ALLOW = 1
    FLAG = 2
    REDACT = 3
    DEGRADE = 4
    REFUSE = 5


class Enforcement(enum.IntEnum):
    """Whether a decision has consequences."""

    UNSPECIFIED = 0
    OFF = 1
    SHADOW = 2
    ENFORCE = 3


class OnError(enum.IntEnum):
    """What is assumed when a rule cannot be evaluated."""

    UNSPECIFIED = 0
    ALLOW = 1
    REFUSE = 2


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """What a policy says about one rule; what is None or UNSPECIFIED stays built in."""

    rule_id: str
    threshold: float | None = None
    """Limit in the scale of the rule, 0 to 1."""
    decision: Decision = Decision.UNSPECIFIED
    enforcement: Enforcement = Enforcement.UNSPECIFIED
    on_error: OnError = OnError.UNSPECIFIED
    expire_time_ns: int = 0
    """When these settings stop to hold, Unix time; 0 is never."""


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """A policy as a tenant sets it: what differs from the built-in one."""

    rules: tuple[RuleSettings, ...] = ()
    """Each rule at most once."""
    base_moral_threshold: float | None = None
    """Threshold at which the moral filter of a new space starts; None is the built-in one."""


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    """The policy that is in force for a tenant."""

    settings: PolicySettings
    version: int
    """Revision of the record that set it: grows with every such record, never restarts."""
    update_time_ns: int
    """When it was set, Unix time."""


@dataclass(frozen=True, slots=True)
class SetPolicy:
    """Body of a record that replaces the policy of the tenant; only in its reserved space."""

    settings: PolicySettings
    etag: str
    """Expected etag of the policy that is replaced."""


@dataclass(frozen=True, slots=True)
class PolicySet:
    """Outcome of :class:`SetPolicy`; ``revision`` is the version of the new policy.

    Content-free: a repeat has the same settings as the first request, or it would be refused.
    """

    update_time_ns: int
    """0 in a preview: nothing was set."""
    revision: int = 0
