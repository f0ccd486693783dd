"""The index of words in a snapshot: found again, or made anew; never wrong, never in the way."""

import io

import pytest
from searching import by_vector, by_words, search_of

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.mind.steps import finish
from mlsdm_grpc.core.model.bodies import CreateSpace, DeleteMemory, PutMemories
from mlsdm_grpc.core.model.new_memory import NewMemory
from mlsdm_grpc.core.model.parameters import SpaceParameters
from mlsdm_grpc.core.model.record import Record
from mlsdm_grpc.core.store import lattice_words
from mlsdm_grpc.journal.codec import snapshot_words
from mlsdm_grpc.journal.codec.records import encode_record
from mlsdm_grpc.journal.codec.snapshots import check_snapshot, read_snapshot, snapshot_writer
from mlsdm_grpc.workers import space_words
from mlsdm_grpc.workers.progress import Progress
from mlsdm_grpc.workers.query_decoder import asked_of, queries_of
from mlsdm_grpc.workers.space_worker import MindHandler
from tests.support.histories import vector

DIMENSION = 8


def record(mind, body):
    revision = mind.revision + 1
    return Record(
        revision=revision,
        incarnation=0 if revision == 1 else 1,
        record_id=revision.to_bytes(16),
        time_ns=revision,
        body=body,
        raw=b"x",
        semantics_version=2,
    )


def put(mind, *texts):
    memories = [
        NewMemory(f"m{mind.revision}-{i}", vector(i, DIMENSION), True, text=text)
        for i, text in enumerate(texts)
    ]
    mind.apply(record(mind, PutMemories(tuple(memories), allow_replace=False)))


def filled(count=700):
    mind = Mind()
    mind.apply(record(mind, CreateSpace(SpaceParameters(dimension=DIMENSION, capacity=500))))
    words_of(mind)
    for i in range(count):
        put(mind, f"The parcel P{i} weighs {i % 7} pounds.", "" if i % 3 else "Nothing.")
    words_of(mind).complete()
    mind.apply(record(mind, DeleteMemory(f"m{mind.revision - 1}-0")))
    return mind


def words_of(mind):
    return mind.contents.pelm.know_words(space_words.TOKENIZER)


def written(mind):
    file = io.BytesIO()
    finish(snapshot_writer(mind, file))
    file.seek(0)
    return file


def found(mind, text):
    search = search_of(by_words(text, top_k=7))
    (queries,) = finish(
        queries_of(mind.contents, [(search, finish(asked_of(mind.contents, search)))])
    )
    (answer,) = mind.find(queries, now_ns=0)
    pelm = mind.contents.pelm
    names = [pelm.memory_at(slot).memory_id for slot in answer.slots.tolist()]
    return list(zip(names, answer.by_words.bm25.tolist(), strict=True))


def agree(one, other):
    for text in ("parcel P650", "P699", "nothing", "5 pounds", "unknown"):
        assert found(one, text) == found(other, text)
    assert found(one, "P650")[0][0].endswith("-0")


def test_an_index_is_found_again():
    mind = filled()
    loaded = read_snapshot(written(mind))
    assert len(words_of(loaded).index) == len(words_of(mind).index) > 300
    agree(loaded, mind)
    for each in (loaded, mind):
        put(each, "The parcel P650 came back.", "The parcel P1000 is new.")
    agree(loaded, mind)
    assert found(loaded, "P1000") == found(mind, "P1000") != []


def test_an_index_that_writes_change_meanwhile_is_of_the_state_in_the_file():
    mind, before = filled(), filled()
    file = io.BytesIO()
    steps = snapshot_writer(mind, file)
    next(steps)
    for i in range(30):
        put(mind, f"Later {i}: the parcel P650.")
        words_of(mind).complete()
        next(steps)
    list(steps)
    file.seek(0)
    loaded = read_snapshot(file)
    assert len(words_of(loaded).index) == len(words_of(before).index)
    agree(loaded, before)


def test_texts_that_wait_as_the_file_is_written_are_entered_by_its_reader():
    mind = filled()
    put(mind, "The parcel P650 came back.", "The parcel P1000 is new.")
    entered = len(words_of(mind).index)
    loaded = read_snapshot(written(mind))
    assert words_of(loaded).missing_count >= words_of(mind).missing_count == 2
    assert len(words_of(loaded).index) == entered
    agree(loaded, mind)
    assert found(loaded, "P1000") == found(mind, "P1000") != []


def test_an_index_of_another_version_is_made_anew(monkeypatch):
    mind = filled()
    file = written(mind)
    other = lattice_words.Tokenizer("another", space_words.TOKENIZER.terms)
    monkeypatch.setattr(space_words, "TOKENIZER", other)
    loaded = read_snapshot(file)
    assert len(words_of(loaded).index) == 0
    agree(loaded, mind)


def test_a_file_without_an_index_is_read_as_before():
    mind = filled()
    # The index is removed, as if no query had needed it.
    mind.contents.pelm.words = None
    file = written(mind)
    assert check_snapshot(file) == mind.revision
    file.seek(0)
    loaded = read_snapshot(file)
    assert len(words_of(loaded).index) == len(words_of(mind).index) == 0
    agree(loaded, mind)


@pytest.mark.parametrize("name", ["sequences", "starts", "documents", "lengths", "keys"])
def test_parts_that_do_not_fit_the_memories_are_not_used(monkeypatch, name):
    part = snapshot_words.part_to_proto

    def wrong(*arguments, **options):
        message = part(*arguments, **options)
        array = bytearray(getattr(message, name))
        array[-2:] = b"\x7f\x7f"
        setattr(message, name, bytes(array[8:] if name in {"lengths", "keys"} else array))
        return message

    mind = filled()
    monkeypatch.setattr(snapshot_words, "part_to_proto", wrong)
    loaded = read_snapshot(written(mind))
    assert len(words_of(loaded).index) == 0
    agree(loaded, mind)


def test_an_index_of_other_memories_is_not_used():
    mind = filled()
    loaded = read_snapshot(written(mind))
    # No query has needed the words yet.
    for each in (loaded, mind):
        put(each, "The parcel P650 came back.")
    assert len(words_of(loaded).index) == 0
    agree(loaded, mind)


class Worker:
    """A worker of spaces that is spoken to directly."""

    def __init__(self):
        self.handler = MindHandler(Progress())
        self.minds = self.handler.minds
        self.call_id = 0

    def send(self, **kind):
        self.call_id += 1
        return self.handler.handle([pb.LinkRequest(call_id=self.call_id, space_id=1, **kind)])

    def ended(self):
        replies = []
        while self.handler.busy:
            replies += self.handler.step()
        return replies


def search(text):
    return search_of(by_words(text, top_k=3))


def loading(tmp_path, monkeypatch):
    """Return a worker that has just loaded a space whose index has to be made."""
    path = tmp_path / "snapshot"
    path.write_bytes(written(filled()).getvalue())
    other = lattice_words.Tokenizer("another", space_words.TOKENIZER.terms)
    monkeypatch.setattr(space_words, "TOKENIZER", other)
    worker = Worker()
    replies = worker.send(load=pb.LoadRequest(snapshot_path=str(path)))
    while not replies:
        replies = worker.handler.step()
    assert [reply.WhichOneof("kind") for reply in replies] == ["done"]
    assert worker.handler.has_idle_work
    assert not worker.handler.busy
    return worker


def test_a_query_for_words_waits_for_them_and_all_else_does_not(tmp_path, monkeypatch):
    worker = loading(tmp_path, monkeypatch)
    (waits,) = worker.send(search=search("P650"))
    assert (waits.waits, waits.call_id) == (True, worker.call_id)
    (reply,) = worker.send(search=search_of(by_vector(vector(1, DIMENSION), top_k=3)))
    assert reply.WhichOneof("kind") == "search"
    mind = worker.minds[1]
    new = NewMemory("new", vector(1, DIMENSION), True, text="A new parcel P9999.")
    body = PutMemories((new,), allow_replace=False)
    (reply,) = worker.send(apply=encode_record(record(mind, body)))
    assert reply.WhichOneof("kind") == "outcome"
    assert words_of(mind).missing_count > 0
    (answer,) = worker.ended()
    assert (answer.call_id, answer.WhichOneof("kind")) == (waits.call_id, "search")
    assert answer.revision == mind.revision
    assert b"P650" in answer.search.answer
    (reply,) = worker.send(search=search("P9999"))
    assert b"P9999" in reply.search.answer


def test_a_query_that_waits_for_words_may_be_given_up(tmp_path, monkeypatch):
    worker = loading(tmp_path, monkeypatch)
    (waits,) = worker.send(search=search("P650"))
    (reply,) = worker.send(cancel=waits.call_id)
    assert (reply.call_id, reply.WhichOneof("kind")) == (waits.call_id, None)
    assert worker.ended() == []


def test_a_space_that_leaves_takes_its_words_along(tmp_path, monkeypatch):
    worker = loading(tmp_path, monkeypatch)
    (waits,) = worker.send(search=search("P650"))
    worker.send(unload=pb.UnloadRequest())
    (reply,) = worker.ended()
    assert (reply.call_id, reply.unloaded) == (waits.call_id, True)
    assert reply.failure.reason == "WORKER_LOST"


def test_a_write_leaves_its_words_to_idle_time(tmp_path, monkeypatch):
    worker = loading(tmp_path, monkeypatch)
    worker.handler.begin_idle_work()
    assert worker.handler.busy
    assert worker.ended() == []
    mind = worker.minds[1]
    assert words_of(mind).missing_count == 0
    entered = len(words_of(mind).index)
    assert not worker.handler.has_idle_work
    new = NewMemory("new", vector(1, DIMENSION), True, text="A new parcel P9999.")
    worker.send(apply=encode_record(record(mind, PutMemories((new,), allow_replace=False))))
    assert not worker.handler.busy
    assert worker.handler.has_idle_work
    assert (words_of(mind).missing_count, len(words_of(mind).index)) == (1, entered)


def test_of_many_texts_the_words_are_entered_without_idle_time(monkeypatch):
    monkeypatch.setattr(space_words, "AWAITED_TEXTS", 10)
    worker, mind = Worker(), Mind()
    worker.send(load=pb.LoadRequest())
    worker.ended()
    create = CreateSpace(SpaceParameters(dimension=DIMENSION, capacity=500))
    worker.send(apply=encode_record(record(mind, create)))
    mind = worker.minds[1]
    for i in range(10):
        new = NewMemory(f"m{i}", vector(i, DIMENSION), True, text=f"Parcel {i}.")
        body = PutMemories((new,), allow_replace=False)
        worker.send(apply=encode_record(record(mind, body)))
        assert not worker.handler.busy
    new = NewMemory("last", vector(1, DIMENSION), True, text="Parcel P9.")
    worker.send(apply=encode_record(record(mind, PutMemories((new,), allow_replace=False))))
    assert worker.handler.busy
    assert worker.ended() == []
    assert (words_of(mind).missing_count, len(words_of(mind).index)) == (0, 11)


def test_a_query_enters_few_words_itself():
    worker, mind = Worker(), filled()
    worker.minds[1] = mind
    put(mind, "A new parcel P9999.")
    (reply,) = worker.send(search=search("P9999"))
    assert b"P9999" in reply.search.answer
