"""Personal data and secrets in text: types and places, never values.

A place is decided by its first ``MAX_MATCH_CHARS`` characters. Some places are longer (a private
key, a token with many claims): they go on to the end of the value.
"""

from __future__ import annotations

from collections.abc import Iterator

from mlsdm_grpc.governance.detectors.credentials import SECRETS
from mlsdm_grpc.governance.detectors.personal import find_personal
from mlsdm_grpc.governance.matching.findings import Finding, FindingKind

__all__ = ["find_sensitive"]


def find_sensitive(text: str) -> tuple[Finding, ...]:
    """Return where personal data and secrets stand in ``text``.

    Args:
        text: As given by the caller; nothing is folded.

    Returns:
        Sorted by place, none overlapping another: of two classes the more specific one stays.
        Personal data: email, phone, ssn, iban, card, ipv4, ipv6. Secrets: pem, jwt, aws_key,
        aws_secret, github_token, slack_token, google_key, anthropic_key, openai_key, stripe_key,
        database_url, bearer, password, api_key.

    Cost: O(len(text)).
    """
    found: list[Finding] = []
    taken = bytearray(len(text))
    for finding in _candidates(text):
        if not any(taken[finding.start : finding.end]):
            taken[finding.start : finding.end] = b"\1" * (finding.end - finding.start)
            found.append(finding)
    return tuple(sorted(found, key=lambda each: each.start))


def _candidates(text: str) -> Iterator[Finding]:
    lowered = text.lower()
    for secret in SECRETS:
        if not any(hint in lowered for hint in secret.hints):
            continue
        for match in secret.pattern.finditer(text):
            if secret.accepts(match):
                group = "v" if "v" in match.re.groupindex else 0
                yield Finding(FindingKind.SECRET, secret.category, *match.span(group), secret.score)
    for place in find_personal(text):
        yield Finding(FindingKind.PERSONAL_DATA, *place)
