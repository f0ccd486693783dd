"""Kinds of calls for load on servers, and the spaces that these calls need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import load
from load import Flow, LoadError
from processes import Process, call
from traffic import (
    BATCH_QUERY,
    DIMENSION,
    EVALUATE,
    GENERATE,
    INGEST,
    LIST,
    PROCESS_EVENT,
    PUT,
    QUERY,
    STATE,
    STREAM_GENERATE,
    TEXT_DIMENSION,
    Traffic,
    ingest_opens,
)
from windows import Side, loaded

from mlsdm_grpc._gen.mlsdm.v1.cognition_service_pb2 import ProcessEventResponse
from mlsdm_grpc._gen.mlsdm.v1.generation_service_pb2 import (
    GenerateRequest,
    GenerateResponse,
    StreamGenerateRequest,
)
from mlsdm_grpc._gen.mlsdm.v1.memory_put_pb2 import PutMemoryResponse
from mlsdm_grpc.units import KIB

__all__ = ["CONNECTIONS", "IN_FLIGHT", "MEASURED", "QUERIES", "QUICK", "Sizes", "Work", "Workload"]

CONNECTIONS, IN_FLIGHT = 8, 8
QUERIES = 32
"""Queries of one BatchQueryMemories."""
PAGES_IN_FLIGHT = 2
PAGE_WINDOWS = 3
"""A page can take longer than a short window."""
BATCHES_IN_FLIGHT = 2
"""Rate on one connection; a higher rate would cause bursts that are long relative to a window."""
MEMORIES = 64
"""Memories of one message of IngestMemories."""
GENERATIONS_IN_FLIGHT = 4
"""An answer takes so long that more would wait beyond the window;"""
GENERATION_WINDOWS = 3
"""and the window is so many times longer, for it to hold several days of a mind."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of spaces and of files of requests."""

    small: int
    """Memories of the small space."""
    full: int
    """Memories of all others, and capacity of all."""
    vectors: int
    """Distinct vectors of a file."""


MEASURED = Sizes(small=1_000, full=20_000, vectors=10_240)
QUICK = Sizes(small=200, full=2_000, vectors=640)


@dataclass(frozen=True, slots=True)
class Work:
    """Calls of one kind in a closed loop."""

    what: str
    """Title of its line in a table."""
    space: str
    """Space of the calls; empty for none."""
    method: str
    messages: Path
    items: int = 1
    """Pieces of work in one call."""
    connections: int = CONNECTIONS
    in_flight: int = IN_FLIGHT
    """Calls at once on one connection."""
    windows: int = 1
    """Length of a window, in windows of the others."""
    server_stream: bool = False
    opens: Sequence[bytes] = ()
    batch_items: int = 0

    def flow(self, server: Process) -> Flow:
        """Return the calls, without steps, for a server."""
        return Flow(
            f"{self.method} of {self.messages.name}",
            server.target,
            self.method,
            self.messages,
            (),
            connections=self.connections,
            in_flight=self.in_flight,
            server_stream=self.server_stream,
            opens=self.opens,
            batch_items=self.batch_items,
            # A page of an earlier version may take seconds; what counts is its processor time.
            deadline_s=60.0,
        )

    def side(self, server: Process, name: str) -> Side:
        """Return these calls of a server as a side of a comparison."""
        run = loaded(server, self.flow(server), self.items)
        return Side(name, lambda window_s: run(self.windows * window_s))

    def first(self, server: Process) -> bytes:
        """Return the answer to the first of the requests."""
        return call(server.target, self.method, load.first_message(self.messages))


class Workload:
    """All kinds of calls, prepared in files; the same for every server.

    Args:
        folder: Where the files go.
        sizes: Sizes of spaces and files.
    """

    def __init__(self, folder: Path, sizes: Sizes) -> None:
        self._sizes = sizes
        self.traffic = traffic = Traffic.of(folder, rows=sizes.full, count=sizes.vectors)
        small, full = f"{sizes.small}", f"full {sizes.full}"
        self.query = self._queries("small", small)
        self.query_full = self._queries("full", full)
        self.put = Work("PutMemory, evicting", "puts", PUT, traffic.puts("puts"))
        self.put_vector = Work(
            "PutMemory, vector alone, evicting", "vectors", PUT, traffic.vector_puts("vectors")
        )
        self.list = Work(
            f"ListMemories, {small} with vectors",
            "full",
            LIST,
            traffic.pages("full", sizes.small),
            connections=PAGES_IN_FLIGHT,
            in_flight=1,
            windows=PAGE_WINDOWS,
        )
        self.state = Work("GetState", "full", STATE, traffic.states("full"))
        self.put_text = Work("PutMemory, text, evicting", "texts", PUT, traffic.text_puts("texts"))
        self.event = Work("ProcessEvent, full", "events", PROCESS_EVENT, traffic.events("events"))
        self.batch = self._batches("small", small)
        self.batch_full = self._batches("full", full)
        self.ingest = Work(
            "IngestMemories, a memory",
            "ingest",
            INGEST,
            traffic.ingest_batches("ingest", MEMORIES),
            in_flight=BATCHES_IN_FLIGHT,
            opens=ingest_opens("ingest", CONNECTIONS),
            batch_items=MEMORIES,
        )
        self.evaluate = self._evaluations(800)
        self.evaluate_long = self._evaluations(8 * KIB, in_flight=1)
        self.generate = self._generations("Generate", GENERATE, "talks", GenerateRequest)
        self.stream_generate = self._generations(
            "StreamGenerate", STREAM_GENERATE, "streamed", StreamGenerateRequest
        )

    def _queries(self, space: str, size: str) -> Work:
        return Work(f"QueryMemories, {size}", space, QUERY, self.traffic.queries(space))

    def _batches(self, space: str, size: str) -> Work:
        return Work(
            f"BatchQueryMemories {QUERIES}, {size}",
            space,
            BATCH_QUERY,
            self.traffic.batch_queries(space, QUERIES),
            items=QUERIES,
            in_flight=BATCHES_IN_FLIGHT,
        )

    def _evaluations(self, characters: int, *, in_flight: int = IN_FLIGHT) -> Work:
        return Work(
            f"EvaluateContent, {characters} characters",
            "",
            EVALUATE,
            self.traffic.evaluations(characters),
            in_flight=in_flight,
        )

    def _generations(
        self,
        what: str,
        method: str,
        space: str,
        message: type[GenerateRequest | StreamGenerateRequest],
    ) -> Work:
        return Work(
            f"{what} with `echo`",
            space,
            method,
            self.traffic.prompts(space, message),
            connections=GENERATIONS_IN_FLIGHT,
            in_flight=1,
            windows=GENERATION_WINDOWS,
            server_stream=method == STREAM_GENERATE,
        )

    def fill(self, server: Process, works: Iterable[Work]) -> None:
        """Create and fill the spaces that some kinds of calls need.

        Raises:
            LoadError: A call is not answered as a measured one has to be.
        """
        works = list(works)
        for space in {work.space for work in works if work.space}:
            self.traffic.fill(
                server.target,
                space,
                self._sizes.small if space == "small" else self._sizes.full,
                capacity=self._sizes.full,
                dimension=TEXT_DIMENSION if space in {"texts", "talks", "streamed"} else DIMENSION,
            )
        for work in works:
            if not (work.opens or work.server_stream):
                check_answer(work, work.first(server))


def check_answer(work: Work, answer: bytes) -> None:
    """Raise an error for a call that does less work than expected."""
    if work.method == PUT and not PutMemoryResponse.FromString(answer).evicted_memory_ids:
        raise LoadError(f"{work.what}: the space is not full")
    if (
        work.method == PROCESS_EVENT
        and not ProcessEventResponse.FromString(answer).outcome.accepted
    ):
        raise LoadError(f"{work.what}: the events are refused")
    if work.method == GENERATE and not GenerateResponse.FromString(answer).memory_ids:
        raise LoadError(f"{work.what}: the answers are not remembered")
