"""Words and sentences of prose in alphabetic scripts, found without vocabulary.

The text is split at white space, and each piece is examined once, so the time is linear.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from typing import Final

from mlsdm_grpc.speech.vocabulary import shared_words

__all__ = ["PLACEHOLDER", "Sentence", "sentences"]

PLACEHOLDER: Final = "\ufffc"
"""Placeholder of something that is not a word, such as inline code."""

# Maximum length of a word or address; a longer piece counts as one token that is no word.
_MAX_PIECE_CHARS: Final = 200

_MARKS: Final = ".!?…。！？"
_AROUND: Final = _MARKS + " ,;:'\"()[]{}<>«»“”„‘‹›*_~|-–—¿¡·•"
_PAUSES: Final = frozenset(",;:…–—")
_CLOSING: Final = "'\")]}»“”‹›*_"
_WORD: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_DOTTED: Final = re.compile(r"[^\W\d_]{1,2}(?:\.[^\W\d_]{1,2}){1,7}")
_RUN_ON: Final = re.compile(r"(?<=[^\W\d_]{2})[.!?…]+(?=[^\W\d_]{2})")
_SLASHED: Final = re.compile(r"[^\W\d_]+(?:/[^\W\d_]+){1,3}")
_THING: Final = re.compile(r"[\d@_/\\=#$&^+%" + PLACEHOLDER + r"]|::|\(\)|->|www\.")
_FILE: Final = re.compile(r"\.?[\w-]+(?:\.[\w-]+)*\.[a-z]{2,5}")

# Words that stand for full stops in telegrams written in capitals.
_TELEGRAM_STOPS: Final = frozenset(("STOP", "КРПК"))

_ORDINAL_DIGITS: Final = 2


@dataclass(slots=True)
class Sentence:
    """One sentence."""

    words: list[str] = field(default_factory=list)
    """Words in lower case, with straight apostrophes. Hyphenated words are split, except for some
    compounds."""
    thing_count: int = 0
    """Number of tokens that are no words: numbers with units, initials, addresses, versions, times,
    file names."""
    pause_count: int = 0
    """Number of commas, ellipses and similar marks that separate parts."""
    cuts: list[int] = field(default_factory=list)
    """Number of words before each pause. Colons are not counted, because they follow labels."""

    @property
    def token_count(self) -> int:
        return len(self.words) + self.thing_count

    def parts(self) -> list[list[str]]:
        """Return the words between the pauses, in order, without empty parts."""
        bounds = [0, *self.cuts, len(self.words)]
        return [self.words[a:b] for a, b in itertools.pairwise(bounds) if a < b]


def sentences(text: str) -> list[Sentence]:
    """Return the sentences of ``text`` with at least one token.

    A full stop in an abbreviation, decimal, address, version or time does not end a sentence, and
    neither does an ellipsis before a lower case letter.

    Cost: O(len(text)).
    """
    found = [Sentence()]
    after_number = False
    stops = _TELEGRAM_STOPS if text.isupper() else frozenset()
    pieces = text.replace("’", "'").replace("ʼ", "'").split()
    for piece, following in zip(pieces, [*pieces[1:], ""], strict=True):
        if piece.isalpha() and not (after_number or stops) and len(piece) <= _MAX_PIECE_CHARS:
            found[-1].words.append(piece.lower())
            continue
        core = piece.strip(_AROUND)
        before = found[-1].words[-1] if found[-1].words else ""
        for number, part in enumerate(_run_ons(core)):
            if number:
                found.append(Sentence())
            if part not in stops and not (after_number and part.lower() in shared_words().units):
                _read(part, found[-1], is_initial=_is_initial(piece))
        after_number = core[-1:].isdigit()
        tail = piece[piece.rfind(core) + len(core) :] if core else piece
        if not tail and core not in stops:
            continue
        if not _PAUSES.isdisjoint(tail) or ".." in tail:
            found[-1].pause_count += 1
            if ":" not in tail:
                found[-1].cuts.append(len(found[-1].words))
        if not found[-1].token_count:
            continue
        if core in stops or _ends(tail, core.lower(), before, following):
            found.append(Sentence())
    return found if found[-1].token_count else found[:-1]


def _is_initial(piece: str) -> bool:
    """Return True if ``piece`` is one letter with a full stop."""
    return len(piece) == len("A.") and piece[0].isalpha() and piece[1] == "."


def _run_ons(core: str) -> list[str]:
    """Return the parts of ``core`` that belong to different sentences: "late.No"."""
    if not any(mark in core for mark in ".!?…") or len(core) > _MAX_PIECE_CHARS:
        return [core]
    if _THING.search(core) or _DOTTED.fullmatch(core) or _FILE.fullmatch(core):
        return [core]
    return _RUN_ON.split(core)


def _read(core: str, sentence: Sentence, *, is_initial: bool) -> None:
    """Add the words of ``core`` to a sentence, or count it as another token."""
    if not core:
        return
    if is_initial or len(core) > _MAX_PIECE_CHARS:
        sentence.thing_count += 1
    elif core.isalpha() or core.lower() in shared_words().compounds or _DOTTED.fullmatch(core):
        sentence.words.append(core.lower())
    elif (_THING.search(core) and not _SLASHED.fullmatch(core)) or _FILE.fullmatch(core):
        sentence.thing_count += 1
    else:
        sentence.words.extend(_WORD.findall(core.lower()))


def _ends(tail: str, core: str, before: str, following: str) -> bool:
    """Return True if a sentence ends at ``tail``.

    Args:
        tail: Punctuation after the piece.
        core: The piece without surrounding punctuation, lower case.
        before: The previous word of the sentence, lower case.
        following: The next piece; empty at the end of the text.
    """
    marks = "".join(mark for mark in tail if mark in _MARKS)
    if not marks or tail[-1] in ",;:":
        return False
    onwards = following.lstrip(_AROUND)[:1]
    if marks.strip(".…"):
        return tail[-1] not in _CLOSING or not onwards.islower()
    if len(marks) > 1 or marks == "…":
        return not onwards.islower()
    if core in shared_words().titles or (len(core) == 1 and core.isalpha()):
        return False
    if core in shared_words().shortened or _DOTTED.fullmatch(core):
        return onwards.isupper()
    return not (
        core.isdigit() and len(core) <= _ORDINAL_DIGITS and before in shared_words().before_ordinals
    )
