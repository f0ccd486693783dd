"""Creation of spaces by their first write."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import overload

from mlsdm_grpc.config import RecallPhase, SpaceDefaults
from mlsdm_grpc.core.mind.compatibility import reduced
from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.model.bodies import CreateSpace, ProcessEvent, PutMemories
from mlsdm_grpc.core.model.new_memory import NewMemory
from mlsdm_grpc.core.model.outcome import PutOutcome, PutResult, Refusal
from mlsdm_grpc.core.model.parameters import MoralParameters, SpaceParameters
from mlsdm_grpc.core.model.record import Record
from mlsdm_grpc.errors import (
    DataLoss,
    DeadlineExceeded,
    PreconditionFailed,
    QuotaExceeded,
    Unavailable,
)
from mlsdm_grpc.governance.detectors.sensitive import without_sensitive
from mlsdm_grpc.journal.codec.new_memories import unpacked
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.llm.embedders import EmbedderInfo
from mlsdm_grpc.protection.fair_limiter import FEW
from mlsdm_grpc.spaces.checks import (
    check_dimensions,
    check_kept,
    expect,
    parameters_of,
)
from mlsdm_grpc.spaces.quotas import Quotas
from mlsdm_grpc.spaces.space import Space
from mlsdm_grpc.spaces.space_client import Access
from mlsdm_grpc.spaces.ticket import Ticket
from mlsdm_grpc.workers.space_codec import refusal_error

__all__ = ["FirstWrites", "parameters_from"]


def parameters_from(settings: SpaceDefaults) -> SpaceParameters:
    """Return the default parameters of a new space."""
    return SpaceParameters(
        dimension=settings.dimension,
        capacity=settings.capacity,
        recall_in_band=settings.recall_phase is RecallPhase.BAND,
    )


class FirstWrites:
    """Creator of spaces on their first write; a write that would be refused creates no space.

    Args:
        access: Access to the spaces.
        defaults: Default parameters of new spaces.
        embedder: Properties of the embedder of this server; None without one.
        base_moral_threshold: Returns the initial moral threshold of new spaces of a tenant.
        quotas: Quotas and defaults of the tenants.
    """

    def __init__(
        self,
        access: Access,
        *,
        defaults: SpaceDefaults,
        embedder: EmbedderInfo | None,
        base_moral_threshold: Callable[[str], Awaitable[float]],
        quotas: Quotas,
    ) -> None:
        self._access = access
        self._defaults = defaults
        self._embedder = embedder
        self._base_moral_threshold = base_moral_threshold
        self._quotas = quotas

    @overload
    async def open_for_write(
        self, key: SpaceKey, given: Sequence[NewMemory], body: ProcessEvent, ticket: Ticket
    ) -> Space: ...

    @overload
    async def open_for_write(
        self, key: SpaceKey, given: Sequence[NewMemory], body: PutMemories, ticket: Ticket
    ) -> Space | PutOutcome: ...

    async def open_for_write(
        self,
        key: SpaceKey,
        given: Sequence[NewMemory],
        body: PutMemories | ProcessEvent,
        ticket: Ticket,
    ) -> Space | PutOutcome:
        """Return the loaded space for a write; create it if it does not exist.

        Args:
            key: The space.
            given: Memories as received.
            body: The write, with ids and vectors.
            ticket: Writer, idempotency key and deadline.

        Returns:
            The space; or the outcome of a first put that would store nothing and therefore creates
            no space.

        Raises:
            MlsdmError: The write would be refused.
        """
        directory = self._access.directory
        if await directory.is_new(key) and (refused := await self.refused(key, given, body)):
            return refused
        space = await directory.opened(key)
        is_new = not await directory.current_view(space)
        if is_new:
            if refused := await self.refused(key, given, body):
                return refused
            await self._create(space, given, ticket)
        self.check(key, parameters_of(space), given, body.memories)
        # The quota was checked by the creation. A refusal after it would leave an empty space.
        if not is_new:
            await self.check_kept_bytes(space, ticket, body)
        return space

    async def check_kept_bytes(
        self, space: Space, ticket: Ticket, repeatable: PutMemories | ProcessEvent | None = None
    ) -> None:
        """Raise an error for content that exceeds the quota of the tenant on bytes.

        A repeat of an earlier write is not refused, so that it returns the first result.

        Args:
            space: Space of the content.
            ticket: Writer, idempotency key and deadline.
            repeatable: The write; None if it has no idempotency key.

        Raises:
            QuotaExceeded: QUOTA_EXCEEDED.
            Unavailable: SPACE_LOADING; the usage could not be counted in time.

        Cost: a dictionary look-up, unless the tenant has a quota on bytes.
        """
        tenant = space.key.tenant
        if not self._quotas.limits_content(tenant):
            return
        refusal = await self._quotas.content_refusal(tenant, ticket.deadline_s)
        if refusal and (
            repeatable is None
            or await self._access.foresee(space, _as_event(repeatable), ticket) is None
        ):
            raise refusal

    async def _create(self, space: Space, given: Sequence[NewMemory], ticket: Ticket) -> None:
        by_server = replace(ticket, request_digest=b"", windowed=False)
        try:
            base = await self._base_moral_threshold(space.key.tenant)
            parameters = await self._parameters(space.key, given)
            parameters = replace(parameters, moral=MoralParameters.starting_at(base))
            async with self._quotas.reserving(space.key, parameters.capacity, ticket.deadline_s):
                await self._access.write(space, CreateSpace(parameters), by_server)
        except (Unavailable, DeadlineExceeded, DataLoss, QuotaExceeded):
            self._access.directory.drop(space)
            raise
        await self._access.directory.refresh_view(space)

    async def _parameters(self, key: SpaceKey, given: Sequence[NewMemory]) -> SpaceParameters:
        """Return the parameters of a space that these memories create, without its moral base."""
        info, defaults = self._embedder, parameters_from(self._defaults)
        defaults = replace(defaults, capacity=await self._quotas.default_capacity(key.tenant))
        if info is not None and any(
            each.embedding_model == info.model_id or not len(each.vector.raw) for each in given
        ):
            defaults = replace(defaults, dimension=info.dimension, embedder=info.model_id)
        return reduced(defaults, self._access.new_spaces_version)

    async def refused(
        self, key: SpaceKey, given: Sequence[NewMemory], body: PutMemories | ProcessEvent
    ) -> PutOutcome | None:
        """Return the outcome of a first put that stores nothing; None if the write creates a space.

        The arguments are those of :meth:`open_for_write`.

        Raises:
            MlsdmError: The write would be refused.
        """
        if isinstance(body, ProcessEvent):
            parameters = await self._parameters(key, given)
            self.check(key, parameters, given, body.memories, is_new=True)
            return None
        outcome = await self.foresee(key, given, body)
        refused = any(item.result is PutResult.REFUSED for item in outcome.items)
        return outcome if refused else None

    async def preview(
        self, key: SpaceKey, given: Sequence[NewMemory], body: PutMemories, ticket: Ticket
    ) -> PutOutcome:
        """Return the outcome that a first put would have, after a check of the quotas."""
        outcome = await self.foresee(key, given, body)
        if all(item.result is not PutResult.REFUSED for item in outcome.items):
            capacity = await self._quotas.default_capacity(key.tenant, ticket.deadline_s)
            await self._quotas.check(key, capacity, ticket.deadline_s)
        return outcome

    async def foresee(
        self, key: SpaceKey, given: Sequence[NewMemory], body: PutMemories
    ) -> PutOutcome:
        """Return the outcome that a first put would have; a large put is computed in a thread.

        Raises:
            MlsdmError: The put would be refused.
        """
        parameters = await self._parameters(key, given)
        if len(given) <= FEW:
            outcome = self._foreseen(key, parameters, given, body)
        else:
            await self._access.check_size(body)
            outcome = await asyncio.to_thread(self._foreseen, key, parameters, given, body)
        if isinstance(outcome, Refusal):
            raise refusal_error(outcome, key.space)
        return outcome

    def _foreseen(
        self,
        key: SpaceKey,
        parameters: SpaceParameters,
        given: Sequence[NewMemory],
        body: PutMemories,
    ) -> PutOutcome | Refusal:
        self.check(key, parameters, given, body.memories, is_new=True)
        mind = Mind()
        create = Record(
            revision=1,
            incarnation=0,
            record_id=b"",
            time_ns=self._access.clock.record_ns(),
            body=CreateSpace(parameters),
            semantics_version=self._access.new_spaces_version,
        )
        mind.apply(create)
        body = replace(body, memories=unpacked(body.memories))
        put = replace(create, revision=2, incarnation=1, body=body)
        outcome = mind.preview(put)
        if isinstance(outcome, Refusal):
            return outcome
        return replace(expect(outcome, PutOutcome), revision=0)

    def check(
        self,
        key: SpaceKey,
        parameters: SpaceParameters,
        given: Sequence[NewMemory],
        memories: Sequence[NewMemory],
        *,
        is_new: bool = False,
    ) -> None:
        """Raise an error for a write that a space with these parameters would refuse.

        Args:
            key: Tenant and name of the space, which is loaded or new.
            parameters: Parameters of the space.
            given: Memories as received.
            memories: The same memories with vectors.
            is_new: True if the space has no record yet.

        Raises:
            PreconditionFailed: DIMENSION_MISMATCH, EMBEDDER_NOT_CONFIGURED, EMBEDDER_MISMATCH or
                SEMANTICS_UNSUPPORTED.
        """
        check_kept(key, self._access.version_of(key), given)
        bare = [each for each in given if not len(each.vector.raw)]
        if bare:
            self.check_embedder(key, parameters)
        for each in bare:
            if each.embedding_model not in {"", parameters.embedder}:
                raise _other_embedder(
                    f"The text requires the model {without_sensitive(each.embedding_model)}, but"
                    f" the embedder of the space is {parameters.embedder}; send an embedding.",
                    key,
                    expected=parameters.embedder,
                    actual=without_sensitive(each.embedding_model),
                )
        vectors = [memory.vector for memory in memories]
        check_dimensions(key, parameters, vectors, is_new=is_new)

    def check_embedder(self, key: SpaceKey, parameters: SpaceParameters) -> None:
        """Raise PreconditionFailed if this server cannot embed texts for such a space."""
        ours = self._embedder.model_id if self._embedder else ""
        if not parameters.embedder:
            raise PreconditionFailed(
                "The space accepts embeddings only; send an embedding.",
                reason="EMBEDDER_NOT_CONFIGURED",
                metadata={"space": key.space},
            )
        if parameters.embedder != ours:
            raise _other_embedder(
                f"The embedder of the space is {parameters.embedder}, but this server has"
                f" {ours or 'none'}; send an embedding.",
                key,
                expected=parameters.embedder,
                actual=ours,
            )


def _as_event(body: PutMemories | ProcessEvent) -> ProcessEvent:
    """Return the write as an event, whose preview only detects a repeated request id."""
    return body if isinstance(body, ProcessEvent) else ProcessEvent(body.memories[0], 0.0)


def _other_embedder(
    message: str, key: SpaceKey, *, expected: str, actual: str
) -> PreconditionFailed:
    return PreconditionFailed(
        message,
        reason="EMBEDDER_MISMATCH",
        metadata={"space": key.space, "expected": expected, "actual": actual},
    )
