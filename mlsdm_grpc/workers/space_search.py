"""Searches in the spaces of a worker: single queries share a scan, batches run in slices."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Final, TypeAlias, TypeVar

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.mind.steps import finish
from mlsdm_grpc.core.store.recall_query import Query, RecalledSlots
from mlsdm_grpc.errors import InvalidInput
from mlsdm_grpc.workers.progress import Progress
from mlsdm_grpc.workers.query_decoder import Asked, asked_of, queries_of
from mlsdm_grpc.workers.query_encoder import Answers, Found
from mlsdm_grpc.workers.scheduler import SLICE_S
from mlsdm_grpc.workers.space_codec import add_failure
from mlsdm_grpc.workers.space_reads import MindOf, check_deadline, contents_of

__all__ = ["FIRST_QUERIES", "Searches"]

_Waiting: TypeAlias = tuple[pb.LinkRequest, pb.LinkReply, Asked]
FIRST_QUERIES: Final = 8
"""Number of queries of a batch that are answered first, to measure the time of one query."""
# Divisor of the bytes that a query reports as read. A scan is much faster than reading a snapshot,
# for which the time limit of a step is made.
_SCANNED_AT_ONCE: Final = 256
_T = TypeVar("_T")


class Searches:
    """Search operations of a worker.

    Args:
        position: Progress page of the worker.
        mind_of: Function that returns the mind for a request.
        is_held: Function that returns True if a space is loaded in this worker.
        fail: Function that writes an error into a reply.
    """

    def __init__(
        self,
        position: Progress,
        *,
        mind_of: MindOf,
        is_held: Callable[[int], bool],
        fail: Callable[[pb.LinkRequest, pb.LinkReply, Exception], None],
    ) -> None:
        self._position = position
        self._mind_of = mind_of
        self._is_held = is_held
        self._fail = fail
        self._answers = Answers()

    def search(self, requests: Sequence[pb.LinkRequest]) -> list[pb.LinkReply]:
        """Answer single queries on one space with one scan.

        An error in one request does not affect the others.
        """
        replies, asked, began_ns = list[pb.LinkReply](), list[_Waiting](), time.thread_time_ns()
        for request in requests:
            reply = pb.LinkReply(call_id=request.call_id)
            replies.append(reply)
            try:
                check_deadline(request)
                mind = self._mind_of(request)
                asked.append((request, reply, finish(asked_of(contents_of(mind), request.search))))
                reply.revision = mind.revision
            except Exception as error:  # noqa: BLE001 - the top of the worker's loop
                self._fail(request, reply, error)
                reply.unloaded = not self._is_held(request.space_id)
        if not asked:
            return replies
        try:
            self._search_together(mind, asked)
        except Exception as error:  # noqa: BLE001 - the top of the worker's loop
            for request, reply, _ in asked:
                self._fail(request, reply, error)
            return replies
        first = next((reply for _, reply, _ in asked if reply.HasField("search")), None)
        if first is not None:
            first.search.batch_count = len(asked)
            first.search.query_cost_ns = (time.thread_time_ns() - began_ns) // len(asked)
        return replies

    def _search_together(self, mind: Mind, asked: Sequence[_Waiting]) -> None:
        """Answer several requests of one query each with one scan."""
        searches = [(request.search, of_request) for request, _, of_request in asked]
        queries = finish(queries_of(contents_of(mind), searches))
        valid = list[tuple[pb.LinkRequest, pb.LinkReply, Query, bool]]()
        for (request, reply, (one,)), found in zip(asked, queries, strict=True):
            if isinstance(found, InvalidInput):
                self._fail(request, reply, found)
            else:
                valid.append((request, reply, found[0], one.include_embedding))
        # The scan uses one time for all queries, the latest one, to exclude expired memories.
        now_ns = max(request.now_ns for request, _, _ in asked)
        slots = self._find(mind, [query for _, _, query, _ in valid], now_ns=now_ns)
        for (request, reply, query, with_rows), of_query in zip(valid, slots, strict=True):
            self._answer(mind, request, reply, [Found(query, of_query, with_rows)])

    def search_many(self, request: pb.LinkRequest, reply: pb.LinkReply) -> Iterator[None]:
        """Answer a batch of queries in groups, each of which takes about one slice."""
        yield
        mind = self._mind_of(request)
        contents = contents_of(mind)
        asked, decoding_ns = yield from _timed(asked_of(contents, request.search))
        (queries,), preparing_ns = yield from _timed(
            queries_of(contents, [(request.search, asked)])
        )
        if isinstance(queries, InvalidInput):
            raise queries
        before_ns = (decoding_ns + preparing_ns) // max(len(queries), 1)
        results = list[RecalledSlots]()
        spent_ns, cost_ns, count = 0, 0, FIRST_QUERIES
        while len(results) < len(queries):
            check_deadline(request)
            some = queries[len(results) : len(results) + count]
            began_ns = time.thread_time_ns()
            found = self._find(mind, some, now_ns=request.now_ns)
            spent_ns += time.thread_time_ns() - began_ns
            results += found
            cost_ns = spent_ns // len(results)
            # The measured cost of a query determines how many fit into a slice.
            count = max(1, int(SLICE_S * 1e9) // max(cost_ns, 1))
            yield
        with_rows = [each.include_embedding for each in asked]
        self._answer(mind, request, reply, map(Found, queries, results, with_rows))
        if reply.WhichOneof("kind") == "search":
            reply.search.batch_count = len(queries)
            reply.search.query_cost_ns = before_ns + cost_ns

    def _find(self, mind: Mind, queries: Sequence[Query], *, now_ns: int) -> list[RecalledSlots]:
        """Search for several queries in one scan, and report the size of the scan as progress."""
        rows = contents_of(mind).pelm.vector_bytes
        self._position.enter(step_bytes=rows * len(queries) // _SCANNED_AT_ONCE)
        return mind.find(queries, now_ns=now_ns)

    def _answer(
        self,
        mind: Mind,
        request: pb.LinkRequest,
        reply: pb.LinkReply,
        found: Iterable[Found],
    ) -> None:
        pelm = contents_of(mind).pelm
        try:
            reply.search.answer = self._answers.encode(request, pelm, found, mind.revision)
        except InvalidInput as error:
            add_failure(reply, error)


def _timed(steps: Generator[None, None, _T]) -> Generator[None, None, tuple[_T, int]]:
    """Return the result of steps and their CPU time, nanoseconds."""
    spent_ns = 0
    while True:
        began_ns = time.thread_time_ns()
        try:
            next(steps)
        except StopIteration as end:
            return end.value, spent_ns + time.thread_time_ns() - began_ns
        spent_ns += time.thread_time_ns() - began_ns
        yield
