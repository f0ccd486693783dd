"""Detection of earlier prompts that only repeat a question of the current prompt.

Statements of a user are facts, which are worth recalling. A question whose names and numbers all
occur in the current prompt adds no information. If it were recalled, it would displace a memory
that contains the answer.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from mlsdm_grpc.lexical import query_terms

__all__ = ["only_asks"]

_SENTENCE: Final = re.compile(r"[^.!?…。！？؟\n]+[.!?…。！？؟]*")  # noqa: RUF001 - full-width marks
_QUESTION_MARKS: Final = ("?", "？", "؟")  # noqa: RUF001 - full-width marks
_WORD: Final = re.compile(r"[\w'’-]+")  # noqa: RUF001 - typographic apostrophe
# Openings of questions, which may lack a question mark.
_ASKED: Final = re.compile(
    r"(?:please\s+|so\s+|and\s+|hey\s+|ok(?:ay)?\s+|bitte\s+|s'il te plaît\s+|por favor\s+)*"
    r"(?:(?:can|could|would|will) you (?:please )?)?"
    r"(?:tell me|remind me|say again|let me know|i (?:want|need|would like|'d like) to know"
    r"|i forgot|i (?:can't|cannot) remember|do you (?:know|remember|recall)"
    r"|wh(?:at|o|om|ose|en|ere|y|ich)(?:'s|\s+\w+)?\s*(?:is|are|was|were|do|does|did|can|has|have)?\b"
    r"|how (?:is|are|was|do|does|did|can|many|much|old|long|far)\b"
    r"|sag(?:e)? mir|nenn(?:e)? mir|erinner(?:e)? mich|weißt du"
    r"|dis-moi|dites-moi|rappelle-moi|tu te souviens"
    r"|dime|dígame|recuérdame|te acuerdas"
    r"|скажи|підкажи|нагадай|пам'ятаєш)\b",
    re.IGNORECASE,
)


def only_asks(text: str, prompt: str) -> bool:
    """Return True if a text only asks, and contains no name or number that the prompt lacks.

    Args:
        text: An earlier prompt.
        prompt: The current prompt.

    Cost: linear; about 20 us for two sentences, and 50 us for each new prompt.
    """
    sentences = [found[0].strip() for found in _SENTENCE.finditer(text) if found[0].strip()]
    if not sentences or not all(map(_asks, sentences)):
        return False
    named = set[str]()
    for sentence in sentences:
        named |= _named(sentence)
    if not named:
        return True
    return named <= _terms(prompt)


@lru_cache(maxsize=1)
def _terms(prompt: str) -> frozenset[str]:
    """Return the terms of a prompt; cached, because many texts are compared with one prompt."""
    words = query_terms(prompt).terms
    return frozenset(term for word in words for term in (word.word, *word.terms))


def _asks(sentence: str) -> bool:
    if sentence.endswith(_QUESTION_MARKS):
        return True
    return (not sentence.endswith((".", "!")) and _ASKED.match(sentence) is not None) or (
        re.match(r"(?:please\s+)?(?:tell|remind) me\b", sentence, re.IGNORECASE) is not None
        and " that " not in sentence
    )


def _named(sentence: str) -> set[str]:
    """Return the words in a sentence that are probably names or numbers, case-folded."""
    words = _WORD.findall(sentence)
    return {
        word.casefold().removesuffix("'s").removesuffix("’s")  # noqa: RUF001 - typographic
        for i, word in enumerate(words)
        if (not word.isalpha() and any(map(str.isdigit, word)))
        or (i > 0 and len(word) > 1 and word[0].isupper() and not word.startswith(("I'", "I’")))  # noqa: RUF001
    }
