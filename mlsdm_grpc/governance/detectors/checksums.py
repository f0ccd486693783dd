"""Check digits and number ranges that separate personal numbers from other numbers."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["iban_length", "is_card", "is_iban", "is_luhn", "is_ssn"]

_IBAN_LENGTHS: Final = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}
_CARD_ISSUERS: Final = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"
    r"|3[47]\d{13}"
    r"|(?:5[1-5]\d{2}|222[1-9]|22[3-9]\d|2[3-6]\d{2}|27[01]\d|2720)\d{12}"
    r"|(?:6011|64[4-9]\d|65\d{2})\d{12,15}"
    r"|3(?:0[0-5]|[689]\d)\d{11,16}"
    r"|35(?:2[89]|[3-8]\d)\d{12,15}"
    r"|62\d{14,17}"
    r"|(?:50|5[6-9]|6[37])\d{11,17}"
)


def is_luhn(digits: str) -> bool:
    """Return whether the last digit of ``digits`` is the Luhn check digit of the others.

    Source: ISO/IEC 7812-1, annex B.
    """
    total = sum(int(digit) for digit in digits[-1::-2])
    total += sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return total % 10 == 0


def is_card(digits: str) -> bool:
    """Return whether ``digits`` match a card issuer, its lengths, and the Luhn check digit."""
    return _CARD_ISSUERS.fullmatch(digits) is not None and is_luhn(digits)


def iban_length(country: str) -> int:
    """Return the length of IBANs of ``country`` (two capitals); 0 for a country without IBANs."""
    return _IBAN_LENGTHS.get(country, 0)


def is_iban(compact: str) -> bool:
    """Return whether ``compact`` (capitals and digits, no spaces) has valid IBAN check digits.

    Source: ISO 13616-1, ISO/IEC 7064 MOD 97-10.
    """
    number = "".join(str(int(each, 36)) for each in compact[4:] + compact[:4])
    return int(number) % 97 == 1


def is_ssn(area: str, group: str, serial: str) -> bool:
    """Return whether the parts can form a social security number that has been issued.

    Source: Social Security Administration, randomisation of 2011: areas 000, 666 and 900 to 999,
    group 00 and serial 0000 are never issued.
    """
    return area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000"
