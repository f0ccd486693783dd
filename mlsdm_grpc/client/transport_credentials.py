"""TLS of the client: channel credentials from files."""

from __future__ import annotations

from pathlib import Path

import grpc

from mlsdm_grpc.client.values import invalid

__all__ = ["tls_credentials"]


def tls_credentials(
    ca: Path | str | None = None,
    *,
    certificate: Path | str | None = None,
    key: Path | str | None = None,
) -> grpc.ChannelCredentials:
    """Return credentials for :class:`MemoryClient`.

    Args:
        ca: PEM file of the authorities of the server's certificate; None: those of grpc.
        certificate: PEM file of the client's certificate, if the server asks for one.
        key: PEM file of its private key.

    Raises:
        InvalidInput: A file cannot be read, or only one of certificate and key is given.
    """
    if (certificate is None) != (key is None):
        raise invalid("certificate", "needs the key, and the key the certificate")
    return grpc.ssl_channel_credentials(
        _content("ca", ca), _content("key", key), _content("certificate", certificate)
    )


def _content(name: str, file: Path | str | None) -> bytes | None:
    if file is None:
        return None
    try:
        content = Path(file).read_bytes()
    except OSError as error:
        raise invalid(name, f"cannot be read: {error.strerror}") from None
    if b"-----BEGIN" not in content:
        raise invalid(name, "is not a PEM file")
    return content
