"""Creation of the records of writes, each under the version of the rules of its space."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from mlsdm_grpc.core.mind.compatibility import parts
from mlsdm_grpc.core.model.bodies import CreateSpace, UpgradeSemantics
from mlsdm_grpc.core.model.record import Record, RecordBody
from mlsdm_grpc.core.model.semantics import newest
from mlsdm_grpc.spaces.checks import check_kept
from mlsdm_grpc.spaces.quarantine import Quarantine
from mlsdm_grpc.spaces.space import Space
from mlsdm_grpc.spaces.ticket import Ticket

__all__ = ["RecordFactory"]


class RecordFactory:
    """Factory of records.

    Args:
        new_spaces_version: Version of the rules of new spaces.
        upgrades: True to upgrade a space under an older version before its next write.
        record_ns: Clock of records, Unix nanoseconds.
        new_record_id: Returns 16 unique bytes.
        quarantine: Spaces that refuse writes.
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
        """Return the record of the next write to ``space``.

        Raises:
            DataLoss: DATA_DAMAGED; the space is in quarantine.
            PreconditionFailed: SEMANTICS_UNSUPPORTED; the rules of the space do not support all
                fields of the body.
        """
        self._quarantine.check_writable(space.key)
        creates = isinstance(body, CreateSpace)
        # The creation of an existing space has no effect, so its fields are not checked.
        if not (creates and space.head):
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
        """Return the version of the rules of the next write to a space.

        Args:
            space: A loaded space; None for a space without records.
        """
        version = 0 if space is None else space.semantics_version
        return max(version or self.new_spaces_version, self._upgrade_to)

    def upgrade(self, space: Space) -> Record | None:
        """Return the record that upgrades a space by one version; None if no upgrade is due.

        All writers create the same record, so only the first one has an effect.
        """
        if not 0 < space.semantics_version < self._upgrade_to:
            return None
        version = space.semantics_version + 1
        incarnation = space.view.incarnation if space.view else 0
        digest = hashlib.sha256(f"upgrade/{incarnation}/{version}".encode()).digest()
        ticket = Ticket("", 0.0, request_id=digest[:16], request_digest=digest)
        return self.record(space, UpgradeSemantics(version), ticket)
