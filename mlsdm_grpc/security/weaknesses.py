"""Weaknesses of a configuration. Secure mode refuses them, and ``mlsdm check`` lists them."""

from __future__ import annotations

import hashlib
import itertools
import stat
import string
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from mlsdm_grpc.config import AuthenticatorKind, AuthMode, JournalKind, ReflectionAccess
from mlsdm_grpc.errors import FieldViolation, InvalidInput
from mlsdm_grpc.security.policy_file import PolicyFile
from mlsdm_grpc.security.static_keys import read_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlsdm_grpc.config import SecuritySettings, ServerSettings, Settings

__all__ = ["Weakness", "refuse_weaknesses", "weaknesses"]

# Permissions of other users on secrets, and write permission of the group.
_LOOSE_SECRET: Final = stat.S_IRWXO | stat.S_IWGRP
_LOOSE_RULES: Final = stat.S_IWOTH | stat.S_IWGRP
_DEFAULT_TOKENS: Final = (
    "admin", "changeme", "default", "demo", "example", "guest", "letmein", "mlsdm", "password",
    "secret", "secret-token", "test", "test-token", "token", "YOUR_TOKEN", "<token>", "$token",
)  # fmt: skip
# Maximum length of a token that is compared with all possible tokens.
_SHORT: Final = 3
_MIN_RSA_BITS: Final = 2_048


class Weakness(NamedTuple):
    """Weakness of a configuration."""

    setting: str
    """Setting that must change, or that names the file to change."""
    problem: str
    cure: str

    @property
    def text(self) -> str:
        """Problem and remedy in one line."""
        return f"{self.problem}: {self.cure}"


def refuse_weaknesses(settings: Settings) -> None:
    """Refuse to start in secure mode with any weakness. Blocks, so call it in a thread.

    Raises:
        InvalidInput: One violation for every weakness, with its remedy.
    """
    if settings.security.mode is not AuthMode.SECURE:
        return
    found = [FieldViolation(each.setting, each.text) for each in weaknesses(settings)]
    if found:
        raise InvalidInput("Secure mode refuses this configuration.", violations=found)


def weaknesses(settings: Settings) -> Iterator[Weakness]:
    """Yield the weaknesses of a configuration, including those of the modes of its files.

    In development mode, only the ports are checked.
    """
    yield from _of_ports(settings.server)
    if settings.security.mode is AuthMode.DEV:
        return
    local = settings.server.listen_address.is_loopback
    if settings.security.mode is AuthMode.SECURE or not local:
        yield from _of_reflection(settings.security)
    yield from _of_access(settings.security)
    yield from _of_files(settings)
    yield from _of_certificate(settings.server)


def _of_ports(server: ServerSettings) -> Iterator[Weakness]:
    for name, address in (("listen", server.listen_address), ("ops", server.ops_address)):
        if not address.is_loopback and not server.tls.enabled:
            yield Weakness(
                f"server.{name}",
                f"{address} is not a loopback address and has no TLS",
                "set server.tls.certificate_file and server.tls.key_file",
            )


def _of_reflection(security: SecuritySettings) -> Iterator[Weakness]:
    if security.reflection is ReflectionAccess.OPEN:
        yield Weakness(
            "security.reflection",
            "reflection is open to callers without a credential",
            'set security.reflection to "permission" or "off"',
        )


def _of_access(security: SecuritySettings) -> Iterator[Weakness]:
    if AuthenticatorKind.JWT in security.authenticators:
        for name in ("issuer", "keys_url"):
            if getattr(security.jwt, name).startswith("http:"):
                yield Weakness(
                    f"security.jwt.{name}", "the keys are fetched without TLS", "use an https URL"
                )
    if AuthenticatorKind.KEYS in security.authenticators and security.tokens_file:
        try:
            roles = PolicyFile(security.policy_file).roles
            keys = read_keys(security.tokens_file, roles)
        except InvalidInput:
            return  # The check of the file reports the fault.
        weak = _weak_digests()
        for key in keys:
            if key.digest in weak:
                yield Weakness(
                    "security.tokens_file",
                    f"the token of {key.principal.name} is short or a common word",
                    "create a new one with `mlsdm token create`, and revoke this one",
                )


def _of_files(settings: Settings) -> Iterator[Weakness]:
    server, security, journal = settings.server, settings.security, settings.journal
    secrets = (
        ("server.tls.key_file", server.tls.key_file),
        ("security.tokens_file", security.tokens_file),
        ("journal.data_dir", journal.data_dir if journal.kind is JournalKind.SQLITE else None),
    )
    rules = (
        ("security.policy_file", security.policy_file),
        ("server.tls.certificate_file", server.tls.certificate_file),
        ("server.tls.client_ca_file", server.tls.client_ca_file),
    )
    for files, loose, what in (
        (secrets, _LOOSE_SECRET, "so other users can read or change it"),
        (rules, _LOOSE_RULES, "so other users can change it"),
    ):
        for setting, file in files:
            if file is not None:
                yield from _of_file(setting, file, loose, what)


def _of_file(setting: str, file: Path, loose: int, what: str) -> Iterator[Weakness]:
    try:
        mode = file.stat().st_mode
        folder = file.absolute().parent.stat().st_mode
    except OSError:
        return  # The settings report an absent file; an absent folder is created with mode 0700.
    if mode & loose:
        wanted = (mode & ~loose) & 0o777
        yield Weakness(
            setting, f"{file} has mode {mode & 0o777:04o}, {what}", f"chmod {wanted:04o} {file}"
        )
    if folder & stat.S_IWOTH and not folder & stat.S_ISVTX:
        parent = file.absolute().parent
        yield Weakness(setting, f"other users can replace files in {parent}", f"chmod o-w {parent}")


def _of_certificate(server: ServerSettings) -> Iterator[Weakness]:
    file = server.tls.certificate_file
    if file is None:
        return
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.x509 import load_pem_x509_certificates

    try:
        certificate = load_pem_x509_certificates(file.read_bytes())[0]
    except (OSError, ValueError):
        return  # The check of the file reports the fault.
    setting, cure = "server.tls.certificate_file", "obtain another certificate"
    if certificate.not_valid_after_utc <= datetime.now(UTC):
        yield Weakness(
            setting, f"the certificate expired at {certificate.not_valid_after_utc}", cure
        )
    public = certificate.public_key()
    if isinstance(public, RSAPublicKey) and public.key_size < _MIN_RSA_BITS:
        yield Weakness(
            setting, f"the RSA key has {public.key_size} bits; {_MIN_RSA_BITS} are needed", cure
        )


def _weak_digests() -> frozenset[bytes]:
    """Return the hashes of tokens that an attacker would guess first."""
    characters = string.ascii_lowercase + string.digits
    short = (
        "".join(each)
        for length in range(1, _SHORT + 1)
        for each in itertools.product(characters, repeat=length)
    )
    words = {form for word in _DEFAULT_TOKENS for form in (word, word.lower(), word.upper())}
    return frozenset(
        hashlib.sha256(token.encode()).digest() for token in itertools.chain(words, short, ("",))
    )
