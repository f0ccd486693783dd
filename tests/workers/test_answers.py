"""Encoded answers equal the contract's own messages."""

import numpy as np
import pytest
from drive import vector
from recalling import hits_of

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc._gen.mlsdm.v1 import memory_pb2, memory_query_pb2
from mlsdm_grpc._gen.mlsdm.v1.memory_query_pb2 import QueryMode
from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.model.bodies import CreateSpace, PutMemories
from mlsdm_grpc.core.model.new_memory import NewMemory, Provenance, Source
from mlsdm_grpc.core.model.parameters import SpaceParameters
from mlsdm_grpc.core.model.record import Record
from mlsdm_grpc.core.store.recall_query import Query
from mlsdm_grpc.errors import InvalidInput
from mlsdm_grpc.messages.stored_memories import memory_message
from mlsdm_grpc.workers.query_encoder import Answers, Found

DIMENSION = 16


def mind_of(count):
    mind = Mind()
    create = CreateSpace(SpaceParameters(dimension=DIMENSION, capacity=500))
    mind.apply(Record(1, 0, bytes(16), 1, create))
    memories = tuple(
        NewMemory(
            f"m{i}",
            vector(i, DIMENSION),
            True,
            text="é" * (i % 300),
            labels=tuple(f"l{j}" for j in range(i % 4)),
            metadata=tuple((f"k{j}", "v" * j) for j in range(i % 3)),
            provenance=Provenance(Source(i % 3), f"model {i}", "", (f"parent{i}",)),
            confidence=0.5 + i / (2 * count),
            phase=0.25,
            pinned=i % 7 == 0,
            expire_time_ns=10**18 + i if i % 5 == 0 else 0,
        )
        for i in range(count)
    )
    mind.apply(Record(2, 1, (2).to_bytes(16), 2, PutMemories(memories, False)))
    return mind


def request(*, batch, max_bytes=10**9, space_id=1):
    search = pb.SearchRequest(batch=batch, max_bytes=max_bytes)
    return pb.LinkRequest(space_id=space_id, search=search)


def queries(count, top_k=12, **fields):
    made = []
    for i in range(count):
        wide = vector(1_000 + i, DIMENSION).raw.astype(np.float64)
        made.append(
            Query(wide / np.linalg.norm(wide), 0.3, top_k=top_k, phase_tolerance=0.5, **fields)
        )
    return made


def expected(mind, query, *, rows):
    """Return the result of a query by way of the messages."""
    (hits,) = hits_of(mind, [query], now_ns=0)
    matches = [
        memory_pb2.Match(
            memory=memory_message(hit.memory, hit.row if rows else None),
            resonance=hit.resonance,
            score=hit.resonance,
            components=memory_pb2.MatchComponents(
                cosine=hit.components.cosine,
                phase_weight=hit.components.phase_factor,
                phase_distance=hit.components.phase_distance,
                synaptic_bias=hit.components.synaptic_bias,
            ),
        )
        for hit in hits
    ]
    return memory_query_pb2.MemoryQueryResult(
        matches=matches, phase=query.phase, mode=QueryMode.QUERY_MODE_VECTOR
    )


def encode(answers, mind, asked, *, rows=(), **fields):
    found = map(Found, asked, mind.find(asked, now_ns=0), (i in rows for i in range(len(asked))))
    return answers.encode(request(**fields), mind.contents.pelm, found, mind.revision)


@pytest.mark.parametrize("rows", [False, True])
def test_a_single_answer(rows):
    mind, answers = mind_of(300), Answers()
    for query in queries(40, phase_weight=0.5):
        raw = encode(answers, mind, [query], batch=False, rows={0} if rows else ())
        result = expected(mind, query, rows=rows)
        assert len(result.matches) == 12
        assert memory_query_pb2.QueryMemoriesResponse.FromString(raw) == (
            memory_query_pb2.QueryMemoriesResponse(
                matches=result.matches,
                phase=result.phase,
                revision=mind.revision,
                mode=result.mode,
            )
        )


def test_a_batch_with_rows_for_some():
    mind, answers = mind_of(300), Answers()
    asked = queries(40)
    raw = encode(answers, mind, asked, batch=True, rows={3, 39})
    assert memory_query_pb2.BatchQueryMemoriesResponse.FromString(raw) == (
        memory_query_pb2.BatchQueryMemoriesResponse(
            results=[expected(mind, q, rows=i in {3, 39}) for i, q in enumerate(asked)],
            revision=mind.revision,
        )
    )


def test_nothing_found_is_an_answer():
    mind = mind_of(3)
    (query,) = queries(1, min_resonance=0.9999)
    raw = encode(Answers(), mind, [query], batch=False)
    response = memory_query_pb2.QueryMemoriesResponse.FromString(raw)
    assert (list(response.matches), response.revision) == ([], 2)
    assert response.phase == np.float32(0.3)


def test_an_answer_that_is_too_large_is_refused_with_response_too_large():
    mind = mind_of(100)
    asked = queries(2)
    size = (
        len(encode(Answers(), mind, asked, batch=True)) - 2 - 2 * 3
    )  # without the revision and the frames
    encode(Answers(), mind, asked, batch=True, max_bytes=size)
    with pytest.raises(InvalidInput) as caught:
        encode(Answers(), mind, asked, batch=True, max_bytes=size - 1)
    assert caught.value.reason == "RESPONSE_TOO_LARGE"
    assert caught.value.metadata == {"limit": str(size - 1), "actual": str(size)}


def test_a_memory_that_changed_is_encoded_anew_and_spaces_share_nothing():
    mind, other, answers = mind_of(1), mind_of(1), Answers()
    (query,) = queries(1)
    first = encode(answers, mind, [query], batch=False)
    body = PutMemories((NewMemory("m0", vector(0), True, text="new"),), True)
    mind.apply(Record(3, 1, (3).to_bytes(16), 3, body))
    second = encode(answers, mind, [query], batch=False)
    (match,) = memory_query_pb2.QueryMemoriesResponse.FromString(second).matches
    assert match.memory.text == "new"
    assert encode(answers, other, [query], batch=False, space_id=2) == first


def test_the_bytes_that_are_kept_are_bounded():
    mind = mind_of(200)
    small, large = Answers(cache_bytes=4_000), Answers()
    for query in queries(50):
        assert encode(small, mind, [query], batch=False) == encode(
            large, mind, [query], batch=False
        )
        assert small.kept[1] <= 4_000
    assert small.kept[0] < 20 < large.kept[0]
