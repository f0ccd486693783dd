"""Measurement of how much grammar a sentence lacks.

Telegraphic speech keeps content words, and drops the function words and endings that connect them.
So function words and endings are counted. A function word counts 1. Those that are dropped first
(articles, auxiliaries) count 2. Adverbs that telegraphic speech keeps (now, very) count 1/2. In
languages that express grammar by endings, endings count too.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from mlsdm_grpc.speech.missing_words import is_verbless, lacks_articles
from mlsdm_grpc.speech.vocabulary import SharedWords, Vocabulary, shared_words, vocabulary

__all__ = ["Grammar", "grammar_of"]

# Required grammar weight per word, for longer sentences whose only grammar is what telegraphic
# speech keeps: "Wife drive car, I sit, head hurt.".
_NEEDED_BARE: Final = 0.55
_BARE_WORDS: Final = 6
_FIRST_WEIGHT: Final = 2.0
_KEPT_WEIGHT: Final = 0.5
_OBLIQUE_WEIGHT: Final = 0.5

_INFLECTED_WEIGHT: Final = 0.75
# Minimum length of a sentence in which endings count, words; short notes have endings too.
_LONG_WORDS: Final = 5
# Maximum number of words between pauses in a note. In a note adverbs do not count, and neither do
# endings if the parts are this short on average: "Army weak, taxes high, borders long.".
_NOTE_WORDS: Final = 3
_TIME_DISCOUNT: Final = 0.5
# Deduction for a preposition in a sentence too short for endings to count: "Form at office.".
_PREPOSITION_DISCOUNT: Final = 0.5

_MIN_INFLECTED_CHARS: Final = 4
_MAX_INFLECTED_CHARS: Final = 40
_MIN_CLAUSE_WORDS: Final = 2
_NEAR_WORDS: Final = 2
_NE: Final = frozenset(("ne", "n"))
_NEGATION: Final = "not"
_BARE_NEGATIONS: Final = frozenset(("no", "not"))
# Words that correctly follow "no" or "not" after a person: "I no longer work".
_NEGATED_WELL: Final = frozenset(("longer", "more", "only", "doubt"))


@dataclass(frozen=True, slots=True)
class Grammar:
    """Measurement of grammar in one language."""

    language: str
    vocabulary: Vocabulary
    shared: SharedWords
    function_words: frozenset[str]
    weights: Mapping[str, float]
    """Weight of each function word."""
    between: frozenset[str]
    """Words that may be between a person and its verb."""
    kept: frozenset[str]
    """Function words that telegraphic speech keeps."""
    past: frozenset[str]
    """Past forms of verbs that are no present forms."""

    def is_formula(self, words: Sequence[str]) -> bool:
        """Return True if ``words`` are a greeting or similar, such as "good morning, Anna"."""
        return 2 * sum(word in self.vocabulary.formulas for word in words) > len(words)

    def deficit(self, parts: Sequence[Sequence[str]], *, is_alone: bool) -> float:
        """Return the share of the required grammar that a sentence lacks, 0 to 1.

        Args:
            parts: Words of one sentence, divided at its pauses; at least one, as :meth:`split`
                returns them.
            is_alone: Whether the sentence is the only one of the text.
        """
        words = [word for part in parts for word in part]
        if (
            self._disagrees(words)
            or any(map(self._is_broken, (words, *parts)))
            or (self.language == "uk" and self._is_uninflected(words))
            or lacks_articles(parts, self.vocabulary)
        ):
            return 1.0
        are_notes = len(words) <= _NOTE_WORDS * len(parts) and self.vocabulary.joiners.isdisjoint(
            words
        )
        is_long = len(words) >= _LONG_WORDS and not are_notes
        weight = sum(self._part_weight(part, is_long=is_long) for part in parts)
        if len(words) < _LONG_WORDS and not is_alone:
            weight -= _PREPOSITION_DISCOUNT * self._bare_prepositions(words)
        if self.language == "en":
            weight -= self._bare_negations(words)
        needed = _NEEDED_BARE if self._is_bare(words) else self.vocabulary.needed_weight
        bare = sum(len(part) for part in self._bare_parts(parts))
        return min(1.0, max(bare / len(words), 1.0 - weight / (needed * len(words))))

    def _is_bare(self, words: Sequence[str]) -> bool:
        """Return True if the only grammar of ``words`` is what telegraphic speech keeps."""
        return (
            len(words) >= _BARE_WORDS
            and self.vocabulary.joiners.isdisjoint(words)
            and not any(map(self._is_tie, words))
            and not any(itertools.starmap(self._agree, itertools.pairwise(words)))
        )

    def _agree(self, one: str, other: str) -> bool:
        """Return True if two words may be a person and a matching verb: "I sit", "gehen wir"."""
        agreeing = self.vocabulary.agreeing
        if agreeing:
            return any(
                person in agreeing and word.endswith(agreeing[person])
                for person, word in ((one, other), (other, one))
            )
        return (
            one in (self.vocabulary.persons or self.vocabulary.subjects)
            and other not in self.weights
            and other not in _BARE_NEGATIONS
            and not self._is_infinitive(other)
        )

    def _is_tie(self, word: str) -> bool:
        """Return True if telegraphic speech would omit ``word`` or its ending."""
        if word in self.weights:
            return word not in self.kept
        return self._weight(word, is_long=True) > 0.0 or word in self.past

    def split(self, words: Sequence[str]) -> list[str]:
        """Return ``words`` with elided words split off: "l'eau" is two words in French."""
        if self.language != "fr":
            return list(words)
        return [part for word in words for part in word.split("'")]

    def _part_weight(self, words: Sequence[str], *, is_long: bool) -> float:
        """Return the weight of the grammar in the words between two pauses."""
        weight = sum(self._weight(word, is_long=is_long) for word in words)
        weight -= _TIME_DISCOUNT * sum(
            this in self.vocabulary.pointers and time in self.vocabulary.times
            for this, time in itertools.pairwise(words)
        )
        if len(words) > _NOTE_WORDS or not self.vocabulary.particles:
            return weight
        free = self.vocabulary.kept_longest - self.vocabulary.pointers
        tied = [word for word in words if word in self.weights and word not in free]
        is_note = not tied or (len(tied) == 1 and tied[0] == words[-1] in self.vocabulary.particles)
        return weight - sum(self.weights.get(word, 0.0) for word in words) if is_note else weight

    def _weight(self, word: str, *, is_long: bool) -> float:
        weight = self.weights.get(word)
        if weight is not None:
            return weight
        if not _is_long(word) or word in self.shared.not_inflected:
            return 0.0
        if self._is_finite(word):
            return 1.0
        inflected = self.vocabulary.inflected if is_long else None
        if inflected is not None and inflected.fullmatch(word):
            return _INFLECTED_WEIGHT
        oblique = self.vocabulary.oblique
        return _OBLIQUE_WEIGHT if oblique is not None and oblique.fullmatch(word) else 0.0

    def _bare_prepositions(self, words: Sequence[str]) -> int:
        """Return the number of prepositions that have no article and follow no verb."""
        verb = self.vocabulary.maybe_verb
        return sum(
            word in self.vocabulary.prepositions
            and before not in self.shared.preterites
            and not (verb and verb.fullmatch(before))
            for before, word in zip(["", *words], words, strict=False)
        )

    def _bare_negations(self, words: Sequence[str]) -> int:
        """Count "not" between content words and "no" before a verb: "mouth no say"."""
        return sum(
            word == _NEGATION and before not in self.weights and after not in self.weights
            for before, word, after in zip(words, words[1:], words[2:], strict=False)
        ) + sum(
            word == "no" and after in self.vocabulary.bare_verbs
            for word, after in itertools.pairwise(words)
        )

    def _disagrees(self, words: Sequence[str]) -> bool:
        """Return True if a clause begins with a person and an uninflected verb: "now she go"."""
        words = self._without_adverbs(words)
        oblique = words[0] in self.vocabulary.oblique_persons
        if len(words) < _MIN_CLAUSE_WORDS:
            return False
        if words[0] in self.vocabulary.persons and words[1] in _BARE_NEGATIONS:
            return len(words) > _MIN_CLAUSE_WORDS and words[2] not in _NEGATED_WELL
        if self.language == "fr" and _NE.isdisjoint(words) and self._follows_on_pas(words):
            return True
        if not (oblique or words[0] in self.vocabulary.subjects):
            return False
        verb = next((word for word in words[1:] if word not in self.between), "")
        if not verb or verb in self.weights:
            return False
        if oblique:
            return True
        if self.language == "en":
            return not verb.endswith(("s", "ed", "ly")) and verb not in self.shared.preterites
        return self._is_infinitive(verb)

    def _without_adverbs(self, words: Sequence[str]) -> Sequence[str]:
        """Return ``words`` without leading adverbs; at least one word is left."""
        skipped = self.between - self.vocabulary.irregular_verbs
        return list(itertools.dropwhile(skipped.__contains__, words)) or words[-1:]

    def _is_broken(self, words: Sequence[str]) -> bool:
        """Return True if the words between two pauses begin with a person but lack its verb."""
        words = self._without_adverbs(words)
        return is_verbless(words, self.vocabulary, self.between, self.weights)

    def _follows_on_pas(self, words: Sequence[str]) -> bool:
        """Return whether an infinitive follows a "pas" without a "ne": "elle pas venir"."""
        return any(
            before == "pas"
            and word not in self.vocabulary.no_infinitives
            and self._is_infinitive(word)
            for before, word in itertools.pairwise(words)
        )

    def _bare_parts(self, parts: Sequence[Sequence[str]]) -> Iterator[Sequence[str]]:
        """Yield the German clauses that end with an infinitive without a governing verb.

        The search stops at the first clause with a word that governs or excludes an infinitive.
        """
        for words in parts if self.language == "de" else ():
            if not self._may_end_bare(words):
                return
            if len(words) > _MIN_CLAUSE_WORDS and words[-1] in self.vocabulary.infinitives:
                yield words

    def _may_end_bare(self, words: Sequence[str]) -> bool:
        """Return True if no word of a clause governs or excludes an infinitive."""
        return (
            self.vocabulary.take_infinitives.isdisjoint(words)
            and self.vocabulary.joiners.isdisjoint(words)
            and all(word in self.kept for word in words if word in self.weights)
        )

    def _is_uninflected(self, words: Sequence[str]) -> bool:
        """Return True if an infinitive follows a person closely: "я рано вставати"."""
        if not self.vocabulary.modals.isdisjoint(words) or any(map(self._is_finite, words)):
            return False
        subject = next(
            (at for at, word in enumerate(words) if word in self.vocabulary.subjects), len(words)
        )
        after = [word for word in words[subject + 1 :] if word not in self.vocabulary.kept_longest]
        return any(
            word not in self.shared.not_inflected and self._is_infinitive(word)
            for word in after[:_NEAR_WORDS]
        )

    def _is_infinitive(self, word: str) -> bool:
        infinitive = self.vocabulary.infinitive
        return infinitive is not None and infinitive.fullmatch(word) is not None

    def _is_finite(self, word: str) -> bool:
        """Return True if ``word`` is a verb with an ending for a person or the past."""
        finite = self.vocabulary.finite
        if finite is None or word in self.weights or word in self.shared.not_inflected:
            return False
        return _is_long(word) and finite.fullmatch(word) is not None


def _is_long(word: str) -> bool:
    """Return True if ``word`` is long enough to have an ending."""
    return _MIN_INFLECTED_CHARS <= len(word) <= _MAX_INFLECTED_CHARS


@cache
def grammar_of(language: str) -> Grammar:
    """Return the grammar of one of ``LANGUAGES``."""
    words, shared = vocabulary(language), shared_words()
    weights = dict.fromkeys(words.function_words, 1.0)
    weights |= dict.fromkeys(words.dropped_first, _FIRST_WEIGHT)
    weights |= dict.fromkeys(words.kept_longest, _KEPT_WEIGHT)
    return Grammar(
        language=language,
        vocabulary=words,
        shared=shared,
        function_words=frozenset(weights),
        weights=weights,
        between=words.kept_longest | shared.adverbs | words.plain_negations,
        kept=words.kept_longest | words.kept,
        past=shared.preterites - shared.unchanged_preterites if language == "en" else frozenset(),
    )
