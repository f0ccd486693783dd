"""A small OpenID Connect issuer: an HTTP server with keys that tests rotate and remove."""

from __future__ import annotations

import base64
import json
from contextlib import asynccontextmanager
from functools import cache

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

AUDIENCE = "https://memory.example"


@cache
def private_key(name):
    """Return a private key by its name, e.g. ``RS256-1``; each is made once."""
    kind = name.partition("-")[0]
    match kind:
        case "RS1024":
            return rsa.generate_private_key(65_537, 1_024)
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case "ES384":
            return ec.generate_private_key(ec.SECP384R1())
        case "EdDSA":
            return ed25519.Ed25519PrivateKey.generate()
        case _:
            return rsa.generate_private_key(65_537, 2_048)


def algorithm_of(name):
    kind = name.partition("-")[0]
    return "RS256" if kind == "RS1024" else kind


def encode(data):
    """Return base64url without padding; a dictionary becomes JSON first."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signature(signed, key_name, algorithm=None):
    method = get_default_algorithms()[algorithm or algorithm_of(key_name)]
    return method.sign(signed.encode(), private_key(key_name))


def token(claims, *, key="RS256-1", kid=None, header=None, algorithm=None):
    """Return a token whose header and claims may be of any kind: dictionaries or bytes."""
    default = {"alg": algorithm or algorithm_of(key), "typ": "at+jwt", "kid": kid or key}
    head = header if isinstance(header, bytes) else {**default, **(header or {})}
    signed = f"{encode(head)}.{encode(claims)}"
    return f"{signed}.{encode(signature(signed, key, algorithm))}"


def public_jwk(name, **more):
    method = get_default_algorithms()[algorithm_of(name)]
    jwk = method.to_jwk(private_key(name).public_key(), as_dict=True)
    jwk.pop("key_ops", None)
    return {**jwk, "kid": name, "use": "sig", **more}


class Issuer:
    """State of the issuer; tests change it while it runs."""

    def __init__(self):
        self.url = ""
        self.keys = [public_jwk("RS256-1"), public_jwk("ES256-1"), public_jwk("EdDSA-1")]
        self.is_down = False
        self.metadata_requests = 0
        self.key_requests = 0
        self.answer_metadata = None
        """Handler in place of the own one."""
        self.body = None
        """Bytes to answer in place of the keys."""

    def claims(self, now_s, **more):
        """Return claims that are accepted at this time; a value of None leaves one out."""
        claims = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "service-1",
            "iat": int(now_s),
            "exp": int(now_s) + 600,
            "tenant": "acme",
            "roles": ["writer"],
            **more,
        }
        return {name: value for name, value in claims.items() if value is not None}

    async def serve_metadata(self, request):
        return await (self.answer_metadata or self.metadata)(request)

    async def metadata(self, _):
        self.metadata_requests += 1
        if self.is_down:
            return web.Response(status=503)
        return web.json_response({"issuer": self.url, "jwks_uri": f"{self.url}/keys"})

    async def jwks(self, _):
        self.key_requests += 1
        if self.is_down:
            return web.Response(status=503)
        if self.body is not None:
            return web.Response(body=self.body)
        return web.json_response({"keys": self.keys})


@asynccontextmanager
async def issuing():
    """Run an issuer."""
    issuer = Issuer()
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", issuer.serve_metadata)
    app.router.add_get("/keys", issuer.jwks)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    issuer.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield issuer
    finally:
        await runner.cleanup()
