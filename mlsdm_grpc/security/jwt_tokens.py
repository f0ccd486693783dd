"""Authentication by JSON Web Tokens of an OpenID Connect issuer."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

import structlog

from mlsdm_grpc.errors import Unauthenticated
from mlsdm_grpc.security.jws import BadToken, split_token
from mlsdm_grpc.security.jwt_claims import Claims
from mlsdm_grpc.security.presented import invalid_credential

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from mlsdm_grpc.config import JwtSettings
    from mlsdm_grpc.security.jwks import IssuerKeys
    from mlsdm_grpc.security.jws import SignedToken, VerifyingKey
    from mlsdm_grpc.security.presented import Presented
    from mlsdm_grpc.security.principal import Principal

__all__ = ["JwtTokens"]

_KEY_PREFIX: Final = "jwt:"
# Time after which a cached token is verified again, seconds.
_CACHE_S: Final = 60.0
_log = structlog.get_logger(component="security")


class JwtTokens:
    """Verifier of signed tokens, with a limited cache of verified ones.

    Every refusal has the same text; only the log contains the cause. A token without two dots is a
    credential of another kind.

    Args:
        settings: Issuer, audience, claims and limits.
        keys: Public keys of the issuer.
        roles: Returns the permissions by role.
        now: Returns the wall clock time, with time zone.
    """

    def __init__(
        self,
        settings: JwtSettings,
        keys: IssuerKeys,
        *,
        roles: Callable[[], Mapping[str, frozenset[str]]],
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._claims = Claims(settings, roles)
        self._now = now
        self._cache: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()
        self._generation = -1

    def verify(self, shown: Presented) -> Principal | Awaitable[Principal] | None:
        """Return the principal of a token, as an awaitable if its key must be fetched.

        Raises:
            Unauthenticated: CREDENTIAL_INVALID or CREDENTIAL_EXPIRED.
        """
        if shown.token.count(".") != 2:
            return None
        if self._generation != self._keys.generation:
            self.reload()
        now_s = self._now().timestamp()
        digest = hashlib.sha256(shown.token.encode("ascii")).digest()
        cached = self._cache.get(digest)
        if cached is not None and now_s < cached[1]:
            self._cache.move_to_end(digest)
            return cached[0]
        try:
            token = split_token(shown.token, self._settings.algorithms)
        except BadToken as error:
            raise _refusal(error) from None
        key = self._keys.find(token.kid)
        if key is None:
            return self._fetched(token, digest)
        return self._verified(token, key, digest)

    def holds(self, principal: Principal) -> bool:
        """Return True if the key of the token is still in use and the token has not expired."""
        kid = principal.key_id.removeprefix(_KEY_PREFIX)
        return (
            principal.key_id.startswith(_KEY_PREFIX)
            and self._keys.find(kid) is not None
            and self._now().timestamp() < principal.expires_s
        )

    @property
    def files(self) -> tuple[Path, ...]:
        """Empty, because this verifier owns no files."""
        return ()

    def reload(self) -> None:
        """Remove all tokens from the cache, because roles may have changed."""
        self._cache.clear()
        self._generation = self._keys.generation

    def __len__(self) -> int:
        """Return the number of cached tokens."""
        return len(self._cache)

    async def _fetched(self, token: SignedToken, digest: bytes) -> Principal:
        key = await self._keys.fetched(token.kid)
        if key is None:
            raise _refusal(BadToken("kid_unknown"))
        return self._verified(token, key, digest)

    def _verified(self, token: SignedToken, key: VerifyingKey, digest: bytes) -> Principal:
        now_s = self._now().timestamp()
        try:
            if not key.verify(token):
                raise BadToken("signature")
            principal = self._claims.principal(token, now_s, key_id=f"{_KEY_PREFIX}{key.kid}")
        except BadToken as error:
            raise _refusal(error) from None
        self._cache[digest] = principal, min(principal.expires_s, now_s + _CACHE_S)
        while len(self._cache) > self._settings.cache_entries:
            self._cache.popitem(last=False)
        return principal


def _refusal(error: BadToken) -> Unauthenticated:
    _log.info("token_refused", cause=error.cause)
    if error.cause == "expired":
        return Unauthenticated("The credential has expired.", reason="CREDENTIAL_EXPIRED")
    refusal = invalid_credential()
    refusal.cause = error.cause
    return refusal
