"""Wake/sleep rhythm: a countdown of events.

Every processed event advances the countdown, accepted or not, so no sequence of events can stop it.
Requests are served in both phases; sleep does not refuse them unless ``sleep_gate`` is set.
"""

from __future__ import annotations

from mlsdm_grpc.core.model.parameters import RhythmParameters

__all__ = ["SLEEP_PHASE", "WAKE_PHASE", "Rhythm"]

# Phases in [0, 1] of a space that is awake or asleep.
WAKE_PHASE = 0.1
SLEEP_PHASE = 0.9


class Rhythm:
    """Phase and countdown of one space.

    Args:
        parameters: Durations of wake and sleep, in events.
        awake: True while the space is awake; new spaces are.
        remaining: Events until the phase changes, at least 1; None for the full duration.
    """

    __slots__ = ("awake", "parameters", "remaining")

    def __init__(
        self, parameters: RhythmParameters, *, awake: bool = True, remaining: int | None = None
    ) -> None:
        self.parameters = parameters
        self.awake = awake
        self.remaining = self._length() if remaining is None else remaining

    @property
    def phase(self) -> float:
        """Present phase, used for new memories and queries: 0.1 awake, 0.9 asleep."""
        return WAKE_PHASE if self.awake else SLEEP_PHASE

    def step(self) -> None:
        """Count one event; the phase changes when the countdown reaches zero."""
        self.remaining -= 1
        if self.remaining == 0:
            self.awake = not self.awake
            self.remaining = self._length()

    def reconfigure(self, parameters: RhythmParameters) -> None:
        """Continue in the same phase with other durations; at most the new duration remains."""
        self.parameters = parameters
        self.remaining = min(self.remaining, self._length())

    def _length(self) -> int:
        return self.parameters.wake_duration if self.awake else self.parameters.sleep_duration
