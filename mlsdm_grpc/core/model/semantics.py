"""Versions of the rules by which records are applied; this is the only list of them.

The version is part of the state of a space. The first record of the space sets it. Only an
:class:`~mlsdm_grpc.core.model.bodies.UpgradeSemantics` record raises it, by one. The same records
therefore give the same state under any code that supports their versions. Code that depends on the
version reads ``now.semantics_version`` in :mod:`mlsdm_grpc.core.mind`.

A change needs a new version if ``apply`` then gives another state or outcome for a record that an
earlier release could have written. Examples are another rule, another default of an absent field,
and a field that older code would ignore. The golden journals in ``tests/golden`` fail if the new
version is missing. The code supports the newest version and the one before it, so that a cluster
can be updated node by node.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

__all__ = ["DRAFT", "VERSIONS", "Moment", "SemanticsUnknown", "check", "newest", "oldest"]

VERSIONS: Final[dict[int, str]] = {
    1: "First version.",
    2: "Memories are merged, or refreshed by a duplicate, only if their contents are the same. A"
    " memory has a context, the time of an event and a place in a conversation. A tenant has"
    " quotas and defaults. A space keeps its newest decisions.",
}
"""Supported versions, at most two consecutive ones, each with its difference from the previous one.
"""


DRAFT: Final = 4
"""Draft number of the newest version; every change of the effect of ``apply`` raises it. Data
folders of other drafts are refused. The number is never reset, not even for the next version, so
each number stands for one set of rules."""


class Moment(NamedTuple):
    """Revision, time and version of the rules at which a record takes effect, and its origin."""

    revision: int
    time_ns: int
    """Time at which the record takes effect, Unix nanoseconds; never before that of an earlier
    record."""
    semantics_version: int
    principal: str = ""
    """Principal that sent the request of the record."""
    request_id: bytes = b""
    """Idempotency key of the record; empty if it has none."""


class SemanticsUnknown(Exception):
    """Record or snapshot of a version of the rules that this code does not support.

    Args:
        actual: Version of the record or snapshot.
        expected: Supported versions.
    """

    def __init__(self, actual: int, expected: Iterable[int]) -> None:
        self.actual = actual
        self.expected = tuple(expected)
        known = " or ".join(map(str, self.expected))
        super().__init__(
            f"The data needs semantics version {actual}; this server supports version {known} here."
        )


def newest() -> int:
    """Return the version to which spaces are upgraded."""
    return max(VERSIONS)


def oldest() -> int:
    """Return the lowest supported version."""
    return min(VERSIONS)


def check(version: int) -> None:
    """Raise :class:`SemanticsUnknown` unless this code supports the version."""
    if version not in VERSIONS:
        raise SemanticsUnknown(version, sorted(VERSIONS))
