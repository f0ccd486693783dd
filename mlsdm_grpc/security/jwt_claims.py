"""Claims of verified tokens: their checks, and the principal that they describe."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, Final

from mlsdm_grpc.security.identity_entry import NAME, SPACES, TENANT
from mlsdm_grpc.security.jws import BadToken, read_object
from mlsdm_grpc.security.principal import Criticality, Principal, SpaceGrants
from mlsdm_grpc.security.roles import permissions_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlsdm_grpc.config import JwtSettings
    from mlsdm_grpc.security.jws import SignedToken

__all__ = ["Claims"]

# Claims of ID tokens, which prove a login to a client and do not give access to services.
_OF_ID_TOKENS: Final = frozenset({"at_hash", "c_hash", "nonce", "s_hash"})
_MAX_TIME_S: Final = 253_402_300_799  # last second of the year 9999
_MAX_SUBJECT: Final = 255
_MAX_LIST: Final = 256
_NAME_DIGITS: Final = 24
# An e-mail address is personal data, which names in logs and records must not contain.
_PERSONAL: Final = re.compile("@")


class Claims:
    """Checks of claims by the settings.

    Args:
        settings: Issuer, audience, names of claims, and limits.
        roles: Returns the permissions by role.
    """

    def __init__(
        self, settings: JwtSettings, roles: Callable[[], Mapping[str, frozenset[str]]]
    ) -> None:
        self._settings = settings
        self._roles = roles
        pairs = (each.rpartition("=") for each in settings.role_map)
        self._mapped = {value: role for value, _, role in pairs}

    def principal(self, token: SignedToken, now_s: float, *, key_id: str) -> Principal:
        """Return the principal of a token whose signature is verified.

        Args:
            token: Token with a verified signature.
            now_s: Wall clock time, Unix seconds.
            key_id: Id of the signing key for logs.

        Raises:
            BadToken: The cause is the name of the first wrong claim, or ``expired`` if all others
                are right.
        """
        claims = read_object(token.payload, "claims")
        settings = self._settings
        if claims.get("iss") != settings.issuer:
            raise BadToken("iss")
        if claims.get("aud") not in (settings.audience, [settings.audience]):
            raise BadToken("aud")
        if not token.is_access_token and not _OF_ID_TOKENS.isdisjoint(claims):
            raise BadToken("id_token")
        if settings.authorized_parties and claims.get("azp") not in settings.authorized_parties:
            raise BadToken("azp")
        expires_s = self._times(claims, now_s)
        roles = self._held_roles(claims)
        principal = Principal(
            name=_name(claims.get("sub")),
            tenant=self._tenant(claims),
            permissions=permissions_of(roles, self._roles()),
            roles=roles,
            spaces=self._spaces(claims),
            max_criticality=self._criticality(claims),
            key_id=key_id,
            expires_s=float(expires_s + settings.leeway_s),
        )
        if principal.expires_s <= now_s:
            raise BadToken("expired")
        return principal

    def _times(self, claims: Mapping[str, Any], now_s: float) -> int:
        """Check all times except the expiry, and return ``exp``, Unix seconds."""
        settings = self._settings
        expires_s, issued_s = _time(claims, "exp"), _time(claims, "iat")
        starts_s = _time(claims, "nbf") if "nbf" in claims else issued_s
        latest_s = now_s + settings.leeway_s
        if issued_s > latest_s:
            raise BadToken("iat")
        if starts_s > latest_s:
            raise BadToken("nbf")
        if expires_s <= issued_s or expires_s - issued_s > settings.max_age_s:
            raise BadToken("exp")
        return expires_s

    def _tenant(self, claims: Mapping[str, Any]) -> str:
        tenant = self._claim(claims, self._settings.tenant_claim) or self._settings.tenant
        if not isinstance(tenant, str) or TENANT.fullmatch(tenant) is None:
            raise BadToken("tenant")
        return tenant

    def _held_roles(self, claims: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the known roles of the token. Values without a known role are ignored."""
        values = _texts(self._claim(claims, self._settings.roles_claim), "roles")
        known = self._roles()
        named = (self._mapped.get(value, "") if self._mapped else value for value in values)
        return tuple(dict.fromkeys(role for role in named if role in known))

    def _spaces(self, claims: Mapping[str, Any]) -> SpaceGrants | None:
        """Return the granted spaces, or None for all if no claim is configured.

        A token without the configured claim has no spaces.
        """
        if not self._settings.spaces_claim:
            return None
        patterns = _texts(self._claim(claims, self._settings.spaces_claim), "spaces")
        if not all(SPACES.fullmatch(pattern) for pattern in patterns):
            raise BadToken("spaces")
        return SpaceGrants(patterns)

    def _criticality(self, claims: Mapping[str, Any]) -> Criticality:
        claim = self._settings.criticality_claim
        value = self._claim(claims, claim) if claim else None
        if value is None:
            return Criticality.DEFAULT
        known = {each.name.lower(): each for each in Criticality}
        if not isinstance(value, str) or value not in known:
            raise BadToken("criticality")
        return known[value]

    @staticmethod
    def _claim(claims: Mapping[str, Any], name: str) -> Any:
        """Return a claim by its name, or by a path such as ``realm_access.roles``."""
        if name in claims:
            return claims[name]
        value: Any = claims
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value


def _time(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    if type(value) is not int or not 0 <= value <= _MAX_TIME_S:
        raise BadToken(name)
    return value


def _texts(value: Any, cause: str) -> tuple[str, ...]:
    """Return the texts of a list, or the words of one text."""
    values = value.split() if isinstance(value, str) else [] if value is None else value
    if not isinstance(values, list) or len(values) > _MAX_LIST:
        raise BadToken(cause)
    if not all(isinstance(each, str) for each in values):
        raise BadToken(cause)
    return tuple(values)


def _name(subject: Any) -> str:
    """Return a subject that is a plain name, and a hash of any other subject.

    An e-mail address is not a plain name, because it is personal data.
    """
    if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_SUBJECT:
        raise BadToken("sub")
    if NAME.fullmatch(subject) and not _PERSONAL.search(subject):
        return subject
    return f"sub-{hashlib.sha256(subject.encode('utf-8', 'replace')).hexdigest()[:_NAME_DIGITS]}"
