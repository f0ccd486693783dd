"""Composition of the server. Only this module creates and connects its objects."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

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
    tenant_service_pb2,
)
from mlsdm_grpc.config import (
    Address,
    JournalKind,
    ReflectionAccess,
    ScorerKind,
    Settings,
)
from mlsdm_grpc.core.model.policy import Enforcement
from mlsdm_grpc.engine.engine import Engine
from mlsdm_grpc.engine.parts import wire_engine
from mlsdm_grpc.errors import InvalidInput
from mlsdm_grpc.generation.generator import Generator
from mlsdm_grpc.generation.speech_repair import Repairs
from mlsdm_grpc.governance.detectors.sensitive import load_patterns
from mlsdm_grpc.governance.policy.rules import rules_with
from mlsdm_grpc.ids import Ids, random_bytes
from mlsdm_grpc.interceptors.admission import AdmissionInterceptor
from mlsdm_grpc.interceptors.chain import build_chain
from mlsdm_grpc.interceptors.drain import DrainInterceptor
from mlsdm_grpc.journal.protocol import Journal
from mlsdm_grpc.llm.gateway import Gateway
from mlsdm_grpc.llm.moderation import moderation_scorer
from mlsdm_grpc.llm.providers.provider_chain import build_providers, embedder_problems
from mlsdm_grpc.messages.bounds import bounds_of
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.protection.clock import Clock, TimeSources
from mlsdm_grpc.protection.lanes import Lane
from mlsdm_grpc.protection.monitor import Monitor
from mlsdm_grpc.protection.sensors import Sensors
from mlsdm_grpc.security.tls_files import tls_files
from mlsdm_grpc.security.weaknesses import refuse_weaknesses
from mlsdm_grpc.server import health as health_names
from mlsdm_grpc.server.authentication import (
    Authentication,
    build_authentication,
    security_log,
)
from mlsdm_grpc.server.grpc_aio import AioPort
from mlsdm_grpc.server.health import Health
from mlsdm_grpc.server.journal_choice import newest_record_ns, open_journal
from mlsdm_grpc.server.lifecycle import GrpcServer
from mlsdm_grpc.server.memory_plan import within_memory
from mlsdm_grpc.server.node import Node
from mlsdm_grpc.server.ops_access import OpsAccess
from mlsdm_grpc.server.ops_http import OpsServer
from mlsdm_grpc.server.ports import check_ports
from mlsdm_grpc.server.readiness import unready_causes, update_health
from mlsdm_grpc.server.reflection import add_reflection
from mlsdm_grpc.server.room import Room
from mlsdm_grpc.server.router import Router
from mlsdm_grpc.servicers.admin import AdminServicer
from mlsdm_grpc.servicers.cognition import CognitionServicer
from mlsdm_grpc.servicers.generation import GenerationServicer
from mlsdm_grpc.servicers.governance import GovernanceServicer
from mlsdm_grpc.servicers.memory import MemoryServicer
from mlsdm_grpc.servicers.spaces import SpaceServicer
from mlsdm_grpc.servicers.tenants import TenantServicer

if TYPE_CHECKING:
    from mlsdm_grpc.llm.embedders.remote import OpenAIEmbedder

__all__ = ["SERVICES", "RunningServer", "running_server"]

SERVICES: tuple[ServiceDescriptor, ...] = (
    memory_service_pb2.DESCRIPTOR.services_by_name["MemoryService"],
    cognition_service_pb2.DESCRIPTOR.services_by_name["CognitionService"],
    generation_service_pb2.DESCRIPTOR.services_by_name["GenerationService"],
    governance_service_pb2.DESCRIPTOR.services_by_name["GovernanceService"],
    space_service_pb2.DESCRIPTOR.services_by_name["SpaceService"],
    tenant_service_pb2.DESCRIPTOR.services_by_name["TenantService"],
    admin_service_pb2.DESCRIPTOR.services_by_name["AdminService"],
)
"""Services of the contract."""

_COMMITS = 1_000


@dataclass(frozen=True, slots=True)
class RunningServer:
    """Running server.

    The RPC ``Drain`` sets ``stop``. The code that runs the server then calls :meth:`drain`.
    """

    listen: Address
    """Address of the gRPC port."""
    ops: Address
    """Address of the operations port."""
    settings: Settings
    engine: Engine
    gateway: Gateway
    data_port: GrpcServer
    stop: anyio.Event
    monitor: Monitor
    journal: Journal
    authentication: Authentication

    async def drain(self) -> None:
        """Complete the calls in flight and close the gRPC port."""
        server = self.settings.server
        await self.data_port.drain(delay_s=server.drain_delay_s, grace_s=server.drain_grace_s)


@asynccontextmanager
async def running_server(
    settings: Settings,
    *,
    stop: anyio.Event | None = None,
    times: TimeSources | None = None,
    random: Callable[[int], bytes] = random_bytes,
) -> AsyncIterator[RunningServer]:
    """Run a server within an ``async with`` block, and stop it gracefully at the end.

    A graceful stop leaves snapshots, so the next start has no records to apply.

    Args:
        settings: All settings.
        stop: Event that the RPC ``Drain`` sets.
        times: Clocks; those of the machine by default.
        random: Returns a number of random bytes, for ids.

    Raises:
        MlsdmError: A part cannot start; the message names it.
    """
    await anyio.to_thread.run_sync(refuse_weaknesses, settings)
    await anyio.to_thread.run_sync(check_ports, settings.server)
    await anyio.to_thread.run_sync(load_patterns)
    settings, plan = await anyio.to_thread.run_sync(within_memory, settings)
    room = Room(plan, largest=settings.server.max_request_bytes)
    metrics = Metrics()
    loop = asyncio.get_running_loop()
    metrics.server_tasks.set_function(lambda: len(asyncio.all_tasks(loop)))
    metrics.server.info({"version": __version__, "journal": settings.journal.kind})
    commit_s: deque[float] = deque(maxlen=_COMMITS)
    embedder = await anyio.to_thread.run_sync(_remote_embedder, settings, metrics)
    providers = await anyio.to_thread.run_sync(
        partial(build_providers, settings.llm, clock=time.monotonic)
    )
    journal = open_journal(settings, metrics, commit_s)
    await journal.open()
    async with AsyncExitStack() as opened:
        opened.enter_context(security_log(settings.security))
        opened.push_async_callback(_close, journal)
        for each in (*providers, *((embedder,) if embedder else ())):
            opened.push_async_callback(each.aclose)
        scorer = None
        if settings.governance.scorer is ScorerKind.MODERATION:
            scorer = await opened.enter_async_context(
                moderation_scorer(settings.governance.moderation, settings.llm, metrics=metrics)
            )
        # The wall clock must not be behind the newest record.
        newest_ns = await newest_record_ns(journal)
        clock = Clock(times or TimeSources(), newest_ns=newest_ns, metrics=metrics)
        engine = Engine(
            wire_engine(
                journal,
                settings=settings.engine,
                defaults=settings.space,
                snapshot_every=settings.journal.snapshot_every,
                max_response_bytes=settings.server.max_response_bytes,
                metrics=metrics,
                quotas=settings.quotas,
                rules=rules_with(
                    Enforcement[settings.governance.put_enforcement.name],
                    other_scorer=scorer is not None,
                ),
                scorer=scorer,
                remote_embedder=embedder,
                clock=clock,
                ids=Ids(clock.now_ns, random),
                room=room.computing,
                most_space_bytes=plan.most_spaces,
            )
        )
        gateway = Gateway(
            providers,
            settings.llm,
            permits=engine.lanes.bulkhead(Lane.LLM),
            metrics=metrics,
            clock=time.monotonic,
        )
        parts = _ServerParts(
            settings, room, metrics, journal, engine, gateway, commit_s, stop or anyio.Event()
        )
        async with engine.running(), _ports(parts) as running:
            yield running


async def _close(journal: Journal) -> None:
    with anyio.CancelScope(shield=True):
        await journal.close()


@dataclass(frozen=True, slots=True)
class _ServerParts:
    """Objects on which the ports depend."""

    settings: Settings
    room: Room
    metrics: Metrics
    journal: Journal
    engine: Engine
    gateway: Gateway
    commit_s: deque[float]
    """Durations of the latest commits, seconds, for the status of the node."""
    stop: anyio.Event
    health: Health = field(
        default_factory=lambda: Health(service.full_name for service in SERVICES)
    )


@asynccontextmanager
async def _ports(parts: _ServerParts) -> AsyncIterator[RunningServer]:
    settings, health = parts.settings, parts.health
    drain = DrainInterceptor()
    tls = await anyio.to_thread.run_sync(tls_files, settings.server.tls)
    authentication = await anyio.to_thread.run_sync(
        build_authentication, settings.security, parts.engine.clock, tls
    )
    monitor = _monitor(parts)
    chain = build_chain(
        settings.server,
        ids=parts.engine.ids,
        metrics=parts.metrics,
        drain=drain,
        authenticator=authentication.authenticator,
        admission=AdmissionInterceptor(monitor.machine, parts.metrics),
        limits=settings.active_limits,
    )
    bounds = bounds_of(settings.governance.max_text_bytes, settings.llm.max_prompt_bytes)
    router = Router(
        chain,
        room=parts.room,
        bounds=bounds,
        turns=parts.engine.turns,
        first_message_s=settings.server.first_message_timeout_s,
        max_metadata_bytes=settings.server.max_metadata_bytes,
    )
    port = AioPort(settings.server, router, tls)
    data_port = GrpcServer(settings.server, port=port, router=router, health=health, drain=drain)
    _add_services(router, parts, monitor, data_port)
    parts.metrics.server_silent_calls.set_function(lambda: router.waiting_count)
    access = OpsAccess(settings.server.ops_hosts, authentication.guard(settings.server.ops_address))
    ops_port = OpsServer(parts.metrics, partial(unready_causes, health, monitor), access)
    try:
        # The operations port opens first, so that probes can watch the start.
        ops = await ops_port.start(settings.server.ops_address, tls.context() if tls else None)
        async with anyio.create_task_group() as tasks:
            # A full medium must be known before the first call.
            await monitor.look()
            listen = await data_port.start()
            update = partial(update_health, health, monitor, parts.gateway, parts.engine.clock)
            update()
            tasks.start_soon(monitor.run, update)
            tasks.start_soon(authentication.run, data_port.in_flight)
            try:
                yield RunningServer(
                    listen,
                    ops,
                    settings,
                    parts.engine,
                    parts.gateway,
                    data_port,
                    parts.stop,
                    monitor,
                    parts.journal,
                    authentication,
                )
            finally:
                tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await data_port.stop()
            await ops_port.stop()


def _monitor(parts: _ServerParts) -> Monitor:
    journal = parts.settings.journal
    on_disk = journal.kind is JournalKind.SQLITE
    return Monitor(
        parts.settings.pressure,
        sensors=Sensors(parts.settings.pressure, data_dir=journal.data_dir if on_disk else None),
        pids=parts.engine.vitals.pids,
        oldest_s=lambda: parts.engine.vitals.oldest_s,
        journal=parts.journal.health,
        shed=parts.engine.evictor.shed,
        metrics=parts.metrics,
    )


def _add_services(
    router: Router, parts: _ServerParts, monitor: Monitor, data_port: GrpcServer
) -> None:
    settings = parts.settings
    node = Node(
        settings,
        monitor=monitor,
        vitals=parts.engine.vitals,
        journal=parts.journal,
        health=parts.health,
        llm=parts.gateway,
        data_port=data_port,
        commit_s=parts.commit_s,
        request_stop=parts.stop.set,
        now_ns=parts.engine.clock.now_ns,
    )
    admin = AdminServicer(
        settings,
        node,
        parts.engine.decisions,
        embedder=parts.engine.embedder,
        partition_count=parts.journal.partition_count,
        semantics_version=parts.engine.new_spaces_version,
        methods=lambda: router.methods,
        now_ns=parts.engine.clock.now_ns,
    )
    servicers = _servicers(parts) | {"AdminService": admin}
    for service in SERVICES:
        router.add(service, servicers[service.name])
    router.add(health_names.SERVICE, parts.health, permission="")
    if settings.security.reflection is not ReflectionAccess.OFF:
        guarded = settings.security.reflection is ReflectionAccess.PERMISSION
        add_reflection(router, router.services, permission="info.read" if guarded else "")


def _servicers(parts: _ServerParts) -> dict[str, object]:
    """Return the servicers of all services but AdminService, by name of the service."""
    settings, engine, gateway = parts.settings, parts.engine, parts.gateway
    max_stream_age_s, clock = settings.server.max_stream_age_s, time.monotonic
    repairs = Repairs(
        gateway,
        engine.texts,
        engine.judging,
        max_tokens=settings.llm.max_tokens_limit,
        clock=clock,
    )
    generator = Generator(
        engine,
        gateway,
        repairs,
        max_tokens=settings.llm.max_tokens,
        metrics=parts.metrics,
        clock=clock,
    )
    return {
        "MemoryService": MemoryServicer(
            engine,
            now_ns=parts.engine.clock.now_ns,
            max_stream_age_s=max_stream_age_s,
        ),
        "CognitionService": CognitionServicer(engine, max_stream_age_s=max_stream_age_s),
        "GovernanceService": GovernanceServicer(
            engine.policies,
            engine.judging,
            repairs,
            max_text_bytes=settings.governance.max_text_bytes,
            now_ns=parts.engine.clock.now_ns,
        ),
        "GenerationService": GenerationServicer(generator, settings.llm),
        "SpaceService": SpaceServicer(engine.catalogue),
        "TenantService": TenantServicer(engine.tenants),
    }


def _remote_embedder(settings: Settings, metrics: Metrics) -> OpenAIEmbedder | None:
    """Return the remote embedder, or None unless configured. Blocks, so call it in a thread."""
    problems = list(embedder_problems(settings.space.embedder, settings.embedder))
    if problems:
        raise InvalidInput("The settings of the embedder are not valid.", violations=problems)
    if settings.space.embedder != "openai":
        return None
    from mlsdm_grpc.llm.embedders.remote import OpenAIEmbedder

    return OpenAIEmbedder(settings.embedder, settings.llm, metrics=metrics, clock=time.monotonic)
