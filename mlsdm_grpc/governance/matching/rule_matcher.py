"""Matcher of rules over classes of words, which also finds context that contradicts a match."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, NamedTuple

from mlsdm_grpc.governance.matching.lexicon import Lexicon, Table
from mlsdm_grpc.governance.matching.occurrences import Occurrences
from mlsdm_grpc.governance.matching.pattern_index import PatternIndex
from mlsdm_grpc.governance.matching.patterns import (
    MAX_SPAN_SLOTS,
    compile_pattern,
    compile_phrase,
    span_of,
)
from mlsdm_grpc.governance.matching.plain_words import PlainWords
from mlsdm_grpc.governance.matching.slots import Slots

__all__ = ["MAX_HITS", "Exclusion", "MatchReport", "PatternRule", "RuleMatch", "RuleMatcher"]

MAX_HITS: Final = 100
"""Maximum number of matches reported for one text."""
# Distance before the end of a match within which a word may contradict it, slots.
_BEFORE: Final = 12
# Distance after the end of a match within which a word may contradict it, slots.
_AFTER: Final = 8


@dataclass(frozen=True, slots=True)
class PatternRule:
    """Pattern of one formulation, with its category."""

    category: str
    certainty: float
    """Certainty of a match that its context does not contradict, 0 to 1."""
    pattern: str
    """Pattern, see ``compile_pattern``."""
    unless: str = ""
    """Names of classes, separated by blanks; nearby words of these classes contradict a match."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Words of a class that a nearby word of another class makes harmless ("kill a process")."""

    classes: str
    by: str
    before: int = 0
    """Distance before the word within which a word of ``by`` counts, slots."""
    after: int = 0
    """Distance after the word within which a word of ``by`` counts, slots."""


@dataclass(frozen=True, slots=True)
class RuleMatch:
    """Place that a rule matched."""

    category: str
    certainty: float
    start: int
    end: int
    language: str
    """Language of the matched words, ISO 639-1."""
    pattern: str
    """Pattern of the rule, see :func:`compile_pattern`."""


class _LanguageRule(NamedTuple):
    rule: PatternRule
    language: str


@dataclass(frozen=True, slots=True)
class MatchReport:
    """Matches of the rules in a text."""

    hits: tuple[RuleMatch, ...]
    """Matches without contradicting context, at most ``MAX_HITS``, the most certain first."""
    doubtful: tuple[RuleMatch, ...]
    """Matches that their context contradicts, at most ``MAX_HITS``."""


_NOTHING: Final = MatchReport((), ())


class RuleMatcher:
    """Compiled word tables and rules. Compile them once; it takes tens of milliseconds."""

    def __init__(
        self,
        tables: Mapping[str, Table],
        rules: Sequence[PatternRule],
        exclusions: Sequence[Exclusion] = (),
    ) -> None:
        """Compile word tables and rules.

        Args:
            tables: Words by class name, by language.
            rules: Rules; a match may span at most ``MAX_SPAN_SLOTS`` slots.
            exclusions: Exclusions; they are applied in order, before the rules.

        Raises:
            ValueError: A rule may span more slots.
        """
        self.lexicon = Lexicon()
        self._phrases = [
            (self.lexicon.id_of(name, language), compile_phrase(phrase, self.lexicon, language))
            for language, table in tables.items()
            for name, phrase in self.lexicon.add(table, language)
        ]
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
        for rule, elements, _ in self._rules:
            if span_of(elements) > MAX_SPAN_SLOTS:
                raise ValueError(
                    f"The pattern {rule.rule.pattern} spans {span_of(elements)} slots; at most"
                    f" {MAX_SPAN_SLOTS}."
                )
        # Classes that each rule needs, by rule number, then the classes that the exclusions need.
        self._read_by = [
            frozenset(unless).union(*(each.classes for each in elements))
            for _, elements, unless in self._rules
        ]
        self._excluding = frozenset(number for _, by, _, _ in self._exclusions for number in by)
        self._phrases_by = PatternIndex([elements for _, elements in self._phrases], self.lexicon)
        self._rules_by = PatternIndex([elements for _, elements, _ in self._rules], self.lexicon)

    def _ids(self, names: str, languages: Iterable[str]) -> tuple[int, ...]:
        return tuple(
            self.lexicon.id_of(name, language) for name in names.split() for language in languages
        )

    def read(self, words: PlainWords) -> MatchReport:
        """Return the matches of the rules in a text.

        Cost: O(len(text)) for fixed rules. Most texts end early, because no rule has all its words.
        """
        found = Occurrences(words, self.lexicon)
        present = set(chain.from_iterable(found.classes))
        phrases = [self._phrases[each] for each in self._phrases_by.candidates(present)]
        present.update(number for number, _ in phrases)
        rules = self._rules_by.candidates(present)
        if not rules:
            return _NOTHING
        # Only classes that these rules or the exclusions need get slots, and phrases of such
        # classes.
        read = self._excluding.union(*(self._read_by[each] for each in rules))
        phrases = [each for each in phrases if each[0] in read]
        literals = {
            number for _, elements in phrases for each in elements for number in each.classes
        }
        slots = Slots(found.layout(), found.classes, self.lexicon, read | literals)
        for number, phrase in phrases:
            stages = slots.match(phrase)
            if stages:
                slots.add(number, stages[-1])
        rules = self._rules_by.candidates(slots.present())
        for classes, by, before, after in self._exclusions:
            excluding = slots.any_of(by)
            if excluding:
                harmless = slots.near(excluding, after, before, within_sentence=True)
                for each in classes:
                    slots.drop(each, harmless)
        return self._apply(rules, slots)

    def _apply(self, rules: Sequence[int], slots: Slots) -> MatchReport:
        hits: list[RuleMatch] = []
        doubtful: list[RuleMatch] = []
        contexts: dict[tuple[int, ...], int] = {}
        for number in rules:
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
