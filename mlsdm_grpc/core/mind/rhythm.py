"""The wake/sleep rhythm: a countdown that every processed event advances, accepted or not.

Sleep is a phase, not a refusal: requests are served in both phases. Every event advances the
countdown, so no sequence of events can stall it.
"""

from __future__ import annotations

from mlsdm_grpc.core.model.parameters import RhythmParameters

__all__ = ["SLEEP_PHASE", "WAKE_PHASE", "Rhythm"]

WAKE_PHASE = 0.1
SLEEP_PHASE = 0.9


class Rhythm:
    """Phase and countdown of one space.

    Args:
        parameters: Lengths of the phases, in events.
        awake: True if the space is awake, as new spaces are.
        remaining: Events left in the phase, at least 1; None starts a full phase.
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
        """Phase in which memories are stored and queried now: 0.1 awake, 0.9 asleep."""
        return WAKE_PHASE if self.awake else SLEEP_PHASE

    def step(self) -> None:
        """Count one event; the phase changes when the countdown reaches zero."""
        self.remaining -= 1
        if self.remaining == 0:
            self.awake = not self.awake
            self.remaining = self._length()

    def reconfigure(self, parameters: RhythmParameters) -> None:
        """Continue in the same phase with other lengths.

        The remainder is at most the new length.
        """
        self.parameters = parameters
        self.remaining = min(self.remaining, self._length())

    def _length(self) -> int:
        return self.parameters.wake_duration if self.awake else self.parameters.sleep_duration
