"""TLS of the gRPC port: credentials with reloaded files, and names of peers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import grpc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlsdm_grpc.security.tls_files import TlsFiles, TlsMaterial

__all__ = ["peer_names", "server_credentials"]

_URIS: Final = "peer_uri"
_DNS: Final = "peer_dns"


def server_credentials(files: TlsFiles) -> grpc.ServerCredentials:
    """Return credentials with which each handshake uses the newest files.

    Existing connections keep their certificate until their maximum age.
    """
    material = files.material
    return grpc.dynamic_ssl_server_credentials(
        _configuration(material),
        _Newest(files),  # type: ignore[arg-type] # None means no change; the stub omits it
        bool(material.client_ca),
    )


class _Newest:
    """Callback that grpc runs before each handshake, on a thread of its own, under a lock."""

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._given = files.material

    def __call__(self) -> grpc.ServerCertificateConfiguration | None:
        material = self._files.material
        if material is self._given:
            return None
        self._given = material
        return _configuration(material)


def _configuration(material: TlsMaterial) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(material.key, material.certificate)], material.client_ca or None
    )


def peer_names(context: grpc.aio.ServicerContext[Any, Any]) -> tuple[str, ...]:
    """Return the names in the verified client certificate: URIs, and DNS names as ``dns:NAME``."""
    found: Mapping[str, Any] = context.auth_context()
    return (
        *(uri.decode("utf-8", "replace") for uri in found.get(_URIS, ())),
        *(f"dns:{name.decode('utf-8', 'replace')}" for name in found.get(_DNS, ())),
    )
