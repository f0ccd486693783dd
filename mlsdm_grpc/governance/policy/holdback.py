"""Release of an answer while it is still being generated.

Every rule that reads parts of a text declares the maximum length of such a part, including all
context that decides about it. Text that is followed by that many characters cannot belong to an
incomplete match, so it is released after its evaluation; later text is held back. Text that a rule
refuses is never released, not even in part: streaming does not weaken any rule.
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

# Number of new characters before the next evaluation.
_STEP_CHARS: Final = 64
# Length of released text that is evaluated again, as context of the text after it, characters.
_CONTEXT_CHARS: Final = 2 * MAX_MATCH_CHARS


_CUTTING: Final = frozenset({Decision.REFUSE, Decision.REDACT})


def holds_all(policy: EffectivePolicy) -> bool:
    """Return whether a rule may change or refuse an answer based on its whole text."""
    return any(
        rule.max_match_chars is None
        and rule.enforcement is Enforcement.ENFORCE
        and (rule.decision in _CUTTING or rule.on_error is OnError.REFUSE)
        for stage in (Stage.RESPONSE, Stage.SPEECH)
        for rule in policy.of(stage)
    )


class Outflow:
    """Answer that is released in parts after evaluation.

    Args:
        window: Number of characters held back: the maximum match length of the enforced rules; 0
            without such a rule.
    """

    def __init__(self, window: int) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self.refused = False
        """True after a rule has refused the answer; no more text is released."""
        self._window = window
        self._seen = 0
        self._gone = 0

    def add(self, piece: str) -> None:
        """Append the next piece of the answer."""
        self._pieces.append(piece)
        self._length += len(piece)

    @property
    def text(self) -> str:
        """The answer received so far, unchanged."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    @property
    def due(self) -> bool:
        """True if an evaluation now would allow a release of text."""
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
            start: Offset of the part in the answer: ``start`` when the evaluation began.
            end: End of the part: the length of ``text`` when the evaluation began.
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
            if each.start < until < each.end:  # a redacted place is released as a whole
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
