"""Versions of the rules by which records are applied: the one place that knows them.

The version belongs to the state of a space. Its first record sets it, and only an
:class:`~mlsdm_grpc.core.model.record.UpgradeSemantics` record changes it, by one. So a history
gives the same state under any code that applies it at all, and a rule that changes has to ask which
version a record takes effect by: ``now.semantics_version`` in :mod:`mlsdm_grpc.core.mind`.

Whatever makes ``apply`` give another state or another outcome for a record that an earlier release
could have written needs a new version here: another rule, another default of an absent field, a
field that older code would ignore. The golden journals in ``tests/golden`` notice when it was
forgotten. Code has the newest version and the one before it, so that a cluster can be updated node
by node; an older one is dropped together with what asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

__all__ = ["DRAFT", "VERSIONS", "Moment", "SemanticsUnknown", "check", "newest", "oldest"]

VERSIONS: Final[dict[int, str]] = {
    1: "The first rules.",
    2: "Memories are merged, or renewed by a duplicate, only where nothing differs that they say."
    " They have a context, the time of an event, and their part in a conversation.",
}
"""Versions that this code has, at most two that follow each other, and how each differs from the
one before it."""


DRAFT: Final = 2
"""Number of the draft of the newest version; every change of what ``apply`` does raises it.

A draft is not kept: a folder that was written under another one is refused. The number stays when
the version is closed, and the draft of the next version goes on counting from it, so that no number
ever means two rules."""


class Moment(NamedTuple):
    """Revision, time and rules by which a record takes effect."""

    revision: int
    time_ns: int
    """Latest record time, Unix nanoseconds."""
    semantics_version: int


class SemanticsUnknown(Exception):
    """A record or a snapshot needs rules that it cannot get here.

    Args:
        actual: Version that it names.
        expected: Versions that could be applied.
    """

    def __init__(self, actual: int, expected: Iterable[int]) -> None:
        self.actual = actual
        self.expected = tuple(expected)
        known = " or ".join(map(str, self.expected))
        super().__init__(
            f"Version {actual} of the rules is needed, and only version {known} can be applied."
        )


def newest() -> int:
    """Return the version that spaces are carried to."""
    return max(VERSIONS)


def oldest() -> int:
    """Return the lowest version whose spaces can still be used."""
    return min(VERSIONS)


def check(version: int) -> None:
    """Raise :class:`SemanticsUnknown` unless this code has the version."""
    if version not in VERSIONS:
        raise SemanticsUnknown(version, sorted(VERSIONS))
