"""Authentication by client certificates, which the transport has verified with the client CA."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlsdm_grpc.security.policy_file import CERTIFICATE_PREFIX
from mlsdm_grpc.security.presented import invalid_credential

if TYPE_CHECKING:
    from mlsdm_grpc.security.policy_file import PolicyFile
    from mlsdm_grpc.security.presented import Presented
    from mlsdm_grpc.security.principal import Principal

__all__ = ["ClientCertificates"]


class ClientCertificates:
    """Verifier of the names in client certificates.

    A call with a token is not verified here, even if its connection has a certificate. The
    verifiers of tokens decide about it.

    Args:
        policy: File that maps names to principals.
    """

    def __init__(self, policy: PolicyFile) -> None:
        self._policy = policy

    def verify(self, shown: Presented) -> Principal | None:
        """Return the principal of a certificate.

        Returns:
            Principal; None for a call with a token, or without a certificate.

        Raises:
            Unauthenticated: CREDENTIAL_INVALID; no principal has a name of the certificate, or
                several have one.
        """
        if shown.token or not shown.identities:
            return None
        known = self._policy.certificates
        found = {known[name] for name in shown.identities if name in known}
        if len(found) != 1:
            raise invalid_credential()
        return found.pop()

    def holds(self, principal: Principal) -> bool:
        """Return True if the file still has the principal with the same rights."""
        return (
            principal.key_id.startswith(CERTIFICATE_PREFIX)
            and principal in self._policy.certificates.values()
        )
