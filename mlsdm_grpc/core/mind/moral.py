"""Adaptive moral filter: accepts or rejects events by their score, and adapts its threshold.

There are two policies. ``vigilant`` (default) keeps the threshold at its base and raises it while
recent events are hostile. The threshold never falls below the base, so an attacker cannot weaken
the filter. ``homeostatic`` is the controller of the original model, which steers the acceptance
rate to one half. It exists for comparison and reproduces the trajectories of the original.

Only scalar float64 arithmetic is used, so every machine computes the same threshold.
"""

from __future__ import annotations

from mlsdm_grpc.core.model.parameters import MoralParameters, MoralPolicy

__all__ = ["MoralFilter"]

# Share of hostile events up to which the threshold of vigilant stays at its base.
_TOLERATED_HOSTILITY = 0.10
# Rise of the threshold for a share of hostile events that exceeds the tolerated one by 1.
_HOSTILITY_GAIN = 0.5
# Acceptance rate at which homeostatic aims, and deviation from it without a correction.
_HOMEOSTATIC_TARGET = 0.5
_HOMEOSTATIC_DEAD_BAND = 0.05


class MoralFilter:
    """Threshold and running average of one space.

    Args:
        parameters: Policy and bounds.
        threshold: Present threshold in [0, 1]; None for the base, as in a new space.
        ema: Running average in [0, 1]: under vigilant, the share of hostile events (a new space
            starts at 0); under homeostatic, the share of accepted events (a new space starts at
            0.5).
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
        """Return True if a score in [0, 1] passes; a score equal to the threshold passes."""
        if score >= self.parameters.always_pass:
            return True
        return score >= self.parameters.never_pass and score >= self.threshold

    def adapt(self, score: float, *, accepted: bool) -> None:
        """Move the threshold by at most ``parameters.step`` after one event."""
        if self.parameters.policy is MoralPolicy.VIGILANT:
            self._adapt_to_hostility(hostile=score < self.parameters.base)
        else:
            self._adapt_to_acceptance(accepted=accepted)

    def reconfigure(self, parameters: MoralParameters) -> None:
        """Set new parameters and keep the present threshold and average.

        A threshold outside the new bounds moves to the nearest bound. A change of policy resets the
        average, because the policies average different quantities.
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
