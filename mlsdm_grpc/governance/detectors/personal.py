"""Detector of personal data: addresses and numbers with a distinctive form or with check digits."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from typing import Final, NamedTuple

import phonenumbers

from mlsdm_grpc.governance.detectors.checksums import iban_length, is_card, is_iban, is_ssn
from mlsdm_grpc.package_data import expand_pattern, read_table

__all__ = ["Place", "find_personal", "load_personal"]


class Place(NamedTuple):
    """Place of personal data in a text."""

    category: str
    start: int
    end: int
    score: float


class _Phones(NamedTuple):
    """Data to recognise phone numbers without a country code."""

    regions: tuple[str, ...]
    """Countries whose national numbers are recognised, ISO 3166."""
    shapes: re.Pattern[str]
    """Formats that only phone numbers have."""


_EMAIL: Final = re.compile(
    r"(?<![\w.+\-])(?!git@)[\w.+\-]{1,64}@(?:[^\W_](?:[\w\-]{0,61}[^\W_])?\.){1,6}[^\W\d_]{2,24}"
    r"(?!:[\w~./\-]{1,64}/|:\d{1,5}/)"
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
# Reserved network 203.0.113.0/24: examples and tests use it for addresses of persons.
_DOCUMENTATION_V4: Final = ipaddress.IPv4Network("203.0.113.0/24")
_DOCUMENTATION_V6: Final = ipaddress.IPv6Network("2001:db8::/32")
_OCTET: Final = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4: Final = re.compile(rf"(?<![\w.\-])(?:{_OCTET}\.){{3}}{_OCTET}(?!\w|\.\d|-\d)", re.ASCII)
_IPV6: Final = re.compile(r"(?<![\w:.])[0-9a-fA-F:]{3,39}(?![\w:])", re.ASCII)
# Four octets below this value are a version or section number, unless a word such as "IP" precedes.
_SMALL_OCTET: Final = 30
_PHONE: Final = re.compile(
    r"(?<![\w.,/\-#+])(?:\+|00)[1-9](?:[ \-./()]{0,2}\d){6,14}(?!\w|[\-.,/]\d)"
    r"|(?<![\w.,/\-#+(])(?:\(\d{2,5}\)|\d{2,5})(?:[ \-./]{1,2}\d{2,8}){1,5}(?!\w|[\-.,/:]\d)"
    r"|(?<![\w.,/\-#+])\d{7,12}(?!\w|[\-.,/]\d)",
    re.ASCII,
)
# Runs of digits with at most three other characters between two of them, as in every number sought.
_DIGITS: Final = re.compile(r"[0-9](?:[^0-9]{0,3}[0-9])*")
# Number of characters around a run of digits that may belong to the number or decide about it.
_AROUND: Final = 3
# Minimum lengths of numbers from the first digit to the last, characters.
_LEAST_CARD: Final = 13
_LEAST_SSN: Final = 9
_LEAST_IPV4: Final = 7
_LEAST_PHONE: Final = 5
# Minimum number of digits of a phone number without a country code; fewer are pages and sections.
_LEAST_PHONE_DIGITS: Final = 7
_COLONS: Final = re.compile(r":[0-9a-fA-F]{0,37}:")
_INTERNATIONAL: Final = re.compile(r"(?:\+|00)[1-9]")
# Dates, ranges of years and grouped numbers; they are phone numbers only after a word such as
# "phone".
_DATE: Final = re.compile(
    r"(?:19|20)\d\d[-./ ]\d{1,2}[-./ ]\d{1,2}(?:[ -]\d{1,2}.*)?"
    r"|\d{1,2}[-./ ]\d{1,2}[-./ ](?:19|20)\d\d"
    r"|(?:19|20)\d\d ?[-/] ?(?:19|20)\d\d|\d{1,3}(?: \d{3})+"
)
# Amounts with two decimals.
_DECIMAL: Final = re.compile(r"\d{1,3}(?: ?\d{3})*\.\d\d")
# Number of digits of an article number; a card number of that length needs a word for a card.
_EAN: Final = 13
# Distance before a number within which a word may name its kind, characters.
_NEAR: Final = 32


@cache
def _near() -> Mapping[str, re.Pattern[str]]:
    """Return the patterns of words before a number, by the kind of number that they name."""
    near = read_table("mlsdm_grpc.governance", "personal")["near"]
    return {name: re.compile(expand_pattern(entry, {})) for name, entry in near.items()}


@cache
def _phones() -> _Phones:
    phones = read_table("mlsdm_grpc.governance", "personal")["phones"]
    return _Phones(tuple(phones["regions"]), re.compile(expand_pattern(phones["shapes"], {})))


def load_personal() -> None:
    """Load the table and compile its patterns in advance; otherwise the first text does so."""
    _near()
    _phones()


def find_personal(text: str) -> Iterator[Place]:
    """Yield the places of personal data, the most certain classes first; places may overlap.

    Cost: O(len(text)); every repetition in the patterns is bounded.
    """
    if "@" in text:
        for match in _EMAIL.finditer(text):
            yield Place("email", *match.span(), 0.95)
    digits = [match.span() for match in _DIGITS.finditer(text)]
    yield from _ibans(text, digits)
    for match in _numbers(_CARD, text, digits, _LEAST_CARD):
        number = re.sub(r"\D", "", match[0])
        # An article number has the form and check digit of a short card number.
        named = len(number) > _EAN or _is_named("card", text, match.start())
        if named and is_card(number):
            yield Place("card", *match.span(), 0.95)
    yield from _ssns(text, digits)
    yield from _addresses(text, digits)
    for match in _numbers(_PHONE, text, digits, _LEAST_PHONE):
        score = _phone_score(text, match)
        if score:
            yield Place("phone", *match.span(), score)


def _numbers(
    pattern: re.Pattern[str], text: str, digits: Iterable[tuple[int, int]], least: int
) -> Iterator[re.Match[str]]:
    """Yield the matches of a pattern of numbers.

    Args:
        pattern: Pattern of digits with at most three other characters between two of them.
        text: Text to search.
        digits: Start and end of the runs of digits in the text.
        least: Minimum length of a match from the first digit to the last, characters.
    """
    for start, end in digits:
        if end - start >= least:
            yield from pattern.finditer(text, max(start - _AROUND, 0), end + _AROUND)


def _ibans(text: str, digits: Iterable[tuple[int, int]]) -> Iterator[Place]:
    for match in _numbers(_IBAN_START, text, digits, 2):
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


def _ssns(text: str, digits: Iterable[tuple[int, int]]) -> Iterator[Place]:
    for match in _numbers(_SSN, text, digits, _LEAST_SSN):
        area, separator, group, serial, run = match.groups()
        named = _is_named("ssn", text, match.start())
        if run:
            area, group, serial = run[:3], run[3:5], run[5:]
        other = _is_named("part", text, match.start())
        # Nine digits without separators are too common to be a number of a person.
        if is_ssn(area, group, serial) and (named or (separator == "-" and not other)):
            yield Place("ssn", *match.span(), 0.95 if named else 0.8)


def _addresses(text: str, digits: Iterable[tuple[int, int]]) -> Iterator[Place]:
    for match in _numbers(_IPV4, text, digits, _LEAST_IPV4):
        if _is_named("version", text, match.start()) or not _is_host(match[0]):
            continue
        # Four small numbers are usually a version number.
        small = all(int(octet) < _SMALL_OCTET for octet in match[0].split("."))
        if not small or _is_named("address", text, match.start()):
            yield Place("ipv4", *match.span(), 0.9)
    if not _COLONS.search(text):
        return
    for match in _IPV6.finditer(text):
        if match[0].count(":") > 1 and _is_ipv6(match[0]):
            yield Place("ipv6", *match.span(), 0.9)


def _is_host(text: str) -> bool:
    """Return whether an address may identify a person: it is in no private or special network."""
    address = ipaddress.IPv4Address(text)
    return address in _DOCUMENTATION_V4 or address.is_global


def _is_ipv6(text: str) -> bool:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return False
    personal = address.is_global or address in _DOCUMENTATION_V6
    return personal and (len(text) > 8 or any(each.isdigit() for each in text))


def _phone_score(text: str, match: re.Match[str]) -> float:
    number, start = match[0], match.start()
    named_phone = _is_named("phone", text, start)
    if text[start - 1 : start] == "=" and not named_phone:
        return 0.0
    if _INTERNATIONAL.match(number):
        # An explicit country code needs no further evidence.
        return 0.95 if _is_number("+" + re.sub(r"^00|\D", "", number), None) else 0.0
    if sum(map(str.isdigit, number)) < _LEAST_PHONE_DIGITS or _is_named("numbered", text, start):
        return 0.0
    if named_phone:
        amount = _DECIMAL.fullmatch(number)
        valid = any(_is_number(number, region) for region in _phones().regions)
        return 0.95 if valid and not amount else 0.0
    if _DATE.fullmatch(number):
        return 0.0
    named = _is_named("number", text, start) and number[0] in "0("
    if _phones().shapes.fullmatch(number) or named:
        return 0.7 if any(_is_number(number, region) for region in _phones().regions) else 0.0
    return 0.0


@lru_cache(maxsize=1024)
def _is_number(number: str, region: str | None) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, region))
    except phonenumbers.NumberParseException:
        return False


def _is_named(kind: str, text: str, start: int) -> bool:
    """Return whether a word of a kind of numbers stands before ``start``."""
    # A cut-out part would begin inside a word: "McCall's" is no "call".
    return _near()[kind].search(text, max(start - _NEAR, 0), start) is not None
