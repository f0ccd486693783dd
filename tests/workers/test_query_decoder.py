"""Queries that share a scan are validated one by one."""

import numpy as np
import pytest
from histories import DIMENSION, vector
from searching import by_vector, search_of

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc._gen.mlsdm.v1.memory_query_pb2 import (
    QUERY_MODE_LEXICAL,
    MemoryQuery,
    QueryMemoriesResponse,
)
from mlsdm_grpc.core.mind.steps import finish
from mlsdm_grpc.core.model.bodies import CreateSpace, PutMemories
from mlsdm_grpc.core.model.new_memory import NewMemory
from mlsdm_grpc.core.model.parameters import SpaceParameters
from mlsdm_grpc.core.model.record import Record
from mlsdm_grpc.errors import FieldViolation, InvalidInput, PreconditionFailed
from mlsdm_grpc.journal.codec.records import encode_record
from mlsdm_grpc.messages.stored_memories import embedding_message
from mlsdm_grpc.workers.progress import Progress
from mlsdm_grpc.workers.query_decoder import asked_of, queries_of
from mlsdm_grpc.workers.space_codec import raise_failure
from mlsdm_grpc.workers.space_worker import MindHandler

NOT_FINITE = FieldViolation("embedding", "has components that are not finite numbers")


MEMORIES = tuple(NewMemory(f"m{i}", vector(i, DIMENSION), True) for i in range(5))
RECORDS = [
    Record(1, 0, bytes(16), 1, CreateSpace(SpaceParameters(dimension=DIMENSION))),
    Record(2, 1, (2).to_bytes(16), 2, PutMemories(MEMORIES, False)),
]


def with_numbers(numbers, **options):
    return MemoryQuery(embedding=embedding_message(np.array(numbers, np.float32)), **options)


def ended(handler, *queries):
    """Return the answer or the error of each query; all arrive at once."""
    requests = [
        pb.LinkRequest(call_id=i + 1, space_id=1, search=search_of(query))
        for i, query in enumerate(queries)
    ]
    ends = []
    for reply in sorted(handler.handle(requests), key=lambda reply: reply.call_id):
        try:
            raise_failure(reply, "facts")
        except (InvalidInput, PreconditionFailed) as error:
            ends.append(error)
        else:
            found = QueryMemoriesResponse.FromString(reply.search.answer)
            ends.append([match.memory.memory_id for match in found.matches])
    return ends


@pytest.fixture
def handler():
    made = MindHandler(Progress())
    load = pb.LinkRequest(call_id=1, space_id=1, load=pb.LoadRequest())
    replies = made.handle([load])
    for i, record in enumerate(RECORDS):
        request = pb.LinkRequest(call_id=2 + i, space_id=1, apply=encode_record(record))
        replies += made.handle([request])
    while made.busy:
        replies += made.step()
    assert all(reply.WhichOneof("kind") != "failure" for reply in replies)
    return made


def test_an_invalid_query_fails_alone(handler):
    nan = [np.nan] * DIMENSION
    good = by_vector(vector(3, DIMENSION), top_k=1)
    ends = ended(
        handler,
        good,
        with_numbers(nan),
        with_numbers([1e-12] * DIMENSION),
        with_numbers([np.inf, *[0.0] * (DIMENSION - 1)], top_k=-1),
        good,
    )
    assert ends[0] == ends[4] == ["m3"]
    assert ends[1].violations == (NOT_FINITE,)
    assert [each.field for each in ends[2].violations] == ["embedding"]
    assert [each.field for each in ends[3].violations] == ["embedding", "top_k"]


def test_violations_come_before_a_wrong_dimension(handler):
    wrong, invalid = ended(handler, with_numbers([1.0] * 3), with_numbers([np.nan] * 3))
    assert wrong.reason == "DIMENSION_MISMATCH"
    assert wrong.metadata == {"space": "facts", "expected": str(DIMENSION), "actual": "3"}
    assert invalid.violations == (NOT_FINITE,)


def test_a_query_by_words_alone_ignores_its_vector_but_not_its_faults(handler):
    words = {"words": "nothing", "mode": QUERY_MODE_LEXICAL}
    other, invalid = ended(
        handler, with_numbers([1.0] * 3, **words), with_numbers([np.nan] * 3, **words)
    )
    assert other == []
    assert invalid.violations == (NOT_FINITE,)


def test_unit_vectors_do_not_depend_on_the_neighbours(handler):
    contents = handler.minds[1].contents
    searches = [search_of(by_vector(vector(seed, DIMENSION))) for seed in range(8)]
    together = finish(
        queries_of(contents, [(each, finish(asked_of(contents, each))) for each in searches])
    )
    for search, (query,) in zip(searches, together, strict=True):
        ((alone,),) = finish(queries_of(contents, [(search, finish(asked_of(contents, search)))]))
        assert query.vector.tobytes() == alone.vector.tobytes()


def steps_of(steps):
    """Return the number of steps, and the error at their end."""
    count = 0
    try:
        for _ in steps:
            count += 1
    except InvalidInput as error:
        return count, error
    return count, None


def test_each_query_of_a_batch_is_a_step_and_validated_once(handler):
    contents = handler.minds[1].contents
    words = [with_numbers([1.0] * 3, words="a", mode=QUERY_MODE_LEXICAL)] * 128
    assert steps_of(asked_of(contents, search_of(*words, batch=True))) == (128, None)


def test_a_batch_names_the_violations_of_all_its_queries(handler):
    contents, nan = handler.minds[1].contents, [np.nan] * DIMENSION
    good = by_vector(vector(3, DIMENSION))
    batch = search_of(good, with_numbers(nan), with_numbers(nan, top_k=-1), batch=True)
    _, error = steps_of(asked_of(contents, batch))
    assert [each.field for each in error.violations] == [
        "queries[1].embedding",
        "queries[2].embedding",
        "queries[2].top_k",
    ]
    batch = search_of(good, with_numbers(nan), batch=True)
    (error,) = finish(queries_of(contents, [(batch, finish(asked_of(contents, batch)))]))
    assert [each.field for each in error.violations] == ["queries[1].embedding"]


def test_a_scan_reports_its_size_although_its_first_query_is_invalid(handler):
    good = by_vector(vector(3, DIMENSION))
    requests = [
        pb.LinkRequest(call_id=i + 1, space_id=1, search=search_of(query))
        for i, query in enumerate([with_numbers([np.nan] * DIMENSION), good, good])
    ]
    replies = handler.handle(requests)
    assert [reply.search.batch_count for reply in replies] == [0, 3, 0]
    assert replies[1].search.query_cost_ns > 0
