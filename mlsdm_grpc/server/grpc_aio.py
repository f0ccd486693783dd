"""Transport through grpc.aio: its calls, its port and its TLS; nothing else here knows grpc.

Neither generated server code nor grpc.aio interceptors are used, because those see neither the call
nor its end. One generic handler serves all methods. Registering each method, as generated code
does, makes grpc.aio wait on one future for each method in every call: with 50 methods that costs 30
us a call.

Every method is registered as client-streaming, which lets the handler decide when to read. If an
exception other than ``CancelledError`` and ``AbortError`` left a handler, grpc.aio would send no
status, and the client would wait for its own deadline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar
from urllib.parse import unquote

import grpc

from mlsdm_grpc.server.grpc_options import server_options
from mlsdm_grpc.server.transport import PeerGoneError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from mlsdm_grpc.config import Address, ServerSettings
    from mlsdm_grpc.security.tls_files import TlsFiles, TlsMaterial
    from mlsdm_grpc.server.handlers import MethodHandler
    from mlsdm_grpc.server.router import Router
    from mlsdm_grpc.wire.call import MetadataValue, RpcStatus

    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
    AioHandler: TypeAlias = grpc.RpcMethodHandler[Any, Any]

__all__ = ["AioPort", "AioTransport", "peer_host"]

_T = TypeVar("_T")

_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}
# Errors of a read or write after the peer or the server is gone; one of them is private in grpc.
_CONNECTION_ERRORS: Final = tuple(
    cls
    for cls in grpc.aio.BaseError.__subclasses__()
    if cls not in {grpc.aio.AbortError, grpc.aio.UsageError}
)
_URIS: Final = "peer_uri"
_DNS: Final = "peer_dns"


class AioTransport:
    """Transport of one call.

    Args:
        context: Context of the call.
        certificates: True if clients may have certificates.
    """

    __slots__ = ("_certificates", "_context")

    def __init__(self, context: Context, *, certificates: bool) -> None:
        self._context = context
        self._certificates = certificates

    @property
    def metadata(self) -> Sequence[tuple[str, MetadataValue]]:
        # A tuple of pairs, unlike the type stub says.
        pairs: Any = self._context.invocation_metadata() or ()
        return pairs  # type: ignore[no-any-return]

    @property
    def peer(self) -> str:
        return peer_host(self._context.peer())

    @property
    def peer_identity(self) -> tuple[str, ...]:
        if not self._certificates:
            return ()
        found: Mapping[str, Any] = self._context.auth_context()
        return (
            *(uri.decode("utf-8", "replace") for uri in found.get(_URIS, ())),
            *(f"dns:{name.decode('utf-8', 'replace')}" for name in found.get(_DNS, ())),
        )

    def time_remaining_s(self) -> float | None:
        return self._context.time_remaining()

    async def read(self) -> bytes | None:
        message = await _connected(self._context.read())
        if message is grpc.aio.EOF:
            # A cancelled client stream also reads as EOF, always before the cancellation (measured:
            # 300 of 300). A second read lets the cancellation arrive first (6,000 of 6,000).
            # Otherwise half a stream would count as complete.
            await _connected(self._context.read())
            return None
        return message  # type: ignore[no-any-return]  # the stub knows no bytes

    async def send_headers(self, headers: Mapping[str, MetadataValue]) -> None:
        await _connected(self._context.send_initial_metadata(tuple(headers.items())))

    async def write(self, message: bytes) -> None:
        await _connected(self._context.write(message))

    def set_trailers(self, trailers: Mapping[str, MetadataValue]) -> None:
        self._context.set_trailing_metadata(tuple(trailers.items()))

    async def fail(self, status: RpcStatus, trailers: Mapping[str, MetadataValue]) -> None:
        try:
            metadata = tuple(trailers.items())
            await self._context.abort(_CODES[status.code], status.message, metadata)
        except grpc.aio.InternalError:  # the peer went away meanwhile
            pass
        finally:
            # grpc keeps the error of the abort, and thereby this frame, in the state of the call.
            del self

    def on_end(self, callback: Callable[[Any], None]) -> None:
        self._context.add_done_callback(callback)  # type: ignore[arg-type]  # it takes one argument


async def _connected(action: Awaitable[_T]) -> _T:
    try:
        return await action
    except _CONNECTION_ERRORS as error:
        raise PeerGoneError from error


def peer_host(peer: str) -> str:
    """Return the host of ``ipv4:HOST:PORT`` or ``ipv6:[HOST]:PORT``; other forms as they are."""
    kind, _, rest = peer.partition(":")
    if kind == "ipv4":
        return rest.rpartition(":")[0]
    if kind == "ipv6":
        return unquote(rest).rpartition(":")[0].strip("[]")
    return peer


class _GenericHandler(grpc.GenericRpcHandler):
    """Handlers of the router in the form for grpc.aio."""

    def __init__(self, router: Router, *, certificates: bool) -> None:
        self._router = router
        self._certificates = certificates
        self._known = {path: self._adapt(each) for path, each in router.handlers.items()}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> AioHandler:
        path = handler_call_details.method
        return self._known.get(path) or self._adapt(self._router.unknown(path))

    def _adapt(self, handler: MethodHandler) -> AioHandler:
        certificates = self._certificates

        async def serve(_requests: object, context: Context) -> bytes | None:
            transport = AioTransport(context, certificates=certificates)
            try:
                return await handler.serve(transport)
            finally:
                del transport, context, _requests  # see AioTransport.fail

        if handler.method.shape.server_streaming:
            return grpc.stream_stream_rpc_method_handler(serve)
        return grpc.stream_unary_rpc_method_handler(serve)


class AioPort:
    """Port of a grpc.aio server. :meth:`stop` must be awaited, otherwise grpc leaks the server."""

    def __init__(
        self, settings: ServerSettings, router: Router, tls: TlsFiles | None = None
    ) -> None:
        """Create a port that does not listen yet. Without ``tls`` it is plain text."""
        self._settings = settings
        self._router = router
        self._tls = tls
        self._server: grpc.aio.Server | None = None

    async def start(self, address: Address) -> int:
        """Listen and serve; return the number of the port.

        Raises:
            OSError: The address cannot be bound, usually because it is in use.
        """
        server = grpc.aio.server(options=server_options(self._settings))
        certificates = self._tls is not None and bool(self._tls.material.client_ca)
        server.add_generic_rpc_handlers((_GenericHandler(self._router, certificates=certificates),))
        try:
            if self._tls is None:
                port = server.add_insecure_port(str(address))
            else:
                port = server.add_secure_port(str(address), _server_credentials(self._tls))
        except RuntimeError as error:
            # A grpc.aio server that is dropped without having run corrupts memory: a later
            # garbage collection crashes (grpcio 1.85.1, 8 of 14 runs; 0 of 28 when it was stopped).
            # Related: https://github.com/grpc/grpc/issues/10084
            await server.start()
            await server.stop(None)
            raise OSError(f"{address} cannot be bound") from error
        await server.start()
        self._server = server
        return port

    async def stop(self, flush_s: float) -> None:
        """Close the port; calls that have not ended after ``flush_s`` seconds end CANCELLED."""
        server, self._server = self._server, None
        if server is not None:
            await server.stop(flush_s)


def _server_credentials(files: TlsFiles) -> grpc.ServerCredentials:
    """Return credentials; each handshake uses the newest material.

    Connections that exist keep theirs until their maximum age.
    """
    material = files.material
    return grpc.dynamic_ssl_server_credentials(
        _configuration(material),
        _Newest(files),  # type: ignore[arg-type] # None means no change; the stub omits it
        bool(material.client_ca),
    )


class _Newest:
    """Callback of grpc before each handshake, on one of its threads and under its lock."""

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
