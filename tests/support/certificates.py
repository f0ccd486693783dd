"""Certificate authorities and certificates of tests."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PEM = serialization.Encoding.PEM
_USES = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _san(text):
    if "://" in text:
        return x509.UniformResourceIdentifier(text)
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def key_pem(key):
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


class Authority:
    """A certificate authority."""

    def __init__(self, name="Test CA"):
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        now = datetime.now(UTC)
        self._certificate = (
            x509.CertificateBuilder()
            .subject_name(self._name)
            .issuer_name(self._name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=10))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.pem = self._certificate.public_bytes(PEM)

    def issue(self, *sans, use="server", days=5, started_days=1, weak=False, own=False):
        """Return certificate and key in PEM; ``own`` signs it with its own key."""
        key = (
            rsa.generate_private_key(65_537, 1_024)
            if weak
            else ec.generate_private_key(ec.SECP256R1())
        )
        now = datetime.now(UTC)
        subject = _name(sans[0][:60] if sans else "nameless")
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if own else self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=started_days))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([_USES[use]]), critical=False)
        )
        if sans:
            names = x509.SubjectAlternativeName([_san(each) for each in sans])
            builder = builder.add_extension(names, critical=False)
        certificate = builder.sign(key if own else self._key, hashes.SHA256())
        return certificate.public_bytes(PEM), key_pem(key)


class Folder:
    """Files of a server's TLS material in a folder."""

    def __init__(self, path):
        self.certificate = path / "server.pem"
        self.key = path / "server.key"
        self.client_ca = path / "clients.pem"

    def write(self, pair, client_ca=None):
        """Write the certificate and then the key, as an operator does."""
        self.certificate.write_bytes(pair[0])
        self.key.touch(0o600)
        self.key.write_bytes(pair[1])
        if client_ca is not None:
            self.client_ca.write_bytes(client_ca)

    def settings(self, *, mutual=False):
        found = {"certificate_file": str(self.certificate), "key_file": str(self.key)}
        return {**found, "client_ca_file": str(self.client_ca)} if mutual else found
