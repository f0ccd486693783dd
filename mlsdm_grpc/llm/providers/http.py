"""Guarded HTTP transport below the official SDKs of providers.

It enforces rules that do not depend on an SDK. Only allowed hosts are called, and no redirect is
followed. The key is added just before sending. Headers and proxies of the environment are ignored.
Compressed and oversized responses are refused. Every failure becomes a :class:`ProviderFault`. The
body of a response with a status other than 200 is never read, so it cannot appear in a log.
"""

from __future__ import annotations

import logging
import math
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import anyio
import httpx2

from mlsdm_grpc.config import EndpointSettings
from mlsdm_grpc.llm.endpoints import KeyFile, trusted_authorities
from mlsdm_grpc.llm.providers.provider import FaultKind, ProviderFault

__all__ = [
    "PLACEHOLDER_KEY",
    "GuardedTransport",
    "fault_in",
    "http_client",
]

PLACEHOLDER_KEY: Final = "the-key-is-added-below"
"""Key that the SDKs receive; the transport replaces it by the real key."""

_KEPT_HEADERS: Final = frozenset(
    {b"host", b"content-type", b"content-length", b"accept", b"user-agent", b"anthropic-version"}
)
_KEY_HEADERS: Final = frozenset({b"authorization", b"x-api-key"})
_MAX_RETRY_AFTER_S: Final = 86_400.0
_TALKATIVE: Final = ("openai", "anthropic", "httpx2", "httpcore2")
# Time by which the transport's timeout is longer than that of the gateway, seconds.
_BACKSTOP_S: Final = 1.0


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Transport that sends the requests of an SDK by the rules of the module.

    Args:
        settings: Hosts, limits and authorities.
        max_connections: Maximum number of connections.
    """

    def __init__(self, settings: EndpointSettings, *, max_connections: int) -> None:
        self._settings = settings
        self._hosts = settings.hosts | {httpx2.URL(settings.base_url).host}  # as IDNA has it
        self._keys = KeyFile(settings.key_file)
        self._inner = httpx2.AsyncHTTPTransport(
            verify=trusted_authorities(settings.ca_file),
            trust_env=False,
            limits=httpx2.Limits(
                max_connections=max_connections, max_keepalive_connections=max_connections
            ),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request and return its response, always with status 200.

        Raises:
            ProviderFault: The call failed.
        """
        wire = await self._guarded(request)
        try:
            response = await self._inner.handle_async_request(wire)
        except (httpx2.TransportError, ssl.SSLError, anyio.EndOfStream, OSError) as error:
            raise _fault_of(error) from None
        fault = _fault_in_head(response, self._settings.max_response_bytes)
        if fault is not None:
            await response.aclose()
            raise fault
        return httpx2.Response(
            200,
            headers=response.headers,
            stream=_Bounded(response, self._settings.max_response_bytes),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._inner.aclose()

    async def _guarded(self, request: httpx2.Request) -> httpx2.Request:
        """Return the request with allowed headers and own timeouts; refuse other hosts."""
        if request.url.host not in self._hosts:
            raise ProviderFault(FaultKind.CONFIGURATION)
        key = (await self._keys.key()).reveal().encode("ascii")
        headers = [(b"accept-encoding", b"identity")]
        for name, value in request.headers.raw:
            if name.lower() in _KEPT_HEADERS:
                headers.append((name, value))
            elif name.lower() in _KEY_HEADERS and key:
                headers.append((name, value.replace(PLACEHOLDER_KEY.encode(), key)))
        asked_s: dict[str, float | None] = request.extensions.get("timeout", {})
        whole_s = (asked_s.get("read") or self._settings.connect_timeout_s) + _BACKSTOP_S
        times_s = {"read": whole_s, "write": whole_s, "pool": whole_s}
        return httpx2.Request(
            request.method,
            request.url,
            headers=headers,
            stream=request.stream,
            extensions={"timeout": {**times_s, "connect": self._settings.connect_timeout_s}},
        )


class _Bounded(httpx2.AsyncByteStream):
    """Body of a response, limited in size, whose failures are provider faults."""

    def __init__(self, response: httpx2.Response, max_bytes: int) -> None:
        self._response = response
        self._max_bytes = max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        stream = self._response.stream
        if not isinstance(stream, httpx2.AsyncByteStream):  # pragma: no cover - asynchronous
            raise ProviderFault(FaultKind.MALFORMED)
        parts = aiter(stream)
        try:
            async for part in parts:
                size += len(part)
                if size > self._max_bytes:
                    raise ProviderFault(FaultKind.TOO_LARGE)
                yield part
        except (httpx2.TransportError, ssl.SSLError, anyio.EndOfStream, OSError) as error:
            fault = _fault_of(error)
            fault.retryable = False  # the upstream has already begun to answer
            raise fault from None
        finally:
            if isinstance(parts, AsyncGenerator):
                await parts.aclose()

    async def aclose(self) -> None:
        await self._response.aclose()


def http_client(settings: EndpointSettings, *, max_connections: int) -> httpx2.AsyncClient:
    """Return an HTTP client for an SDK; create it in a thread, because it reads certificates.

    SDK and HTTP client would log headers and addresses of every call, so only warnings are kept.
    """
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    transport = GuardedTransport(settings, max_connections=max_connections)
    return httpx2.AsyncClient(transport=transport, trust_env=False, follow_redirects=False)


def fault_in(error: BaseException) -> ProviderFault:
    """Return the fault that caused an exception of an SDK; MALFORMED if no fault did."""
    at: BaseException | None = error
    while at is not None:
        if isinstance(at, ProviderFault):
            return at
        at = at.__cause__ or at.__context__
    return ProviderFault(FaultKind.MALFORMED)


def _fault_of(error: Exception) -> ProviderFault:
    """Return the fault for a failure of the transport."""
    at: BaseException | None = error
    while at is not None:
        if isinstance(at, ssl.SSLError):
            return ProviderFault(FaultKind.TLS)
        at = at.__cause__ or at.__context__
    if isinstance(error, httpx2.TimeoutException):
        return ProviderFault(FaultKind.TIMEOUT, retryable=True)
    if isinstance(error, httpx2.ConnectError):
        return ProviderFault(FaultKind.CONNECT, retryable=True)
    return ProviderFault(FaultKind.RESET, retryable=True)


def _fault_in_head(response: httpx2.Response, max_bytes: int) -> ProviderFault | None:
    """Return the fault shown by status or headers of a response; None if there is none."""
    status = response.status_code
    if 300 <= status < 400:
        return ProviderFault(FaultKind.REDIRECT, rejected=True, status=status)
    if status >= 400:
        wait_s = _retry_after_s(response.headers)
        return ProviderFault.of_status(FaultKind.STATUS, status, retry_after_s=wait_s)
    encoding = response.headers.get("content-encoding", "identity")
    if status != 200 or encoding.strip().lower() not in {"identity", ""}:
        return ProviderFault(FaultKind.MALFORMED, status=status)
    length = response.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > max_bytes:
        return ProviderFault(FaultKind.TOO_LARGE)
    return None


def _retry_after_s(headers: httpx2.Headers) -> float | None:
    """Return the delay that the upstream requests, seconds in 0..86400; None if it requests none.

    A date is compared with the ``Date`` header of the response, if present, so that a wrong clock
    of the upstream has no effect.
    """
    said = headers.get("retry-after", "").strip()
    try:
        seconds = float(said)
    except ValueError:
        until, now = _date(said), _date(headers.get("date", "")) or datetime.now(UTC)
        if until is None:
            return None
        seconds = (until - now).total_seconds()
    if math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), _MAX_RETRY_AFTER_S)


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
