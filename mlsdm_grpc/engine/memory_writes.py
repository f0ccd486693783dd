"""The way in: memories and events are judged, embedded, and written to their space."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mlsdm_grpc.core.model.record import (
    EventOutcome,
    NewMemory,
    ProcessEvent,
    PutMemories,
    PutOutcome,
    Refusal,
)
from mlsdm_grpc.errors import NotFound
from mlsdm_grpc.governance.policy.verdict import Verdict
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.moderation.candidates import (
    Draft,
    Prepared,
    judged_event,
    judged_value,
    named,
    refused_put,
    settled,
)
from mlsdm_grpc.moderation.moderator import Judging
from mlsdm_grpc.protection.fair_limiter import FEW
from mlsdm_grpc.protection.lanes import Before, Lane
from mlsdm_grpc.spaces.checks import check_deadline, check_embedded, expect, join, parameters_of
from mlsdm_grpc.spaces.creation import FirstWrites
from mlsdm_grpc.spaces.directory import Space
from mlsdm_grpc.spaces.space_client import Access
from mlsdm_grpc.spaces.write_pipeline import Applied, Ticket
from mlsdm_grpc.workers.space_codec import refusal_error

__all__ = ["Exchange", "Intake", "ProcessedEvent", "Put"]


@dataclass(frozen=True, slots=True)
class Put:
    """What became of memories that were to be stored."""

    outcome: PutOutcome
    verdicts: tuple[tuple[Verdict, ...], ...]
    """One tuple a memory: of the rules that did not allow something, enforced or in shadow."""


@dataclass(frozen=True, slots=True)
class ProcessedEvent:
    """What an event did to a mind."""

    outcome: EventOutcome
    synaptic_norms: Sequence[float]
    """Lengths of L1, L2 and L3 when the answer was built."""
    moral_value: float
    """That it was judged by."""
    verdicts: tuple[Verdict, ...]
    """Of the rules that did not allow something, enforced or in shadow."""
    refused: bool
    """An enforced rule refused its text, so that it was judged by 0."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What became of a prompt and its answer."""

    outcome: EventOutcome | None
    """None where an enforced rule refused one of the texts, so that nothing was written."""
    verdicts: tuple[Verdict, ...]
    """Of the rules that did not allow something, enforced or in shadow."""


class Intake:
    """Takes in memories and events.

    Args:
        access: The way to the spaces.
        first: Creates spaces.
        judging: Embeds and judges texts.
    """

    def __init__(self, access: Access, first: FirstWrites, judging: Judging) -> None:
        self._access = access
        self._directory = access.directory
        self._first = first
        self._judging = judging

    def check_batch(self, key: SpaceKey, count: int, deadline_s: float) -> None:
        """Refuse to store so many memories if there is no room; see ``Access.check_room``."""
        if _lane(count) is Lane.BULK:
            self._access.check_room(key, Before.JOURNAL, count, deadline_s)

    async def put(
        self, key: SpaceKey, body: PutMemories, ticket: Ticket, *, paths: Sequence[str]
    ) -> Put:
        """Store memories, all or none; those without a vector are embedded from their text.

        Texts are judged first: what an enforced rule refuses is stored by no record.

        Args:
            key: The space; it is created if it does not exist.
            body: What to store.
            ticket: Who writes.
            paths: Name of each memory in the request, for violations.

        Raises:
            MlsdmError: As the contract of PutMemory says.
        """
        ticket = replace(ticket, lane=_lane(len(body.memories)))
        with self._access.lanes.inside(ticket.lane, key.tenant):
            prepared = await self._prepared(key, map(Draft, body.memories), paths, ticket)
            outcome = await self._refused(key, prepared, ticket)
            if outcome is None:
                outcome = await self._put(key, body, prepared, ticket)
        return Put(outcome, tuple(each.verdicts for each in prepared))

    async def _put(
        self, key: SpaceKey, body: PutMemories, prepared: Sequence[Prepared], ticket: Ticket
    ) -> PutOutcome:
        memories = tuple(each.memory for each in prepared)
        new = await self._directory.is_new(key)
        if new and (refused := await self._first_refused(key, body, memories)):
            return refused
        space = await self._directory.opened(key)
        if not await self._directory.current_view(space):
            if refused := await self._first_refused(key, body, memories):
                return refused
            await self._first.create(space, body.memories, ticket)
        self._first.check(key, parameters_of(space), body.memories, memories)
        memories = await self._settled(space, memories)
        body = PutMemories(memories, body.allow_replace)
        await self._access.refuse_read_only(space, body, ticket)
        check_deadline(ticket.deadline_s)
        applied = await self._access.write(space, body, ticket)
        return expect(applied.outcome, PutOutcome)

    async def preview_put(
        self, key: SpaceKey, body: PutMemories, ticket: Ticket, *, paths: Sequence[str]
    ) -> Put:
        """Return what :meth:`put` would answer; writes nothing, creates nothing."""
        with self._access.lanes.inside(Lane.INTERACTIVE, key.tenant):
            prepared = await self._prepared(key, map(Draft, body.memories), paths, ticket)
            outcome = await self._refused(key, prepared, ticket)
            if outcome is None:
                outcome = await self._foreseen_put(key, body, prepared, ticket)
        return Put(outcome, tuple(each.verdicts for each in prepared))

    async def _foreseen_put(
        self, key: SpaceKey, body: PutMemories, prepared: Sequence[Prepared], ticket: Ticket
    ) -> PutOutcome:
        memories = tuple(each.memory for each in prepared)
        try:
            space = await self._directory.existing(key)
        except NotFound:
            outcome = await self._foreseen(key, body, memories)
        else:
            self._first.check(key, parameters_of(space), body.memories, memories)
            memories = await self._settled(space, memories)
            found = await self._access.foresee(space, replace(body, memories=memories), ticket)
            return expect(found, PutOutcome)
        if isinstance(outcome, Refusal):
            raise refusal_error(outcome, key.space)
        return outcome

    async def _foreseen(
        self, key: SpaceKey, body: PutMemories, memories: tuple[NewMemory, ...]
    ) -> PutOutcome | Refusal:
        """Return what the first put of a space would do; for many memories a thread finds out."""
        if len(memories) <= FEW:
            return self._first.foreseen(key, body, memories)
        return await asyncio.to_thread(self._first.foreseen, key, body, memories)

    async def _first_refused(
        self, key: SpaceKey, body: PutMemories, memories: tuple[NewMemory, ...]
    ) -> PutOutcome | None:
        """Return what :meth:`FirstWrites.refused` does; for many memories a thread finds out."""
        if len(memories) <= FEW:
            return self._first.refused(key, body, memories)
        return await asyncio.to_thread(self._first.refused, key, body, memories)

    async def _refused(
        self, key: SpaceKey, prepared: Sequence[Prepared], ticket: Ticket
    ) -> PutOutcome | None:
        """Return the outcome of a put that policy refuses; None if it does not.

        What was stored before the policy was set has its first result still.
        """
        if not any(each.refused for each in prepared):
            return None
        try:
            space = await self._directory.existing(key)
        except NotFound:
            return refused_put(prepared, 0)
        # Of an event a worker foresees only whether its request_id was used before.
        probe = ProcessEvent(prepared[0].memory, 0.0)
        first = await self._access.foresee(space, probe, ticket)
        return first if isinstance(first, PutOutcome) else refused_put(prepared, space.applied)

    async def process_event(self, key: SpaceKey, draft: Draft, ticket: Ticket) -> ProcessedEvent:
        """Judge one event and remember it if it is accepted.

        Args:
            key: The space; it is created if it does not exist.
            draft: The event, with a text, a moral value or both.
            ticket: Who writes.

        Raises:
            MlsdmError: As the contract of ProcessEvent says.
        """
        with self._access.lanes.inside(Lane.INTERACTIVE, key.tenant):
            policy = await self._judging.policy(key.tenant, ticket.deadline_s)
            (prepared,) = await self._prepared(key, (draft,), ("",), ticket)
            body = ProcessEvent(prepared.recorded, prepared.effective_value)
            applied = await self._process(key, (draft.memory,), body, ticket)
        outcome = expect(applied.outcome, EventOutcome)
        return ProcessedEvent(
            outcome,
            applied.synaptic_norms,
            judged_value(prepared, outcome),
            judged_event(prepared, outcome, policy),
            prepared.refused,
        )

    async def exchange(
        self,
        key: SpaceKey,
        prompt: NewMemory,
        answer: NewMemory,
        *,
        moral_value: float,
        ticket: Ticket,
    ) -> Exchange:
        """Let a mind process a prompt as an event, and remember it with its answer if it accepts.

        Args:
            key: The space; it is created if it does not exist.
            prompt: With a text and no vector.
            answer: The same.
            moral_value: Of the prompt, 0 to 1.
            ticket: Who writes.

        Raises:
            MlsdmError: As the contract of ProcessEvent says.
        """
        with self._access.lanes.inside(Lane.INTERACTIVE, key.tenant):
            drafts = (prompt, answer)
            prepared = await self._prepared(key, map(Draft, drafts), ("prompt", "answer"), ticket)
            found = tuple(verdict for each in prepared for verdict in each.verdicts)
            if any(each.refused for each in prepared):
                return Exchange(None, found)
            memories = tuple(each.memory for each in prepared)
            body = ProcessEvent(memories[0], moral_value, memories[1])
            applied = await self._process(key, drafts, body, ticket)
        return Exchange(expect(applied.outcome, EventOutcome), found)

    async def _process(
        self, key: SpaceKey, drafts: Sequence[NewMemory], event: ProcessEvent, ticket: Ticket
    ) -> Applied:
        """Write an event to its space; ``drafts`` are its memories as they came."""
        memories = event.memories
        if await self._directory.is_new(key):
            self._first.check(key, self._first.parameters(drafts), drafts, memories)
        space = await self._directory.opened(key)
        if not await self._directory.current_view(space):
            self._first.check(key, self._first.parameters(drafts), drafts, memories)
            await self._first.create(space, drafts, ticket)
        self._first.check(key, parameters_of(space), drafts, memories)
        event = event.with_memories(await self._settled(space, memories))
        await self._access.refuse_read_only(space, event, ticket)
        check_deadline(ticket.deadline_s)
        return await self._access.write(space, event, ticket)

    async def _settled(
        self, space: Space, memories: tuple[NewMemory, ...]
    ) -> tuple[NewMemory, ...]:
        access = self._access
        version = access.version_of(space.key)
        return await settled(space, memories, version=version, now_ns=access.clock.now_ns())

    async def _prepared(
        self, key: SpaceKey, drafts: Iterable[Draft], paths: Sequence[str], ticket: Ticket
    ) -> list[Prepared]:
        """Give every draft an id and a vector, and judge its text."""
        with_ids = [named(draft, self._access.ids) for draft in drafts]
        prepared = await self._judging.prepare(with_ids, key.tenant, ticket.deadline_s)
        check_embedded(
            {
                join(path, "text"): after.memory.vector
                for path, before, after in zip(paths, with_ids, prepared, strict=True)
                if before.bare
            }
        )
        return prepared


def _lane(count: int) -> Lane:
    """Return the lane in which so many memories are stored."""
    return Lane.BULK if count > 1 else Lane.INTERACTIVE
