"""Matcher of rules over classes of words, with the context that contradicts a match."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

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
"""Largest number of places reported for one text."""
# Reach before the end of a match in which a word may contradict it, slots.
_BEFORE: Final = 12
# Reach after the end of a match in which a word may contradict it, slots.
_AFTER: Final = 8


@dataclass(frozen=True, slots=True)
class PatternRule:
    """Pattern of one formulation, with its category."""

    category: str
    certainty: float
    """Certainty of a match without contradiction, 0 to 1."""
    pattern: str
    """Pattern, see ``compile_pattern``."""
    unless: str = ""
    """Classes, separated by blanks, whose words nearby contradict a match."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Words of a class made harmless by a word of another class ("kill" before "process")."""

    classes: str
    by: str
    before: int = 0
    """Reach before the words in which a word of ``by`` counts, slots."""
    after: int = 0
    """Reach after the words in which a word of ``by`` counts, slots."""


@dataclass(frozen=True, slots=True)
class RuleMatch:
    """Place that a rule matched."""

    category: str
    certainty: float
    start: int
    end: int
    language: str
    """Language of the words, ISO 639-1."""
    pattern: str
    """Pattern of the rule, see :func:`compile_pattern`."""


class _LanguageRule(NamedTuple):
    rule: PatternRule
    language: str


@dataclass(frozen=True, slots=True)
class MatchReport:
    """Matches of the rules in a text."""

    hits: tuple[RuleMatch, ...]
    """Matches without contradiction, at most ``MAX_HITS``, the most certain first."""
    doubtful: tuple[RuleMatch, ...]
    """Matches that their context contradicts, at most ``MAX_HITS``."""


class RuleMatcher:
    """Compiled tables and rules. Compilation takes tens of milliseconds and is done once."""

    def __init__(
        self,
        tables: Mapping[str, Table],
        rules: Sequence[PatternRule],
        exclusions: Sequence[Exclusion] = (),
    ) -> None:
        """Compile tables and rules.

        Args:
            tables: Words by class, by language.
            rules: Rules; no match may span more than ``MAX_SPAN_SLOTS`` slots.
            exclusions: Exclusions, applied in order before the rules.

        Raises:
            ValueError: A rule spans more.
        """
        self.lexicon = Lexicon()
        self._phrases: dict[int, list[tuple[int, tuple[Element, ...]]]] = {}
        for language, table in tables.items():
            for name, phrase in self.lexicon.add(table, language):
                elements = compile_phrase(phrase, self.lexicon, language)
                same_start = self._phrases.setdefault(elements[0].classes[0], [])
                same_start.append((self.lexicon.id_of(name, language), elements))
        self._exclusions = [
            (self._ids(each.classes, tables), self._ids(each.by, tables), each.before, each.after)
            for each in exclusions
        ]
        compiled = [
            (
                _LanguageRule(rule, language),
                compile_pattern(rule.pattern, self.lexicon, language),
                self._ids(rule.unless, tables),
            )
            for rule in rules
            for language in tables
        ]
        self._rules = sorted(compiled, key=lambda entry: -entry[0].rule.certainty)
        # Classes of each word of a rule as bits, by number of the rule.
        self._needs = [[_mask(e.classes) for e in elements] for _, elements, _ in self._rules]
        # Numbers of the rules that a word of a class may begin.
        self._begun_by: dict[int, set[int]] = {}
        for number, (each_rule, elements, _) in enumerate(self._rules):
            if span_of(elements) > MAX_SPAN_SLOTS:
                raise ValueError(f"spans too much: {each_rule.rule.pattern}")
            for each in elements[0].classes:
                self._begun_by.setdefault(each, set()).add(number)

    def _ids(self, names: str, languages: Iterable[str]) -> tuple[int, ...]:
        return tuple(
            self.lexicon.id_of(name, language) for name in names.split() for language in languages
        )

    def read(self, text: Folded) -> MatchReport:
        """Return the matches of the rules in ``text``, a plain text.

        Cost: O(len(text)) for a given grammar.
        """
        slots = Slots(text, self.lexicon)
        for first in slots.present():
            for number, phrase in self._phrases.get(first, ()):
                stages = slots.match(phrase)
                if stages:
                    slots.add(number, stages[-1])
        for classes, by, before, after in self._exclusions:
            excluding = slots.any_of(by)
            if excluding:
                harmless = slots.near(excluding, after, before, within_sentence=True)
                for each in classes:
                    slots.drop(each, harmless)
        return self._apply(slots)

    def _apply(self, slots: Slots) -> MatchReport:
        hits: list[RuleMatch] = []
        doubtful: list[RuleMatch] = []
        contexts: dict[tuple[int, ...], int] = {}
        present = _mask(slots.present())
        begun = set[int]().union(*(self._begun_by.get(each, ()) for each in slots.present()))
        for number in sorted(begun):
            # Most rules fail this test, which costs far less than a match.
            if not all(need & present for need in self._needs[number]):
                continue
            (rule, language), elements, unless = self._rules[number]
            stages = slots.match(elements)
            if not stages:
                continue
            if unless not in contexts:
                contexts[unless] = slots.near(slots.any_of(unless), _AFTER, _BEFORE)
            for found, ends in (
                (hits, stages[-1] & ~contexts[unless]),
                (doubtful, stages[-1] & contexts[unless]),
            ):
                places = slots.places(elements, [*stages[:-1], ends]) if ends else ()
                found.extend(
                    RuleMatch(rule.category, rule.certainty, start, end, language, rule.pattern)
                    for _, (start, end) in zip(range(MAX_HITS - len(found)), places, strict=False)
                )
        return MatchReport(tuple(hits), tuple(doubtful))


def _mask(classes: Iterable[int]) -> int:
    return sum(1 << each for each in classes)
