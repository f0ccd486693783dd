"""Rules over classes of words: what counts as a finding, and what speaks against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mlsdm_grpc.governance.matching.lexicon import Lexicon, Table
from mlsdm_grpc.governance.matching.normalization import Folded
from mlsdm_grpc.governance.matching.patterns import (
    MAX_SPAN_SLOTS,
    Element,
    Slots,
    compile_pattern,
    compile_phrase,
    span_of,
)

__all__ = ["MAX_HITS", "Exclusion", "MatchReport", "PatternRule", "RuleMatch", "RuleMatcher"]

MAX_HITS: Final = 100
"""Places that are told of one text."""
_BEFORE: Final = 12
"""Slots before the end of a match in which a word may speak against it."""
_AFTER: Final = 8
"""Slots after the end of a match in which a word may speak against it."""


@dataclass(frozen=True, slots=True)
class PatternRule:
    """One way of saying something."""

    category: str
    certainty: float
    """0 to 1, of a match that nothing speaks against."""
    pattern: str
    """See ``compile_pattern``."""
    unless: str = ""
    """Classes, parted by blanks, whose words nearby speak against a match."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Words of a class that another class close by makes harmless ("kill" before "process")."""

    classes: str
    by: str
    before: int = 0
    """Slots that a word of ``by`` may stand before them."""
    after: int = 0
    """Slots that a word of ``by`` may stand after them."""


@dataclass(frozen=True, slots=True)
class RuleMatch:
    """A place that a rule matched and nothing spoke against."""

    category: str
    certainty: float
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class MatchReport:
    """What the rules found in a text."""

    certainty: float
    """The highest of all matches that nothing speaks against; 0 without any."""
    doubted: float
    """The highest of all matches, whatever speaks against them."""
    hits: tuple[RuleMatch, ...]
    """At most ``MAX_HITS``, surest first."""


class RuleMatcher:
    """Tables and rules, made ready. Building one takes tens of milliseconds: build it once."""

    def __init__(
        self,
        tables: Sequence[Table],
        rules: Sequence[PatternRule],
        exclusions: Sequence[Exclusion] = (),
    ) -> None:
        """Make ready.

        Args:
            tables: Words by class, of any number of languages.
            rules: No match may span more than ``MAX_SPAN_SLOTS`` slots.
            exclusions: Applied in order, before the rules.

        Raises:
            ValueError: A rule that spans more.
        """
        self.lexicon = Lexicon()
        phrases = self.lexicon.add(tables)
        self._phrases: dict[int, list[tuple[int, tuple[Element, ...]]]] = {}
        for name, phrase in phrases:
            elements = compile_phrase(phrase, self.lexicon)
            same_start = self._phrases.setdefault(elements[0].classes[0], [])
            same_start.append((self.lexicon.id_of(name), elements))
        self._exclusions = [
            (self._ids(each.classes), self._ids(each.by), each.before, each.after)
            for each in exclusions
        ]
        compiled = [
            (rule, compile_pattern(rule.pattern, self.lexicon), self._ids(rule.unless))
            for rule in rules
        ]
        self._rules = sorted(compiled, key=lambda entry: -entry[0].certainty)
        self._begun_by: dict[int, set[int]] = {}
        """The rules, by number, that a word of a class may begin."""
        for number, (rule, elements, _) in enumerate(self._rules):
            if span_of(elements) > MAX_SPAN_SLOTS:
                raise ValueError(f"spans too much: {rule.pattern}")
            for each in elements[0].classes:
                self._begun_by.setdefault(each, set()).add(number)

    def _ids(self, names: str) -> tuple[int, ...]:
        return tuple(self.lexicon.id_of(name) for name in names.split())

    def read(self, text: Folded) -> MatchReport:
        """Return what the rules find in ``text``, a plain text.

        Cost: O(len(text)) for a given grammar.
        """
        slots = Slots(text, self.lexicon)
        for first in slots.present():
            for number, phrase in self._phrases.get(first, ()):
                stages = slots.match(phrase)
                if stages:
                    slots.add(number, stages[-1])
        for classes, by, before, after in self._exclusions:
            harmless = slots.near(slots.any_of(by), after, before, within_sentence=True)
            for each in classes:
                slots.drop(each, harmless)
        return self._apply(slots)

    def _apply(self, slots: Slots) -> MatchReport:
        certainty = doubted = 0.0
        hits: list[RuleMatch] = []
        contexts: dict[tuple[int, ...], int] = {}
        begun = set[int]().union(*(self._begun_by.get(each, ()) for each in slots.present()))
        for rule, elements, unless in (self._rules[number] for number in sorted(begun)):
            stages = slots.match(elements)
            if not stages:
                continue
            doubted = max(doubted, rule.certainty)
            if unless not in contexts:
                contexts[unless] = slots.near(slots.any_of(unless), _AFTER, _BEFORE)
            stages[-1] &= ~contexts[unless]
            if stages[-1]:
                certainty = max(certainty, rule.certainty)
                hits += self._hits(rule, elements, stages, slots, MAX_HITS - len(hits))
        return MatchReport(certainty, doubted, tuple(hits))

    @staticmethod
    def _hits(
        rule: PatternRule,
        elements: Sequence[Element],
        stages: Sequence[int],
        slots: Slots,
        limit: int,
    ) -> list[RuleMatch]:
        places = slots.places(elements, stages)
        return [
            RuleMatch(rule.category, rule.certainty, start, end)
            for _, (start, end) in zip(range(limit), places, strict=False)
        ]
