"""The wake/sleep rhythm: a countdown that every processed event steps, accepted or not.

Sleep is a phase, not a refusal: requests are served in both. Since every event steps the
countdown, no sequence of events can make it stick.
"""

from __future__ import annotations

from mlsdm_grpc.core.model.record import RhythmParameters

__all__ = ["SLEEP_PHASE", "WAKE_PHASE", "Rhythm"]

WAKE_PHASE = 0.1
SLEEP_PHASE = 0.9


class Rhythm:
    """Phase and countdown of one space.

    Args:
        parameters: Lengths of the phases, in events.
        awake: Whether the space is awake; new spaces are.
        remaining: Events left in the phase, at least 1; the whole phase when absent.
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
        """Phase at which memories are stored and asked for now: 0.1 awake, 0.9 asleep."""
        return WAKE_PHASE if self.awake else SLEEP_PHASE

    def step(self) -> None:
        """Count one event; the phase changes when the countdown reaches zero."""
        self.remaining -= 1
        if self.remaining == 0:
            self.awake = not self.awake
            self.remaining = self._length()

    def reconfigure(self, parameters: RhythmParameters) -> None:
        """Go on in the same phase; of a phase that gets shorter at most its length remains."""
        self.parameters = parameters
        self.remaining = min(self.remaining, self._length())

    def _length(self) -> int:
        return self.parameters.wake_duration if self.awake else self.parameters.sleep_duration
