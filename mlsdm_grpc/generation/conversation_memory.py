"""Recall of memories for a prompt, and storage of prompt and answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Final

import numpy as np

from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import Match
from mlsdm_grpc._gen.mlsdm.v1.memory_query_pb2 import MemoryQuery, QueryMemoriesResponse
from mlsdm_grpc.core.mind.space_view import SpaceView
from mlsdm_grpc.core.model.new_memory import (
    MAX_PARENTS,
    MAX_TEXT_BYTES,
    ExchangeRole,
    NewMemory,
    Provenance,
    Source,
    Vector,
)
from mlsdm_grpc.core.model.policy import Decision
from mlsdm_grpc.core.store.kernel import inverse_norm
from mlsdm_grpc.engine.engine import Engine
from mlsdm_grpc.engine.memory_reads import PageOf
from mlsdm_grpc.engine.memory_writes import Exchange
from mlsdm_grpc.errors import NotFound
from mlsdm_grpc.generation.exchanges import PastExchange, last_exchanges, worth_telling
from mlsdm_grpc.governance.policy.effective_policy import EffectivePolicy
from mlsdm_grpc.governance.policy.rules import Stage
from mlsdm_grpc.governance.policy.verdict import Verdict, enforced, noteworthy, redacted
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.llm.prompt import RecalledText
from mlsdm_grpc.messages.queries import EncodedQueries
from mlsdm_grpc.moderation.candidates import Candidate
from mlsdm_grpc.spaces.patience import hanging, waiting_for
from mlsdm_grpc.spaces.space import revision_not_reached
from mlsdm_grpc.spaces.ticket import Ticket, outcome_unknown

__all__ = ["AnsweredPrompt", "Memories", "Recollected"]

# Maximum size of the recalled text in one prompt, bytes.
_BLOCK_BYTES: Final = 32 * 1_024
# Recall ends when less than this is left of the limit above, bytes.
_LEAST_BYTES: Final = 64
# Maximum number of memories examined for one prompt; one reply of a worker holds no more.
_MAX_RECALLED: Final = 200
_JUDGED_AT_ONCE: Final = 16
_TIMES_LOOKED_AT: Final = 4
# Memories examined for one prompt: this multiple of ``top_k``, and the number below in addition.
# More than ``top_k`` are examined, because some only repeat questions.
_MORE_LOOKED_AT: Final = 16
# Maximum number of exchanges of a conversation examined for one prompt.
_MAX_EXCHANGES: Final = 12
# Time before the deadline of the recall at which a missing revision is reported, seconds.
_BEFORE_S: Final = 0.01
_NO_VECTOR: Final = Vector(np.empty(0, np.float32), 0.0)


@dataclass(frozen=True, slots=True)
class Recollected:
    """Memories, exchanges and verdicts for a prompt."""

    matches: tuple[Match, ...]
    """Best match first."""
    texts: list[RecalledText]
    """Recalled memories in the form for the model."""
    verdicts: tuple[Verdict, ...]
    """Verdicts of the rules that did not allow a text, enforced or in shadow mode."""
    revision: int
    exchanges: list[PastExchange]
    """Most recent exchanges of the conversation, oldest first."""


@dataclass(frozen=True, slots=True)
class AnsweredPrompt:
    """A prompt with its answer, to be stored."""

    prompt: str
    answer: str
    moral_value: float
    """Moral value of the prompt."""
    model: str
    policy_version: str
    recalled: tuple[str, ...]
    """Ids of the memories in the prompt."""
    vector: Vector | None
    """Vector of the prompt; None if unknown."""
    conversation_id: str = ""


class Memories:
    """Recall and storage for generations.

    Args:
        engine: Access to the spaces.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._spaces = engine.directory.registry
        self._judging = engine.judging

    async def seen(
        self, key: SpaceKey, *, min_revision: int, until_s: float, deadline_s: float
    ) -> SpaceView | None:
        """Return the state of a space; None if it does not exist.

        Args:
            key: The space.
            min_revision: Minimum revision of the state.
            until_s: Event-loop time by which the state is needed; the answer does not wait longer.
            deadline_s: Deadline of the call, event-loop time.

        Raises:
            Unavailable: The space cannot be used, or its worker hangs.
            DeadlineExceeded: The deadline of the call has passed.
        """
        try:
            async with waiting_for(self._spaces, key, until_s=until_s, deadline_s=deadline_s):
                before_s = _BEFORE_S if min_revision else 0.0
                return await self._engine.reads.state(
                    key, min_revision=min_revision, deadline_s=until_s - before_s
                )
        except NotFound:
            if min_revision:
                raise revision_not_reached(min_revision, 0) from None
            return None

    async def recalled(
        self,
        key: SpaceKey,
        prompt: str,
        query: MemoryQuery,
        policy: EffectivePolicy,
        *,
        conversation_id: str,
        min_revision: int,
        until_s: float,
        deadline_s: float,
    ) -> Recollected:
        """Return the memories with text that match a prompt, evaluated again by the current rules.

        Earlier answers of models are left out, and earlier prompts that only repeat the question.

        Args:
            key: An existing space.
            prompt: The prompt.
            query: Vector of the prompt and options, without words. With ``top_k`` 0 only the
                exchanges of the conversation are read.
            conversation_id: Conversation whose most recent exchanges are read; empty for none.
            policy: Policy of the tenant.
            min_revision: Minimum revision of the result.
            until_s: Event-loop time by which the result is needed.
            deadline_s: Deadline of the call, event-loop time.

        Raises:
            Unavailable: The space cannot be used, or its worker hangs.
            DeadlineExceeded: The deadline of the call has passed.
        """
        async with waiting_for(self._spaces, key, until_s=until_s, deadline_s=deadline_s):
            return await self._recalled(
                key,
                prompt,
                query,
                policy,
                conversation_id=conversation_id,
                min_revision=min_revision,
                until_s=until_s,
            )

    async def _recalled(
        self,
        key: SpaceKey,
        prompt: str,
        query: MemoryQuery,
        policy: EffectivePolicy,
        *,
        conversation_id: str,
        min_revision: int,
        until_s: float,
    ) -> Recollected:
        exchanges = await self._exchanges(
            key, conversation_id, policy, min_revision=min_revision, until_s=until_s
        )
        if not query.top_k:
            return Recollected((), [], (), 0, exchanges)
        looked_at = min(_TIMES_LOOKED_AT * query.top_k + _MORE_LOOKED_AT, _MAX_RECALLED)
        wider = MemoryQuery()
        wider.CopyFrom(query)
        wider.words, wider.top_k = _cut(prompt), looked_at
        encoded = await self._engine.reads.query(
            key,
            EncodedQueries.of((wider,), omit_answers=True),
            min_revision=min_revision,
            deadline_s=until_s,
        )
        found = QueryMemoriesResponse.FromString(encoded)
        known = [memory_id for each in exchanges for memory_id in each.memory_ids]
        matches = list(islice(worth_telling(found.matches, prompt, known=known), query.top_k))
        kept, texts, about, left = (
            list[Match](),
            list[RecalledText](),
            list[Verdict](),
            _BLOCK_BYTES,
        )
        for some in _batched(matches, _JUDGED_AT_ONCE):
            measurements = await self._judging.measure(
                [match.memory.text for match in some],
                Stage.RECALL,
                policy=policy,
                tenant=key.tenant,
                deadline_s=until_s,
            )
            for match, measurement in zip(some, measurements, strict=True):
                judged = self._judging.verdicts(measurement, policy, Stage.RECALL)
                about += noteworthy(judged)
                size = len(match.memory.text.encode())
                if enforced(judged) is not Decision.REFUSE and size <= left:
                    left -= size
                    match.memory.text = redacted(match.memory.text, measurement, judged)
                    kept.append(match)
                    texts.append(
                        RecalledText(match.memory.memory_id, match.memory.text, match.resonance)
                    )
            if left < _LEAST_BYTES:
                break
        return Recollected(tuple(kept), texts, tuple(about), found.revision, exchanges)

    async def _exchanges(
        self,
        key: SpaceKey,
        conversation_id: str,
        policy: EffectivePolicy,
        *,
        min_revision: int,
        until_s: float,
    ) -> list[PastExchange]:
        """Return the last exchanges of a conversation, evaluated again by the current rules."""
        if not conversation_id:
            return []
        wanted = PageOf(0, 2 * _MAX_EXCHANGES, conversation_id=conversation_id, newest_first=True)
        found, _, _ = await self._engine.reads.page(
            key, wanted, min_revision=min_revision, deadline_s=until_s
        )
        exchanges = last_exchanges([each.memory for each in found])
        if not exchanges:
            return []
        measurements = await self._judging.measure(
            [text for each in exchanges for text in (each.prompt, each.answer)],
            Stage.RECALL,
            policy=policy,
            tenant=key.tenant,
            deadline_s=until_s,
        )
        past_exchanges = list[PastExchange]()
        for i, each in enumerate(exchanges):
            about = [
                (one, self._judging.verdicts(one, policy, Stage.RECALL))
                for one in measurements[2 * i : 2 * i + 2]
            ]
            if all(enforced(judged) is not Decision.REFUSE for _, judged in about):
                prompt, answer = (
                    redacted(text, *one) for text, one in zip(each[:2], about, strict=True)
                )
                past_exchanges.append(PastExchange(prompt, answer, each.memory_ids))
        return past_exchanges

    async def remembered(self, key: SpaceKey, said: AnsweredPrompt, ticket: Ticket) -> Exchange:
        """Store an exchange as one event.

        Raises:
            MlsdmError: As documented for ProcessEvent.
            Unavailable: WORKER_LOST; the worker of the space hangs, and nothing was written.
            DeadlineExceeded: OUTCOME_UNKNOWN; the worker stopped responding after the write was
                sent, or the deadline has passed.
        """
        prompt_id, answer_id = self._engine.ids.ulid(), self._engine.ids.ulid()
        text = _cut(said.prompt)
        prompt = NewMemory(
            prompt_id,
            _NO_VECTOR,
            text=text,
            provenance=Provenance(source=Source.USER_INPUT, policy_version=said.policy_version),
            conversation_id=said.conversation_id,
            role=ExchangeRole.PROMPT,
        )
        answer = NewMemory(
            answer_id,
            _NO_VECTOR,
            text=_cut(said.answer),
            provenance=Provenance(
                source=Source.LLM_GENERATION,
                model=said.model,
                policy_version=said.policy_version,
                parent_ids=(prompt_id, *said.recalled)[:MAX_PARENTS],
            ),
            conversation_id=said.conversation_id,
            role=ExchangeRole.ANSWER,
        )
        async with self._writing(key, ticket):
            return await self._engine.intake.exchange(
                key,
                prompt,
                answer,
                moral_value=said.moral_value,
                prompt_vector=said.vector if text == said.prompt else None,
                ticket=ticket,
            )

    async def warn(self, key: SpaceKey, view: SpaceView, moral_value: float, ticket: Ticket) -> int:
        """Process a hostile prompt in the moral filter of a space without storing it.

        Returns:
            The revision of the record.

        Raises:
            MlsdmError: See :meth:`remembered`.
        """
        # Confidence 0 keeps the prompt out of the memory, even if the threshold has dropped since
        # then.
        vector = np.ones(view.parameters.dimension, np.float32)
        memory = NewMemory(
            self._engine.ids.ulid(), Vector(vector, inverse_norm(vector)), confidence=0.0
        )
        event = Candidate(memory, is_event=True, given_value=moral_value)
        async with self._writing(key, ticket):
            return (await self._engine.intake.process_event(key, event, ticket)).outcome.revision

    def _writing(self, key: SpaceKey, ticket: Ticket) -> AbstractAsyncContextManager[None]:
        """Return a context for a write; it stops waiting for a stalled worker at the deadline."""
        if self._spaces.hangs(key):
            raise hanging(key)
        return waiting_for(
            self._spaces,
            key,
            deadline_s=ticket.deadline_s,
            until_s=ticket.deadline_s,
            overdue=partial(outcome_unknown, ticket),
        )


def _batched(matches: Sequence[Match], size: int) -> Iterator[Sequence[Match]]:
    for start in range(0, len(matches), size):
        yield matches[start : start + size]


def _cut(text: str) -> str:
    """Return the longest beginning of a text that fits in one memory."""
    return text.encode()[:MAX_TEXT_BYTES].decode(errors="ignore")
