"""Access to the decisions of a space."""

from __future__ import annotations

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.mind.decision_ring import unpacked_decisions
from mlsdm_grpc.core.model.decisions import DecisionEntry, DecisionKind
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.protection.lanes import Lane
from mlsdm_grpc.spaces.checks import seen
from mlsdm_grpc.spaces.space_client import Access
from mlsdm_grpc.value_classes import value_class

__all__ = ["DecisionFilter", "DecisionPage", "Decisions"]


@value_class
class DecisionFilter:
    """Filter of a list of decisions."""

    kind: DecisionKind | None = None
    """Kind of the decisions; None for all."""
    only_refused: bool = False
    """True to select only decisions against a write."""


@value_class
class DecisionPage:
    """Page of the decisions of a space, newest first."""

    entries: tuple[DecisionEntry, ...]
    before: int
    """Number of the last decision of the page, for the next page; 0 if there is none."""
    revision: int
    """Revision of the space."""


class Decisions:
    """Access to the decisions of spaces.

    Args:
        access: Access to spaces.
    """

    def __init__(self, access: Access) -> None:
        self._access = access

    async def page(
        self,
        key: SpaceKey,
        wanted: DecisionFilter,
        *,
        before: int,
        limit: int,
        min_revision: int,
        deadline_s: float,
    ) -> DecisionPage:
        """Return decisions of a space, newest first.

        Args:
            key: The space.
            wanted: Decisions to return.
            before: ``DecisionPage.before`` of the previous page; 0 for the first page.
            limit: Maximum number of decisions, at least 1.
            min_revision: Minimum revision of the space.
            deadline_s: Deadline of the call, event-loop time.

        Raises:
            NotFound: SPACE_NOT_FOUND.
            Unavailable: REVISION_NOT_REACHED, BULKHEAD_FULL, WORKER_LOST.

        Cost: decoding of all decisions of the space, at most 64 KiB.
        """
        with self._access.lanes.inside(Lane.INTERACTIVE, key.tenant):
            space = await self._access.reached(key, min_revision, deadline_s)
            request = pb.LinkRequest(decisions=pb.DecisionsRequest())
            reply = await self._access.ask(space, request, deadline_s=deadline_s)
        seen(space.view, key)
        ring = reply.decisions
        found = [
            (number, entry)
            for number, entry in unpacked_decisions(ring.packed, ring.count)
            if (not before or number < before)
            and wanted.kind in {None, entry.kind}
            and not (wanted.only_refused and entry.accepted)
        ]
        entries = tuple(entry for _, entry in found[:limit])
        end = found[limit - 1][0] if len(found) > limit else 0
        return DecisionPage(entries, end, reply.revision)
