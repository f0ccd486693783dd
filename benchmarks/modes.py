"""Cost of the query modes and of the words of a put, in the worker of a space, in process.

    python benchmarks/modes.py            20,000 memories of 30 words, 384 dimensions
    python benchmarks/modes.py --served   queries of clients, CPU of all processes of a server
    python benchmarks/modes.py --quick    a smoke run of seconds

A query goes from its request on the link to its encoded reply: a vector alone, words alone, or
both. The base of the ratios is the query by the vector alone, in the same window. A put is the
record of one memory in a full space, with a vector alone or with a text too; the words of the texts
are indexed apart, as an idle worker does.
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import grpc
import numpy as np
from kernel import Case
from pairs import Contender, Ratio, compare, like_a_worker, options, publish
from processes import Process, call, serving, usage
from traffic import BATCH_PUT, CREATE_SPACE, DIMENSION, QUERY, TOP_K

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc._gen.mlsdm.v1.embedding_pb2 import Embedding
from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import Memory
from mlsdm_grpc._gen.mlsdm.v1.memory_put_pb2 import BatchPutMemoriesRequest
from mlsdm_grpc._gen.mlsdm.v1.memory_query_pb2 import (
    QUERY_MODE_LEXICAL,
    MemoryQuery,
    QueryMemoriesRequest,
    QueryMode,
)
from mlsdm_grpc._gen.mlsdm.v1.space_service_pb2 import CreateSpaceRequest
from mlsdm_grpc.core.model.bodies import CreateSpace, PutMemories
from mlsdm_grpc.core.model.new_memory import NewMemory, Vector
from mlsdm_grpc.core.model.parameters import SpaceParameters
from mlsdm_grpc.core.model.record import Record, RecordBody
from mlsdm_grpc.core.store.kernel import inverse_norm
from mlsdm_grpc.journal.codec.records import encode_record
from mlsdm_grpc.messages.queries import EncodedQueries
from mlsdm_grpc.workers.forked import WORKER_ENVIRONMENT
from mlsdm_grpc.workers.progress import Progress
from mlsdm_grpc.workers.space_worker import MindHandler

VOCABULARY, WORDS_OF_TEXT, WORDS_OF_QUERY = 20_000, 30, 8
QUERIES, PUTS = 256, 200
IN_FLIGHT = 16
BATCH = 1_000
_STOP_WORDS = "the and a of to in is i that it was for you my with on at what we did".split()  # noqa: SIM905
_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"


def vocabulary(size: int) -> list[str]:
    """Return English stop words and invented words, the most common ones first."""
    syllables = [a + b for a in _CONSONANTS for b in _VOWELS]
    invented = list(map("".join, itertools.product(syllables, repeat=3)))
    chosen = np.random.default_rng(5).choice(invented, size - len(_STOP_WORDS), replace=False)
    return [*_STOP_WORDS, *chosen.tolist()]


class Texts:
    """Texts whose words occur as often as in a language (Zipf's law)."""

    def __init__(self) -> None:
        self.words = np.array(vocabulary(VOCABULARY))
        self.shares = (1 / (np.arange(VOCABULARY) + 2.7)).cumsum()
        self.rng = np.random.default_rng(6)

    def text(self, words: int = WORDS_OF_TEXT) -> str:
        """Return a text of the given number of words."""
        places = self.shares.searchsorted(self.rng.random(words) * self.shares[-1])
        return " ".join(self.words[places].tolist()) + "."


class Worker:
    """The handler of a worker with one full space."""

    def __init__(self, case: Case, texts: Texts) -> None:
        self.case, self.texts = case, texts
        self.handler = MindHandler(Progress())
        self.revision = self.calls = 0
        self.texts_held: list[str] = []
        count = len(case.rows)
        self.send(load=pb.LoadRequest())
        self.send(apply=self.record(CreateSpace(SpaceParameters(DIMENSION, count))))
        for start in range(0, count, BATCH):
            rows = range(start, min(start + BATCH, count))
            self.texts_held += [texts.text() for _ in rows]
            memories = tuple(self.memory(row, self.texts_held[row]) for row in rows)
            self.send(apply=self.record(PutMemories(memories)))
        self.index()

    def send(self, **kind: object) -> pb.LinkReply:
        """Return the reply to a request."""
        self.calls += 1
        request = pb.LinkRequest(call_id=self.calls, space_id=1, now_ns=10**9, **kind)
        replies = self.handler.handle([request])
        while self.handler.busy:
            replies += self.handler.step()
        return next(reply for reply in replies if reply.call_id == self.calls)

    def index(self) -> None:
        """Index all new texts."""
        self.handler.begin_idle_work()
        while self.handler.busy:
            self.handler.step()

    def memory(self, row: int, text: str) -> NewMemory:
        """Return a memory with the vector of a row."""
        raw = self.case.rows[row % len(self.case.rows)]
        vector = Vector(raw, inverse_norm(raw))
        return NewMemory(f"01JDEXAMPLE{row:015}", vector, text=text)

    def record(self, body: RecordBody) -> bytes:
        """Return the next record of the space."""
        self.revision += 1
        return encode_record(
            Record(
                revision=self.revision,
                incarnation=min(self.revision - 1, 1),
                record_id=self.revision.to_bytes(16, "big"),
                time_ns=self.revision,
                body=body,
                request_id=self.revision.to_bytes(16, "big"),
                request_digest=bytes(32),
                semantics_version=2,
            )
        )

    def searches(self, *, vector: bool, words: bool) -> list[pb.SearchRequest]:
        """Return queries: the words and the vector are near those of a memory."""
        rng, searches = np.random.default_rng(8), []
        for number in range(QUERIES):
            held = self.texts_held[rng.integers(len(self.texts_held))].strip(".").split()
            text = " ".join(rng.choice(held, WORDS_OF_QUERY, replace=False)) if words else ""
            query = MemoryQuery(words=text, top_k=TOP_K)
            if vector:
                query.embedding.f32_le = self.case.queries[number].astype("<f4").tobytes()
            else:
                query = MemoryQuery(text=text, top_k=TOP_K, mode=QUERY_MODE_LEXICAL)
            encoded = EncodedQueries.of([query])
            searches.append(
                pb.SearchRequest(
                    queries=encoded.encoded, by_words=encoded.by_words, max_bytes=1 << 20
                )
            )
        return searches

    def asker(self, name: str, *, vector: bool, words: bool) -> Contender:
        """Return the queries of a mode."""
        searches = self.searches(vector=vector, words=words)

        def run(i: int) -> None:
            reply = self.send(search=searches[i % QUERIES])
            if reply.WhichOneof("kind") != "search":
                raise RuntimeError(str(reply))

        return Contender(name, run)

    def putter(self, name: str, *, words: bool) -> Contender:
        """Return puts that evict a memory each."""
        records: list[bytes] = []
        numbers = itertools.count(len(self.texts_held) * (2 + words))

        def before(_: int) -> None:
            memories = [
                self.memory(next(numbers), self.texts.text() if words else "") for _ in range(PUTS)
            ]
            records[:] = [self.record(PutMemories((memory,))) for memory in memories]

        def run(_: int) -> None:
            for record in records:
                self.send(apply=record)

        return Contender(name, run, per_run=PUTS, before=before)

    def indexer(self, name: str) -> Contender:
        """Return the indexing of the words of puts."""
        putter = self.putter("", words=True)

        def before(i: int) -> None:
            if putter.before is not None:
                putter.before(i)
            putter.run(i)

        return Contender(name, lambda _: self.index(), per_run=PUTS, before=before)


class Client:
    """A client of a server with one full space of vectors and texts.

    Args:
        server: The server.
        case: The vectors.
        texts: Source of the texts.
    """

    def __init__(self, server: Process, case: Case, texts: Texts) -> None:
        self.server, self.case = server, case
        self.texts_held = [texts.text() for _ in case.rows]
        config = {"dimension": DIMENSION, "capacity": len(case.rows)}
        create = CreateSpaceRequest(space="full", config=config)
        call(server.target, CREATE_SPACE, create.SerializeToString())
        memories = zip(case.rows, self.texts_held, strict=True)
        while part := list(itertools.islice(memories, BATCH)):
            put = BatchPutMemoriesRequest(
                space="full",
                memories=[
                    Memory(text=text, embedding=Embedding(f32_le=row.tobytes()))
                    for row, text in part
                ],
            )
            call(server.target, BATCH_PUT, put.SerializeToString())

    def asker(self, name: str, *, vector: bool, words: bool) -> Contender:
        """Return concurrent queries of a mode; their cost is the CPU time of the server."""
        rng, requests = np.random.default_rng(8), []
        for number in range(QUERIES):
            request = QueryMemoriesRequest(space="full", top_k=TOP_K)
            if vector:
                request.embedding.f32_le = self.case.queries[number].astype("<f4").tobytes()
            held = self.texts_held[rng.integers(len(self.texts_held))].strip(".").split()
            if words:
                text = " ".join(rng.choice(held, WORDS_OF_QUERY, replace=False))
                setattr(request, "words" if vector else "text", text)
            if not vector:
                request.mode = QueryMode.QUERY_MODE_LEXICAL
            requests.append(request.SerializeToString())
        return Contender(name, lambda _: asyncio.run(self._asked(requests)), per_run=QUERIES)

    async def _asked(self, requests: Sequence[bytes]) -> None:
        waiting = iter(requests)
        async with grpc.aio.insecure_channel(self.server.target) as channel:
            query = channel.unary_unary(QUERY)

            async def ask() -> None:
                for request in waiting:
                    await query(request)

            async with asyncio.TaskGroup() as tasks:
                for _ in range(IN_FLIGHT):
                    tasks.create_task(ask())


def served(case: Case, texts: Texts, windows: int) -> list[Contender]:
    """Return the cost of queries of clients, CPU seconds of all processes of a server."""
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as server:
        client = Client(server, case, texts)
        contenders = [
            client.asker("query of a client, VECTOR", vector=True, words=False),
            client.asker("query of a client, HYBRID", vector=True, words=True),
            client.asker("query of a client, LEXICAL", vector=False, words=True),
        ]
        for number in range(windows + 1):
            for contender in contenders:
                began_s = usage(server).cpu_s
                contender.run(number)
                spent_s = usage(server).cpu_s - began_s
                if number:  # the first window warms up
                    contender.seconds.append(spent_s / contender.per_run)
    return contenders


def rows(contenders: Sequence[Contender]) -> Iterator[str]:
    """Yield a line for each contender; the first one is the base."""
    for contender in contenders:
        ratio = Ratio.of(contender, contenders[0])
        yield f"| {contender.name} | {contender.median_us:.0f} | {ratio} |"


def in_worker(case: Case, texts: Texts, windows: int, window_s: float) -> list[list[Contender]]:
    """Return the cost of queries and puts in the worker of a space."""
    worker = Worker(case, texts)
    queries = [
        worker.asker("query, VECTOR", vector=True, words=False),
        worker.asker("query, HYBRID", vector=True, words=True),
        worker.asker("query, LEXICAL", vector=False, words=True),
    ]
    compare(queries, windows=windows, window_s=window_s)
    puts = [
        worker.putter("put, vector alone", words=False),
        worker.putter("put, vector and text", words=True),
        worker.indexer("words of a put, indexed later"),
    ]
    compare(puts, windows=windows, window_s=window_s)
    return [queries, puts]


def main() -> None:
    """Run and print; with ``--write`` also into a file."""
    parser = options(__doc__)
    parser.set_defaults(window_s=1.0)
    parser.add_argument("--served", action="store_true", help="queries of clients of a server")
    given = parser.parse_args()
    like_a_worker(*WORKER_ENVIRONMENT)
    count = 2_000 if given.quick else 20_000
    windows, window_s = (1, 0.05) if given.quick else (given.windows, given.window_s)
    case, texts = Case.of("latent 24", count, DIMENSION), Texts()
    if given.served:
        tables = [served(case, texts, windows)]
        length = f"{QUERIES} queries, {IN_FLIGHT} at a time"
    else:
        tables = in_worker(case, texts, windows, window_s)
        length = f"{window_s} s"
    title = f"{count} memories of {WORDS_OF_TEXT} words, {DIMENSION} dimensions."
    lines = [f"{title} Median, range of {windows} paired windows of {length}."]
    for table in tables:
        lines += ["", "| what | us | over the first |", "|---|---|---|", *rows(table)]
    publish(lines, given.write)


if __name__ == "__main__":
    main()
