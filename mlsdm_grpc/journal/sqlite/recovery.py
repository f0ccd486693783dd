"""Recovery of damaged spaces: their list, and the acceptance of their loss.

The server must be stopped, because recovery locks the data folder as a start does. To accept a
loss, recovery writes one record, :class:`~mlsdm_grpc.core.model.bodies.AcceptLoss`, after the best
remaining state. Its revision is above every acknowledged one, so no revision is used twice.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from mlsdm_grpc import errors
from mlsdm_grpc.core.model.bodies import AcceptLoss
from mlsdm_grpc.core.model.record import Record
from mlsdm_grpc.journal.codec.records import encode_record
from mlsdm_grpc.journal.ledger import SpaceLedger
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.journal.sqlite import schema
from mlsdm_grpc.journal.sqlite.damage import Damage, Reporter
from mlsdm_grpc.journal.sqlite.opening import OpenDatabase, take_over
from mlsdm_grpc.journal.sqlite.salvage import DATABASE
from mlsdm_grpc.journal.sqlite.semantics_mark import new_spaces_version
from mlsdm_grpc.value_classes import value_class

__all__ = ["DamagedSpace", "Recovery", "recovering"]


@value_class
class DamagedSpace:
    """Damaged space and its remaining state."""

    key: SpaceKey
    readable: int
    """Revision of the best remaining state; 0 if even the record that created the space is lost."""
    snapshot: int
    """Revision of the snapshot on which this state is based; 0 for a state without a snapshot."""
    damage: Damage

    @property
    def name(self) -> str:
        """Tenant and name of the space, separated by a slash."""
        return "/".join(self.key)


class Recovery:
    """Data folder that is locked and opened for recovery."""

    def __init__(self, opened: OpenDatabase) -> None:
        self._opened = opened
        self._position = opened.position

    @property
    def damaged(self) -> list[DamagedSpace]:
        """Damaged spaces in the order of tenant and name."""
        spaces = [space for space in self._opened.spaces if space.damage is not None]
        return sorted(map(self._describe, spaces), key=lambda each: each.key)

    def choose(self, names: Collection[str]) -> list[DamagedSpace]:
        """Return the damaged spaces with the given names.

        Args:
            names: Each is ``tenant/space``, ``all``, or the name of a space that is damaged for one
                tenant only.

        Raises:
            InvalidInput: A name belongs to no damaged space, or to damaged spaces of several
                tenants.
        """
        damaged = self.damaged
        chosen = dict.fromkeys(damaged if "all" in names else [])
        for name in names:
            found = [each for each in damaged if name in {each.name, each.key.space}]
            if len(found) == 1:
                chosen[found[0]] = None
            elif name != "all":
                problem = (
                    f"Several tenants have a damaged space {name}; write TENANT/SPACE."
                    if found
                    else f"There is no damaged space {name}."
                )
                raise errors.InvalidInput(problem, metadata={"space": name})
        return list(chosen)

    def accept(self, chosen: DamagedSpace) -> int:
        """Write the record that continues a space without its lost records. Blocks.

        Returns:
            Revision of the record.
        """
        space = next(each for each in self._opened.spaces if each.key == chosen.key)
        damage = chosen.damage
        revision = damage.last_lost + 1
        record = Record(
            revision=revision,
            incarnation=0,
            record_id=os.urandom(16),
            time_ns=time.time_ns(),
            body=AcceptLoss(damage.first_lost, damage.last_lost),
            semantics_version=new_spaces_version(self._opened.mark),
        )
        self._position += 1
        connection, heads = self._opened.connection, self._opened.heads
        connection.execute("BEGIN IMMEDIATE")
        schema.accept_loss(connection, space, self._position, revision, encode_record(record))
        connection.execute("COMMIT")
        heads.reserve(space.number)
        heads.put([(space.number, revision, self._position)], [(space.number, *space.key)])
        heads.sync()
        space.damage, space.head, space.durable = None, revision, revision
        return revision

    def _describe(self, space: SpaceLedger) -> DamagedSpace:
        damage = space.damage
        survey = self._opened.surveys.get(space.number)
        snapshot = survey.snapshot if survey is not None else 0
        assert damage is not None  # noqa: S101 - for the type checker
        return DamagedSpace(space.key, damage.first_lost - 1, snapshot, damage)


@contextmanager
def recovering(data_dir: Path) -> Iterator[Recovery]:
    """Lock and open a data folder for recovery, and close it as a graceful stop does. Blocks.

    Raises:
        InvalidInput: The folder has no journal.
        Unavailable: A server owns the folder, or it cannot be used.
        PreconditionFailed: SEMANTICS_UNSUPPORTED; its spaces use a draft that this version does not
            know.
        DataLoss: The database is damaged, and no data can be salvaged.
    """
    if not (data_dir / DATABASE).exists() and not (data_dir / "heads").exists():
        raise errors.InvalidInput(
            f"{data_dir} contains no journal.", metadata={"data_dir": str(data_dir)}
        )
    opened = take_over(data_dir, sqlite3.Connection, Reporter(), thorough=True)
    try:
        yield Recovery(opened)
    finally:
        opened.connection.close()
        opened.release()
