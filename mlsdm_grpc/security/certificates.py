"""Authentication by client certificates, which the transport has verified against the client CA."""

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

    A call with a token is left to the verifiers of tokens: the certificate then only opens the
    connection.

    Args:
        policy: Mapping from names to principals.
    """

    def __init__(self, policy: PolicyFile) -> None:
        self._policy = policy

    def verify(self, shown: Presented) -> Principal | None:
        """Return the principal of a certificate.

        Raises:
            Unauthenticated: CREDENTIAL_INVALID: no entry names the certificate, or entries of
                different principals do.
        """
        if shown.token or not shown.identities:
            return None
        known = self._policy.certificates
        found = {known[name] for name in shown.identities if name in known}
        if len(found) != 1:
            raise invalid_credential()
        return found.pop()

    def holds(self, principal: Principal) -> bool:
        """Return True if the mapping still has the principal with the same rights."""
        return (
            principal.key_id.startswith(CERTIFICATE_PREFIX)
            and principal in self._policy.certificates.values()
        )
