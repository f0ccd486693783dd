"""Certificate, key and client CA of the server, which can be reloaded while it runs."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, NamedTuple

from mlsdm_grpc.errors import FieldViolation, InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

    from mlsdm_grpc.config import TlsSettings

__all__ = ["TlsFiles", "TlsMaterial", "tls_files"]


class TlsMaterial(NamedTuple):
    """Content of the TLS files, PEM."""

    certificate: bytes
    """Certificate of the server, with its intermediate certificates."""
    key: bytes
    client_ca: bytes
    """CA certificates that verify client certificates; empty to request none from clients."""

    def __repr__(self) -> str:
        """Return a text without the key."""
        return f"TlsMaterial({len(self.certificate)} bytes of certificates)"


class TlsFiles:
    """Owner of the TLS files.

    Args:
        settings: Paths of the files; certificate and key must be set.

    Raises:
        InvalidInput: A file is unreadable or invalid, or the key does not belong to the
            certificate.
    """

    def __init__(self, settings: TlsSettings) -> None:
        assert settings.certificate_file is not None  # noqa: S101 - checked by the settings
        assert settings.key_file is not None  # noqa: S101 - as above
        self._certificate, self._key = settings.certificate_file, settings.key_file
        self._client_ca = settings.client_ca_file
        self.generation = 0
        """Number of reloads with a changed content."""
        self.material = self._read()
        self._contexts: list[ssl.SSLContext] = []

    @property
    def files(self) -> tuple[Path, ...]:
        """Paths of the files."""
        return (self._certificate, self._key, *((self._client_ca,) if self._client_ca else ()))

    def reload(self) -> None:
        """Read the files again. After an error, the previous content stays in use.

        Raises:
            InvalidInput: A file is unreadable or invalid, or the key does not belong to the
                certificate.
        """
        material = self._read()
        if material != self.material:
            self.material = material
            self.generation += 1
            for context in self._contexts:
                context.load_cert_chain(self._certificate, self._key)

    def context(self) -> ssl.SSLContext:
        """Return an SSL context for the operations port, which later reloads update.

        It requests no client certificate, because probes have none.
        """
        context = _server_context(self._certificate, self._key)
        self._contexts.append(context)
        return context

    def _read(self) -> TlsMaterial:
        names = ("certificate_file", "key_file", "client_ca_file")
        found = dict.fromkeys(names, b"")
        faults = []
        for name, file in zip(names, self.files, strict=False):
            try:
                found[name] = file.read_bytes()
            except OSError as error:
                fault = f"cannot be read: {error.strerror}"
                faults.append(FieldViolation(f"server.tls.{name}", fault))
        if not faults:
            faults += _faults(found["certificate_file"], found["key_file"], found["client_ca_file"])
        if faults:
            raise InvalidInput("The TLS files are not valid.", violations=faults)
        return TlsMaterial(*found.values())


def tls_files(settings: TlsSettings) -> TlsFiles | None:
    """Return the TLS files of a server, or None if its connections are not encrypted.

    Raises:
        InvalidInput: A file is unreadable or invalid, or the key does not belong to the
            certificate.
    """
    return TlsFiles(settings) if settings.enabled else None


def _server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return an SSL context of a server with TLS 1.2 or newer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


def _faults(certificate: bytes, key: bytes, client_ca: bytes) -> list[FieldViolation]:
    """Return the faults of the contents of readable files."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from cryptography.x509 import load_pem_x509_certificates

    faults = []

    def fault(name: str, description: str) -> None:
        faults.append(FieldViolation(f"server.tls.{name}", description))

    public = private = None
    try:
        public = load_pem_x509_certificates(certificate)[0].public_key()
    except ValueError:
        fault("certificate_file", "contains no PEM certificate")
    try:
        private = load_pem_private_key(key, password=None).public_key()
    except (ValueError, TypeError):
        fault("key_file", "must be a PEM private key without a password")
    if public is not None and private is not None and public != private:
        fault("key_file", "does not belong to the certificate")
    if client_ca:
        try:
            load_pem_x509_certificates(client_ca)
        except ValueError:
            fault("client_ca_file", "contains no PEM certificate")
    return faults
