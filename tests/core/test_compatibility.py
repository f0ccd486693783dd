"""Features that spaces under earlier rules lack: refused on request, otherwise omitted."""

from dataclasses import replace

import pytest
from histories import vector

from mlsdm_grpc.core.mind.compatibility import Unkept, parts, reduced, unkept
from mlsdm_grpc.core.model import semantics
from mlsdm_grpc.core.model.bodies import (
    CreateSpace,
    DeleteMemory,
    ProcessEvent,
    PutMemories,
    SpaceChange,
    StreamItem,
    StreamItems,
    UpdateSpace,
)
from mlsdm_grpc.core.model.new_memory import ExchangeRole, NewMemory
from mlsdm_grpc.core.model.parameters import SpaceParameters

PLAIN = NewMemory("plain", vector(1), text="text", labels=("a",), metadata=(("k", "v"),))
EMBEDDED = replace(PLAIN, memory_id="embedded", embedding_model="words")
MODEL, RECALL = Unkept("embedding_model", 2), Unkept("config.recall.phase", 2)
IN_BAND = SpaceParameters(dimension=8, recall_in_band=True)


@pytest.mark.parametrize(
    ("part", "field", "left"),
    [
        (PLAIN, None, PLAIN),
        (EMBEDDED, MODEL, replace(EMBEDDED, embedding_model="")),
        (replace(PLAIN, context="before"), Unkept("context", 2), PLAIN),
        (replace(PLAIN, event_time_ns=1), Unkept("event_time", 2), PLAIN),
        (replace(PLAIN, conversation_id="talk"), Unkept("conversation_id", 2), PLAIN),
        (replace(PLAIN, role=ExchangeRole.ANSWER), Unkept("exchange_role", 2), PLAIN),
        (SpaceParameters(dimension=8), None, SpaceParameters(dimension=8)),
        (IN_BAND, RECALL, SpaceParameters(dimension=8)),
        (SpaceChange(capacity=3), None, SpaceChange(capacity=3)),
        (SpaceChange(capacity=3, recall_in_band=True), RECALL, SpaceChange(capacity=3)),
        # To look in all phases is what every space under version 1 does.
        (SpaceChange(capacity=3, recall_in_band=False), None, SpaceChange(capacity=3)),
    ],
)
def test_what_version_1_cannot_keep(part, field, left):
    assert unkept(part, 1) == field
    assert reduced(part, 1) == left
    assert unkept(left, 1) is None


@pytest.mark.parametrize("part", [EMBEDDED, IN_BAND, SpaceChange(recall_in_band=False)])
def test_the_newest_version_keeps_everything(part):
    assert unkept(part, semantics.newest()) is None
    assert reduced(part, semantics.newest()) is part


def test_every_body_that_has_such_parts_yields_them():
    change = SpaceChange(recall_in_band=True)
    event = ProcessEvent(EMBEDDED, 0.5, PLAIN)
    items = (StreamItem(1, PLAIN), StreamItem(2, event), StreamItem(3, EMBEDDED))
    for body, expected in [
        (CreateSpace(IN_BAND), [IN_BAND]),
        (UpdateSpace("", change), [change]),
        (PutMemories((PLAIN, EMBEDDED)), [PLAIN, EMBEDDED]),
        (event, [EMBEDDED, PLAIN]),
        (StreamItems("s", 0, 3, items), [PLAIN, EMBEDDED, PLAIN, EMBEDDED]),
        (DeleteMemory("m"), []),
    ]:
        assert list(parts(body)) == expected
