"""How much grammar the words of a sentence carry, and how far that is from what is needed.

Telegraphic speech keeps content words and drops the small words and endings that tie them
together. So a sentence is measured by these: each function word counts, those that are dropped
first (articles, auxiliaries) count double, adverbs that are kept (now, very) half. Languages that
say with endings what others say with words get credit for endings.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from mlsdm_grpc.speech.words import (
    ADVERBS,
    BARE_VERBS,
    DROPPED_FIRST,
    FORMULAS,
    FUNCTION_WORDS,
    INFINITIVES,
    JOINERS,
    KEPT,
    KEPT_LONGEST,
    NOT_INFLECTED,
    PARTICLES,
    POINTERS,
    PREPOSITIONS,
    PRETERITES,
    TAKE_INFINITIVES,
    TIMES,
    UNCHANGED,
    word_set,
)

__all__ = ["Grammar", "grammar_of"]

_NEEDED: Final[Mapping[str, float]] = {
    "en": 0.28, "de": 0.28, "fr": 0.28, "es": 0.28, "uk": 0.25,
}  # fmt: skip
"""Weight of grammar for each word below which a sentence lacks some."""
_NEEDED_BARE: Final = 0.55
"""The same for a sentence of some length whose only grammar is what telegraphic speech keeps:
"Wife drive car, I sit, head hurt."."""
_BARE_WORDS: Final = 6
_AGREEING: Final[Mapping[str, str]] = {"ich": "e", "wir": "n"}
"""Endings of German verbs that agree with the person beside them."""
_PAST: Final = PRETERITES - UNCHANGED
_MIN_FUNCTION_WORD_RATIO: Final[Mapping[str, float]] = {
    "en": 0.25, "de": 0.25, "fr": 0.25, "es": 0.25, "uk": 0.15,
}  # fmt: skip
"""Share of function words that ordinary prose of the language does not fall below."""

_FIRST_WEIGHT: Final = 2.0
_KEPT_WEIGHT: Final = 0.5
_OBLIQUE_WEIGHT: Final = 0.5

_FINITE: Final[Mapping[str, re.Pattern[str]]] = {
    "es": re.compile(r"\w{2,40}(?:[aei]mos|aron|ieron|aban|ían|ó)"),
    "uk": re.compile(
        r"[\w']{1,40}(?:(?:[аиіуюяї](?:в|ла|ло|ли))(?:ся|сь)?|(?:[еєиї](?:ш|мо|те)|є|[июяауї]ть)(?:ся)?"
        r"|йте|іть|іться|йтеся|[еє]ться)"
    ),
}
"""Verbs with an ending for a person or the past."""
_OBLIQUE: Final[Mapping[str, re.Pattern[str]]] = {
    "uk": re.compile(r"[\w']{2,40}(?:ою|ею|єю|ами|ями|ові|еві|ах|ях|ого|ому|ими|их)"),
}
"""Nouns and adjectives in a case that needs no preposition."""
_INFLECTED: Final[Mapping[str, re.Pattern[str]]] = {
    "en": re.compile(
        r"\w{2,40}(?:[^suio]s|ed|ing|ly|tions?|ments?|ness|ity|ances?|ences?|able|ive)"
    ),
    "de": re.compile(
        r"\w{2,40}(?:[bdefghklmnprstz]t|ete[nt]?|ung(?:en)?|[hk]eit(?:en)?|tion(?:en)?|lich|isch)"
    ),
    "fr": re.compile(r"\w{2,40}(?:tions?|ments?|ités?|[ae]nce|ait|aient|iques?|ables?)"),
    "es": re.compile(
        r"\w{2,40}(?:ci[óo]n(?:es)?|mente|mientos?|dad(?:es)?|aba|[ei]ndo|ables?|ica)"
    ),
}
"""Endings that fluent prose is full of and strings of bare words are not."""
_INFLECTED_WEIGHT: Final = 0.75
_LONG_WORDS: Final = 5
"""Endings count in sentences from here on: notes of few words have them too."""
_NOTE_WORDS: Final = 3
"""As few words between pauses may be a note, in which adverbs are no grammar, nor endings where
all parts are so on average: "Army weak, taxes high, borders long."."""
_TIME_DISCOUNT: Final = 0.5
_PREPOSITION_DISCOUNT: Final = 0.5
"""What a preposition counts less in a sentence too short for endings: "Form at office."."""

_MIN_INFLECTED_CHARS: Final = 4
_MAX_INFLECTED_CHARS: Final = 40
_MIN_CLAUSE_WORDS: Final = 2
_NEAR_WORDS: Final = 2
_INFINITIVE: Final[Mapping[str, re.Pattern[str]]] = {
    "de": re.compile(r"\w{2,40}en"),
    "fr": re.compile(r"(?!hier$)\w{2,40}(?:[ei]r|oir)"),
    "es": re.compile(r"(?!ayer$)\w{1,40}[aei]r(?:se)?"),
    "uk": re.compile(r"[\w']{0,40}[аеіиїуюяозсркгй]ти(?:ся|сь)?"),
}
_SUBJECTS: Final[Mapping[str, frozenset[str]]] = {
    "en": frozenset(("he", "she")),
    "de": frozenset(("ich", "du", "er")),
    "fr": word_set("je tu il elle on nous vous ils elles"),
    "es": word_set("yo tú él ella nosotros ellos ellas"),
    "uk": word_set("я ти він вона воно ми ви вони"),
}
"""Persons that a bare verb does not agree with."""
_OBLIQUE_PERSONS: Final = {
    "en": frozenset(("me", "him", "us", "them")),
    "fr": frozenset(("moi", "toi")),
}
"""Persons that begin no clause: "me hungry"."""
_NE: Final = frozenset(("ne", "n"))
_NO_INFINITIVES: Final = word_set(
    "cher fier léger entier premier dernier noir soir hiver plaisir espoir pouvoir avoir"
)
_MODALS: Final = word_set(
    "може можу можеш можемо можете можуть треба потрібно слід варто повинен повинна повинно"
    " повинні мушу мусить маю має мають"
    " хочу хоче хочемо хочуть хотів хотіла буду будеш буде будемо будете будуть"
)
_NEGATION: Final = "not"
_MAYBE_VERB: Final[Mapping[str, re.Pattern[str]]] = {
    "en": re.compile(r"\w{1,40}(?:[^su]s|ed)"),
    "de": re.compile(r"\w{1,40}t"),
}
"""Verbs that may follow on a bare noun in full sentences: "Water boils at 100 degrees."."""
_PLAIN_NEGATIONS: Final[Mapping[str, frozenset[str]]] = {
    "en": frozenset(),
    "de": frozenset(("nicht",)),
    "fr": frozenset(("pas",)),
    "es": frozenset(("no",)),
    "uk": frozenset(("не",)),
}
"""Stand between a person and a bare verb too: "er nicht kommen"."""
_ENGLISH_PERSONS: Final = word_set("i you he she it we they")
_BARE_NEGATIONS: Final = frozenset(("no", "not"))
_NEGATED_WELL: Final = frozenset(("longer", "more", "only", "doubt"))
"""Follow on "no" or "not" behind a person in full sentences: "I no longer work"."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """The grammar of one language."""

    language: str
    function_words: frozenset[str]
    weights: Mapping[str, float]
    """Weight of each function word."""
    adverbs: frozenset[str]
    """Function words that say little about grammar."""
    between: frozenset[str]
    """Words that may stand between a person and a verb."""
    kept: frozenset[str]
    """Function words that telegraphic speech keeps."""
    particles: frozenset[str]
    """Prepositions that may say how things are at the end of a note, governing nothing. None
    in languages whose verbs need no person, where an adverb and a verb are a full sentence."""
    pointers: frozenset[str]
    times: frozenset[str]
    """Words that say when with a pointer before them, as an adverb would: "this week"."""
    prepositions: frozenset[str]
    """Those that hold no article; none in the same languages."""
    joiners: frozenset[str]
    """Conjunctions that tie parts together."""
    formulas: frozenset[str]
    """Greetings, thanks and assent, which are complete without grammar."""
    needed: float
    min_function_word_ratio: float

    def is_formula(self, words: Sequence[str]) -> bool:
        """Return whether ``words`` are a greeting or the like, such as "good morning, Anna"."""
        return 2 * sum(word in self.formulas for word in words) > len(words)

    def deficit(self, parts: Sequence[Sequence[str]], *, is_alone: bool) -> float:
        """Return how much of the grammar that a sentence needs is missing, 0 to 1.

        Args:
            parts: Words of one sentence between its pauses, at least one, as :meth:`split` returns
                them.
            is_alone: Whether the text has no other sentence.
        """
        words = [word for part in parts for word in part]
        if self._disagrees(words) or (self.language == "uk" and self._is_uninflected(words)):
            return 1.0
        are_notes = len(words) <= _NOTE_WORDS * len(parts) and self.joiners.isdisjoint(words)
        is_long = len(words) >= _LONG_WORDS and not are_notes
        weight = sum(self._part_weight(part, is_long=is_long) for part in parts)
        if len(words) < _LONG_WORDS and not is_alone:
            weight -= _PREPOSITION_DISCOUNT * self._bare_prepositions(words)
        if self.language == "en":
            weight -= self._bare_negations(words)
        needed = _NEEDED_BARE if self._is_bare(words) else self.needed
        bare = sum(len(part) for part in self._bare_parts(parts))
        return min(1.0, max(bare / len(words), 1.0 - weight / (needed * len(words))))

    def _is_bare(self, words: Sequence[str]) -> bool:
        """Return whether there is no grammar in ``words`` but what telegraphic speech keeps."""
        return (
            len(words) >= _BARE_WORDS
            and self.joiners.isdisjoint(words)
            and not any(map(self._is_tie, words))
            and not any(itertools.starmap(self._agree, itertools.pairwise(words)))
        )

    def _agree(self, one: str, other: str) -> bool:
        """Return whether two words may be a person and its verb: "I sit", "dann gehen wir"."""
        if self.language == "de":
            return any(
                person in _AGREEING and word.endswith(_AGREEING[person])
                for person, word in ((one, other), (other, one))
            )
        infinitive = _INFINITIVE.get(self.language)
        return (
            one in (_ENGLISH_PERSONS if infinitive is None else _SUBJECTS[self.language])
            and other not in self.weights
            and other not in _BARE_NEGATIONS
            and (infinitive is None or not infinitive.fullmatch(other))
        )

    def _is_tie(self, word: str) -> bool:
        """Return whether ``word`` is or has grammar that telegraphic speech drops."""
        if word in self.weights:
            return word not in self.kept
        return self._weight(word, is_long=True) > 0.0 or (self.language == "en" and word in _PAST)

    def split(self, words: Sequence[str]) -> list[str]:
        """Return ``words`` with elided ones apart: "l'eau" is two words in French."""
        if self.language != "fr":
            return list(words)
        return [part for word in words for part in word.split("'")]

    def _part_weight(self, words: Sequence[str], *, is_long: bool) -> float:
        """Return the weight of grammar in the words between two pauses."""
        weight = sum(self._weight(word, is_long=is_long) for word in words)
        weight -= _TIME_DISCOUNT * sum(
            this in self.pointers and time in self.times for this, time in itertools.pairwise(words)
        )
        if len(words) > _NOTE_WORDS or not self.particles:
            return weight
        free = self.adverbs - self.pointers
        tied = [word for word in words if word in self.weights and word not in free]
        is_note = not tied or (len(tied) == 1 and tied[0] == words[-1] in self.particles)
        return weight - sum(self.weights.get(word, 0.0) for word in words) if is_note else weight

    def _weight(self, word: str, *, is_long: bool) -> float:
        weight = self.weights.get(word)
        if weight is not None:
            return weight
        if not _is_long(word) or word in NOT_INFLECTED:
            return 0.0
        if self._is_finite(word):
            return 1.0
        inflected = _INFLECTED.get(self.language) if is_long else None
        if inflected is not None and inflected.fullmatch(word):
            return _INFLECTED_WEIGHT
        oblique = _OBLIQUE.get(self.language)
        return _OBLIQUE_WEIGHT if oblique is not None and oblique.fullmatch(word) else 0.0

    def _bare_prepositions(self, words: Sequence[str]) -> int:
        """Return how many prepositions without an article do not follow on what may be a verb."""
        verb = _MAYBE_VERB.get(self.language)
        return sum(
            word in self.prepositions
            and before not in PRETERITES
            and not (verb and verb.fullmatch(before))
            for before, word in zip(["", *words], words, strict=False)
        )

    def _bare_negations(self, words: Sequence[str]) -> int:
        """Return how often "not" is between content words, "no" before a verb: "mouth no say"."""
        return sum(
            word == _NEGATION and before not in self.weights and after not in self.weights
            for before, word, after in zip(words, words[1:], words[2:], strict=False)
        ) + sum(word == "no" and after in BARE_VERBS for word, after in itertools.pairwise(words))

    def _disagrees(self, words: Sequence[str]) -> bool:
        """Return whether a person and a bare verb begin the sentence: "she go"."""
        oblique = words[0] in _OBLIQUE_PERSONS.get(self.language, ())
        if len(words) < _MIN_CLAUSE_WORDS:
            return False
        if self.language == "en" and words[0] in _ENGLISH_PERSONS and words[1] in _BARE_NEGATIONS:
            return len(words) > _MIN_CLAUSE_WORDS and words[2] not in _NEGATED_WELL
        if self.language == "fr" and _NE.isdisjoint(words) and _follows_on_pas(words):
            return True
        if not (oblique or words[0] in _SUBJECTS[self.language]):
            return False
        verb = next((word for word in words[1:] if word not in self.between), "")
        if not verb or verb in self.weights:
            return False
        if oblique:
            return True
        if self.language == "en":
            return not verb.endswith(("s", "ed", "ly")) and verb not in PRETERITES
        return _INFINITIVE[self.language].fullmatch(verb) is not None

    def _bare_parts(self, parts: Sequence[Sequence[str]]) -> Iterator[Sequence[str]]:
        """Yield the German clauses that end with an infinitive that nothing takes."""
        for words in parts if self.language == "de" else ():
            if not self._may_end_bare(words):
                return
            if len(words) > _MIN_CLAUSE_WORDS and words[-1] in INFINITIVES:
                yield words

    def _may_end_bare(self, words: Sequence[str]) -> bool:
        """Return whether no word of a clause takes an infinitive, or says that it is none."""
        return (
            TAKE_INFINITIVES.isdisjoint(words)
            and self.joiners.isdisjoint(words)
            and all(word in self.kept for word in words if word in self.weights)
        )

    def _is_uninflected(self, words: Sequence[str]) -> bool:
        """Return whether a person is soon followed by an infinitive: "я рано вставати"."""
        if not _MODALS.isdisjoint(words) or any(map(self._is_finite, words)):
            return False
        subject = next((at for at, word in enumerate(words) if word in _SUBJECTS["uk"]), len(words))
        after = [word for word in words[subject + 1 :] if word not in self.adverbs]
        return any(
            word not in NOT_INFLECTED and _INFINITIVE["uk"].fullmatch(word)
            for word in after[:_NEAR_WORDS]
        )

    def _is_finite(self, word: str) -> bool:
        """Return whether ``word`` is a verb with an ending for a person or the past."""
        finite = _FINITE.get(self.language)
        if finite is None or word in self.weights or word in NOT_INFLECTED:
            return False
        return _is_long(word) and finite.fullmatch(word) is not None


def _follows_on_pas(words: Sequence[str]) -> bool:
    """Return whether an infinitive stands behind "pas", which needs a "ne": "elle pas venir"."""
    return any(
        before == "pas" and word not in _NO_INFINITIVES and _INFINITIVE["fr"].fullmatch(word)
        for before, word in itertools.pairwise(words)
    )


def _is_long(word: str) -> bool:
    """Return whether ``word`` is long enough to have an ending."""
    return _MIN_INFLECTED_CHARS <= len(word) <= _MAX_INFLECTED_CHARS


@cache
def grammar_of(language: str) -> Grammar:
    """Return the grammar of one of ``languages.LANGUAGES``."""
    weights = dict.fromkeys(FUNCTION_WORDS[language].split(), 1.0)
    weights |= dict.fromkeys(DROPPED_FIRST[language].split(), _FIRST_WEIGHT)
    weights |= dict.fromkeys(KEPT_LONGEST[language].split(), _KEPT_WEIGHT)
    adverbs = word_set(KEPT_LONGEST[language])
    return Grammar(
        language=language,
        function_words=frozenset(weights),
        weights=weights,
        adverbs=adverbs,
        between=adverbs | ADVERBS | _PLAIN_NEGATIONS[language],
        kept=adverbs | word_set(KEPT[language]),
        particles=frozenset(PARTICLES.get(language, "").split()),
        pointers=frozenset(POINTERS[language].split()),
        times=frozenset(TIMES[language].split()),
        prepositions=frozenset(PREPOSITIONS.get(language, "").split()),
        joiners=frozenset(JOINERS[language].split()),
        formulas=frozenset(FORMULAS[language].split()),
        needed=_NEEDED[language],
        min_function_word_ratio=_MIN_FUNCTION_WORD_RATIO[language],
    )
