"""Wiring of the authenticators that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlsdm_grpc.config import AuthMode
from mlsdm_grpc.security.authenticator import Authenticator, DevAuthenticator, VerifierChain
from mlsdm_grpc.security.static_keys import StaticKeys

if TYPE_CHECKING:
    from mlsdm_grpc.config import SecuritySettings
    from mlsdm_grpc.protection.clock import Clock

__all__ = ["build_authenticator"]


def build_authenticator(security: SecuritySettings, clock: Clock) -> Authenticator:
    """Return the authenticator of a server; call it in a thread.

    Raises:
        InvalidInput: A file of identities is not valid.
    """
    if security.mode is AuthMode.DEV or security.tokens_file is None:
        return DevAuthenticator()
    return VerifierChain([StaticKeys(security.tokens_file, now=clock.now)])
