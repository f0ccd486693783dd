"""The only place that wires objects: settings in, a running server out."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import anyio
from google.protobuf.descriptor import ServiceDescriptor

from mlsdm_grpc import __version__
from mlsdm_grpc._gen.mlsdm.v1 import (
    admin_service_pb2,
    cognition_service_pb2,
    generation_service_pb2,
    governance_service_pb2,
    memory_service_pb2,
    space_service_pb2,
)
from mlsdm_grpc.config import Address, AuthMode, JournalKind, JournalSettings, Settings
from mlsdm_grpc.engine.engine import Engine
from mlsdm_grpc.interceptors.chain import build_chain
from mlsdm_grpc.interceptors.drain import DrainInterceptor
from mlsdm_grpc.journal.memory import MemoryJournal
from mlsdm_grpc.journal.protocol import Journal
from mlsdm_grpc.journal.sqlite import SqliteJournal
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.security.principal import Authenticator
from mlsdm_grpc.security.tokens import DevAuthenticator, TokenAuthenticator
from mlsdm_grpc.server import health as health_names
from mlsdm_grpc.server.grpc_aio import Router
from mlsdm_grpc.server.health import Health
from mlsdm_grpc.server.lifecycle import GrpcServer
from mlsdm_grpc.server.ops_http import OpsServer
from mlsdm_grpc.server.reflection import add_reflection
from mlsdm_grpc.servicers.admin import AdminServicer
from mlsdm_grpc.servicers.cognition import CognitionServicer
from mlsdm_grpc.servicers.governance import GovernanceServicer
from mlsdm_grpc.servicers.memory import MemoryServicer
from mlsdm_grpc.servicers.spaces import SpaceServicer

__all__ = ["SERVICES", "RunningServer", "running_server"]

SERVICES: tuple[ServiceDescriptor, ...] = (
    memory_service_pb2.DESCRIPTOR.services_by_name["MemoryService"],
    cognition_service_pb2.DESCRIPTOR.services_by_name["CognitionService"],
    generation_service_pb2.DESCRIPTOR.services_by_name["GenerationService"],
    governance_service_pb2.DESCRIPTOR.services_by_name["GovernanceService"],
    space_service_pb2.DESCRIPTOR.services_by_name["SpaceService"],
    admin_service_pb2.DESCRIPTOR.services_by_name["AdminService"],
)
"""The services of the contract."""

_JOURNAL_WATCH_S = 0.25


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that serves."""

    listen: Address
    """The data port."""
    ops: Address
    """The operations port."""
    settings: Settings
    engine: Engine
    data_port: GrpcServer

    async def drain(self) -> None:
        """Finish what is being served and close the data port."""
        server = self.settings.server
        await self.data_port.drain(delay_s=server.drain_delay_s, grace_s=server.drain_grace_s)


@asynccontextmanager
async def running_server(settings: Settings) -> AsyncIterator[RunningServer]:
    """Start everything; at the end stop it so that the next start replays nothing.

    Raises:
        MlsdmError: Something cannot be started; the message names it.
    """
    metrics = Metrics()
    metrics.server.info({"version": __version__, "journal": settings.journal.kind})
    journal = _journal(settings.journal, metrics)
    await journal.open()
    try:
        engine = Engine(
            journal,
            settings=settings.engine,
            defaults=settings.space,
            snapshot_every=settings.journal.snapshot_every,
            max_response_bytes=settings.server.max_response_bytes,
            metrics=metrics,
        )
        async with engine.running(), _ports(settings, metrics, journal, engine) as running:
            yield running
    finally:
        with anyio.CancelScope(shield=True):
            await journal.close()


@asynccontextmanager
async def _ports(
    settings: Settings, metrics: Metrics, journal: Journal, engine: Engine
) -> AsyncIterator[RunningServer]:
    drain = DrainInterceptor()
    authenticator = await anyio.to_thread.run_sync(_authenticator, settings)
    chain = build_chain(settings.server, metrics=metrics, drain=drain, authenticator=authenticator)
    router = Router(chain)
    health = Health(service.full_name for service in SERVICES)
    _add_services(router, health, settings, journal, engine)
    data_port = GrpcServer(settings.server, router=router, health=health, drain=drain)
    ops_port = OpsServer(metrics, lambda: _unready(health))
    try:
        ops = await ops_port.start(settings.server.ops_address)
        async with anyio.create_task_group() as tasks:
            listen = await data_port.start()
            tasks.start_soon(_watch_journal, journal, health)
            try:
                yield RunningServer(listen, ops, settings, engine, data_port)
            finally:
                tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await data_port.stop()
            await ops_port.stop()


def _add_services(
    router: Router, health: Health, settings: Settings, journal: Journal, engine: Engine
) -> None:
    servicers: dict[str, object] = {
        "MemoryService": MemoryServicer(
            engine,
            now_ns=time.time_ns,
            max_response_bytes=settings.server.max_response_bytes,
        ),
        "CognitionService": CognitionServicer(engine),
        "GovernanceService": GovernanceServicer(engine.policies),
        "SpaceService": SpaceServicer(engine.catalogue),
    }
    servicers["AdminService"] = AdminServicer(
        settings,
        embedder=engine.embedder,
        partition_count=journal.partition_count,
        methods=lambda: router.methods,
        now_ns=time.time_ns,
    )
    for service in SERVICES:
        router.add(service, servicers.get(service.name, object()))
    router.add(health_names.SERVICE, health, foreign=True)
    add_reflection(router, router.services)


def _journal(settings: JournalSettings, metrics: Metrics) -> Journal:
    if settings.kind is JournalKind.MEMORY:
        return MemoryJournal()

    def on_commit(records: int, seconds: float) -> None:
        metrics.journal_commit_records.observe(records)
        metrics.journal_commit_seconds.observe(seconds)

    return SqliteJournal(settings.data_dir, on_commit=on_commit)


def _authenticator(settings: Settings) -> Authenticator:
    security = settings.security
    if security.mode is AuthMode.DEV or security.tokens_file is None:
        return DevAuthenticator()
    return TokenAuthenticator(security.tokens_file, now=lambda: datetime.now(UTC))


def _unready(health: Health) -> dict[str, str]:
    ready = health.serving(health_names.READINESS)
    return {} if ready else {"readiness": "the server is starting or draining"}


async def _watch_journal(journal: Journal, health: Health) -> None:
    """Say in health ``journal`` whether writes can succeed."""
    while True:
        await health.set_serving(health_names.JOURNAL, serving=journal.health().writable)
        await anyio.sleep(_JOURNAL_WATCH_S)
