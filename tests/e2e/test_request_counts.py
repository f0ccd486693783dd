"""Requests that one call makes to workers and to the journal, counted at the link."""

import uuid
from collections import Counter

import pytest
from talk import HOSTILE, talking

from mlsdm_grpc._gen.mlsdm.v1 import embedding_pb2, governance_pb2, memory_pb2, memory_put_pb2
from mlsdm_grpc.journal.memory_journal import MemoryJournal
from mlsdm_grpc.workers.link import InlineLink

pytestmark = pytest.mark.anyio

TEXT_KINDS = {"embed", "measure", "speech"}
LONG = "The train of our team, named after a dog, leaves every second Tuesday. " * 6
"""About the most whose store step is one pass of 5 ms; longer texts let others in between."""


@pytest.fixture
def sent(monkeypatch):
    """Count the requests on links by kind, and appends as ``append``."""
    counts = Counter()
    request, append = InlineLink.request, MemoryJournal.append

    def counted_request(self, message, **options):
        counts[message.WhichOneof("kind")] += 1
        return request(self, message, **options)

    def counted_append(self, key, records, **options):
        counts["append"] += 1
        return append(self, key, records, **options)

    monkeypatch.setattr(InlineLink, "request", counted_request)
    monkeypatch.setattr(MemoryJournal, "append", counted_append)
    return counts


def split(counts):
    """Return requests to text workers, requests to space workers, and appends."""
    text = sum(count for kind, count in counts.items() if kind in TEXT_KINDS)
    return text, counts.total() - text - counts["append"], counts["append"]


@pytest.mark.parametrize("prompt", ["What is my dog called?", LONG])
async def test_an_answer_takes_four_requests_to_text_workers_and_three_to_a_space_worker(
    sent, prompt
):
    async with talking() as talk:
        await talk.generate("My dog is called Bruno.")
        sent.clear()
        answer = await talk.generate(prompt, request_id=str(uuid.uuid4()))
        assert answer.recalled
        assert len(answer.memory_ids) == 2
        text, space, appends = split(sent)
        assert (text, space, appends) == (4, 3, 1), sent


async def test_a_streamed_answer_takes_no_more_but_for_the_looks_at_its_pieces(sent):
    async with talking() as talk:
        await talk.generate("My dog is called Bruno.")
        sent.clear()
        await talk.stream("What is my dog called?", request_id=str(uuid.uuid4()))
        text, space, appends = split(sent)
        assert (text, space, appends) == (4, 3, 1), sent


async def test_a_refused_prompt_takes_one_request_to_text_workers(sent):
    async with talking() as talk:
        await talk.generate("My dog is called Bruno.")
        sent.clear()
        await talk.generate(HOSTILE)
        assert split(sent) == (1, 2, 1), sent


async def test_a_prompt_that_policy_changes_is_embedded_as_policy_leaves_it(sent):
    redact = governance_pb2.PolicyRule(
        rule_id="secret.prompt",
        decision=governance_pb2.DECISION_REDACT,
        enforcement=governance_pb2.ENFORCEMENT_ENFORCE,
    )
    async with talking() as talk:
        await talk.policy(redact)
        await talk.generate("My dog is called Bruno.")
        sent.clear()
        key = "AKIAZQ9XWV7TS5RP3NML"
        answer = await talk.generate(f"My key is {key}; what is my dog called?")
        prompt = next(m for m in await talk.memories() if m.memory_id == answer.memory_ids[0])
        assert prompt.text
        assert key not in prompt.text
        assert sent["embed"] == 1
        assert split(sent)[0] == 5


async def test_a_memory_with_an_embedding_takes_one_request_and_one_append(sent):
    async with talking() as talk:
        await talk.put("My dog is called Bruno.")
        sent.clear()
        memory = memory_pb2.Memory(
            embedding=embedding_pb2.Embedding(floats=embedding_pb2.FloatVector(values=[1.0] * 256))
        )
        await talk.memory.PutMemory(memory_put_pb2.PutMemoryRequest(memory=memory))
        assert sent == {"apply": 1, "append": 1}
