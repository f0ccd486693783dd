"""TLS credentials of the client, read from files."""

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
    """Return TLS credentials for :class:`MemoryClient`.

    Args:
        ca: PEM file of the authorities that may sign the server's certificate; None uses those
            that come with grpc.
        certificate: PEM file of the client's certificate, if the server requires one.
        key: PEM file of the certificate's private key.

    Raises:
        InvalidInput: A file cannot be read or is not PEM, or only one of certificate and key is
            set.
    """
    if (certificate is None) != (key is None):
        raise invalid("certificate", "certificate and key must be set together")
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
