"""What of an answer may leave before all of it is there.

Every rule that looks at pieces of a text says how long such a piece is, at most, with all context
that decides about it. Text that is followed by as many characters can take part in no match that
is not wholly visible, so once it was judged it may go; what comes behind stays back. Nothing that
a rule refuses, nor any part of it, leaves: streaming weakens no rule.
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

_STEP_CHARS: Final = 64
"""So many new characters are worth another look."""
_CONTEXT_CHARS: Final = 2 * MAX_MATCH_CHARS
"""Text that has left and is judged again with what comes behind it, as its context."""


_CUTTING: Final = frozenset({Decision.REFUSE, Decision.REDACT})


def holds_all(policy: EffectivePolicy) -> bool:
    """Return whether a rule may change or refuse an answer for what the whole of it is like."""
    return any(
        rule.max_match_chars is None
        and rule.enforcement is Enforcement.ENFORCE
        and (rule.decision in _CUTTING or rule.on_error is OnError.REFUSE)
        for stage in (Stage.RESPONSE, Stage.SPEECH)
        for rule in policy.of(stage)
    )


class Outflow:
    """An answer on its way out.

    Args:
        window: Characters that stay back: those of the longest match of any enforced rule, 0 if no
            rule is enforced.
    """

    def __init__(self, window: int) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self.refused = False
        """A rule has refused it; nothing more leaves."""
        self._window = window
        self._seen = 0
        self._gone = 0

    def add(self, piece: str) -> None:
        """Take the next piece of the answer."""
        self._pieces.append(piece)
        self._length += len(piece)

    @property
    def text(self) -> str:
        """The answer as the model gave it, as far as it is here."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    @property
    def due(self) -> bool:
        """Whether a look at what is here would let something out."""
        new = self._length - self._seen
        return new >= _STEP_CHARS and self._length - self._gone >= self._window + _STEP_CHARS

    @property
    def start(self) -> int:
        """Where that begins which has to be judged next; it goes to the end of ``text``."""
        return max(0, self._gone - _CONTEXT_CHARS)

    def judged(
        self, measurement: Measurement, verdicts: Sequence[Verdict], *, start: int, end: int
    ) -> str:
        """Take the judgement of ``text[start:end]`` and return what may leave now.

        Args:
            measurement: Of that part.
            verdicts: Of all rules of answers that are not off.
            start: Where that began: ``start`` as it was.
            end: Where it ended: the length of ``text`` as it was.
        """
        self._seen = end
        return self._let_out(measurement, verdicts, start=start, until=end - self._window)

    def finished(self, measurement: Measurement, verdicts: Sequence[Verdict]) -> str:
        """Take the judgement of the whole answer and return the rest that may leave."""
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
