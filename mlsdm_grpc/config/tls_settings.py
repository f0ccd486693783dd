"""Settings of transport security."""

from __future__ import annotations

from pathlib import Path

from pydantic import model_validator

from mlsdm_grpc.config.section import Section

__all__ = ["TlsSettings"]


class TlsSettings(Section):
    """TLS 1.2 or newer on both ports; changed files are in force within 2 s, without a restart."""

    certificate_file: Path | None = None
    """PEM file of the server's certificate, followed by intermediate ones. With it, both ports
    accept TLS only."""
    key_file: Path | None = None
    """PEM file of the private key, without a password."""
    client_ca_file: Path | None = None
    """PEM file of the authorities of client certificates. With it, the gRPC port accepts only
    clients with such a certificate; the operations port asks for none."""

    @model_validator(mode="after")
    def _pair(self) -> TlsSettings:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file must be set together")
        if self.client_ca_file is not None and self.certificate_file is None:
            raise ValueError("client_ca_file requires certificate_file and key_file")
        return self

    @property
    def enabled(self) -> bool:
        """True if the ports use TLS."""
        return self.certificate_file is not None
