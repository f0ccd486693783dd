"""Compact JSON Web Signatures: strict syntax, asymmetric algorithms, public keys of an issuer.

A library verifies the signature itself. All checks that decide about key and algorithm are made
here, so that a token cannot choose others than the configured ones.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from jwt.algorithms import Algorithm

__all__ = ["ALGORITHMS", "BadToken", "SignedToken", "VerifyingKey", "read_keys_of", "split_token"]

ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
"""Algorithms that may be configured. All of them verify with a public key."""
_KEY_TYPES: Final = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_CURVES: Final = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519"}
_MIN_RSA_BITS: Final = 2_048
_MAX_RSA_BITS: Final = 8_192
# Maximum size of the public exponent in bits. A larger one makes verification expensive.
_MAX_EXPONENT_BITS: Final = 33
_MAX_KEYS: Final = 100
_MAX_KID: Final = 256
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-]+")
# Header parameters that change the verification, or that contain or name a key themselves.
_REFUSED: Final = frozenset(
    {"b64", "crit", "enc", "epk", "jku", "jwk", "x5c", "x5t", "x5t#S256", "x5u", "zip"}
)
_TYPES: Final = frozenset({"at+jwt", "application/at+jwt", "jwt"})


class BadToken(Exception):
    """Error for a token that is not accepted.

    Args:
        cause: Word for logs, for example ``signature``. Callers do not see it.
    """

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class SignedToken(NamedTuple):
    """Parts of a token."""

    algorithm: str
    kid: str
    is_access_token: bool
    """True if the header has the type of RFC 9068."""
    signed: bytes
    """Signed bytes: header and payload segments."""
    payload: bytes
    signature: bytes


class VerifyingKey(NamedTuple):
    """Public key of the issuer."""

    kid: str
    kind: str
    """Key type and curve, for example ``RSA`` or ``EC P-256``."""
    algorithm: str
    """Only algorithm for which the issuer uses the key; empty if the issuer names none."""
    key: Any
    """Key object of the library."""

    def verify(self, token: SignedToken) -> bool:
        """Return True if the token was signed with this key."""
        algorithm = token.algorithm
        if self.algorithm not in {"", algorithm} or self.kind != _kind(algorithm):
            return False
        return _methods()[algorithm].verify(token.signed, self.key, token.signature)


@cache
def _methods() -> Mapping[str, Algorithm]:
    """Return the algorithms of the library by name."""
    from jwt.algorithms import get_default_algorithms

    return get_default_algorithms()


def _kind(algorithm: str) -> str:
    """Return the kind of key that an algorithm needs."""
    return f"{_KEY_TYPES[algorithm[:2]]} {_CURVES.get(algorithm, '')}".strip()


def split_token(text: str, algorithms: Iterable[str]) -> SignedToken:
    """Return the parts of a token after a check of its header.

    Args:
        text: ASCII token of limited length.
        algorithms: Accepted algorithms.

    Raises:
        BadToken: The cause is ``form``, ``header``, ``alg``, ``typ`` or ``kid``.
    """
    segments = text.split(".")
    if len(segments) != 3:
        raise BadToken("form")
    header, payload, signature = map(_decoded, segments)
    fields = read_object(header, "header")
    if not _REFUSED.isdisjoint(fields):
        raise BadToken("header")
    algorithm, kid, kind = fields.get("alg"), fields.get("kid"), fields.get("typ", "JWT")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise BadToken("alg")
    if not isinstance(kind, str) or kind.lower() not in _TYPES or "cty" in fields:
        raise BadToken("typ")
    if not isinstance(kid, str) or not 0 < len(kid) <= _MAX_KID:
        raise BadToken("kid")
    signed = text.rpartition(".")[0].encode("ascii")
    return SignedToken(algorithm, kid, kind.lower() != "jwt", signed, payload, signature)


def _decoded(segment: str) -> bytes:
    """Return the bytes of a base64url segment. Padding and surplus bits are refused."""
    if _SEGMENT.fullmatch(segment) is None:
        raise BadToken("form")
    try:
        data = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except (binascii.Error, ValueError):
        raise BadToken("form") from None
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != segment:
        raise BadToken("form")
    return data


def read_object(data: bytes, cause: str) -> dict[str, Any]:
    """Return a JSON object whose names are unique.

    Raises:
        BadToken: The data are no such object; it has the given cause.
    """
    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refused)
    except (ValueError, RecursionError):
        raise BadToken(cause) from None
    if not isinstance(found, dict):
        raise BadToken(cause)
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name appears twice in an object")
    return found


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON value")


def read_keys_of(document: Any) -> dict[str, VerifyingKey]:
    """Return the usable public keys of a JWK set, by id.

    The result excludes encryption keys, symmetric keys, private keys, weak keys and keys without an
    id. It also excludes keys that share an id.

    Raises:
        ValueError: The document is not a JWK set of at most 100 keys.
    """
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list) or len(listed) > _MAX_KEYS:
        raise ValueError(f"the document is not a JWK set of at most {_MAX_KEYS} keys")
    found: dict[str, VerifyingKey] = {}
    twice = set[str]()
    for entry in listed:
        key = _key(entry) if isinstance(entry, dict) else None
        if key is not None:
            if key.kid in found:
                twice.add(key.kid)
            found[key.kid] = key
    return {kid: key for kid, key in found.items() if kid not in twice}


def _key(entry: Mapping[str, Any]) -> VerifyingKey | None:
    from jwt import PyJWK
    from jwt.exceptions import PyJWTError

    kid, algorithm = entry.get("kid"), entry.get("alg", "")
    kind = " ".join(str(entry[name]) for name in ("kty", "crv") if name in entry)
    usable = (
        isinstance(kid, str)
        and 0 < len(kid) <= _MAX_KID
        and algorithm in {"", *ALGORITHMS}
        and entry.get("use", "sig") == "sig"
        and "verify" in entry.get("key_ops", ("verify",))
        and kind in {_kind(each) for each in ALGORITHMS}
        and "d" not in entry
    )
    if not usable:
        return None
    fitting = algorithm or next(each for each in ALGORITHMS if _kind(each) == kind)
    try:
        key = PyJWK(dict(entry), fitting).key
    except (PyJWTError, ValueError, TypeError):
        return None
    if kind == "RSA" and not _is_strong(key):
        return None
    return VerifyingKey(str(kid), kind, algorithm, key)


def _is_strong(key: Any) -> bool:
    """Return True for an RSA key that is neither weak nor expensive to use."""
    exponent: int = key.public_numbers().e
    size: int = key.key_size
    return (
        _MIN_RSA_BITS <= size <= _MAX_RSA_BITS
        and exponent > 2
        and exponent.bit_length() <= _MAX_EXPONENT_BITS
    )
