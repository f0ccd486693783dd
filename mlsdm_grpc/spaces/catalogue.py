"""Creation, configuration, reading and listing of the spaces of a tenant."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from mlsdm_grpc.core.mind.compatibility import reduced
from mlsdm_grpc.core.mind.configuration import changed, conflict
from mlsdm_grpc.core.mind.space_view import SpaceView
from mlsdm_grpc.core.model.bodies import CreateSpace, SpaceChange, UpdateSpace
from mlsdm_grpc.core.model.parameters import MoralParameters, SpaceParameters
from mlsdm_grpc.errors import (
    DataLoss,
    DeadlineExceeded,
    InvalidInput,
    PreconditionFailed,
    QuotaExceeded,
    Unavailable,
)
from mlsdm_grpc.governance.detectors.sensitive import without_sensitive
from mlsdm_grpc.journal.protocol import Journal, SpaceKey
from mlsdm_grpc.llm.embedders import EmbedderInfo
from mlsdm_grpc.protection.lanes import Lane
from mlsdm_grpc.spaces.checks import check_kept, seen
from mlsdm_grpc.spaces.directory import TENANT_SPACE
from mlsdm_grpc.spaces.quotas import Quotas
from mlsdm_grpc.spaces.space import Space, revision_not_reached
from mlsdm_grpc.spaces.space_client import Access
from mlsdm_grpc.spaces.ticket import Ticket
from mlsdm_grpc.value_classes import value_class

__all__ = ["Catalogue", "Listed", "SpacePage", "page_end_s"]

# Maximum time for one page, seconds; a page ends early after that.
PAGE_S: Final = 1.0


@value_class
class Listed:
    """Entry of a list of spaces."""

    name: str
    view: SpaceView | None
    """State of the space without the ontology; None if this server cannot load the space."""
    head: int
    """Revision of the last record."""


@value_class
class SpacePage:
    """Page of the spaces of a tenant, in the order of their creation."""

    spaces: tuple[Listed, ...]
    after: int
    """Position after the last space, for the next page; 0 if there is none."""
    revision: int
    """Revision of the reserved space of the tenant."""


class Catalogue:
    """Operations on whole spaces.

    Args:
        access: Access to the spaces.
        journal: Source of the list of spaces.
        defaults: Parameters of a new space where the request sets none.
        embedder: Properties of the embedder of this server; None without one.
        base_moral_threshold: Returns the initial moral threshold of new spaces of a tenant.
        quotas: Quotas and defaults of the tenants.
    """

    def __init__(
        self,
        access: Access,
        journal: Journal,
        *,
        defaults: SpaceParameters,
        embedder: EmbedderInfo | None,
        base_moral_threshold: Callable[[str], Awaitable[float]],
        quotas: Quotas,
    ) -> None:
        self._access = access
        self._directory = access.directory
        self._journal = journal
        self._defaults = defaults
        self._embedder = embedder
        self._base_moral_threshold = base_moral_threshold
        self._quotas = quotas

    async def create(
        self, key: SpaceKey, change: SpaceChange, ticket: Ticket
    ) -> tuple[SpaceView, int]:
        """Create a space.

        Args:
            key: Tenant and name.
            change: Settings that differ from the defaults.
            ticket: Writer, idempotency key and deadline.

        Returns:
            State of the space now, with the etag of its creation; revision of its creation.

        Raises:
            AlreadyExists: SPACE_EXISTS.
            PreconditionFailed: EMBEDDER_MISMATCH or SEMANTICS_UNSUPPORTED.
            QuotaExceeded: QUOTA_EXCEEDED; nothing is created.
            InvalidInput: The settings are inconsistent.
        """
        with self._access.lanes.inside(Lane.INTERACTIVE, key.tenant):
            body = CreateSpace(await self._new_parameters(key, change), exclusive=True)
            space = await self._directory.opened(key)
            capacity: int | None = body.parameters.capacity
            if await self._directory.current_view(space) is not None:
                await self._access.foresee(space, body, ticket)
                capacity = None
            try:
                async with self._quotas.reserving(key, capacity, ticket.deadline_s):
                    applied = await self._access.write(space, body, ticket)
            except (Unavailable, DeadlineExceeded, QuotaExceeded):
                self._directory.drop(space)
                raise
            return await self._written(space, applied.outcome.revision)

    async def preview_create(
        self, key: SpaceKey, change: SpaceChange, ticket: Ticket
    ) -> tuple[SpaceParameters, int]:
        """Return the parameters that :meth:`create` would set, and the present revision."""
        with self._access.lanes.inside(Lane.INTERACTIVE, key.tenant):
            parameters = await self._new_parameters(key, change)
            space = None if await self._directory.is_new(key) else await self._directory.opened(key)
            if space is None or await self._directory.current_view(space) is None:
                await self._quotas.check(key, parameters.capacity, ticket.deadline_s)
            if space is None:
                return parameters, 0
            await self._access.foresee(space, CreateSpace(parameters, exclusive=True), ticket)
            return parameters, space.applied

    async def update(
        self, key: SpaceKey, body: UpdateSpace, ticket: Ticket
    ) -> tuple[SpaceView, int]:
        """Change parameters of a space.

        Returns:
            State of the space with the etag of this change, and revision of the change.

        Raises:
            NotFound: SPACE_NOT_FOUND.
            Conflict: ETAG_MISMATCH.
            PreconditionFailed: CONFIG_CONFLICT, EMBEDDER_MISMATCH or SEMANTICS_UNSUPPORTED.
            QuotaExceeded: QUOTA_EXCEEDED.
        """
        with self._access.lanes.inside(Lane.INTERACTIVE, key.tenant):
            space = await self._directory.existing(key)
            body = self._kept(space, body)
            async with self._quotas.reserving(key, body.change.capacity, ticket.deadline_s):
                applied = await self._access.write(space, body, ticket)
            return await self._written(space, applied.outcome.revision)

    async def _written(self, space: Space, revision: int) -> tuple[SpaceView, int]:
        """Return the state of a space with the etag of a write, and the revision of that write.

        With the etag of a repeated write, the caller cannot overwrite later changes.
        """
        return replace(await self._view(space), config_revision=revision), revision

    async def preview_update(
        self, key: SpaceKey, body: UpdateSpace, ticket: Ticket
    ) -> tuple[SpaceView, int]:
        """Return the state that :meth:`update` would produce, and the present revision."""
        with self._access.lanes.inside(Lane.INTERACTIVE, key.tenant):
            space = await self._directory.existing(key)
            body = self._kept(space, body)
            await self._quotas.check(key, body.change.capacity, ticket.deadline_s)
            await self._access.foresee(space, body, ticket)
            view = await self._view(space)
        return replace(view, parameters=changed(view.parameters, body.change)), view.revision

    async def get(self, key: SpaceKey, *, min_revision: int, deadline_s: float) -> SpaceView:
        """Return the present state of a space.

        Raises:
            NotFound: SPACE_NOT_FOUND.
            Unavailable: REVISION_NOT_REACHED, BULKHEAD_FULL, WORKER_LOST.
        """
        return await self._access.state(
            key, with_ontology=True, min_revision=min_revision, deadline_s=deadline_s
        )

    async def page(
        self, tenant: str, *, after: int, limit: int, min_revision: int, deadline_s: float
    ) -> SpacePage:
        """Return spaces of a tenant in the order of their creation.

        Args:
            tenant: Name of the tenant.
            after: ``SpacePage.after`` of the previous page; 0 for the first page.
            limit: Maximum number of spaces, at least 1. A page with at least one space ends early
                after one second, or after half of the time until the deadline.
            min_revision: Minimum revision of the reserved space of the tenant.
            deadline_s: Deadline of the call, event-loop time.

        Raises:
            Unavailable: REVISION_NOT_REACHED, BULKHEAD_FULL, WORKER_LOST.

        Cost: each space that is not loaded is read from the journal and unloaded again, one by one.
        """
        with self._access.lanes.inside(Lane.INTERACTIVE, tenant):
            revision = await self._list_revision(tenant, min_revision)
            now_s = asyncio.get_running_loop().time
            until_s = page_end_s(deadline_s)
            found, begun = list[Listed](), after
            while names := await self._journal.spaces(tenant, after=after, limit=limit + 1):
                for ordinal, name in names:
                    if len(found) == limit or (after > begun and now_s() >= until_s):
                        return SpacePage(tuple(found), after, revision)
                    after = ordinal
                    listed = await self._glimpse(SpaceKey(tenant, name))
                    found += [] if listed is None else [listed]
            return SpacePage(tuple(found), 0, revision)

    async def _list_revision(self, tenant: str, min_revision: int) -> int:
        revision = await self._journal.head(SpaceKey(tenant, TENANT_SPACE))
        if revision < min_revision:
            raise revision_not_reached(min_revision, revision)
        return revision

    async def _glimpse(self, key: SpaceKey) -> Listed | None:
        """Return a space as a list entry; None if it is reserved or deleted."""
        if key.space.startswith("_"):
            return None
        try:
            view = (await self._directory.glimpse(key)).view
        except (DataLoss, PreconditionFailed):
            return Listed(key.space, None, await self._last_revision(key))
        return None if view is None else Listed(key.space, view, view.revision)

    async def _last_revision(self, key: SpaceKey) -> int:
        try:
            return await self._journal.head(key)
        except DataLoss as error:
            return int(error.metadata.get("last_revision", "0"))

    async def _view(self, space: Space) -> SpaceView:
        await self._directory.refresh_view(space)
        return seen(space.view, space.key)

    async def _new_parameters(self, key: SpaceKey, change: SpaceChange) -> SpaceParameters:
        """Return the parameters of a new space.

        The embedder is that of this server, unless the change names another one or a dimension that
        does not fit. With an embedder, the dimension is that of the embedder.
        """
        version = self._access.new_spaces_version
        check_kept(key, version, (change,))
        ours = self._embedder
        name = change.embedder
        if name is None:
            fits = ours is not None and change.dimension in {None, ours.dimension}
            name = ours.model_id if ours is not None and fits else ""
        dimension = change.dimension or self._defaults.dimension
        if name:
            width = self._known_embedder(key, name).dimension
            if change.dimension not in {None, width}:
                problem = f"must be {width}, the dimension of the embedder {name}"
                raise InvalidInput.of("config.dimension", problem)
            dimension = width
        base_of = self._base_moral_threshold
        moral_base = await base_of(key.tenant) if change.moral_base is None else change.moral_base
        moral = MoralParameters.starting_at(moral_base)
        base = replace(self._defaults, dimension=dimension, embedder=name, moral=moral)
        capacity = change.capacity or await self._quotas.default_capacity(key.tenant)
        change = replace(change, dimension=None, embedder=None, capacity=capacity)
        parameters = reduced(changed(base, change), version)
        if found := conflict(parameters, parameters, used=0):
            raise InvalidInput.of(*found)
        return parameters

    def _known_embedder(self, key: SpaceKey, name: str) -> EmbedderInfo:
        ours = self._embedder
        actual = "none" if ours is None else ours.model_id
        if ours is None or actual != name:
            expected = without_sensitive(name)
            raise PreconditionFailed(
                f"The embedder {expected} is not available; the embedder of this server is"
                f" {actual}.",
                reason="EMBEDDER_MISMATCH",
                metadata={"space": key.space, "expected": expected, "actual": actual},
            )
        return ours

    def _kept(self, space: Space, body: UpdateSpace) -> UpdateSpace:
        """Return a change without unsupported fields; raise an error if the caller set one."""
        self._check_new_embedder(space, body.change)
        version = self._access.version_of(space.key)
        check_kept(space.key, version, (body.change,))
        return replace(body, change=reduced(body.change, version))

    def _check_new_embedder(self, space: Space, change: SpaceChange) -> None:
        """Raise PreconditionFailed if a new embedder cannot embed texts for the space."""
        parameters = seen(space.view, space.key).parameters
        if not change.embedder or change.embedder == parameters.embedder:
            return
        width = self._known_embedder(space.key, change.embedder).dimension
        if width != parameters.dimension:
            raise PreconditionFailed(
                f"The embedder has dimension {width}; the space has {parameters.dimension}.",
                reason="CONFIG_CONFLICT",
                metadata={"space": space.key.space, "field": "config.embedder_model"},
            )


def page_end_s(deadline_s: float) -> float:
    """Return the event-loop time at which a page ends early.

    It is one second from now, or half of the time until the deadline if that is less.
    """
    now_s = asyncio.get_running_loop().time()
    return min(now_s + PAGE_S, (now_s + deadline_s) / 2)
