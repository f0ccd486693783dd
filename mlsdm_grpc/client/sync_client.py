"""The synchronous client: the methods of the asyncio client, for programs without an event loop."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypedDict, Unpack

import grpc

from mlsdm_grpc.client.attempts import OnWait
from mlsdm_grpc.client.blocking import BlockingContext, blocking, iterating, sending
from mlsdm_grpc.client.client import MemoryClient
from mlsdm_grpc.client.memory_writer import MemoryWriter

__all__ = ["ClientOptions", "SyncMemoryClient", "SyncMemoryWriter"]


class ClientOptions(TypedDict, total=False):
    """Options of a client; see :class:`MemoryClient`."""

    token: str | Callable[[], str] | None
    space: str
    timeout_s: float
    credentials: grpc.ChannelCredentials | None
    tenant: str | None
    on_wait: OnWait | None


class SyncMemoryWriter(BlockingContext[MemoryWriter]):
    """A :class:`MemoryWriter` whose methods block."""

    put = blocking(MemoryWriter.put)
    add = blocking(MemoryWriter.add)
    flush = blocking(MemoryWriter.flush)

    @property
    def results(self) -> dict[str, int]:
        """Number of memories for each result so far."""
        return self.inner.results


class SyncMemoryClient(BlockingContext[MemoryClient]):
    """A :class:`MemoryClient` whose methods block; use it as a context manager.

    Any number of threads may share one client. Its calls run in one background thread for the
    process, where the functions ``token`` and ``on_wait`` are called too. An interrupt of a waiting
    thread cancels its call. What the asyncio client yields comes from plain iterators; closing one
    ends its call::

        with SyncMemoryClient("127.0.0.1:50051") as memory:
            memory.put("The invoice is due on Friday.", labels=["topic:billing"])
            for each in memory.list():
                print(each.text)

    A generator that :meth:`ingest` or :meth:`stream_events` sends is read in another thread, as
    items are needed; the other methods read it whole before they send anything.

    Args:
        target: Address of the server; see :class:`MemoryClient`.
        options: Arguments of :class:`MemoryClient`.

    Raises:
        InvalidInput: An argument is invalid.
    """

    def __init__(self, target: str | None = None, **options: Unpack[ClientOptions]) -> None:
        super().__init__(MemoryClient(target, **options))

    @property
    def space(self) -> str:
        """Space of calls that name none."""
        return self.inner.space

    @functools.wraps(MemoryClient.writer)
    def writer(self, **arguments: Any) -> SyncMemoryWriter:
        """Return a writer whose methods block; ``on_outcome`` is called in another thread."""
        return SyncMemoryWriter(self.inner.writer(**arguments))

    analyze_speech = blocking(MemoryClient.analyze_speech)
    consolidate = blocking(MemoryClient.consolidate)
    create_space = blocking(MemoryClient.create_space)
    delete = blocking(MemoryClient.delete)
    drain = blocking(MemoryClient.drain)
    evaluate = blocking(MemoryClient.evaluate)
    export = iterating(MemoryClient.export)
    generate = blocking(MemoryClient.generate)
    get = blocking(MemoryClient.get)
    get_policy = blocking(MemoryClient.get_policy)
    get_space = blocking(MemoryClient.get_space)
    get_tenant = blocking(MemoryClient.get_tenant)
    health = blocking(MemoryClient.health)
    health_names = blocking(MemoryClient.health_names)
    ingest = sending(MemoryClient.ingest)
    list_spaces = iterating(MemoryClient.list_spaces)
    list_tenants = iterating(MemoryClient.list_tenants)
    process_event = blocking(MemoryClient.process_event)
    put = blocking(MemoryClient.put)
    put_batches = iterating(MemoryClient.put_batches)
    put_many = blocking(MemoryClient.put_many)
    query = blocking(MemoryClient.query)
    query_many = blocking(MemoryClient.query_many)
    repair_speech = blocking(MemoryClient.repair_speech)
    server_info = blocking(MemoryClient.server_info)
    set_policy = blocking(MemoryClient.set_policy)
    set_tenant = blocking(MemoryClient.set_tenant)
    state = blocking(MemoryClient.state)
    stream_events = sending(MemoryClient.stream_events)
    stream_generate = iterating(MemoryClient.stream_generate)
    update = blocking(MemoryClient.update)
    update_space = blocking(MemoryClient.update_space)
    watch_health = iterating(MemoryClient.watch_health)
    watch_state = iterating(MemoryClient.watch_state)
    who_am_i = blocking(MemoryClient.who_am_i)

    # The last name of the class: after it, ``list`` would mean this method.
    list = iterating(MemoryClient.list)
