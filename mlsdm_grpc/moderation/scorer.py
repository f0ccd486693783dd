"""External scorers, and the moral values that result from their scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mlsdm_grpc.governance.policy.verdict import Measurement

__all__ = ["Scorer", "final_value", "overridden"]


class Scorer(Protocol):
    """External scorer of texts, for example a moderation endpoint."""

    has_stand_in: bool
    """True if the text workers' value replaces a value that the scorer fails to return."""

    async def score(self, text: str, tenant: str, deadline_s: float) -> float | None:
        """Return a moral value, 0 (harmful) to 1; None on failure. Does not raise on failure."""
        ...


def final_value(scorer: Scorer | None, found: Measurement, value: float | None) -> float | None:
    """Return the external score, or the measured value if the scorer failed and has a stand-in."""
    stands_in = value is None and scorer is not None and scorer.has_stand_in
    return found.moral_value if stands_in else value


def overridden(
    scorer: Scorer | None, found: Sequence[Measurement], values: Sequence[float | None]
) -> list[Measurement]:
    """Return measurements with the moral values of the external scorer, if it was called."""
    if not values:
        return list(found)
    pairs = zip(found, values, strict=True)
    return [each.with_moral_value(final_value(scorer, each, value)) for each, value in pairs]
