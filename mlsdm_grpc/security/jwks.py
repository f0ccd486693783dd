"""Public keys of a token issuer: fetched on demand, shared, and kept while the issuer is down."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import structlog

from mlsdm_grpc.config.address import is_loopback
from mlsdm_grpc.errors import RETRY_LATER_S, Unavailable
from mlsdm_grpc.observability.security_log import SecurityEvent, record_event
from mlsdm_grpc.security.jws import read_keys_of
from mlsdm_grpc.units import KIB

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import aiohttp

    from mlsdm_grpc.security.jws import VerifyingKey

__all__ = ["FETCH_EVERY_S", "IssuerKeys", "is_trustworthy"]

FETCH_EVERY_S: Final = 30.0
"""Minimum time between two fetches, seconds.

Tokens with invented key ids therefore cause no further fetches.
"""
_MAX_BYTES: Final = 512 * KIB
_TIMEOUT_S: Final = 5.0
_WELL_KNOWN: Final = "/.well-known/openid-configuration"
_log = structlog.get_logger(component="security")


def is_trustworthy(url: str) -> bool:
    """Return True for an https address, and for an http address on loopback.

    An address with a user or a password is refused, because addresses are logged with the settings.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    if not host or "@" in parts.netloc:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


class IssuerKeys:
    """Cache of the public keys of one issuer.

    A fetch reads the address of the keys from the metadata of the issuer, unless it is configured,
    and then the keys. Calls that need a fetch at the same time share it. After a failed fetch, the
    previous keys stay in use. All methods must run on one event loop.

    Args:
        issuer: Issuer, exactly as its tokens name it.
        keys_url: Address of the JWK set; empty to read it from the metadata of the issuer.
        refresh_s: Age at which the keys are fetched again, seconds.
        clock: Monotonic clock, seconds.
    """

    def __init__(
        self,
        issuer: str,
        *,
        keys_url: str = "",
        refresh_s: float = 600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._configured_url = keys_url
        self._url = keys_url
        self._refresh_s = refresh_s
        self._clock = clock
        self._keys: Mapping[str, VerifyingKey] = {}
        self._known = False
        self._tried_s = -FETCH_EVERY_S
        self._fetching: asyncio.Task[None] | None = None
        self.generation = 0
        """Number of the last successful fetch. It changes whenever keys may have changed."""

    def find(self, kid: str) -> VerifyingKey | None:
        """Return a key of the last successful fetch, or None."""
        return self._keys.get(kid)

    async def fetched(self, kid: str) -> VerifyingKey | None:
        """Return a key after a fetch, or None for an unknown one.

        A fetch in progress is shared. No fetch starts within 30 s of the last one.

        Raises:
            Unavailable: ISSUER_UNAVAILABLE; no fetch has succeeded yet.
        """
        await self._fetch_once()
        if not self._known:
            raise Unavailable(
                "The server has not fetched the keys of the token issuer yet; retry later.",
                reason="ISSUER_UNAVAILABLE",
                retry_after_s=RETRY_LATER_S,
            )
        return self._keys.get(kid)

    async def run(self) -> None:
        """Fetch the keys now and at intervals, until cancelled."""
        while True:
            await self._fetch_once()
            await asyncio.sleep(max(FETCH_EVERY_S, self._refresh_s if self._known else 0))

    async def _fetch_once(self) -> None:
        """Wait for the fetch in progress, or start one if the last one is long enough ago."""
        if self._fetching is None:
            if self._clock() - self._tried_s < FETCH_EVERY_S:
                return
            self._tried_s = self._clock()
            self._fetching = asyncio.create_task(self._fetch())
            self._fetching.add_done_callback(self._done)
        # A cancelled caller must not cancel the fetch, which other callers share.
        await asyncio.shield(self._fetching)

    def _done(self, _: asyncio.Task[None]) -> None:
        self._fetching = None

    async def _fetch(self) -> None:
        import aiohttp

        try:
            timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
            async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as session:
                if not self._url:
                    self._url = await self._discovered(session)
                keys = read_keys_of(await _document(session, self._url))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            # The issuer may have moved its keys, so the next fetch reads their address again.
            self._url = self._configured_url
            _log.warning("issuer_keys_unavailable", cause=type(error).__name__, stale=self._known)
            record_event(SecurityEvent.ISSUER_UNAVAILABLE, cause=type(error).__name__)
            return
        if not self._known or keys.keys() != self._keys.keys():
            _log.info("issuer_keys_fetched", count=len(keys))
        self._keys, self._known = keys, True
        self.generation += 1

    async def _discovered(self, session: aiohttp.ClientSession) -> str:
        metadata = await _document(session, self._issuer.rstrip("/") + _WELL_KNOWN)
        url = metadata.get("jwks_uri") if isinstance(metadata, dict) else None
        if not isinstance(url, str) or not is_trustworthy(url):
            raise ValueError("jwks_uri in the metadata of the issuer is missing, or not https")
        if metadata.get("issuer") != self._issuer:
            raise ValueError("the issuer in the metadata is not the configured one")
        return url


async def _document(session: aiohttp.ClientSession, url: str) -> Any:
    """Return a JSON document of limited size. A redirect is an error."""
    async with session.get(url, allow_redirects=False) as response:
        if response.status != 200:
            raise ValueError(f"the issuer answered with HTTP status {response.status}")
        data = b""
        async for chunk in response.content.iter_chunked(64 * KIB):
            data += chunk
            if len(data) > _MAX_BYTES:
                raise ValueError(f"the document of the issuer exceeds {_MAX_BYTES} bytes")
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("the JSON document of the issuer is nested too deeply") from None
