"""Detection of clauses without a verb for their person, and of nouns without an article."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from typing import Final

from mlsdm_grpc.speech.vocabulary import Vocabulary

__all__ = ["is_verbless", "lacks_articles"]

# Minimum number of words of a clause that must have a verb.
_CLAUSE_WORDS: Final = 3
# Number of words before a noun that may be its article.
_REACH: Final = 3
# Number of nouns without an article that makes a sentence telegraphic. It is two less if the
# sentence contains a personal pronoun, because titles contain none.
_BARE_NOUNS: Final = 4


def is_verbless(
    words: Sequence[str],
    vocabulary: Vocabulary,
    between: Collection[str],
    function_words: Collection[str],
) -> bool:
    """Return True if no verb agrees with the person or noun that begins a clause.

    Examples are "ich früher Lehrer sein" and "docteur dire repos".

    Args:
        words: Words of a clause, at least one, without leading adverbs.
        vocabulary: Words of the language.
        between: Words that may be between a person and its verb.
        function_words: Words that are not verbs, or are verbs that agree.
    """
    if len(words) < _CLAUSE_WORDS:
        return False
    infinitive = vocabulary.infinitive
    if words[0] in vocabulary.actors and infinitive and words[1] not in vocabulary.no_infinitives:
        return infinitive.fullmatch(words[1]) is not None
    endings = vocabulary.person_endings.get(words[0])
    verb = next((word for word in words[1:] if word not in between), "")
    return endings is not None and not (
        verb.endswith(tuple(endings.split()))
        or verb in function_words
        or verb in vocabulary.irregular_verbs
        or f"{verb}en" in vocabulary.infinitives
    )


def lacks_articles(parts: Sequence[Sequence[str]], vocabulary: Vocabulary) -> bool:
    """Return True if several nouns lack an article: "you give me book, book table there".

    Args:
        parts: Words of a sentence, divided at its pauses.
        vocabulary: Words of the language.
    """
    nouns = vocabulary.count_nouns
    if not nouns:
        return False
    bare = sum(
        word in nouns
        and following not in nouns
        and vocabulary.determiners.isdisjoint(words[max(at - _REACH, 0) : at])
        for words in parts
        for at, (word, following) in enumerate(itertools.pairwise((*words, "")))
    )
    persons = vocabulary.persons | vocabulary.oblique_persons
    names_person = any(not persons.isdisjoint(words) for words in parts)
    return bare >= _BARE_NOUNS - 2 * names_person
