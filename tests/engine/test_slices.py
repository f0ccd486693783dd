"""Long requests of a worker: what is urgent goes in between, and each sees one revision."""

import pytest
from drive import answers, vector

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc._gen.mlsdm.v1.memory_query_pb2 import (
    BatchQueryMemoriesResponse,
    QueryMemoriesResponse,
)
from mlsdm_grpc.core.mind import Mind
from mlsdm_grpc.core.record import (
    CreateSpace,
    NewMemory,
    PutMemories,
    Record,
    SpaceParameters,
)
from mlsdm_grpc.engine.minds import MindHandler
from mlsdm_grpc.engine.position import Position
from mlsdm_grpc.engine.slices import Job, Slices
from mlsdm_grpc.journal.records import encode_record
from mlsdm_grpc.journal.snapshot import read_snapshot

DIMENSION = 16
ROWS = 600


class Ticks:
    """A clock that moves with every look at it."""

    def __init__(self, step_s):
        self.now_s, self.step_s = 0.0, step_s

    def __call__(self):
        self.now_s += self.step_s
        return self.now_s


def put(revision, seed):
    memory = NewMemory(f"m{seed}", vector(seed, DIMENSION), True)
    body = PutMemories((memory,), allow_replace=True)
    return encode_record(Record(revision, 1, revision.to_bytes(16, "big"), revision, body))


def search(call_id, count, space_id=1, **fields):
    raw = b"".join(vector(seed, DIMENSION).raw.tobytes() for seed in range(count))
    request = pb.SearchRequest(
        vectors_f32_le=raw,
        queries=[pb.QueryOptions(top_k=1, phase_tolerance=1.0)] * count,
        max_bytes=10**9,
        batch=count > 1,
    )
    return pb.LinkRequest(call_id=call_id, space_id=space_id, search=request, **fields)


def apply(call_id, record, space_id=1):
    return pb.LinkRequest(call_id=call_id, space_id=space_id, apply=record)


def results(reply):
    """Return the results of a batch, or the one of a single query."""
    if reply.search.batch_count > 1:
        return BatchQueryMemoriesResponse.FromString(reply.search.answer).results
    return [QueryMemoriesResponse.FromString(reply.search.answer)]


def done(handler):
    """Work until nothing is left; return the call ids in the order of their replies."""
    replies = []
    while handler.busy:
        replies += handler.step()
    return replies


def put_off(handler, *requests):
    """Send requests of which none is answered; return the call ids of those that have to wait."""
    replies = handler.handle(requests)
    assert all(reply.waits and reply.WhichOneof("kind") is None for reply in replies)
    return [reply.call_id for reply in replies]


@pytest.fixture
def handler():
    """A worker with one space of some hundred memories whose slices are one step long."""
    handler = MindHandler(Position())
    handler._slices = Slices(Ticks(1.0))
    create = CreateSpace(SpaceParameters(dimension=DIMENSION, capacity=1_000))
    records = [encode_record(Record(1, 0, bytes(16), 1, create))]
    records += [put(revision, revision) for revision in range(2, ROWS + 2)]
    load = pb.LinkRequest(call_id=1, space_id=1, load=pb.LoadRequest())
    replay = pb.LinkRequest(call_id=2, space_id=1, replay=pb.ReplayRequest(records=records))
    assert answers(handler, load, replay)[-1].revision == ROWS + 1
    return handler


def test_a_single_query_goes_between_the_slices_of_a_batch(handler):
    assert handler.handle([search(10, 64)]) == []
    assert handler.busy
    (single,) = handler.handle([search(11, 1)])
    assert len(results(single)[0].matches) == 1
    (batch,) = done(handler)
    assert (batch.call_id, len(results(batch))) == (10, 64)
    assert batch.search.query_cost_ns > 0


def test_a_batch_says_how_many_bytes_each_of_its_scans_goes_through(handler, monkeypatch):
    find, said = Mind.find, []

    def noted(mind, queries, **fields):
        expected = mind.contents.pelm.vector_bytes * len(queries) // 256
        said.append((handler._position.step[1], expected))
        return find(mind, queries, **fields)

    monkeypatch.setattr(Mind, "find", noted)
    handler.handle([search(10, 64), search(11, 1)])
    assert len(done(handler)) == 1
    assert len(said) > 2
    assert all(actual == expected > 0 for actual, expected in said)


def test_a_write_waits_for_the_jobs_that_read_its_space_and_for_no_other(handler):
    other = answers(handler, pb.LinkRequest(call_id=3, space_id=2, load=pb.LoadRequest()))
    assert not other[0].failure.reason
    assert put_off(handler, search(10, 64), apply(11, put(ROWS + 2, 9_999))) == [11]
    create = CreateSpace(SpaceParameters(dimension=DIMENSION, capacity=10))
    elsewhere = apply(12, encode_record(Record(1, 0, bytes(16), 1, create)), space_id=2)
    assert handler.handle([elsewhere])[0].outcome.space_created.created
    replies = done(handler)
    assert [reply.call_id for reply in replies] == [10, 11]
    assert [reply.revision for reply in replies] == [ROWS + 1, ROWS + 2]


def test_writes_that_wait_keep_their_order_and_let_no_later_job_overtake(handler):
    writes = [apply(20 + i, put(ROWS + 2 + i, 5_000 + i)) for i in range(3)]
    assert put_off(handler, search(10, 64), *writes, search(30, 64)) == [20, 21, 22, 30]
    (single,) = handler.handle([search(40, 1)])
    assert single.revision == ROWS + 1
    replies = done(handler)
    assert [reply.call_id for reply in replies] == [10, 20, 21, 22, 30]
    assert replies[-1].revision == ROWS + 4


def test_a_snapshot_in_slices_is_of_one_revision(handler, tmp_path):
    wanted = pb.SnapshotRequest(path=str(tmp_path / "one"))
    snapshot = pb.LinkRequest(call_id=10, space_id=1, snapshot=wanted)
    assert handler.handle([snapshot]) == []
    assert handler.step() == []
    assert put_off(handler, apply(11, put(ROWS + 2, 9_999))) == [11]
    replies = done(handler)
    assert [(r.call_id, r.revision) for r in replies] == [(10, ROWS + 1), (11, ROWS + 2)]
    with (tmp_path / "one").open("rb") as file:
        mind = read_snapshot(file)
    assert mind.revision == ROWS + 1
    loaded = pb.LoadRequest(snapshot_path=str(tmp_path / "one"))
    request = pb.LinkRequest(call_id=12, space_id=3, load=loaded)
    assert put_off(handler, request, search(13, 64, space_id=3)) == [13]
    replies = done(handler)
    assert [(r.call_id, r.revision) for r in replies] == [(12, ROWS + 1), (13, ROWS + 1)]


def test_jobs_take_turns(handler):
    assert handler.handle([search(10, 64), search(11, 64)]) == []
    assert {reply.call_id for reply in done(handler)} == {10, 11}
    order = []

    def steps(name):
        for _ in range(3):
            order.append(name)
            yield

    slices = Slices(Ticks(1.0))
    for number, name in enumerate("ab"):
        request = pb.LinkRequest(call_id=number, space_id=number)
        slices.add(Job(request, pb.LinkReply(), steps(name), writes=False))
    while len(slices):
        slices.step()
    assert "".join(order) == "ababab"


def test_nobody_waits_for_a_job_that_was_cancelled(handler):
    handler.handle([search(10, 64), apply(11, put(ROWS + 2, 9_999))])
    replies = handler.handle([pb.LinkRequest(cancel=10)])
    assert [reply.call_id for reply in replies] == [10, 11]
    assert replies[1].revision == ROWS + 2
    assert not handler.busy
    assert handler.handle([pb.LinkRequest(cancel=10)]) == []


def test_nothing_is_done_for_a_caller_that_went_while_its_request_had_to_wait(handler):
    waiting = [apply(11, put(ROWS + 2, 9_999)), search(12, 64), search(13, 64)]
    assert put_off(handler, search(10, 64), *waiting) == [11, 12, 13]
    (reply,) = handler.handle([pb.LinkRequest(cancel=12)])
    assert (reply.call_id, reply.waits, reply.WhichOneof("kind")) == (12, False, None)
    assert handler.handle([pb.LinkRequest(cancel=12)]) == []
    assert [reply.call_id for reply in done(handler)] == [10, 11, 13]


def test_a_record_that_has_to_wait_is_applied_whoever_has_gone(handler):
    assert put_off(handler, search(10, 64), apply(11, put(ROWS + 2, 9_999))) == [11]
    assert handler.handle([pb.LinkRequest(cancel=11)]) == []
    replies = done(handler)
    assert [(reply.call_id, reply.revision) for reply in replies] == [
        (10, ROWS + 1),
        (11, ROWS + 2),
    ]


def test_what_has_expired_is_not_done(handler):
    (single,) = handler.handle([search(10, 1, deadline_ns=1)])
    assert single.failure.reason == "DEADLINE_EXPIRED"
    (batch,) = answers(handler, search(11, 64, deadline_ns=1))
    assert batch.failure.reason == "DEADLINE_EXPIRED"
    view = pb.LinkRequest(call_id=12, space_id=1, view=pb.ViewRequest(), deadline_ns=1)
    assert answers(handler, view)[0].failure.reason == "DEADLINE_EXPIRED"
    late = apply(13, put(ROWS + 2, 9_999))
    late.deadline_ns = 1
    assert answers(handler, late)[0].revision == ROWS + 2


def test_a_batch_finds_what_its_queries_find_one_by_one(handler):
    (batch,) = answers(handler, search(10, 50))
    singles = []
    for seed in range(50):
        request = search(11, 1)
        request.search.vectors_f32_le = vector(seed, DIMENSION).raw.tobytes()
        singles += results(answers(handler, request)[0])
    assert [result.matches for result in results(batch)] == [one.matches for one in singles]
