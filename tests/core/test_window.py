"""The window of request ids."""

import numpy as np
from histories import record, vector

from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.mind.request_window import (
    MAX_ENTRIES,
    MIN_AGE_NS,
    MIN_ENTRIES,
    RequestWindow,
    WindowEntry,
)
from mlsdm_grpc.core.model.bodies import CreateSpace, PutMemories
from mlsdm_grpc.core.model.new_memory import NewMemory
from mlsdm_grpc.core.model.outcome import DeleteOutcome, PutItem, PutOutcome, PutResult
from mlsdm_grpc.core.model.parameters import SpaceParameters


def entry(number, time_ns=0):
    return WindowEntry(number.to_bytes(16, "big"), bytes(32), time_ns, DeleteOutcome(number))


def test_young_entries_stay_up_to_the_maximum():
    window = RequestWindow()
    for i in range(MAX_ENTRIES + 5):
        window.add(entry(i))
    assert len(window) == MAX_ENTRIES
    assert window.get((4).to_bytes(16, "big")) is None
    assert window.get((5).to_bytes(16, "big")) == entry(5)


def test_old_entries_go_but_for_the_newest():
    window = RequestWindow()
    for i in range(3_000):
        window.add(entry(i))
    window.add(entry(3_000, time_ns=MIN_AGE_NS))
    assert len(window) == 3_001
    window.add(entry(3_001, time_ns=MIN_AGE_NS + 1))
    assert len(window) == MIN_ENTRIES
    assert next(iter(window)).outcome.revision == 3_002 - MIN_ENTRIES


def test_results_are_bounded_too():
    window = RequestWindow()
    outcome = PutOutcome(tuple(PutItem(str(i), PutResult.CREATED) for i in range(100)))
    for i in range(3_000):
        window.add(WindowEntry(i.to_bytes(16, "big"), bytes(32), 0, outcome))
    assert len(window) == MIN_ENTRIES
    for i in range(3_000, 3_200):
        window.add(entry(i))
    assert len(window) == MIN_ENTRIES


def new_mind():
    mind = Mind()
    mind.apply(record(1, CreateSpace(SpaceParameters(dimension=8, capacity=4))))
    return mind


def put(mind, name, *, request=b"r" * 16, digest=b"d" * 32):
    body = PutMemories((NewMemory(name, vector(1), caller_chosen_id=True),))
    return mind.apply(record(mind.revision + 1, body, request_id=request, request_digest=digest))


def test_a_repeated_request_returns_its_first_result():
    mind = new_mind()
    first = put(mind, "a")
    assert put(mind, "a") == first
    assert put(mind, "b") == first
    assert (mind.revision, len(mind.contents.pelm), len(mind.window)) == (4, 1, 1)


def test_a_request_id_with_another_body_is_refused_with_request_id_reused():
    mind = new_mind()
    first = put(mind, "a")
    refused = put(mind, "b", digest=b"e" * 32)
    assert (refused.reason, refused.revision) == ("REQUEST_ID_REUSED", 3)
    assert put(mind, "a") == first


def test_a_refusal_is_remembered_too():
    mind = new_mind()
    put(mind, "a")
    refused = put(mind, "a", request=b"s" * 16)
    assert refused.reason == "MEMORY_EXISTS"
    mind.contents.pelm.remove("a")
    assert put(mind, "a", request=b"s" * 16) == refused


def test_entries_hold_neither_text_nor_vectors():
    mind = new_mind()
    memory = NewMemory("a", vector(1), text="a secret text", metadata=(("k", "v"),))
    mind.apply(record(2, PutMemories((memory,)), request_id=b"r" * 16, request_digest=bytes(32)))
    (kept,) = mind.window
    assert "secret" not in repr(kept)
    assert not any(isinstance(value, np.ndarray) for value in vars_of(kept.outcome))


def vars_of(value):
    for name in getattr(value, "__slots__", ()):
        inner = getattr(value, name)
        yield inner
        yield from vars_of(inner)
        if isinstance(inner, tuple):
            for each in inner:
                yield from vars_of(each)
