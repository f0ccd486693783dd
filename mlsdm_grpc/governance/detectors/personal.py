"""Personal data in text: addresses and numbers whose form or check digits tell them from others."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from mlsdm_grpc.governance.detectors.checksums import iban_length, is_card, is_iban, is_ssn

__all__ = ["Place", "find_personal"]


class Place(NamedTuple):
    """Where something of a class stands."""

    category: str
    start: int
    end: int
    score: float


_EMAIL: Final = re.compile(
    r"(?<![\w.+\-])[\w.+\-]{1,64}@(?:[^\W_](?:[\w\-]{0,61}[^\W_])?\.){1,6}[^\W\d_]{2,24}"
)
_IBAN_START: Final = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?=[ \-]?[A-Za-z0-9])", re.ASCII)
_CARD: Final = re.compile(
    r"(?<![\d.,\-])(?:\d{13,19}|\d{4}(?:[ \-]\d{4}){2,3}[ \-]\d{1,4}|\d{4}[ \-]\d{6}[ \-]\d{4,5})"
    r"(?![\d\-])",
    re.ASCII,
)
_SSN: Final = re.compile(
    r"(?<![\d\-.+])(\d{3})([\- ])(\d{2})\2(\d{4})(?![\d]|[\-.]\d)|(?<![\d\-.+])(\d{9})(?!\d)",
    re.ASCII,
)
_SSN_NAMED: Final = re.compile(r"(?i)\bssn\b|social security")
_OCTET: Final = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4: Final = re.compile(rf"(?<![\w.\-])(?:{_OCTET}\.){{3}}{_OCTET}(?!\w|\.\d|-\d)", re.ASCII)
_IPV6: Final = re.compile(r"(?<![\w:.])[0-9a-fA-F:]{3,39}(?![\w:])", re.ASCII)
_VERSION_NAMED: Final = re.compile(
    r"(?i)(?:version|release|build|\bv\.?|firmware|kernel)[ :=]{0,2}$"
)
_NOT_PERSONAL_IPS: Final = ("127.", "0.0.0.0", "255.255.255.")  # noqa: S104
_PHONE: Final = re.compile(
    r"(?<![\w.,/=\-#+])(?:\+|00)[1-9](?:[ \-./()]{0,2}\d){7,14}(?!\w|[\-.,/]\d)"
    r"|(?<![\w.,/=\-#+(])(?:\(\d{2,5}\)|\d{2,5})(?:[ \-./]{1,2}\d{2,8}){1,5}(?!\w|[\-.,/:]\d)"
    r"|(?<![\w.,/=\-#+])0\d{8,11}(?!\w|[\-.,/]\d)",
    re.ASCII,
)
_INTERNATIONAL: Final = re.compile(r"(?:\+|00)[1-9]")
_NATIONAL: Final = re.compile(
    r"\(?[2-9]\d{2}\)?[ .\-]{1,2}[2-9]\d{2}[ .\-]\d{4}"  # North America
    r"|0[1-9](?:[ .\-]\d{2}){4}"  # France
    r"|[67]\d{2}(?: \d{3}){2}|[689]\d{2}(?: \d{2}){3}"  # Spain
    r"|\(?0[1-9]\d\)?[ \-]{1,2}\d{3}[ \-]\d{2}[ \-]?\d{2}"  # Ukraine
    r"|\(?0[1-9]\d{1,4}\)?[ /\-]{1,2}\d{3,8}(?:[ \-]\d{2,6}){0,3}"  # Germany, United Kingdom
)
_PHONE_NAMED: Final = re.compile(
    r"(?i)\b(?:phone|telephone|tel|cell|mobile|mobil|call|text|fax|whatsapp|sms|telefon\w*|handy"
    r"|ruf\w{0,4}|anruf\w*|nummer|téléphone|portable|appel\w*|joindre|teléfono|móvil|llám\w*"
    r"|llam\w*|тел\w*|подзвон\w*|дзвон\w*|номер|моб\w*|reach)\b"
)
_NEAR: Final = 32
"""Characters before a number in which a word may name it."""


def find_personal(text: str) -> Iterator[Place]:
    """Yield the places of personal data, surer classes first; they may overlap.

    Cost: O(len(text)); every repetition in the patterns is bounded.
    """
    if "@" in text:
        for match in _EMAIL.finditer(text):
            yield Place("email", *match.span(), 0.95)
    yield from _ibans(text)
    for match in _CARD.finditer(text):
        if is_card(re.sub(r"\D", "", match[0])):
            yield Place("card", *match.span(), 0.95)
    yield from _ssns(text)
    yield from _addresses(text)
    for match in _PHONE.finditer(text):
        score = _phone_score(text, match)
        if score:
            yield Place("phone", *match.span(), score)


def _ibans(text: str) -> Iterator[Place]:
    for match in _IBAN_START.finditer(text):
        wanted = iban_length(match[0][:2].upper())
        compact = ""
        end = match.start()
        while len(compact) < wanted and end < len(text):
            each = text[end]
            if each.isascii() and each.isalnum():
                compact += each.upper()
            elif each not in " -" or text[end - 1] in " -":
                break
            end += 1
        ends_there = end == len(text) or not text[end].isalnum()
        if wanted and len(compact) == wanted and ends_there and is_iban(compact):
            yield Place("iban", match.start(), end, 1.0)


def _ssns(text: str) -> Iterator[Place]:
    for match in _SSN.finditer(text):
        area, separator, group, serial, run = match.groups()
        named = _SSN_NAMED.search(_before(text, match.start())) is not None
        if run:
            area, group, serial = run[:3], run[3:5], run[5:]
        if is_ssn(area, group, serial) and (named or separator == "-"):
            yield Place("ssn", *match.span(), 0.95 if named else 0.8)


def _addresses(text: str) -> Iterator[Place]:
    for match in _IPV4.finditer(text):
        version = _VERSION_NAMED.search(_before(text, match.start()))
        if version is None and not match[0].startswith(_NOT_PERSONAL_IPS):
            yield Place("ipv4", *match.span(), 0.9)
    if ":" not in text:
        return
    for match in _IPV6.finditer(text):
        if match[0].count(":") > 1 and _is_ipv6(match[0]):
            yield Place("ipv6", *match.span(), 0.9)


def _is_ipv6(text: str) -> bool:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return False
    personal = not address.is_loopback and not address.is_unspecified
    return personal and (len(text) > 8 or any(each.isdigit() for each in text))


def _phone_score(text: str, match: re.Match[str]) -> float:
    digits = re.sub(r"\D", "", match[0])
    if _INTERNATIONAL.match(match[0]):
        return 0.95 if 8 <= len(digits) <= 15 + 2 * (match[0][0] == "0") else 0.0
    named = _PHONE_NAMED.search(_before(text, match.start())) is not None
    if _NATIONAL.fullmatch(match[0]):
        return 0.95 if named else 0.7
    return 0.7 if named and 7 <= len(digits) <= 13 else 0.0


def _before(text: str, start: int) -> str:
    return text[max(start - _NEAR, 0) : start]
