"""The adaptive moral filter: decides whether a score passes, and moves its threshold.

Two policies. ``vigilant`` (default) holds the threshold at its base and raises it while recent
events are hostile; it never falls below the base, so nobody can weaken it by attacking it.
``homeostatic`` is the original's controller, which steers the acceptance rate to one half; it
is kept for comparison and reproduces the original's trajectories.

Scalar float64 arithmetic only, so that every machine computes the same threshold.
"""

from __future__ import annotations

from mlsdm_grpc.core.model.record import MoralParameters, MoralPolicy

__all__ = ["MoralFilter"]

_TOLERATED_HOSTILITY = 0.10
_HOSTILITY_GAIN = 0.5
_HOMEOSTATIC_TARGET = 0.5
_HOMEOSTATIC_DEAD_BAND = 0.05


class MoralFilter:
    """Threshold and running average of one space.

    Args:
        parameters: Policy and bounds.
        threshold: Where the threshold stands, in [0, 1]; the base for a new space.
        ema: Running average in [0, 1]: share of hostile events (vigilant, starts at 0) or of
            accepted events (homeostatic, starts at 0.5).
    """

    __slots__ = ("ema", "parameters", "threshold")

    def __init__(
        self,
        parameters: MoralParameters,
        *,
        threshold: float | None = None,
        ema: float | None = None,
    ) -> None:
        self.parameters = parameters
        vigilant = parameters.policy is MoralPolicy.VIGILANT
        self.threshold = parameters.base if threshold is None else threshold
        self.ema = (0.0 if vigilant else _HOMEOSTATIC_TARGET) if ema is None else ema

    def accepts(self, score: float) -> bool:
        """Return whether ``score`` (in [0, 1]) passes; equality with the threshold passes."""
        if score >= self.parameters.always_pass:
            return True
        return score >= self.parameters.never_pass and score >= self.threshold

    def adapt(self, score: float, *, accepted: bool) -> None:
        """Move the threshold by at most ``parameters.step`` after one judged event."""
        if self.parameters.policy is MoralPolicy.VIGILANT:
            self._adapt_to_hostility(hostile=score < self.parameters.base)
        else:
            self._adapt_to_acceptance(accepted=accepted)

    def reconfigure(self, parameters: MoralParameters) -> None:
        """Go on under other parameters, from where threshold and average stand.

        The threshold is moved into the new bounds if it is outside of them. Under another policy
        the average begins anew, because it is an average of something else.
        """
        if parameters.policy is not self.parameters.policy:
            self.ema = MoralFilter(parameters).ema
        vigilant = parameters.policy is MoralPolicy.VIGILANT
        low = parameters.base if vigilant else parameters.never_pass
        high = max(low, parameters.ceiling) if vigilant else parameters.always_pass
        self.threshold = min(max(self.threshold, low), high)
        self.parameters = parameters

    def _adapt_to_hostility(self, *, hostile: bool) -> None:
        p = self.parameters
        self.ema = (1.0 - p.alpha) * self.ema + p.alpha * (1.0 if hostile else 0.0)
        demanded = p.base + _HOSTILITY_GAIN * max(0.0, self.ema - _TOLERATED_HOSTILITY)
        target = min(demanded, max(p.base, p.ceiling))
        move = max(-p.step, min(p.step, target - self.threshold))
        self.threshold += move

    def _adapt_to_acceptance(self, *, accepted: bool) -> None:
        p = self.parameters
        self.ema = p.alpha * (1.0 if accepted else 0.0) + (1.0 - p.alpha) * self.ema
        error = self.ema - _HOMEOSTATIC_TARGET
        if error > _HOMEOSTATIC_DEAD_BAND:
            self.threshold = min(self.threshold + p.step, p.always_pass)
        elif error < -_HOMEOSTATIC_DEAD_BAND:
            self.threshold = max(self.threshold - p.step, p.never_pass)
