"""Decoder of texts inside a text: base64, hexadecimal, Morse code, rot13 and reversed text."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from mlsdm_grpc.package_data import read_table

__all__ = ["Hidden", "hidden_letters", "hidden_texts"]

_BASE64: Final = re.compile(r"(?<![A-Za-z0-9+/_\-])[A-Za-z0-9+/_\-]{16,}={0,2}")
_HEX: Final = re.compile(r"(?<![0-9A-Za-z])(?:(?:\\x|0x|%)?[0-9A-Fa-f]{2}[ :,]?){12,}")
_HEX_NOISE: Final = re.compile(r"\\x|0x|[ :,%]")
_READABLE: Final = re.compile(r"[\t\n\r -~\u00a0-\u024f\u0370-\u052f\u2010-\u2027]{10,}")
_MORSE: Final = re.compile(r"(?<![^\s])[.\-]{1,5}(?:(?: |\s?[/|]\s?)[.\-]{1,5}){7,}(?![^\s])")
_MORSE_SIGN: Final = re.compile(r"[.\-]+|[/|]")
_ROT13: Final = "rot13"


def _kinds(pattern: str) -> bytes:
    """Return a byte translation table: ``x`` for ASCII characters that match, else a blank."""
    return bytes(b"x"[0] if re.match(pattern, chr(i)) else b" "[0] for i in range(256))


# Characters and minimum run length of base64 and of hexadecimal digits.
_BASE64_RUN: Final = (_kinds(r"[A-Za-z0-9+/_\-]"), 16)
_HEX_RUN: Final = (_kinds(r"[0-9A-Fa-f\\x%:, ]"), 24)
# Minimum number of dots and dashes in Morse code.
_MORSE_SIGNS: Final = 8


@dataclass(frozen=True, slots=True)
class Hidden:
    """Text that is encoded inside another text."""

    text: str
    start: int
    """Offset in the outer text at which the encoded form starts."""
    step: float
    """Number of encoded characters for each decoded character; negative for reversed text."""

    def span(self, start: int, end: int, limit: int) -> tuple[int, int]:
        """Return the range in the outer text that encodes the characters ``start`` to ``end``."""
        ends = (self.start + self.step * start, self.start + self.step * end)
        first, last = int(min(ends)), int(max(ends) + 0.999)
        first = min(max(first, 0), limit - 1)
        return first, min(max(last, first + 1), limit)


@cache
def _morse_letters() -> Mapping[str, str]:
    """Return the letters, by their Morse signs."""
    return {sign: letter for letter, sign in _table()["morse"].items()}


@cache
def _rot13_stems() -> tuple[str, ...]:
    return tuple(codecs.encode(stem, _ROT13) for stem in _table()["stems"].split())


@cache
def _reversed_stems() -> tuple[str, ...]:
    stems = (_table()["stems"] + _table()["backwards"]).split()
    return tuple(stem[::-1] for stem in stems)


@cache
def _pattern(stems: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(stems))


@cache
def _table() -> dict[str, Any]:
    return read_table("mlsdm_grpc.governance", "encodings")


def hidden_texts(text: str) -> Iterator[Hidden]:
    """Yield the texts in ``text`` that are encoded as base64, hexadecimal digits or Morse code.

    Args:
        text: Original text, because base64 depends on upper and lower case.

    Cost: O(len(text)); decodes one level only.
    """
    # Runs of this length are rare; a search without a regular expression rules out most texts.
    shown = text.encode("ascii", "replace")
    for match in _BASE64.finditer(text) if _has_run(shown, *_BASE64_RUN) else ():
        yield from _from_base64(match)
    for match in _HEX.finditer(text) if _has_run(shown, *_HEX_RUN) else ():
        digits = _HEX_NOISE.sub("", match[0])
        step = 2 * len(match[0]) / len(digits)
        # The first digit may belong to an incomplete byte, so both alignments are tried.
        for skipped in range(2):
            half = digits[skipped:]
            raw = bytes.fromhex(half[: len(half) // 2 * 2])
            yield from _readable(raw, match.start() + skipped, step)
    if shown.count(b".") + shown.count(b"-") >= _MORSE_SIGNS:
        for match in _MORSE.finditer(text):
            yield _from_morse(match)


def _has_run(text: bytes, kinds: bytes, length: int) -> bool:
    """Return whether a text has ``length`` consecutive characters of kind ``x``."""
    return b"x" * length in text.translate(kinds)


def _from_morse(match: re.Match[str]) -> Hidden:
    letters = (_morse_letters().get(sign, " ") for sign in _MORSE_SIGN.findall(match[0]))
    decoded = "".join(letters)
    return Hidden(decoded, match.start(), len(match[0]) / len(decoded))


def hidden_letters(plain: str) -> Iterator[tuple[Hidden, re.Pattern[str]]]:
    """Yield ``plain`` decoded with rot13, and reversed, if it contains words that suggest this.

    Each result comes with the pattern of these words; a rule match counts only if it contains one.
    """
    if any(stem in plain for stem in _rot13_stems()):
        yield Hidden(codecs.encode(plain, _ROT13), 0, 1.0), _pattern(_rot13_stems())
    if any(stem in plain for stem in _reversed_stems()):
        yield Hidden(plain[::-1], len(plain), -1.0), _pattern(_reversed_stems())


def _from_base64(match: re.Match[str]) -> Iterator[Hidden]:
    run = match[0].rstrip("=").replace("-", "+").replace("_", "/")
    # The encoded text may start at any position within a group of four, so all four are tried.
    for skipped in range(4):
        body = run[skipped:]
        body = body[: len(body) - (len(body) % 4 == 1)]
        try:
            raw = base64.b64decode(body + "=" * (-len(body) % 4))
        except binascii.Error:
            continue
        yield from _readable(raw, match.start() + skipped, 4 / 3)


def _readable(raw: bytes, start: int, step: float) -> Iterator[Hidden]:
    decoded = raw.decode("utf-8", "replace")
    for match in _READABLE.finditer(decoded):
        before = len(decoded[: match.start()].encode("utf-8", "replace"))
        size = len(match[0].encode())
        yield Hidden(match[0], int(start + before * step), step * size / len(match[0]))
