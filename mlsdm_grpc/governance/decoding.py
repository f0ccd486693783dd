"""Texts within a text: encoded once in base64, hexadecimal digits, rot13, or backwards."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

__all__ = ["Hidden", "hidden_letters", "hidden_texts"]

_BASE64: Final = re.compile(r"(?<![A-Za-z0-9+/_\-])[A-Za-z0-9+/_\-]{16,}={0,2}")
_HEX: Final = re.compile(r"(?<![0-9A-Za-z])(?:(?:\\x|0x|%)?[0-9A-Fa-f]{2}[ :,]?){12,}")
_HEX_NOISE: Final = re.compile(r"\\x|0x|[ :,%]")
_READABLE: Final = re.compile(r"[\t\n\r -~\u00a0-\u024f\u0370-\u052f\u2010-\u2027]{10,}")
_STEMS: Final = (
    *("ignore", "forget", "disregard", "instruction", "prompt", "system", "rules", "reveal"),
    *("vergiss", "anweisung", "regeln", "oublie", "consignes", "olvida", "instruccion", "reglas"),
)
_ROT13_HINT: Final = re.compile("|".join(codecs.encode(stem, "rot13") for stem in _STEMS))
_REVERSED_HINT: Final = re.compile(
    "|".join(stem[::-1] for stem in (*_STEMS, "ігнору", "забудь", "інструкці", "правила"))
)


@dataclass(frozen=True, slots=True)
class Hidden:
    """A text that stands in another in another form."""

    text: str
    start: int
    """Where its form begins in the text around it."""
    step: float
    """Characters of the form for one of the text; negative where it reads backwards."""

    def span(self, start: int, end: int, limit: int) -> tuple[int, int]:
        """Return where characters ``start`` to ``end`` stand in the text around, up to ``limit``."""
        ends = (self.start + self.step * start, self.start + self.step * end)
        first, last = int(min(ends)), int(max(ends) + 0.999)
        first = min(max(first, 0), limit - 1)
        return first, min(max(last, first + 1), limit)


def hidden_texts(text: str) -> Iterator[Hidden]:
    """Yield the texts that ``text`` may hold; each is readable, none need make sense.

    Args:
        text: As given, since base64 tells capitals apart.

    Cost: O(len(text)); one level only.
    """
    for match in _BASE64.finditer(text):
        yield from _from_base64(match)
    for match in _HEX.finditer(text):
        digits = _HEX_NOISE.sub("", match[0])
        raw = bytes.fromhex(digits[: len(digits) // 2 * 2])
        yield from _readable(raw, match.start(), (match.end() - match.start()) / max(len(raw), 1))


def hidden_letters(plain: str) -> Iterator[Hidden]:
    """Yield ``plain`` with its letters turned by 13, or backwards, where it holds such words."""
    if _ROT13_HINT.search(plain):
        yield Hidden(codecs.encode(plain, "rot13"), 0, 1.0)
    if _REVERSED_HINT.search(plain):
        yield Hidden(plain[::-1], len(plain), -1.0)


def _from_base64(match: re.Match[str]) -> Iterator[Hidden]:
    run = match[0].rstrip("=").replace("-", "+").replace("_", "/")
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
