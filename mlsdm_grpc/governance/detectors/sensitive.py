"""Detector of personal data and secrets; it returns classes and places, but never the values.

The first ``MAX_MATCH_CHARS`` characters of a place decide whether it is a finding. A longer place,
such as a private key or a token with many claims, extends to the end of its value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mlsdm_grpc.governance.detectors.credentials import secret_classes, secret_hints
from mlsdm_grpc.governance.detectors.personal import find_personal, load_personal
from mlsdm_grpc.governance.matching.findings import Finding, FindingKind, redact
from mlsdm_grpc.governance.matching.normalization import unmasked

__all__ = ["find_sensitive", "load_patterns", "without_sensitive"]


def find_sensitive(text: str) -> tuple[Finding, ...]:
    """Return the places of personal data and secrets in ``text``.

    Args:
        text: Text of the caller; it is searched in the normal form of ``unmasked``.

    Returns:
        Findings without overlaps, in order of their start; of overlapping ones the more specific
        class is kept. Personal data: email, phone, ssn, iban, card, ipv4, ipv6. Secrets: the
        categories of :func:`secret_classes`.

    Cost: O(len(text)).
    """
    folded = unmasked(text)
    found: list[Finding] = []
    taken = bytearray(len(folded.text))
    for finding in _candidates(folded.text):
        # More specific classes come first, so an occupied place belongs to a more specific class.
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


def without_sensitive(text: str) -> str:
    """Return ``text`` with each place of personal data and secrets replaced by its category.

    Cost: O(len(text)).
    """
    return redact(text, find_sensitive(text))


def load_patterns() -> None:
    """Load the tables and compile the patterns in advance; otherwise the first text does so."""
    secret_hints()
    load_personal()


def _end_of(origin: Sequence[int], end: int) -> int:
    """Return the end of a place in the original text, where ``%40`` stands for an at sign."""
    return origin[end] if origin[end] - origin[end - 1] == len("%40") else origin[end - 1] + 1


def _candidates(text: str) -> Iterator[Finding]:
    lowered = text.lower()
    hints = {hint for hint in secret_hints() if hint in lowered}
    for secret in secret_classes() if hints else ():
        if hints.isdisjoint(secret.hints):
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
