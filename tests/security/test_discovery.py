"""Discovery of keys at an issuer of another project, run as a real HTTP server."""

from __future__ import annotations

import base64
import warnings
from contextlib import contextmanager
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from mlsdm_grpc.errors import Unavailable
from mlsdm_grpc.security.jws import SignedToken
from tests.security.test_jwt import Desk
from tests.support.issuer import AUDIENCE


@contextmanager
def provider():
    """Run the issuer in a thread."""
    with warnings.catch_warnings():
        # It uses deprecated parts of authlib, which puts a filter of its own first.
        import authlib.deprecate  # noqa: F401

        warnings.simplefilter("ignore", DeprecationWarning)
        from oidc_provider_mock import run_server_in_thread

        with run_server_in_thread() as server:
            yield SimpleNamespace(url=f"http://localhost:{server.server_port}")


async def _log_in(url):
    """Return the tokens that a client gets for a user."""
    asked = {"client_id": AUDIENCE, "redirect_uri": f"{url}/back"}
    async with aiohttp.ClientSession() as session:
        async with session.post(
            f"{url}/oauth2/authorize",
            params={**asked, "response_type": "code", "scope": "openid"},
            data={"sub": "ada"},
            allow_redirects=False,
        ) as sent_back:
            (code,) = parse_qs(urlsplit(sent_back.headers["location"]).query)["code"]
        grant = {"grant_type": "authorization_code", "code": code, "client_secret": "any"}
        async with session.post(f"{url}/oauth2/token", data={**asked, **grant}) as answer:
            return await answer.json()


@pytest.mark.anyio
async def test_keys_are_discovered_at_an_issuer_that_is_not_ours():
    with provider() as issuer:
        desk = Desk(issuer)
        tokens = await _log_in(issuer.url)
        async with aiohttp.ClientSession() as session, session.get(f"{issuer.url}/jwks") as answer:
            (listed,) = (await answer.json())["keys"]
        key = await desk.keys.fetched(listed["kid"])
        proof = tokens["id_token"]
        signed, _, signature = proof.rpartition(".")
        raw = base64.urlsafe_b64decode(signature + "==")
        good = SignedToken("RS256", key.kid, False, signed.encode(), b"", raw)
        assert key.verify(good)
        assert not key.verify(good._replace(signed=good.signed + b"A"))
        # Its tokens name no key, and are not meant for a service.
        assert (await desk.cause(proof))[0] == "kid"
        _, error = await desk.cause(tokens["access_token"])
        assert error.reason == "CREDENTIAL_INVALID"


@pytest.mark.anyio
async def test_metadata_that_name_the_issuer_otherwise_are_refused():
    with provider() as issuer:
        other = Desk(SimpleNamespace(url=f"{issuer.url}/"))
        with pytest.raises(Unavailable):
            await other.keys.fetched("any")
