"""Operations port: metrics for Prometheus, liveness and readiness for orchestrators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from mlsdm_grpc.config import Address
from mlsdm_grpc.errors import FieldViolation, InvalidInput
from mlsdm_grpc.server.ops_access import OpsAccess

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from ssl import SSLContext

    from mlsdm_grpc.observability.metrics import Metrics

__all__ = ["OpsServer"]

_SHUTDOWN_S: Final = 1.0


class OpsServer:
    """HTTP server of ``/metrics``, ``/livez`` and ``/readyz``."""

    def __init__(
        self,
        metrics: Metrics,
        unready: Callable[[], Mapping[str, str]],
        access: OpsAccess | None = None,
    ) -> None:
        """Create a server, which does not listen before :meth:`start`.

        Args:
            metrics: Metrics that ``/metrics`` returns.
            unready: Returns the reasons why the server is not ready, by part; empty for a ready
                server.
            access: Checks of requests; by default, requests need no credential.
        """
        self._metrics = metrics
        self._unready = unready
        app = web.Application()
        (access or OpsAccess()).install(app)
        app.router.add_get("/metrics", self._serve_metrics)
        app.router.add_get("/livez", self._serve_liveness)
        app.router.add_get("/readyz", self._serve_readiness)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S)

    async def start(self, address: Address, tls: SSLContext | None = None) -> Address:
        """Listen and serve.

        Returns:
            Address of the port, with the number that the system chose for port 0.

        Raises:
            InvalidInput: The address cannot be bound.
        """
        await self._runner.setup()
        site = web.TCPSite(self._runner, address.host, address.port, ssl_context=tls)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise InvalidInput(
                f"The operations port {address} cannot be opened.",
                violations=[
                    FieldViolation("server.ops", f"cannot listen on {address}: {error.strerror}")
                ],
                metadata={"address": str(address)},
            ) from None
        return Address(address.host, self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close the port and its connections."""
        await self._runner.cleanup()

    async def _serve_metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(
            body=encode(self._metrics.registry), headers={"Content-Type": content_type}
        )

    async def _serve_liveness(self, request: web.Request) -> web.Response:
        del request
        return web.json_response({"status": "live"})

    async def _serve_readiness(self, request: web.Request) -> web.Response:
        del request
        reasons = dict(self._unready())
        if reasons:
            return web.json_response({"status": "not ready", "reasons": reasons}, status=503)
        return web.json_response({"status": "ready"})
