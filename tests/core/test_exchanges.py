"""An event that comes with its answer: both are remembered in one record, or none."""

from dataclasses import replace

import pytest
from histories import record, vector
from spaces import Space

from mlsdm_grpc.core.model.bodies import ProcessEvent
from mlsdm_grpc.core.model.new_memory import NewMemory, Source
from mlsdm_grpc.core.model.outcome import PutResult, Rejection
from mlsdm_grpc.journal.codec.outcomes import outcome_from_proto, outcome_to_proto
from mlsdm_grpc.journal.codec.records import decode_record, encode_record


def exchange(moral_value=0.8, **answer):
    fields = {"memory_id": "answer", "vector": vector(2), "text": "It is red."} | answer
    event = NewMemory("prompt", vector(1), text="Which colour?")
    return ProcessEvent(event, moral_value, NewMemory(**fields))


def test_both_are_remembered_at_one_revision():
    space = Space()
    outcome = space.apply(exchange())
    assert (outcome.memory_id, outcome.answer_id) == ("prompt", "answer")
    assert outcome.result is PutResult.CREATED
    assert outcome.used == 2
    memories = [space.mind.contents.pelm.get(name) for name in ("prompt", "answer")]
    assert {memory.revision for memory in memories} == {outcome.revision}
    assert memories[0].sequence < memories[1].sequence


def test_the_answer_moves_no_trace_and_is_no_event_of_its_own():
    alone, both = Space(), Space()
    alone.apply(replace(exchange(), answer=None))
    both.apply(exchange())
    views = [space.mind.view() for space in (alone, both)]
    assert views[0].synaptic_norms == views[1].synaptic_norms
    assert views[0].step == views[1].step == 1


def test_a_refused_event_leaves_no_answer():
    space = Space()
    outcome = space.apply(exchange(moral_value=0.1))
    assert outcome.rejection is Rejection.MORAL
    assert (outcome.memory_id, outcome.answer_id, outcome.used) == ("", "", 0)
    assert space.mind.view().step == 1


@pytest.mark.parametrize("field", ["memory", "answer"])
def test_what_is_too_uncertain_keeps_the_other_out_too(field):
    space = Space(min_confidence=0.5)
    body = exchange()
    unsure = replace(getattr(body, field), confidence=0.4)
    outcome = space.apply(replace(body, **{field: unsure}))
    assert outcome.accepted
    assert (outcome.memory_id, outcome.answer_id) == ("", "")
    assert outcome.result is PutResult.REFUSED
    assert space.ids() == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"vector": vector(2, 5)}, "DIMENSION_MISMATCH"),
        ({"memory_id": "prompt"}, "MEMORY_EXISTS"),
        ({"memory_id": "kept"}, "MEMORY_EXISTS"),
    ],
)
def test_an_answer_that_cannot_be_stored_refuses_the_event(answer, reason):
    space = Space()
    space.put(NewMemory("kept", vector(9), caller_chosen_id=True))
    refused = space.apply(exchange(**answer))
    assert refused.reason == reason
    assert space.mind.view().step == 0
    assert space.ids() == ["kept"]


def test_both_find_room_or_none():
    space = Space(capacity=2)
    space.put(NewMemory("pinned", vector(9), pinned=True))
    assert space.apply(exchange()).evicted == ("prompt",)
    space.put(NewMemory("pinned too", vector(10), pinned=True))
    assert space.apply(exchange()).reason == "ALL_PINNED"


def test_an_answer_that_is_known_is_refreshed():
    space = Space()
    space.put(NewMemory("known", vector(2), text="It is red."))
    outcome = space.apply(exchange())
    assert outcome.answer_id == "known"
    assert outcome.used == 2


def test_records_and_outcomes_carry_it():
    body = exchange(labels=("colour",))
    body = replace(
        body,
        answer=replace(
            body.answer,
            provenance=replace(
                body.answer.provenance, source=Source.LLM_GENERATION, parent_ids=("prompt",)
            ),
        ),
    )
    again = decode_record(encode_record(record(2, body))).body
    assert again.answer.provenance == body.answer.provenance
    assert again.answer.text == "It is red."
    outcome = Space().apply(body)
    assert outcome_from_proto(outcome_to_proto(outcome)) == outcome
