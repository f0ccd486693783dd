"""Settings of authentication."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

from pydantic import Field, field_validator, model_validator

from mlsdm_grpc.config.section import Section
from mlsdm_grpc.units import KIB, MIB

__all__ = ["AuthMode", "AuthenticatorKind", "JwtSettings", "ReflectionAccess", "SecuritySettings"]

_ALGORITHM = re.compile(r"(RS|PS|ES)(256|384|512)|EdDSA")


class AuthMode(StrEnum):
    """Methods of authentication."""

    DEV = "dev"
    TOKEN = "token"  # noqa: S105 - the name of a mode
    SECURE = "secure"


class AuthenticatorKind(StrEnum):
    """Kinds of credentials."""

    KEYS = "keys"
    JWT = "jwt"
    CERTIFICATE = "certificate"


class ReflectionAccess(StrEnum):
    """Callers of server reflection."""

    OPEN = "open"
    PERMISSION = "permission"
    OFF = "off"


class JwtSettings(Section):
    """Tokens of an OpenID Connect issuer, used if `security.authenticators` contains `jwt`."""

    issuer: str = ""
    """Issuer, exactly as the claim `iss` names it; https, or http on loopback. Required."""
    audience: str = ""
    """Audience, exactly as the claim `aud` names it, alone or as its only entry. Required."""
    keys_url: str = ""
    """Address of the JWK set; empty: from the issuer's `/.well-known/openid-configuration`."""
    algorithms: tuple[str, ...] = Field(default=("RS256", "ES256", "EdDSA"), min_length=1)
    """Accepted signature algorithms, all of them asymmetric: RS, PS and ES with 256, 384 or 512,
    and EdDSA."""
    authorized_parties: tuple[str, ...] = ()
    """Accepted values of the claim `azp`; empty: the claim is not checked."""
    max_age_s: int = Field(default=3_600, ge=60, le=86_400)
    """Maximum time between the claims `iat` and `exp`, seconds. A token cannot be revoked earlier,
    except with its key."""
    leeway_s: int = Field(default=30, ge=0, le=300)
    """Accepted difference between the clocks of issuer and server, seconds."""
    refresh_s: float = Field(default=600.0, ge=30, le=86_400)
    """Age at which the keys of the issuer are fetched again, seconds; at most every 30 s they are
    also fetched for a token with an unknown key id."""
    tenant_claim: str = "tenant"
    """Claim with the tenant; a claim inside others is named by its path, as in `realm.tenant`."""
    tenant: str = Field(default="", pattern="^$|^[a-z0-9][a-z0-9_-]{0,62}$")
    """Tenant of tokens without the claim; empty: they are refused."""
    roles_claim: str = "roles"
    """Claim with the roles: a list of texts, or one text with spaces in between."""
    role_map: tuple[str, ...] = ()
    """Role of each value of that claim, VALUE=ROLE. Empty: the values are names of roles. Values
    without a role give no permission."""
    spaces_claim: str = ""
    """Claim with the names or `PREFIX*` of the only spaces that a token may use; a token without it
    may use none. Empty: all spaces of the tenant."""
    criticality_claim: str = ""
    """Claim with the highest criticality of its calls; empty or absent: `default`."""
    cache_entries: int = Field(default=10_000, ge=1, le=1_000_000)
    """Maximum number of verified tokens in the cache, each for at most 60 s."""

    @field_validator("algorithms")
    @classmethod
    def _asymmetric(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_ALGORITHM.fullmatch(each) for each in value):
            raise ValueError("must be RS, PS or ES with 256, 384 or 512, or EdDSA")
        return value

    @field_validator("role_map")
    @classmethod
    def _pairs(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(r".+=[a-z][a-z0-9_-]*", each) for each in value):
            raise ValueError("must be entries VALUE=ROLE")
        return value


class SecuritySettings(Section):
    """Authentication of callers."""

    mode: AuthMode = AuthMode.DEV
    """``dev``: no credentials, tenant ``dev``, loopback addresses only. ``token``: every call needs
    a credential. ``secure``: as ``token``, and the server does not start with a weakness, such as a
    port without TLS off loopback; see docs/security.md."""
    authenticators: tuple[AuthenticatorKind, ...] = Field(
        default=(AuthenticatorKind.KEYS,), min_length=1
    )
    """Kinds of credentials, in the order in which they are tried: `keys` (a tokens file), `jwt`
    (tokens of an issuer), `certificate` (client certificates that the policy file maps)."""
    tokens_file: Path | None = None
    """TOML file of the hashes of static keys; required for `keys`, see docs/security.md. Changes
    are in force within 2 s, and at once after SIGHUP."""
    policy_file: Path | None = None
    """TOML file of roles beyond the built-in ones and of the identities of client certificates,
    reloaded like the tokens file; required for `certificate`."""
    reflection: ReflectionAccess = ReflectionAccess.OPEN
    """Server reflection: ``open`` to everyone, with the ``permission`` `info.read`, or ``off``."""
    event_log: Path | None = None
    """File of security events, one JSON object a line: failed authentications, denials, limits,
    reloads, impersonation, emergencies; none by default. Its folder must exist."""
    event_log_bytes: int = Field(default=10 * MIB, ge=64 * KIB, le=10_000 * MIB)
    """Size at which the file of security events is rotated, bytes."""
    event_log_files: int = Field(default=5, ge=1, le=1_000)
    """Number of rotated files of security events that stay."""
    jwt: JwtSettings = JwtSettings()

    @model_validator(mode="after")
    def _complete(self) -> SecuritySettings:
        if self.mode is AuthMode.DEV:
            return self
        if AuthenticatorKind.KEYS in self.authenticators and self.tokens_file is None:
            raise ValueError("tokens_file is required for the authenticator 'keys'")
        if AuthenticatorKind.CERTIFICATE in self.authenticators and self.policy_file is None:
            raise ValueError("policy_file is required for the authenticator 'certificate'")
        if AuthenticatorKind.JWT in self.authenticators:
            for name in ("issuer", "audience"):
                if not getattr(self.jwt, name):
                    raise ValueError(f"jwt.{name} is required for the authenticator 'jwt'")
        if len(set(self.authenticators)) != len(self.authenticators):
            raise ValueError("authenticators: must not contain duplicates")
        return self
