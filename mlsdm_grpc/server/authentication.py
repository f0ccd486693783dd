"""Authentication in a running server: verifiers, reload of their files, end of streams."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import structlog

from mlsdm_grpc.config import AuthenticatorKind, AuthMode
from mlsdm_grpc.errors import FieldViolation, InvalidInput, Unauthenticated
from mlsdm_grpc.governance.detectors.sensitive import without_sensitive
from mlsdm_grpc.observability.security_log import (
    SecurityEvent,
    SecurityLog,
    record_event,
    use_security_log,
)
from mlsdm_grpc.security.authenticator import (
    Authenticator,
    DevAuthenticator,
    Verifier,
    VerifierChain,
)
from mlsdm_grpc.security.certificates import ClientCertificates
from mlsdm_grpc.security.file_watch import FileWatch
from mlsdm_grpc.security.jwks import IssuerKeys, is_trustworthy
from mlsdm_grpc.security.jwt_tokens import JwtTokens
from mlsdm_grpc.security.policy_file import PolicyFile
from mlsdm_grpc.security.static_keys import StaticKeys

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlsdm_grpc.config import Address, JwtSettings, SecuritySettings
    from mlsdm_grpc.protection.clock import Clock
    from mlsdm_grpc.security.file_watch import Reloadable
    from mlsdm_grpc.security.principal import Principal
    from mlsdm_grpc.security.tls_files import TlsFiles
    from mlsdm_grpc.server.inflight import InFlight

__all__ = ["Authentication", "build_authentication", "security_log"]

# Interval between two checks of the credentials of open streams, seconds.
_SWEEP_S: Final = 10.0
_log = structlog.get_logger(component="security")


class Authentication:
    """Authenticator of a server, with the reload of its files and keys.

    Args:
        authenticator: Authenticator of calls.
        files: Owners of files, in the order of the reload; later ones depend on earlier ones.
        issuer: Public keys of the token issuer.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        files: Sequence[Reloadable] = (),
        issuer: IssuerKeys | None = None,
    ) -> None:
        self.authenticator = authenticator
        self._watch = FileWatch(files)
        self._issuer = issuer

    def guard(self, address: Address) -> Authenticator | None:
        """Return the authenticator of the operations port, or None for a port on loopback."""
        if address.is_loopback:
            return None
        # Development mode has no credentials, so an empty chain refuses all calls from other
        # machines.
        is_dev = isinstance(self.authenticator, DevAuthenticator)
        return VerifierChain(()) if is_dev else self.authenticator

    def reload(self) -> None:
        """Request an immediate reload of all files."""
        self._watch.request()

    async def run(self, in_flight: InFlight) -> None:
        """Reload files and keys, and end streams with invalid credentials, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._reload(in_flight))
            tasks.create_task(self._sweep(in_flight))
            if self._issuer is not None:
                tasks.create_task(self._issuer.run())

    async def _reload(self, in_flight: InFlight) -> None:
        while True:
            await self._watch.changed()
            self._end_invalid(in_flight)

    async def _sweep(self, in_flight: InFlight) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            self._end_invalid(in_flight)

    def _end_invalid(self, in_flight: InFlight) -> None:
        """End the streams whose credential was revoked or changed, or has expired."""
        ended = in_flight.end_streams(self._invalid)
        if ended:
            _log.warning("streams_ended", count=ended, cause="credential is no longer valid")
            record_event(SecurityEvent.STREAMS_ENDED, cause=f"{ended} streams")

    def _invalid(self, principal: Principal) -> Unauthenticated | None:
        if not principal.tenant or self.authenticator.holds(principal.verified):
            return None
        return Unauthenticated(
            "The credential of the stream is no longer valid.", reason="CREDENTIAL_INVALID"
        )


def build_authentication(
    security: SecuritySettings, clock: Clock, tls: TlsFiles | None = None
) -> Authentication:
    """Return the authentication of a server. Blocks, so call it in a thread.

    Args:
        security: Kinds of credentials and their files.
        clock: Wall clock.
        tls: TLS files of the server, which are reloaded together with the others.

    Raises:
        InvalidInput: A file with identities or the address of the issuer is invalid.
    """
    first: list[Reloadable] = [] if tls is None else [tls]
    if security.mode is AuthMode.DEV:
        return Authentication(DevAuthenticator(), first)
    policy = PolicyFile(security.policy_file)
    verifiers = list[Verifier]()
    owners: list[Reloadable] = [*first, policy]
    issuer = None
    for kind in security.authenticators:
        if kind is AuthenticatorKind.KEYS and security.tokens_file is not None:
            keys = StaticKeys(security.tokens_file, now=clock.now, roles=lambda: policy.roles)
            verifiers.append(keys)
            owners.append(keys)
        elif kind is AuthenticatorKind.JWT:
            issuer = _issuer(security.jwt)
            tokens = JwtTokens(security.jwt, issuer, roles=lambda: policy.roles, now=clock.now)
            verifiers.append(tokens)
            owners.append(tokens)
        elif kind is AuthenticatorKind.CERTIFICATE:
            verifiers.append(ClientCertificates(policy))
    return Authentication(VerifierChain(verifiers), owners, issuer)


def _issuer(settings: JwtSettings) -> IssuerKeys:
    faults = [
        FieldViolation(
            f"security.jwt.{name}", "must be an https URL, or http on loopback, without a user name"
        )
        for name, url in (("issuer", settings.issuer), ("keys_url", settings.keys_url))
        if url and not is_trustworthy(url)
    ]
    if faults:
        raise InvalidInput("The token issuer is not valid.", violations=faults)
    return IssuerKeys(settings.issuer, keys_url=settings.keys_url, refresh_s=settings.refresh_s)


@contextmanager
def security_log(settings: SecuritySettings) -> Iterator[None]:
    """Write the security events of this process to the configured file until the end."""
    if settings.event_log is None:
        yield
        return
    log = SecurityLog(
        settings.event_log,
        max_bytes=settings.event_log_bytes,
        files=settings.event_log_files,
        redact=without_sensitive,
    )
    use_security_log(log)
    try:
        yield
    finally:
        use_security_log(None)
        log.close()
