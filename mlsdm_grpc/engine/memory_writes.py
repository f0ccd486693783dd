"""Write operations: texts are evaluated and embedded, then written to a space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mlsdm_grpc.core.model.bodies import DeleteMemory, ProcessEvent, PutMemories, UpdateMemory
from mlsdm_grpc.core.model.new_memory import NewMemory, Vector
from mlsdm_grpc.core.model.outcome import DeleteOutcome, EventOutcome, Outcome, PutOutcome
from mlsdm_grpc.errors import NotFound
from mlsdm_grpc.governance.policy.verdict import Verdict
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.moderation.candidates import (
    Candidate,
    judged_event,
    judged_value,
    refused_put,
    settled,
)
from mlsdm_grpc.moderation.moderator import Judging
from mlsdm_grpc.moderation.preparation import Preparation
from mlsdm_grpc.protection.lanes import Before, Lane
from mlsdm_grpc.spaces.checks import check_embedded, expect, join, parameters_of
from mlsdm_grpc.spaces.creation import FirstWrites
from mlsdm_grpc.spaces.space import Space
from mlsdm_grpc.spaces.space_client import Access
from mlsdm_grpc.spaces.ticket import Ticket
from mlsdm_grpc.spaces.write_pipeline import Applied

__all__ = ["Exchange", "Intake", "ProcessedEvent", "Put"]


@dataclass(frozen=True, slots=True)
class Put:
    """Result of a put."""

    outcome: PutOutcome
    verdicts: tuple[tuple[Verdict, ...], ...]
    """Verdicts for each memory, from rules that did not allow its text, enforced or in shadow."""


@dataclass(frozen=True, slots=True)
class ProcessedEvent:
    """Result of an event."""

    outcome: EventOutcome
    synaptic_norms: Sequence[float]
    """Norms of the traces L1, L2 and L3 at the time of the answer."""
    moral_value: float
    """Moral value used for the decision."""
    verdicts: tuple[Verdict, ...]
    """Verdicts of rules that did not allow the text, enforced or in shadow."""
    refused: bool
    """An enforced rule refused the text, which sets the moral value to 0."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """Result of a put of a prompt together with its answer."""

    outcome: EventOutcome | None
    """Outcome of the write; None if an enforced rule refused a text and nothing was written."""
    verdicts: tuple[Verdict, ...]
    """Verdicts of rules that did not allow a text, enforced or in shadow."""


class Intake:
    """Write operations for memories and events.

    Args:
        access: Access to spaces.
        first: First writes, which create spaces.
        judging: Policies of the tenants.
        preparation: Embedding and evaluation of texts.
    """

    def __init__(
        self, access: Access, first: FirstWrites, judging: Judging, preparation: Preparation
    ) -> None:
        self._access = access
        self._directory = access.directory
        self._first = first
        self._judging = judging
        self._preparation = preparation

    def check_batch(self, key: SpaceKey, count: int, deadline_s: float) -> None:
        """Refuse a put of ``count`` memories if the queue has no room.

        See ``Access.check_room``.
        """
        if _lane(count) is Lane.BULK:
            self._access.check_room(key, Before.JOURNAL, count, deadline_s)

    async def put(
        self,
        key: SpaceKey,
        body: PutMemories,
        ticket: Ticket,
        *,
        paths: Sequence[str],
        validate_only: bool = False,
    ) -> Put:
        """Store memories, all or none; those without a vector are embedded from their text.

        Texts are evaluated first: if an enforced rule refuses one, nothing is written.

        Args:
            key: Space; it is created if it does not exist.
            body: Memories to store.
            ticket: Principal, idempotency key and deadline of the write.
            paths: Path of each memory in the request, for violations.
            validate_only: Whether to return the outcome without writing or creating anything.

        Raises:
            MlsdmError: Any error that the contract of PutMemory lists.
        """
        lane = Lane.INTERACTIVE if validate_only else _lane(len(body.memories))
        if lane is not ticket.lane:
            ticket = replace(ticket, lane=lane)
        with self._access.lanes.inside(lane, key.tenant):
            candidates = [Candidate(memory) for memory in body.memories]
            await self._prepare(key, candidates, paths, ticket)
            # The verdicts come before the space is created: a refused put must leave no trace.
            outcome = await self._refused(key, candidates, ticket)
            if outcome is None:
                given = body.memories
                memories = tuple([each.memory for each in candidates])
                body = PutMemories(memories, body.allow_replace)
                put = self._foresee_put if validate_only else self._put
                outcome = await put(key, given, body, ticket)
        return Put(outcome, tuple(each.verdicts for each in candidates))

    async def _put(
        self, key: SpaceKey, given: Sequence[NewMemory], body: PutMemories, ticket: Ticket
    ) -> PutOutcome:
        space = await self._first.open_for_write(key, given, body, ticket)
        if isinstance(space, PutOutcome):
            return space
        body = PutMemories(await self._settled(space, body.memories), body.allow_replace)
        return expect((await self._access.write(space, body, ticket)).outcome, PutOutcome)

    async def _foresee_put(
        self, key: SpaceKey, given: Sequence[NewMemory], body: PutMemories, ticket: Ticket
    ) -> PutOutcome:
        try:
            space = await self._directory.existing(key)
        except NotFound:
            return await self._first.preview(key, given, body, ticket)
        self._first.check(key, parameters_of(space), given, body.memories)
        await self._first.check_kept_bytes(space, ticket, body)
        body = PutMemories(await self._settled(space, body.memories), body.allow_replace)
        return expect(await self._access.foresee(space, body, ticket), PutOutcome)

    async def _refused(
        self, key: SpaceKey, candidates: Sequence[Candidate], ticket: Ticket
    ) -> PutOutcome | None:
        """Return the outcome of a put that the policy refuses; None if the policy allows it.

        A repeat of a put that was stored before the policy was set still returns its first result.
        """
        if not any(each.refused for each in candidates):
            return None
        try:
            space = await self._directory.existing(key)
        except NotFound:
            return refused_put(candidates, 0)
        # Of an event a worker foresees only whether its request_id was used before.
        probe = ProcessEvent(candidates[0].memory, 0.0)
        first = await self._access.foresee(space, probe, ticket)
        return first if isinstance(first, PutOutcome) else refused_put(candidates, space.applied)

    async def update(self, key: SpaceKey, body: UpdateMemory, ticket: Ticket) -> PutOutcome:
        """Change labels, pinning or expiry of a memory; raises like :meth:`delete`."""
        return expect(await self._change(key, body, ticket), PutOutcome)

    async def delete(self, key: SpaceKey, body: DeleteMemory, ticket: Ticket) -> DeleteOutcome:
        """Delete a memory.

        Raises:
            NotFound: SPACE_NOT_FOUND or MEMORY_NOT_FOUND.
            Conflict: ETAG_MISMATCH.
        """
        return expect(await self._change(key, body, ticket), DeleteOutcome)

    async def _change(
        self, key: SpaceKey, body: UpdateMemory | DeleteMemory, ticket: Ticket
    ) -> Outcome:
        with self._access.lanes.inside(Lane.INTERACTIVE, key.tenant):
            space = await self._directory.existing(key)
            return (await self._access.write(space, body, ticket)).outcome

    async def process_event(
        self, key: SpaceKey, event: Candidate, ticket: Ticket
    ) -> ProcessedEvent:
        """Evaluate an event and store it as a memory if it is accepted.

        Args:
            key: Space; it is created if it does not exist.
            event: Event with a text, a moral value or both.
            ticket: Principal, idempotency key and deadline of the write.

        Raises:
            MlsdmError: Any error that the contract of ProcessEvent lists.
        """
        with self._access.lanes.inside(Lane.INTERACTIVE, key.tenant):
            # The policy of the start of the call judges the event, even if it changes meanwhile.
            policy = await self._judging.policy(key.tenant, ticket.deadline_s)
            await self._prepare(key, (event,), ("",), ticket)
            body = ProcessEvent(event.recorded, event.effective_value)
            applied = await self._process(key, (event.given,), body, ticket)
        outcome = expect(applied.outcome, EventOutcome)
        return ProcessedEvent(
            outcome,
            applied.synaptic_norms,
            judged_value(event, outcome),
            judged_event(event, outcome, policy),
            event.refused,
        )

    async def exchange(
        self,
        key: SpaceKey,
        prompt: NewMemory,
        answer: NewMemory,
        *,
        moral_value: float,
        ticket: Ticket,
        prompt_vector: Vector | None = None,
    ) -> Exchange:
        """Process a prompt as an event, and store it with its answer if the event is accepted.

        Args:
            key: Space; it is created if it does not exist.
            prompt: Prompt with a text and without a vector.
            answer: Answer with a text and without a vector.
            moral_value: Moral value of the prompt, in [0, 1].
            ticket: Principal, idempotency key and deadline of the write.
            prompt_vector: Vector of the prompt from this server's embedder; None if unknown.

        Raises:
            MlsdmError: Any error that the contract of ProcessEvent lists.
        """
        with self._access.lanes.inside(Lane.INTERACTIVE, key.tenant):
            # Both texts go into one record, so that a crash cannot store the prompt without its
            # answer.
            both = (Candidate(prompt, known_vector=prompt_vector), Candidate(answer))
            await self._prepare(key, both, ("prompt", "answer"), ticket)
            found = tuple(verdict for each in both for verdict in each.verdicts)
            if any(each.refused for each in both):
                return Exchange(None, found)
            body = ProcessEvent(both[0].memory, moral_value, both[1].memory)
            applied = await self._process(key, (prompt, answer), body, ticket)
        return Exchange(expect(applied.outcome, EventOutcome), found)

    async def _process(
        self, key: SpaceKey, given: Sequence[NewMemory], event: ProcessEvent, ticket: Ticket
    ) -> Applied:
        """Write an event to its space; ``given`` are its memories as the caller sent them."""
        space = await self._first.open_for_write(key, given, event, ticket)
        event = event.with_memories(await self._settled(space, event.memories))
        return await self._access.write(space, event, ticket)

    async def _settled(self, space: Space, memories: Sequence[NewMemory]) -> Sequence[NewMemory]:
        access = self._access
        version = access.version_of(space.key)
        return await settled(space, memories, version=version, now_ns=access.clock.now_ns())

    async def _prepare(
        self,
        key: SpaceKey,
        candidates: Sequence[Candidate],
        paths: Sequence[str],
        ticket: Ticket,
    ) -> None:
        """Set the id and the vector of each candidate, and evaluate its text."""
        await self._preparation.prepare(candidates, key.tenant, ticket.deadline_s)
        check_embedded(
            {
                join(path, "text"): each.memory.vector
                for path, each in zip(paths, candidates, strict=True)
                if each.bare
            }
        )


def _lane(count: int) -> Lane:
    """Return the lane in which ``count`` memories are stored."""
    return Lane.BULK if count > 1 else Lane.INTERACTIVE
