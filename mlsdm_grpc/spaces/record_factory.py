"""Makes the records that are written to spaces, each under the rules of its space."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from mlsdm_grpc.core.mind.compatibility import parts
from mlsdm_grpc.core.model.record import CreateSpace, Record, RecordBody, UpgradeSemantics
from mlsdm_grpc.core.model.semantics import newest
from mlsdm_grpc.spaces.checks import check_kept
from mlsdm_grpc.spaces.quarantine import Quarantine
from mlsdm_grpc.spaces.space import Space
from mlsdm_grpc.spaces.ticket import Ticket

__all__ = ["RecordFactory"]


class RecordFactory:
    """Makes records.

    Args:
        new_spaces_version: Version of the rules that new spaces are under.
        upgrades: A space that is under older rules than the newest is carried to them before its
            next write.
        record_ns: Clock of the records, Unix ns.
        new_record_id: Source of 16 unique bytes.
        quarantine: Spaces that take no writes.
    """

    def __init__(
        self,
        *,
        new_spaces_version: int,
        upgrades: bool,
        record_ns: Callable[[], int],
        new_record_id: Callable[[], bytes],
        quarantine: Quarantine,
    ) -> None:
        self.new_spaces_version = new_spaces_version
        self.record_ns = record_ns
        self._upgrade_to = newest() if upgrades else 0
        self._new_record_id = new_record_id
        self._quarantine = quarantine

    def record(self, space: Space, body: RecordBody, ticket: Ticket) -> Record:
        """Return the record that the next write of ``space`` would be.

        Raises:
            DataLoss: DATA_DAMAGED; the space is in quarantine.
            PreconditionFailed: SEMANTICS_UNSUPPORTED; its rules cannot keep all of the body.
        """
        self._quarantine.check_writable(space.key)
        creates = isinstance(body, CreateSpace)
        if not (creates and space.head):  # which creates nothing
            version = self.version_of(space)
            check_kept(space.key, version, () if version == newest() else parts(body))
        return Record(
            revision=space.head + 1,
            incarnation=space.view.incarnation if space.view and not creates else 0,
            record_id=self._new_record_id(),
            time_ns=self.record_ns(),
            body=body,
            request_id=ticket.request_id if ticket.windowed else b"",
            request_digest=ticket.request_digest,
            principal=ticket.principal,
            semantics_version=space.semantics_version or self.new_spaces_version,
        )

    def version_of(self, space: Space | None) -> int:
        """Return the version of the rules that the next write of a space will be under.

        Args:
            space: A loaded space; None for one that nothing was written to.
        """
        version = 0 if space is None else space.semantics_version
        return max(version or self.new_spaces_version, self._upgrade_to)

    def upgrade(self, space: Space) -> Record | None:
        """Return the record that carries a space one step to the rules of this node, if it is due.

        It is the same for every writer, so that the first one wins.
        """
        if not 0 < space.semantics_version < self._upgrade_to:
            return None
        version = space.semantics_version + 1
        incarnation = space.view.incarnation if space.view else 0
        digest = hashlib.sha256(f"upgrade/{incarnation}/{version}".encode()).digest()
        ticket = Ticket("", 0.0, request_id=digest[:16], request_digest=digest)
        return self.record(space, UpgradeSemantics(version), ticket)
