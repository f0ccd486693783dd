"""Personal data and secrets in text: types and places, never values.

A place is decided by its first ``MAX_MATCH_CHARS`` characters. Some places are longer (a private
key, a token with many claims): they go on to the end of the value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mlsdm_grpc.governance.detectors.credentials import secret_classes
from mlsdm_grpc.governance.detectors.personal import find_personal
from mlsdm_grpc.governance.matching.findings import Finding, FindingKind
from mlsdm_grpc.governance.matching.normalization import unmasked

__all__ = ["find_sensitive"]


def find_sensitive(text: str) -> tuple[Finding, ...]:
    """Return where personal data and secrets stand in ``text``.

    Args:
        text: As given by the caller. It is searched in the form that ``unmasked`` gives it.

    Returns:
        Sorted by place, none overlapping another: of two classes the more specific one stays.
        Personal data: email, phone, ssn, iban, card, ipv4, ipv6. Secrets: the categories of
        :func:`secret_classes`.

    Cost: O(len(text)).
    """
    folded = unmasked(text)
    found: list[Finding] = []
    taken = bytearray(len(folded.text))
    for finding in _candidates(folded.text):
        if not any(taken[finding.start : finding.end]):
            taken[finding.start : finding.end] = b"\1" * (finding.end - finding.start)
            found.append(
                replace(
                    finding,
                    start=folded.origin[finding.start],
                    end=_end_of(folded.origin, finding.end),
                )
            )
    return tuple(sorted(found, key=lambda each: each.start))


def _end_of(origin: Sequence[int], end: int) -> int:
    """Return where a place ends in the given text; ``%40`` at its end is part of it."""
    return origin[end] if origin[end] - origin[end - 1] == len("%40") else origin[end - 1] + 1


def _candidates(text: str) -> Iterator[Finding]:
    lowered = text.lower()
    for secret in secret_classes():
        if not any(hint in lowered for hint in secret.hints):
            continue
        for match in secret.pattern.finditer(text):
            if secret.accepts(match):
                group = "v" if "v" in match.re.groupindex else 0
                start, end = match.span(group)
                yield Finding(
                    FindingKind.SECRET,
                    secret.category,
                    start,
                    end,
                    secret.score,
                    rule=secret.category,
                )
    for place in find_personal(text):
        yield Finding(FindingKind.PERSONAL_DATA, *place, rule=place.category)
