"""Exchanges of earlier generations: selection of recalled memories, and most recent exchanges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import ExchangeRole, Match, MemorySource
from mlsdm_grpc.core.store.memory_value import Memory
from mlsdm_grpc.generation.questions import only_asks

__all__ = ["PastExchange", "last_exchanges", "worth_telling"]

# Maximum size of the earlier exchanges in one prompt, bytes; about 2,000 tokens.
_MAX_BYTES: Final = 8 * 1_024


class PastExchange(NamedTuple):
    """A prompt of a conversation with its answer."""

    prompt: str
    answer: str
    memory_ids: tuple[str, str]


def worth_telling(
    matches: Iterable[Match], prompt: str, *, known: Iterable[str] = ()
) -> Iterator[Match]:
    """Yield the memories that add information to a prompt, in order.

    Left out are memories without text, memories in ``known``, answers of models, and earlier
    prompts that only ask a question. Exchanges stored before the field ``exchange_role`` existed
    are recognised by the answer, whose first parent is its prompt.

    Args:
        matches: Recalled memories.
        prompt: The current prompt.
        known: Ids of memories that the prompt contains already.
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
    for match in matches:
        memory = match.memory
        if not memory.text or memory.memory_id in left_out:
            continue
        if memory.memory_id not in prompts or not only_asks(memory.text, prompt):
            yield match


def last_exchanges(memories: Sequence[Memory]) -> list[PastExchange]:
    """Return the most recent complete exchanges of a conversation, oldest first, up to 8 KiB.

    Args:
        memories: Memories of the conversation, newest first.
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
