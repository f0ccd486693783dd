"""Long requests of a worker: urgent requests run between slices, and see no partial change."""

import gc
import weakref
from hashlib import sha256

import pytest
from drive import answers, vector
from searching import by_vector, search_of

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc._gen.mlsdm.v1.memory_query_pb2 import (
    BatchQueryMemoriesResponse,
    QueryMemoriesResponse,
)
from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.mind.pelm import Pelm
from mlsdm_grpc.core.model.bodies import CreateSpace, PutMemories
from mlsdm_grpc.core.model.new_memory import NewMemory
from mlsdm_grpc.core.model.parameters import SpaceParameters
from mlsdm_grpc.core.model.record import Record
from mlsdm_grpc.journal.codec.records import encode_record
from mlsdm_grpc.journal.codec.snapshots import snapshot_bytes
from mlsdm_grpc.workers.progress import Progress
from mlsdm_grpc.workers.scheduler import Job, LockMode, Slices
from mlsdm_grpc.workers.space_worker import MindHandler

DIMENSION = 16
ROWS = 600
POSITION = Progress()


class Ticks:
    """A clock that moves with every look at it."""

    def __init__(self, step_s):
        self.now_s, self.step_s = 0.0, step_s

    def __call__(self):
        self.now_s += self.step_s
        return self.now_s


def put(revision, *seeds):
    memories = tuple(NewMemory(f"m{seed}", vector(seed, DIMENSION), True) for seed in seeds)
    body = PutMemories(memories, allow_replace=True)
    return encode_record(Record(revision, 1, revision.to_bytes(16, "big"), revision, body))


def search(call_id, count, space_id=1, **fields):
    queries = [by_vector(vector(seed, DIMENSION), top_k=1) for seed in range(count)]
    request = search_of(*queries, batch=count > 1)
    return pb.LinkRequest(call_id=call_id, space_id=space_id, search=request, **fields)


def apply(call_id, record, space_id=1):
    return pb.LinkRequest(call_id=call_id, space_id=space_id, apply=record)


def snapshot(call_id, path):
    wanted = pb.SnapshotRequest(path=str(path))
    return pb.LinkRequest(call_id=call_id, space_id=1, snapshot=wanted)


def load(call_id, path, space_id=3):
    wanted = pb.LoadRequest(snapshot_path=str(path))
    return pb.LinkRequest(call_id=call_id, space_id=space_id, load=wanted)


def results(reply):
    """Return the results of a batch, or the one of a single query."""
    if reply.search.batch_count > 1:
        return BatchQueryMemoriesResponse.FromString(reply.search.answer).results
    return [QueryMemoriesResponse.FromString(reply.search.answer)]


def done(handler):
    """Work until all work is done; return the call ids in the order of their replies."""
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
    handler = MindHandler(POSITION, clock=Ticks(1.0))
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
        said.append((POSITION.step[1], expected))
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


def test_writes_go_between_the_slices_of_a_snapshot_and_are_not_in_it(handler, tmp_path):
    before = snapshot_bytes(handler.minds[1])
    assert handler.handle([snapshot(10, tmp_path / "one")]) == []
    assert handler.step() == []
    writes, replies = [], []
    while handler.busy:
        for _ in range(10):
            # New memories, others in place of those that are there, and some that leave for them.
            revision = ROWS + 2 + len(writes)
            writes.append(put(revision, revision * 7 % 1_500))
            (written,) = handler.handle([apply(11, writes[-1])])
            assert (written.revision, written.waits) == (revision, False)
        replies += handler.step()
    (reply,) = replies
    assert len(writes) > 500
    assert reply.done.snapshot_revision == ROWS + 1
    file = (tmp_path / "one").read_bytes()
    assert file.startswith(before)
    assert (reply.done.count, reply.done.sha256) == (len(file), sha256(file).digest())
    assert handler.minds[1].contents.pelm.kept_bytes == 0
    replay = pb.ReplayRequest(records=writes)
    later = pb.LinkRequest(call_id=13, space_id=3, replay=replay)
    assert not any(r.failure.reason for r in answers(handler, load(12, tmp_path / "one"), later))
    assert snapshot_bytes(handler.minds[3]) == snapshot_bytes(handler.minds[1])


def batch(revision, count):
    return put(revision, *range(10_000, 10_000 + count))


def test_a_snapshot_that_was_let_in_before_a_long_record_holds_nothing_of_it(handler, tmp_path):
    before = snapshot_bytes(handler.minds[1])
    handler.handle([snapshot(10, tmp_path / "one"), apply(11, batch(ROWS + 2, 100))])
    replies = {reply.call_id: reply for reply in done(handler)}
    assert replies[10].done.snapshot_revision == ROWS + 1
    assert replies[11].revision == ROWS + 2
    assert (tmp_path / "one").read_bytes().startswith(before)


def test_a_snapshot_that_is_asked_for_amid_a_long_record_holds_all_of_it(handler, tmp_path):
    handler.handle([apply(11, batch(ROWS + 2, 100))])
    assert put_off(handler, snapshot(10, tmp_path / "one")) == [10]
    replies = {reply.call_id: reply for reply in done(handler)}
    assert replies[10].done.snapshot_revision == ROWS + 2
    assert (tmp_path / "one").read_bytes().startswith(snapshot_bytes(handler.minds[1]))


def test_what_reads_in_steps_rests_while_a_record_is_half_applied(handler, monkeypatch):
    looked = []
    scrub = Pelm.scrub
    monkeypatch.setattr(
        Pelm, "scrub", lambda pelm, *args: looked.append(len(pelm)) or scrub(pelm, *args)
    )
    monkeypatch.setattr("mlsdm_grpc.workers.space_integrity.SCRUBBED_AT_ONCE", 10)
    wanted = pb.ScrubRequest(start=0, count=1_000)
    handler.handle([pb.LinkRequest(call_id=10, space_id=1, scrub=wanted)])
    for _ in range(10):
        handler.step()
    handler.handle([apply(11, batch(ROWS + 2, 100))])
    done(handler)
    assert set(looked) == {ROWS, ROWS + 100}


def test_a_record_that_is_half_applied_has_no_revision(handler):
    mind = handler.minds[1]
    chain, time_ns = mind.chain, mind.time_ns
    handler.handle([apply(11, batch(ROWS + 2, 100))])
    while handler.busy:
        assert (mind.revision, mind.chain, mind.time_ns) == (ROWS + 1, chain, time_ns)
        replies = handler.step()
    assert (replies[0].revision, mind.revision) == (ROWS + 2, ROWS + 2)


def test_writes_wait_for_a_snapshot_that_would_copy_too_much(handler, tmp_path, monkeypatch):
    handler.handle([snapshot(10, tmp_path / "one")])
    handler.step()
    kept = [handler.minds[1].contents.pelm.kept_bytes]
    for i in range(8):
        assert not handler.handle([apply(11, put(ROWS + 2 + i, ROWS - i))])[0].waits
        kept.append(handler.minds[1].contents.pelm.kept_bytes)
    assert kept == sorted(set(kept))  # each of them was copied
    monkeypatch.setattr("mlsdm_grpc.workers.space_worker.MAX_KEPT_BYTES", kept[-1])
    assert put_off(handler, apply(12, put(ROWS + 10, 9_999))) == [12]
    replies = done(handler)
    assert [(r.call_id, r.revision) for r in replies] == [(10, ROWS + 9), (12, ROWS + 10)]
    assert replies[0].done.snapshot_revision == ROWS + 1


def test_a_snapshot_that_is_cancelled_copies_nothing_any_more(handler, tmp_path):
    handler.handle([snapshot(10, tmp_path / "one")])
    handler.step()
    assert handler.handle([pb.LinkRequest(cancel=10)])[0].call_id == 10
    handler.handle([apply(11, put(ROWS + 2, ROWS))])
    pelm = handler.minds[1].contents.pelm
    assert (pelm.kept_bytes, pelm.table.before_change) == (0, [])


def test_a_space_is_not_replaced_while_a_snapshot_is_taken(handler, tmp_path):
    handler.handle([snapshot(10, tmp_path / "one")])
    unload = pb.LinkRequest(call_id=11, space_id=1, unload=pb.UnloadRequest())
    assert put_off(handler, unload, apply(12, put(ROWS + 2, 1))) == [11, 12]
    replies = done(handler)
    assert [reply.call_id for reply in replies] == [10, 11, 12]
    assert replies[0].done.snapshot_revision == ROWS + 1
    assert replies[2].failure.reason == "WORKER_LOST"


@pytest.mark.parametrize(
    "kind",
    [
        {"scrub": pb.ScrubRequest(start=0, count=1_000)},
        {"plan": pb.PlanRequest(window=100, min_cosine=0.9)},
    ],
)
def test_writes_do_not_wait_for_a_scrub_or_a_plan(handler, kind):
    assert handler.handle([pb.LinkRequest(call_id=10, space_id=1, **kind)]) == []
    (written,) = handler.handle([apply(11, put(ROWS + 2, 9_999))])
    assert written.revision == ROWS + 2
    (reply,) = done(handler)
    assert not reply.failure.reason


def test_a_scrub_goes_through_all_slots_in_steps(handler):
    request = pb.LinkRequest(call_id=10, space_id=1, scrub=pb.ScrubRequest(start=0, count=4_096))
    assert handler.handle([request]) == []
    steps, replies = 0, []
    while handler.busy:
        replies += handler.step()
        steps += 1
    assert (replies[0].scrub.checked, replies[0].scrub.next) == (ROWS, 0)
    assert steps > ROWS // 256
    part = pb.LinkRequest(call_id=11, space_id=1, scrub=pb.ScrubRequest(start=100, count=300))
    (reply,) = answers(handler, part)
    assert (reply.scrub.checked, reply.scrub.next) == (300, 400)


def test_a_batch_of_writes_is_applied_in_slices_and_seen_whole(handler, tmp_path):
    other = answers(handler, pb.LinkRequest(call_id=3, space_id=2, load=pb.LoadRequest()))
    assert not other[0].failure.reason
    seeds = range(20_000, 20_300)
    batch = apply(10, put(ROWS + 2, *seeds))
    view = pb.LinkRequest(call_id=11, space_id=1, view=pb.ViewRequest())
    late = [apply(12, put(ROWS + 3, 1)), snapshot(13, tmp_path / "one")]
    assert put_off(handler, batch, view, search(14, 1), *late) == [11, 14, 12, 13]
    between = 0
    while not (replies := handler.step()):
        elsewhere = pb.LinkRequest(call_id=20, space_id=2, view=pb.ViewRequest())
        assert handler.handle([elsewhere])[0].call_id == 20
        assert put_off(handler, search(15 + between, 1)) == [15 + between]
        between += 1
    assert between > len(seeds)
    assert replies[0].outcome.put.items[-1].memory_id == "m20299"
    # Those that waited share one scan; what they see is all of the batch and nothing after it.
    assert {reply.revision for reply in replies} == {ROWS + 2}
    scans = [reply.search.batch_count for reply in replies if reply.search.batch_count]
    assert scans == [between + 1]
    assert next(r.view.used for r in replies if r.call_id == 11) == ROWS + len(seeds)
    assert [reply.call_id for reply in done(handler)] == [12, 13]


def test_what_waited_is_let_in_a_slice_at_a_time(handler):
    writes = [apply(20 + i, put(ROWS + 2 + i, 5_000 + i)) for i in range(5)]
    put_off(handler, search(10, 64), *writes)
    replies = []
    while 10 not in [reply.call_id for reply in replies]:
        replies = handler.step()
    for i in range(5):
        (single,) = handler.handle([search(40, 1)])
        assert single.revision == ROWS + 1 + i
        late = apply(30 + i, put(ROWS + 7 + i, 6_000 + i))
        assert put_off(handler, late) == [30 + i]
        (written,) = handler.step()
        assert (written.call_id, written.revision) == (20 + i, ROWS + 2 + i)
    assert [reply.call_id for reply in done(handler)] == [30, 31, 32, 33, 34]
    assert handler.handle([apply(50, put(ROWS + 12, 1))])[0].revision == ROWS + 12


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
        job = Job(request, pb.LinkReply(), steps(name), LockMode.SNAPSHOT_READ)
        assert not slices.begin(job, at_once=False)
    while len(slices):
        slices.step(None)
    assert "".join(order) == "ababab"


def test_nobody_waits_for_a_job_that_was_cancelled(handler):
    handler.handle([search(10, 64), apply(11, put(ROWS + 2, 9_999))])
    assert [reply.call_id for reply in handler.handle([pb.LinkRequest(cancel=10)])] == [10]
    (written,) = handler.step()
    assert (written.call_id, written.revision) == (11, ROWS + 2)
    assert not handler.busy
    assert handler.handle([pb.LinkRequest(cancel=10)]) == []


@pytest.mark.parametrize("number", [12, 13])
def test_nothing_is_done_for_a_caller_that_went_while_its_request_had_to_wait(handler, number):
    change = apply(10, put(ROWS + 2, *range(20_000, 20_100)))
    assert put_off(handler, change, search(12, 64), search(13, 1)) == [12, 13]
    (reply,) = handler.handle([pb.LinkRequest(cancel=number)])
    assert (reply.call_id, reply.waits, reply.WhichOneof("kind")) == (number, False, None)
    assert handler.handle([pb.LinkRequest(cancel=number)]) == []
    assert [reply.call_id for reply in done(handler)] == [10, 25 - number]


def test_a_write_is_not_cancelled(handler):
    assert put_off(handler, apply(10, put(ROWS + 2, *range(20_000, 20_100)))) == []
    assert handler.handle([pb.LinkRequest(cancel=10)]) == []
    assert [(r.call_id, r.revision) for r in done(handler)] == [(10, ROWS + 2)]


def test_what_has_expired_is_not_done_with_deadline_expired(handler):
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


def test_the_memory_of_an_unloaded_space_is_free_at_once(handler, tmp_path):
    """No garbage collector is waited for: the next space may need the room."""
    handler.handle([snapshot(10, tmp_path / "one")])
    done(handler)
    handler.handle([search(11, 1), load(12, tmp_path / "one")])
    done(handler)
    gc.collect()
    gc.disable()
    try:
        kept = [weakref.ref(handler.minds[space].contents.pelm.table) for space in (1, 3)]
        for space in (1, 3):
            request = pb.LinkRequest(call_id=20 + space, space_id=space, unload=pb.UnloadRequest())
            handler.handle([request])
            done(handler)
        assert [each() for each in kept] == [None, None]
    finally:
        gc.enable()
