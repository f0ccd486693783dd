"""Keys and certificate authorities for HTTP endpoints, read from files."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import anyio.to_thread

from mlsdm_grpc.config import EndpointSettings
from mlsdm_grpc.errors import FieldViolation
from mlsdm_grpc.llm.providers.provider import FaultKind, ProviderFault

__all__ = ["KeyFile", "Secret", "endpoint_problems", "trusted_authorities"]

_MAX_KEY_BYTES: Final = 4_096


class Secret:
    """A text whose representation in logs and errors does not contain it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text; only the code that sends it calls this."""
        return self._text

    def __repr__(self) -> str:
        return "Secret()"


class KeyFile:
    """Key in a file, which is read again when the file changes.

    Args:
        path: File with the key on one line; None for an endpoint without a key.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._key = Secret("")

    async def key(self) -> Secret:
        """Return the key; an empty one if there is no file.

        Raises:
            ProviderFault: CONFIGURATION; the file cannot be read or has no key.
        """
        if self._path is None:
            return self._key
        return await anyio.to_thread.run_sync(self.read)

    def read(self) -> Secret:
        """Return the same as :meth:`key`, blocking the calling thread."""
        if self._path is None:
            return self._key
        try:
            found = self._path.stat()
            seen = (found.st_mtime_ns, found.st_size, found.st_ino)
            if seen != self._seen:
                with self._path.open("rb") as file:
                    text = file.read(_MAX_KEY_BYTES).decode("ascii").strip()
                self._key, self._seen = Secret(text), seen
        except (OSError, UnicodeDecodeError):
            raise ProviderFault(FaultKind.CONFIGURATION) from None
        text = self._key.reveal()
        if not text or not text.isprintable() or " " in text:
            raise ProviderFault(FaultKind.CONFIGURATION)
        return self._key


def trusted_authorities(file: Path | None) -> ssl.SSLContext:
    """Return a TLS context that trusts the authorities in the file, or those of the system.

    Raises:
        OSError: The file cannot be read or contains no certificates.
    """
    return ssl.create_default_context(cafile=str(file) if file else None)


def endpoint_problems(section: str, settings: EndpointSettings) -> Iterator[FieldViolation]:
    """Yield the faults that prevent calls to an endpoint; reads files.

    Args:
        section: Path of the settings, for example ``llm.openai``.
        settings: Settings of the endpoint.
    """
    if settings.key_required and settings.key_file is None:
        wrong = "is required; set key_required to false for an endpoint that needs no key"
        yield FieldViolation(f"{section}.key_file", wrong)
    try:
        KeyFile(settings.key_file).read()
    except ProviderFault:
        wrong = f"{settings.key_file} cannot be read, or is not one line with a key"
        yield FieldViolation(f"{section}.key_file", wrong)
    try:
        trusted_authorities(settings.ca_file)
    except OSError:  # also catches SSLError, a subclass
        wrong = f"{settings.ca_file} cannot be read, or contains no PEM certificate"
        yield FieldViolation(f"{section}.ca_file", wrong)
