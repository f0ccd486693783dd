"""Kinds of bad tokens, each with the cause for which it is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import zlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.issuer import AUDIENCE, encode, private_key, public_jwk, token

# A token is at most this long, bytes; longer ones are refused before they reach the verifier.
LONGEST = 8 * 1_024


def _pem(name):
    return (
        private_key(name)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def _hmac(claims, secret, algorithm="HS256", **header):
    head = {"alg": algorithm, "typ": "JWT", "kid": "RS256-1", **header}
    signed = f"{encode(head)}.{encode(claims)}"
    digest = {"HS256": "sha256", "HS512": "sha512"}[algorithm]
    return f"{signed}.{encode(hmac.new(secret, signed.encode(), digest).digest())}"


def _unsigned(claims, algorithm):
    return f"{encode({'alg': algorithm, 'typ': 'JWT', 'kid': 'RS256-1'})}.{encode(claims)}."


def _none_signed(claims, algorithm):
    return _unsigned(claims, algorithm) + encode(b"x")


def _claim_cases(now):
    """Yield the name, the changed claims and the cause of tokens that are wrong in their claims."""
    soon = now + 600
    yield from (
        ("iss of another issuer", {"iss": "https://evil.example"}, "iss"),
        ("iss missing", {"iss": None}, "iss"),
        ("iss as a list", {"iss": ["{url}"]}, "iss"),
        ("iss with a slash more", {"iss": "{url}/"}, "iss"),
        ("iss as a prefix", {"iss": "http://127.0.0.1"}, "iss"),
        ("iss with other letters", {"iss": "HTTP://127.0.0.1"}, "iss"),
        ("aud missing", {"aud": None}, "aud"),
        ("aud of another service", {"aud": "https://other.example"}, "aud"),
        ("aud as a prefix", {"aud": AUDIENCE[:-1]}, "aud"),
        ("aud with more behind it", {"aud": f"{AUDIENCE}/admin"}, "aud"),
        ("aud as part of a text", {"aud": f"a {AUDIENCE} b"}, "aud"),
        ("aud with several", {"aud": [AUDIENCE, "https://other.example"]}, "aud"),
        ("aud as an empty list", {"aud": []}, "aud"),
        ("aud as a list of lists", {"aud": [[AUDIENCE]]}, "aud"),
        ("aud as an object", {"aud": {AUDIENCE: True}}, "aud"),
        ("azp missing", {"azp": None}, "azp"),
        ("azp of another client", {"azp": "other"}, "azp"),
        ("azp as a list", {"azp": ["client-1"]}, "azp"),
        ("exp missing", {"exp": None}, "exp"),
        ("exp as a text", {"exp": str(soon)}, "exp"),
        ("exp as a fraction", {"exp": soon + 0.5}, "exp"),
        ("exp as a truth", {"exp": True}, "exp"),
        ("exp huge", {"exp": 10**30}, "exp"),
        ("exp negative", {"exp": -1}, "exp"),
        ("exp too far ahead", {"exp": now + 3_601}, "exp"),
        ("exp before iat", {"iat": now, "exp": now - 1}, "exp"),
        ("exp passed", {"iat": now - 700, "exp": now - 31}, "expired"),
        ("exp passed long ago", {"iat": 1_000, "exp": 1_600}, "expired"),
        ("iat missing", {"iat": None}, "iat"),
        ("iat in the future", {"iat": now + 31}, "iat"),
        ("iat as a text", {"iat": str(now)}, "iat"),
        ("iat in the far past", {"iat": 0}, "exp"),
        ("nbf in the future", {"nbf": now + 31}, "nbf"),
        ("nbf as a text", {"nbf": str(now)}, "nbf"),
        ("nbf as null", {"nbf": "null"}, "nbf"),
        ("sub missing", {"sub": None}, "sub"),
        ("sub empty", {"sub": ""}, "sub"),
        ("sub as a number", {"sub": 1}, "sub"),
        ("sub too long", {"sub": "x" * 256}, "sub"),
        ("tenant missing", {"tenant": None}, "tenant"),
        ("tenant with capitals", {"tenant": "Acme"}, "tenant"),
        ("tenant as a path", {"tenant": "../acme"}, "tenant"),
        ("tenant reserved", {"tenant": "_tenant"}, "tenant"),
        ("tenant as a list", {"tenant": ["acme"]}, "tenant"),
        ("roles as a number", {"roles": 7}, "roles"),
        ("roles with a number", {"roles": ["writer", 7]}, "roles"),
        ("roles as an object", {"roles": {"admin": True}}, "roles"),
        ("too many roles", {"roles": ["writer"] * 257}, "roles"),
    )


def _header_cases():
    """Yield the name, the changed header and the cause of tokens that are wrong in their header."""
    jwk = public_jwk("RS256-evil")
    yield from (
        ("alg missing", {"alg": None}, "alg"),
        ("alg as a list", {"alg": ["RS256"]}, "alg"),
        ("alg in small letters", {"alg": "rs256"}, "alg"),
        ("alg that is not configured", {"alg": "PS256"}, "alg"),
        ("alg of another kind of key", {"alg": "ES256"}, "signature"),
        ("crit unknown", {"crit": ["exp"]}, "header"),
        ("crit empty", {"crit": []}, "header"),
        ("b64 false", {"b64": False, "crit": ["b64"]}, "header"),
        ("b64 without crit", {"b64": False}, "header"),
        ("jwk of its own", {"jwk": jwk}, "header"),
        ("jku", {"jku": "https://evil.example/keys"}, "header"),
        ("x5u", {"x5u": "https://evil.example/cert"}, "header"),
        ("x5c", {"x5c": ["AA=="]}, "header"),
        ("x5t", {"x5t": "AA"}, "header"),
        ("zip", {"zip": "DEF"}, "header"),
        ("enc", {"enc": "A256GCM"}, "header"),
        ("kid missing", {"kid": None}, "kid"),
        ("kid empty", {"kid": ""}, "kid"),
        ("kid as a number", {"kid": 1}, "kid"),
        ("kid of 10 KB cut to fit", {"kid": "k" * 300}, "kid"),
        ("kid as a path", {"kid": "../../RS256-1"}, "kid_unknown"),
        ("kid with SQL", {"kid": "' OR 1=1 --"}, "kid_unknown"),
        ("kid as an address", {"kid": "https://evil.example/k"}, "kid_unknown"),
        ("kid of another key", {"kid": "ES256-1"}, "signature"),
        ("kid with a null byte", {"kid": "RS256-1\x00"}, "kid_unknown"),
        ("typ of an ID token", {"typ": "id_token"}, "typ"),
        ("typ of a logout token", {"typ": "logout+jwt"}, "typ"),
        ("typ as a number", {"typ": 1}, "typ"),
        ("typ of a nested token", {"cty": "JWT"}, "typ"),
    )


def bad_tokens(issuer, now):
    """Yield the name, the token and the cause of every kind of bad token."""
    good = issuer.claims(now, azp="client-1")
    right = token(good)
    body = right.split(".")[1]
    for name, changes, cause in _claim_cases(now):
        filled = {
            key: value.format(url=issuer.url) if isinstance(value, str) else value
            for key, value in changes.items()
        }
        if name == "iss as a list":
            filled = {"iss": [issuer.url]}
        yield name, token(issuer.claims(now, **{"azp": "client-1", **filled})), cause
    for name, changes, cause in _header_cases():
        header = {"alg": "RS256", "typ": "at+jwt", "kid": "RS256-1", **changes}
        header = {key: value for key, value in header.items() if value is not None}
        yield name, token(good, header=json.dumps(header).encode()), cause
    for algorithm in ("none", "None", "NONE", "nOnE", ""):
        yield f"alg {algorithm!r} without a signature", _unsigned(good, algorithm), "form"
        yield f"alg {algorithm!r} with a signature", _none_signed(good, algorithm), "alg"
    yield from _key_cases(good, body)
    yield from _segment_cases(issuer.claims(now, sub="x"), right)
    yield from _content_cases(good, right)


def _key_cases(good, body):
    """Yield tokens that are signed by a key that the issuer does not use for them."""
    jwk = json.dumps(public_jwk("RS256-1")).encode()
    yield "HMAC with the public key as PEM", _hmac(good, _pem("RS256-1")), "alg"
    yield "HMAC with the public key as JWK", _hmac(good, jwk), "alg"
    yield "HMAC with an empty key", _hmac(good, b""), "alg"
    yield "HMAC of 512 bits", _hmac(good, _pem("RS256-1"), "HS512"), "alg"
    yield "signed by another key", token(good, key="RS256-evil", kid="RS256-1"), "signature"
    yield "signed by a weak key", token(good, key="RS1024-1"), "kid_unknown"
    yield "signed by a key for encryption", token(good, key="RS256-enc"), "kid_unknown"
    yield "signed by a key that stands twice", token(good, key="RS256-twice"), "kid_unknown"
    yield "signed by a key for another algorithm", token(good, key="RS256-ps"), "signature"
    yield "ES256 with a curve of ES384", token(good, key="ES384-1"), "alg"
    zeros = encode({"alg": "ES256", "typ": "at+jwt", "kid": "ES256-1"}) + "." + body
    yield "ES256 of r = s = 0", f"{zeros}.{encode(bytes(64))}", "signature"
    yield "ES256 of another length", f"{zeros}.{encode(bytes(63))}", "signature"
    der = private_key("ES256-1")
    encoded = der.sign(zeros.encode(), ec.ECDSA(hashes.SHA256()))
    yield "ES256 signed in DER", f"{zeros}.{encode(encoded)}", "signature"


def _segment_cases(other, right):
    """Yield tokens whose parts were changed after the signature."""
    head, body, signed = right.split(".")
    yield (
        "payload of another token",
        f"{head}.{encode(other)}.{signed}",
        "signature",
    )
    raw = base64.urlsafe_b64decode(signed + "==")
    yield "signature cut", f"{head}.{body}.{encode(raw[:-3])}", "signature"
    yield (
        "signature flipped",
        f"{head}.{body}.{'A' if signed[0] != 'A' else 'B'}{signed[1:]}",
        "signature",
    )
    yield "signature missing", f"{head}.{body}.", "form"
    yield "header missing", f".{body}.{signed}", "form"
    yield "payload missing", f"{head}..{signed}", "form"
    yield "padding", f"{head}=.{body}.{signed}", "form"
    yield "surplus bits", f"{head}.{body}.{_surplus(signed)}", "form"
    yield "base64 of the other alphabet", f"{head}.{body}.{signed[:-2]}+/", "form"
    yield "white space inside", f"{head}.{body}.{signed[:10]} {signed[10:]}", "form"
    yield "segment of one character", f"{head}.A.{signed}", "form"


def _content_cases(good, right):
    """Yield tokens whose header or claims are not one JSON object."""
    _, body, signed = right.split(".")
    yield "header that is no JSON", f"{encode(b'x')}.{body}.{signed}", "header"
    yield "header that is a list", f"{encode(b'[]')}.{body}.{signed}", "header"
    twice = b'{"alg":"none","alg":"RS256","kid":"RS256-1","typ":"at+jwt"}'
    yield "header with a name twice", token(good, header=twice), "header"
    text = json.dumps(good)
    doubled = text[:-1] + ', "tenant": "other"}'
    yield "claims with a name twice", token(doubled.encode()), "claims"
    yield "claims that are a list", token(b"[]"), "claims"
    yield "claims that are no JSON", token(b"acme"), "claims"
    yield "claims in another encoding", token(text.encode("utf-16")), "claims"
    yield "claims with NaN", token((text[:-1] + ', "x": NaN}').encode()), "claims"
    yield "claims nested deeply", token(b'{"x":' + b"[" * 1_500 + b"]" * 1_500 + b"}"), "claims"
    yield "claims compressed", token(zlib.compress(text.encode())), "claims"
    yield "ID token", token({**good, "nonce": "n"}, header={"typ": "JWT"}), "id_token"
    yield (
        "ID token with at_hash",
        token({**good, "at_hash": "h"}, header={"typ": "JWT"}),
        "id_token",
    )


def _surplus(segment):
    """Return a segment whose last character has surplus bits."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert len(segment) % 4 in {2, 3}
    return segment[:-1] + alphabet[alphabet.index(segment[-1]) | 1]


def unlike_tokens(issuer, now):
    """Yield credentials in a form that is refused before any verifier reads a token."""
    right = token(issuer.claims(now, azp="client-1"))
    head, body, signed = right.split(".")
    yield "four segments", f"{right}.{signed}"
    yield "five segments, as an encrypted token", f"{head}.{signed}.{signed}.{body}.{signed}"
    yield "two segments", f"{head}.{body}"
    yield "one segment", head
    yield "JSON form", base64.b64encode(json.dumps({"payload": body}).encode()).decode()
    yield "hash of a token", hashlib.sha256(right.encode()).hexdigest()
    yield "a segment of 1 MB", f"{head}.{'A' * 1_000_000}.{signed}"
    yield "too long by one", f"{head}.{body}." + "A" * (LONGEST - len(head) - len(body))
    yield "not ASCII", right[:-1] + "é"
