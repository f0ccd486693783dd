"""What is different about the first write of a space: it creates the space."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from mlsdm_grpc.config import RecallPhase, SpaceDefaults
from mlsdm_grpc.core.mind.compatibility import reduced
from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.model.record import (
    CreateSpace,
    MoralParameters,
    NewMemory,
    PutMemories,
    PutOutcome,
    PutResult,
    Record,
    Refusal,
    SpaceParameters,
)
from mlsdm_grpc.errors import DataLoss, PreconditionFailed, Unavailable
from mlsdm_grpc.journal.codec.records import unpacked
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.llm.embedders import EmbedderInfo
from mlsdm_grpc.spaces.checks import check_deadline, check_dimensions, check_kept, expect
from mlsdm_grpc.spaces.directory import Space
from mlsdm_grpc.spaces.space_client import Access
from mlsdm_grpc.spaces.write_pipeline import Ticket
from mlsdm_grpc.workers.space_codec import refusal_error

__all__ = ["FirstWrites", "parameters_from"]


def parameters_from(settings: SpaceDefaults) -> SpaceParameters:
    """Return the parameters of a new space of which its creator says nothing."""
    return SpaceParameters(
        dimension=settings.dimension,
        capacity=settings.capacity,
        recall_in_band=settings.recall_phase is RecallPhase.BAND,
    )


class FirstWrites:
    """Creates spaces for their first writes, and refuses those that would be refused.

    Args:
        access: The way to the spaces.
        defaults: Parameters of spaces that their first write creates.
        embedder: What embeds texts here, if anything does.
        base_moral_threshold: Returns where the moral filter of a tenant's new spaces starts.
    """

    def __init__(
        self,
        access: Access,
        *,
        defaults: SpaceDefaults,
        embedder: EmbedderInfo | None,
        base_moral_threshold: Callable[[str], Awaitable[float]],
    ) -> None:
        self._access = access
        self._defaults = defaults
        self._embedder = embedder
        self._base_moral_threshold = base_moral_threshold

    async def create(self, space: Space, drafts: Sequence[NewMemory], ticket: Ticket) -> None:
        """Create the space of a first write, once it is sure that nothing else refuses that."""
        check_deadline(ticket.deadline_s)
        by_server = replace(ticket, request_digest=b"", windowed=False)
        try:
            base = await self._base_moral_threshold(space.key.tenant)
            parameters = replace(self.parameters(drafts), moral=MoralParameters.starting_at(base))
            await self._access.write(space, CreateSpace(parameters), by_server)
        except (Unavailable, DataLoss):
            self._access.directory.drop(space)
            raise
        await self._access.directory.refresh_view(space)

    def parameters(self, drafts: Sequence[NewMemory]) -> SpaceParameters:
        """Return the parameters of a space that these memories create, but for its moral base."""
        info, defaults = self._embedder, parameters_from(self._defaults)
        if info is not None and any(
            draft.embedding_model == info.model_id or not len(draft.vector.raw) for draft in drafts
        ):
            defaults = replace(defaults, dimension=info.dimension, embedder=info.model_id)
        return reduced(defaults, self._access.new_spaces_version)

    def refused(
        self, key: SpaceKey, body: PutMemories, memories: tuple[NewMemory, ...]
    ) -> PutOutcome | None:
        """Return the outcome of a first put that stores nothing, which creates no space either.

        Args:
            key: The space.
            body: The put as it came.
            memories: Its memories with ids and vectors.

        Raises:
            MlsdmError: It would be refused.
        """
        outcome = self.foreseen(key, body, memories)
        if isinstance(outcome, Refusal):
            raise refusal_error(outcome, key.space)
        refused = any(item.result is PutResult.REFUSED for item in outcome.items)
        return outcome if refused else None

    def foreseen(
        self, key: SpaceKey, body: PutMemories, memories: tuple[NewMemory, ...]
    ) -> PutOutcome | Refusal:
        """Return what the first put of a space would do; the arguments are those of `refused`."""
        parameters = self.parameters(body.memories)
        self.check(key, parameters, body.memories, memories)
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
        body = replace(body, memories=unpacked(memories))
        put = replace(create, revision=2, incarnation=1, body=body)
        outcome = mind.preview(put)
        if isinstance(outcome, Refusal):
            return outcome
        return replace(expect(outcome, PutOutcome), revision=0)

    def check(
        self,
        key: SpaceKey,
        parameters: SpaceParameters,
        drafts: Sequence[NewMemory],
        memories: Sequence[NewMemory],
    ) -> None:
        """Refuse before the journal what a space with these parameters is known to refuse.

        Args:
            key: The space, which is loaded or new.
            parameters: What it has, or would have.
            drafts: Memories as their caller gave them.
            memories: The same ones with vectors.

        Raises:
            PreconditionFailed: DIMENSION_MISMATCH, EMBEDDER_NOT_CONFIGURED, EMBEDDER_MISMATCH or
                SEMANTICS_UNSUPPORTED.
        """
        check_kept(key, self._access.version_of(key), drafts)
        bare = [draft for draft in drafts if not len(draft.vector.raw)]
        if bare:
            self.check_embedder(key, parameters)
        for draft in bare:
            if draft.embedding_model not in {"", parameters.embedder}:
                raise _other_embedder(
                    "The text was embedded by another model than the space's; send the embedding.",
                    key,
                    expected=parameters.embedder,
                    actual=draft.embedding_model,
                )
        check_dimensions(key, parameters, [memory.vector for memory in memories])

    def check_embedder(self, key: SpaceKey, parameters: SpaceParameters) -> None:
        """Refuse a text for a space that was not filled with this server's embedder."""
        ours = self._embedder.model_id if self._embedder else ""
        if not parameters.embedder:
            raise PreconditionFailed(
                "The space was created for embeddings; send one.",
                reason="EMBEDDER_NOT_CONFIGURED",
                metadata={"space": key.space},
            )
        if parameters.embedder != ours:
            raise _other_embedder(
                "The space was filled with another embedder than this server's.",
                key,
                expected=parameters.embedder,
                actual=ours,
            )


def _other_embedder(
    message: str, key: SpaceKey, *, expected: str, actual: str
) -> PreconditionFailed:
    return PreconditionFailed(
        message,
        reason="EMBEDDER_MISMATCH",
        metadata={"space": key.space, "expected": expected, "actual": actual},
    )
