"""Authentication while the server runs: verifiers, reload of their files, end of streams."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from mlsdm_grpc.config import AuthMode
from mlsdm_grpc.errors import Unauthenticated
from mlsdm_grpc.security.authenticator import Authenticator, DevAuthenticator, VerifierChain
from mlsdm_grpc.security.file_watch import FileWatch
from mlsdm_grpc.security.static_keys import StaticKeys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlsdm_grpc.config import SecuritySettings
    from mlsdm_grpc.protection.clock import Clock
    from mlsdm_grpc.security.file_watch import Reloadable
    from mlsdm_grpc.security.principal import Principal
    from mlsdm_grpc.server.inflight import InFlight

__all__ = ["Authentication", "build_authentication"]

# Interval at which the credentials of open streams are verified again, seconds.
_SWEEP_S: Final = 10.0
_log = structlog.get_logger(component="security")


class Authentication:
    """Authenticator of a server, with the files behind it.

    Args:
        authenticator: Authenticator of calls.
        files: Owners of its files.
    """

    def __init__(self, authenticator: Authenticator, files: Sequence[Reloadable] = ()) -> None:
        self.authenticator = authenticator
        self._watch = FileWatch(files)

    def reload(self) -> None:
        """Read all files again at once."""
        self._watch.request()

    async def run(self, in_flight: InFlight) -> None:
        """Reload files and end the streams of invalid credentials, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._reload(in_flight))
            tasks.create_task(self._sweep(in_flight))

    async def _reload(self, in_flight: InFlight) -> None:
        while True:
            await self._watch.changed()
            self._end_invalid(in_flight)

    async def _sweep(self, in_flight: InFlight) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            self._end_invalid(in_flight)

    def _end_invalid(self, in_flight: InFlight) -> None:
        """End the streams whose credential was revoked, changed or has expired."""
        ended = in_flight.end_streams(self._invalid)
        if ended:
            _log.warning("streams_ended", count=ended, cause="credential is no longer valid")

    def _invalid(self, principal: Principal) -> Unauthenticated | None:
        if not principal.tenant or self.authenticator.holds(principal.verified):
            return None
        return Unauthenticated(
            "The credential of the stream is no longer valid.", reason="CREDENTIAL_INVALID"
        )


def build_authentication(security: SecuritySettings, clock: Clock) -> Authentication:
    """Return the authentication of a server; call it in a thread.

    Raises:
        InvalidInput: A file of identities is not valid.
    """
    if security.mode is AuthMode.DEV or security.tokens_file is None:
        return Authentication(DevAuthenticator())
    keys = StaticKeys(security.tokens_file, now=clock.now)
    return Authentication(VerifierChain([keys]), [keys])
