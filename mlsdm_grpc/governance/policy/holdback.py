"""Release of an answer while it is still being generated.

Every rule that reads pieces of a text declares the largest length of such a piece, including all
context that decides about it. Text that is followed by that many characters cannot be part of a
match that is not yet complete, so it is released after its evaluation; the text behind it is held
back. Text that a rule refuses is never released, not even in part: streaming weakens no rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from mlsdm_grpc.core.model.policy import Decision, Enforcement, OnError
from mlsdm_grpc.governance.matching.findings import MAX_MATCH_CHARS, redact
from mlsdm_grpc.governance.policy.effective_policy import EffectivePolicy
from mlsdm_grpc.governance.policy.rules import Stage
from mlsdm_grpc.governance.policy.verdict import Measurement, Verdict, enforced, to_redact

__all__ = ["Outflow", "holds_all"]

# Number of new characters after which another evaluation is worthwhile.
_STEP_CHARS: Final = 64
# Released text that is evaluated again as context of the text behind it, characters.
_CONTEXT_CHARS: Final = 2 * MAX_MATCH_CHARS


_CUTTING: Final = frozenset({Decision.REFUSE, Decision.REDACT})


def holds_all(policy: EffectivePolicy) -> bool:
    """Return whether a rule may change or refuse an answer because of its whole text."""
    return any(
        rule.max_match_chars is None
        and rule.enforcement is Enforcement.ENFORCE
        and (rule.decision in _CUTTING or rule.on_error is OnError.REFUSE)
        for stage in (Stage.RESPONSE, Stage.SPEECH)
        for rule in policy.of(stage)
    )


class Outflow:
    """Answer that is released in parts.

    Args:
        window: Number of characters held back: the longest match of any enforced rule; 0 without
            one.
    """

    def __init__(self, window: int) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self.refused = False
        """A rule has refused the answer; no more text is released."""
        self._window = window
        self._seen = 0
        self._gone = 0

    def add(self, piece: str) -> None:
        """Append the next piece of the answer."""
        self._pieces.append(piece)
        self._length += len(piece)

    @property
    def text(self) -> str:
        """Text of the answer received so far, as the model produced it."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    @property
    def due(self) -> bool:
        """True if an evaluation now would release text."""
        new = self._length - self._seen
        return new >= _STEP_CHARS and self._length - self._gone >= self._window + _STEP_CHARS

    @property
    def start(self) -> int:
        """Offset at which the next evaluation starts; it ends at the end of ``text``."""
        return max(0, self._gone - _CONTEXT_CHARS)

    def judged(
        self, measurement: Measurement, verdicts: Sequence[Verdict], *, start: int, end: int
    ) -> str:
        """Apply the evaluation of ``text[start:end]`` and return the text to release.

        Args:
            measurement: Measurement of that part.
            verdicts: Verdicts of all response rules that are not off.
            start: Offset at which the part began: the value of ``start`` at that time.
            end: Offset at which the part ended: the length of ``text`` at that time.
        """
        self._seen = end
        return self._let_out(measurement, verdicts, start=start, until=end - self._window)

    def finished(self, measurement: Measurement, verdicts: Sequence[Verdict]) -> str:
        """Apply the evaluation of the whole answer and return the remaining text to release."""
        return self._let_out(measurement, verdicts, start=0, until=len(self.text))

    def _let_out(
        self, measurement: Measurement, verdicts: Sequence[Verdict], *, start: int, until: int
    ) -> str:
        if self.refused or enforced(verdicts) is Decision.REFUSE:
            self.refused = True
            return ""
        places = [
            replace(each, start=each.start + start, end=each.end + start)
            for each in to_redact(measurement, verdicts)
        ]
        for each in sorted(places, key=lambda place: place.start, reverse=True):
            if each.start < until < each.end:  # it leaves as a whole, or not yet
                until = each.start
        gone = self._gone
        if until <= gone:
            return ""
        self._gone = until
        inside = [
            replace(each, start=max(each.start - gone, 0), end=each.end - gone)
            for each in places
            if each.end > gone and each.start < until
        ]
        return redact(self.text[gone:until], inside)
