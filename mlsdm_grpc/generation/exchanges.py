"""Exchanges of earlier generations: which of what was recalled is of use, and the last turns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import ExchangeRole, Match, MemorySource
from mlsdm_grpc.core.store.memory_table import Memory
from mlsdm_grpc.generation.questions import only_asks

__all__ = ["PastExchange", "last_exchanges", "worth_telling"]

_MAX_BYTES: Final = 8 * 1_024
"""Of the turns that go into one prompt, about 2,000 tokens."""


class PastExchange(NamedTuple):
    """A prompt of a conversation and its answer."""

    prompt: str
    answer: str
    memory_ids: tuple[str, str]


def worth_telling(
    matches: Iterable[Match], prompt: str, *, known: Iterable[str] = ()
) -> list[Match]:
    """Return the memories that tell a model something for a prompt, in their order.

    Left out are memories without a text, those that are known to it, what a model answered, and
    earlier prompts that only ask. Exchanges that were remembered before they had a mark are
    recognised by the answer, which names its prompt as its first parent.

    Args:
        matches: What was recalled.
        prompt: What is asked.
        known: Ids of memories that the model is told of anyway.
    """
    matches, left_out = list(matches), set(known)
    prompts = set[str]()
    for match in matches:
        memory = match.memory
        generated = memory.source == MemorySource.MEMORY_SOURCE_LLM_GENERATION
        unmarked = generated and memory.server_assigned_id and bool(memory.provenance.parent_ids)
        if memory.exchange_role == ExchangeRole.EXCHANGE_ROLE_ANSWER or unmarked:
            left_out.add(memory.memory_id)
            prompts.add(memory.provenance.parent_ids[0] if unmarked else "")
        elif memory.exchange_role == ExchangeRole.EXCHANGE_ROLE_PROMPT:
            prompts.add(memory.memory_id)
    return [
        match
        for match in matches
        if match.memory.text
        and match.memory.memory_id not in left_out
        and not (match.memory.memory_id in prompts and only_asks(match.memory.text, prompt))
    ]


def last_exchanges(memories: Sequence[Memory]) -> list[PastExchange]:
    """Return the last exchanges of a conversation that are still whole, oldest first.

    Args:
        memories: Of the conversation, newest first.
    """
    by_id = {memory.memory_id: memory for memory in memories}
    found, left = list[PastExchange](), _MAX_BYTES
    for answer in memories:
        parents = answer.provenance.parent_ids
        prompt = by_id.get(parents[0]) if parents else None
        if int(answer.role) != ExchangeRole.EXCHANGE_ROLE_ANSWER or prompt is None:
            continue
        left -= len(prompt.text.encode()) + len(answer.text.encode())
        if left < 0:
            break
        found.append(PastExchange(prompt.text, answer.text, (prompt.memory_id, answer.memory_id)))
    return found[::-1]
