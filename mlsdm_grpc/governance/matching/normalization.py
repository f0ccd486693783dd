"""Normal forms of text as a reader sees it, with offsets into the original text.

``plain`` normalises single characters: compatibility forms, case, invisible and combining
characters. ``readings`` returns the words that a written word may stand for: digits and signs for
letters, letters of another script, repeated letters. ``spelled`` finds words with separated
letters. ``fold`` combines the three. All forms are local: the result for a word depends on that
word only. ``unmasked`` is the form in which numbers and keys are searched.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from mlsdm_grpc.governance.matching.confusables import confusables

__all__ = [
    "MAX_WORD_CHARS",
    "WORD",
    "Folded",
    "fold",
    "plain",
    "readings",
    "spelled",
    "spelled_words",
    "unmasked",
]

MAX_WORD_CHARS: Final = 40
"""Maximum length of a word; a longer run of letters and digits has no other readings."""
WORD: Final = re.compile(r"[@$€£]?[^\W_](?:[^\W_]|[@$€£!|+*'](?=[^\W_]))*(?:\$\$)?")
"""Word of plain text. Signs between letters count as letters, ``@`` and ``$`` also before them."""
_SPELLED: Final = re.compile(r"(?<![^\W_])[^\W\d_](?:[ .\-_*·•,/|~]{1,3}[^\W_](?![^\W_])){2,}")
_REPEATED: Final = re.compile(r"(.)\1\1+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BLANK_LETTERS: Final = "\u115f\u1160\u17b4\u17b5\u3164\uffa0"
_LATIN: Final = re.compile(r"[a-z]")
_CYRILLIC_OR_GREEK: Final = re.compile(r"[Ͱ-Ͽа-ԯ]")
# Letters beyond Latin-1: any; next to an ASCII letter; between digits.
_OTHER_LETTER: Final = re.compile(r"[^\W\d_\u0000-\u00ff]")
_TOUCHING: Final = re.compile(r"[A-Za-z][^\W\d_\u0000-\u00ff]|[^\W\d_\u0000-\u00ff][A-Za-z]")
_AMONG_DIGITS: Final = re.compile(r"(?<=[0-9])[^\W\d_\u0000-\u00ff](?=[0-9])")
_LETTERS: Final = re.compile(r"[^\W_]+")
_AS_DIGITS: Final = {"O": "0", "o": "0", "I": "1", "l": "1"}
_LEET_SIGN: Final = re.compile(r"[0-9@$€£!|+]")
_STARRED: Final = re.compile(r"[^\W\d_]\*{1,2}[^\W\d_]")
_MAX_REPEATS: Final = 3
_HYPHENS: Final = "\u2010\u2011\u2012\u2013\u2212\ufe58\ufe63\uff0d"
# Maximum number of consecutive invisible characters that are removed; removing more would let a
# match extend too far in the original text.
_MOST_UNSEEN: Final = 3


@dataclass(frozen=True, slots=True)
class Folded:
    """Text with the original offset of each of its characters."""

    text: str
    origin: Sequence[int]
    """Offset in the original text of each character of ``text``, followed by the length of the
    original text. Offsets never decrease."""


def plain(text: str) -> Folded:
    """Return ``text`` in compatibility form, without case, invisible and combining characters.

    Cost: O(len(text)).
    """
    # Fast path: ASCII is the most frequent case and needs no table.
    if text.isascii() and not _CONTROL.search(text):
        return Folded(text.lower(), range(len(text) + 1))
    pieces = [_plain_char(each) for each in text]
    folded = "".join(pieces)
    if len(folded) == len(text) and all(pieces):
        return Folded(folded, range(len(text) + 1))
    origin = [i for i, piece in enumerate(pieces) for _ in piece]
    origin.append(len(text))
    return Folded(folded, origin)


def unmasked(text: str) -> Folded:
    """Return ``text`` with ASCII digits, letters, blanks and hyphens, without changing its case.

    Up to three consecutive invisible characters are removed, and ``%40`` becomes an at sign.
    Letters of other scripts that resemble ASCII letters are replaced by these, in words that also
    contain ASCII letters, and between digits. A number or key so has one form in any typography.

    Cost: O(len(text)).
    """
    if text.isascii() and "%40" not in text:
        return Folded(text.replace("\t", " "), range(len(text) + 1))
    changed = {ord(c): form for c in set(text) if (form := _unmasked_char(c)) != c}
    if "%40" not in text and all(changed.values()):
        shown = text.translate(changed) if changed else text
        return Folded(_without_look_alikes(shown), range(len(text) + 1))
    pieces: list[str] = []
    origin: list[int] = []
    unseen = at = 0
    while at < len(text):
        if text.startswith("%40", at):
            piece, step = "@", 3
        else:
            piece, step = _unmasked_char(text[at]), 1
        unseen = 0 if piece else unseen + 1
        # A longer run becomes a blank; otherwise a match could exceed its maximum length.
        if unseen > _MOST_UNSEEN:
            piece = " "
        pieces.append(piece)
        origin += [at] * len(piece)
        at += step
    origin.append(len(text))
    return Folded(_without_look_alikes("".join(pieces)), origin)


def _without_look_alikes(text: str) -> str:
    """Replace letters that imitate ASCII letters or digits; the length of the text is kept."""
    if text.isascii():
        return text
    if _TOUCHING.search(text):
        text = _LETTERS.sub(_in_ascii, text)
    return _AMONG_DIGITS.sub(_digit, text)


def _in_ascii(match: re.Match[str]) -> str:
    word = match[0]
    if word.isascii() or not _TOUCHING.search(word):
        return word
    similar = confusables().ascii
    return "".join(form if (form := similar.get(each, each)).isalpha() else each for each in word)


def _digit(match: re.Match[str]) -> str:
    form = confusables().ascii.get(match[0], match[0])
    form = _AS_DIGITS.get(form, form)
    return form if form.isdigit() else match[0]


@lru_cache(maxsize=4096)
def _unmasked_char(char: str) -> str:
    if char.isascii():
        return " " if char == "\t" else char
    category = unicodedata.category(char)
    if category == "Zs":
        return " "
    if char in _HYPHENS:
        return "-"
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category in {"Cf", "Mn", "Me"} or char in _BLANK_LETTERS:
        return ""
    form = unicodedata.normalize("NFKC", char)
    return form if len(form) == 1 and form.isascii() and form.isprintable() else char


@lru_cache(maxsize=4096)
def _plain_char(char: str) -> str:
    drawn = confusables().drawn.get(char)
    if drawn is not None:
        return drawn
    if 0xE0020 <= ord(char) <= 0xE007E:  # tag characters: a hidden copy of ASCII
        return chr(ord(char) - 0xE0000).lower()
    invisible = unicodedata.category(char) in {"Cf", "Mn", "Me", "Cc"} or char in _BLANK_LETTERS
    if invisible and char not in "\t\n\r":
        return ""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", char).casefold())


@lru_cache(maxsize=16384)
def readings(word: str) -> tuple[str, ...]:
    """Return the possible readings of ``word``, from the word itself to the most different one.

    Args:
        word: Word of plain text that ``WORD`` matches.

    Returns:
        At most 32 distinct readings.
    """
    if len(word) > MAX_WORD_CHARS:
        return (word,)
    if word.isascii() and "*" not in word and not _REPEATED.search(word):
        if word.isalpha() or word.upper() == word.lower() or not _LEET_SIGN.search(word):
            return (word,)
        return tuple(dict.fromkeys((word, *_leet(word))))
    found = [word]
    for step in (_scripts, _squeezed, _starred, _leet):
        found += [new for old in found for new in step(old)]
    return tuple(dict.fromkeys(found))[:32]


def _scripts(word: str) -> Iterator[str]:
    """Yield the readings of a word whose letters may imitate letters of another script."""
    if not _OTHER_LETTER.search(word):
        return
    latin = word.translate(confusables().latin)
    native = len(_LATIN.findall(word))
    if native and _CYRILLIC_OR_GREEK.search(word):
        both = [word.translate(confusables().cyrillic), latin]
        yield from both if 2 * native >= len(word) else reversed(both)
    elif not _OTHER_LETTER.search(latin):
        yield latin


def _starred(word: str) -> Iterator[str]:
    """Yield the readings of a word with masked letters (``*``), by any vowel or by none."""
    if _STARRED.search(word):
        for vowel in ("", "a", "e", "i", "o", "u"):
            yield re.sub(r"\*{1,2}", vowel, word, count=1)


def _leet(word: str) -> Iterator[str]:
    """Yield the readings of a word in which digits and signs stand for letters."""
    if _LEET_SIGN.search(word) and any(map(str.isalpha, word)):
        if _CYRILLIC_OR_GREEK.search(word):
            yield word.translate(confusables().leet_cyrillic)
            yield word.translate(confusables().leet_cyrillic_second)
            return
        yield word.translate(confusables().leet_second)
        yield word.translate(confusables().leet)


def _squeezed(word: str) -> Iterator[str]:
    """Yield the readings of a word with letters repeated three times or more: two, or one."""
    if not _REPEATED.search(word):
        return
    parts = _REPEATED.split(word)
    letters = parts[1::2]
    # Each repeated letter doubles the number of readings, so their number is limited.
    if len(letters) > _MAX_REPEATS:
        yield _REPEATED.sub(r"\1", word)
        return
    for counts in itertools.product((2, 1), repeat=len(letters)):
        middles = (letter * count for letter, count in zip(letters, counts, strict=True))
        yield "".join(
            itertools.chain.from_iterable(itertools.zip_longest(parts[::2], middles, fillvalue=""))
        )


def spelled(text: str) -> Iterator[list[int]]:
    """Yield the runs of separated letters in plain text, as offsets of their letters.

    Cost: O(len(text)).
    """
    for match in _SPELLED.finditer(text):
        yield [i for i in range(*match.span()) if text[i].isalnum()]


def spelled_words(text: str) -> Iterator[list[int]]:
    """Yield the words that are written with separated letters, as offsets of their letters.

    Cost: O(len(text)).
    """
    for run in spelled(text):
        yield from _split(text, run)


def _split(text: str, letters: list[int]) -> Iterator[list[int]]:
    """Yield the words in a run of separated letters; gaps wider than usual separate words."""
    gaps = [after - before for before, after in itertools.pairwise(letters)]
    usual = min(gaps)
    word = [letters[0]]
    for gap, letter in zip(gaps, letters[1:], strict=True):
        if gap > usual and " " in text[word[-1] : letter]:
            yield word
            word = []
        word.append(letter)
    yield word


def fold(text: str) -> Folded:
    """Return ``text`` with every word in its most different reading, for inspection and tests.

    The detectors use all readings of a word; this function shows the most different one.

    Cost: O(len(text)).
    """
    shown = plain(text)
    pieces: list[str] = []
    origin: list[int] = []
    done = 0
    for start, end, word in sorted(_shown_words(shown.text), key=lambda word: (word[0], -word[1])):
        if start < done:
            continue
        pieces += shown.text[done:start], word
        origin += shown.origin[done:start]
        same = len(word) == end - start
        origin += (shown.origin[start + i if same else start] for i in range(len(word)))
        done = end
    pieces.append(shown.text[done:])
    origin += shown.origin[done:]
    return Folded("".join(pieces), origin)


def _shown_words(text: str) -> Iterator[tuple[int, int, str]]:
    for letters in spelled_words(text):
        if len(letters) > 1:
            word = "".join(text[i] for i in letters)
            yield letters[0], letters[-1] + 1, readings(word)[-1]
    for match in WORD.finditer(text):
        yield *match.span(), readings(match[0])[-1]
