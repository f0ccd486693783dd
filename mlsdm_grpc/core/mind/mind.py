"""Mind: the deterministic state machine of a space.

Only ``apply(record)`` changes the state. It uses no clock, randomness or I/O: the same records in
the same order give the same state, byte for byte. Each record carries the revision that it creates.
Applying a record twice therefore has no effect, and a gap between revisions is refused. Only an
:class:`AcceptLoss` record may follow a gap.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from mlsdm_grpc.core.mind.decision_notes import note_decision
from mlsdm_grpc.core.mind.refused import Refused
from mlsdm_grpc.core.mind.request_window import RequestWindow, WindowEntry
from mlsdm_grpc.core.mind.space_changes import upgrade
from mlsdm_grpc.core.mind.space_records import applying, foresee
from mlsdm_grpc.core.mind.space_state import Contents
from mlsdm_grpc.core.mind.space_view import SpaceView, view_of
from mlsdm_grpc.core.mind.steps import finish
from mlsdm_grpc.core.model import semantics
from mlsdm_grpc.core.model.bodies import AcceptLoss, CreateSpace, StreamItems, UpgradeSemantics
from mlsdm_grpc.core.model.outcome import (
    LossAccepted,
    Outcome,
    Refusal,
    SemanticsUpgraded,
    SpaceCreated,
    StreamOutcome,
    at_revision,
    etag_of,
)
from mlsdm_grpc.core.model.policy import PolicySet, SetPolicy, StoredPolicy
from mlsdm_grpc.core.model.record import Record
from mlsdm_grpc.core.model.semantics import Moment, SemanticsUnknown
from mlsdm_grpc.core.model.tenant import SetTenant, StoredTenant, TenantSet
from mlsdm_grpc.core.store.recall_query import NOTHING, Query, RecalledSlots

__all__ = ["Mind", "RevisionGap", "Seal"]


class RevisionGap(Exception):
    """Record beyond the next revision: records are missing, so this state is stale."""


class Seal(NamedTuple):
    """Fingerprint of the state after a record, derived from the state.

    A state that differs from its seal is corrupted, or a record is half applied.
    """

    chain: bytes = bytes(32)
    step: int = 0
    memory_count: int = 0
    memory_digest: int = 0
    """See :attr:`Pelm.digest`."""


@dataclass(slots=True)
class Mind:
    """State of one space, which may not exist yet or no longer."""

    revision: int = 0
    """Number of records applied; never restarts."""
    chain: bytes = bytes(32)
    """SHA-256 hash chain over the encoded records."""
    time_ns: int = 0
    """Latest record time, Unix nanoseconds."""
    semantics_version: int = 0
    """Version of the rules, set by the first record; 0 before it."""
    contents: Contents | None = None
    policy: StoredPolicy | None = None
    """Policy of the tenant. Only the reserved space of a tenant has one; that space has no
    contents."""
    tenant: StoredTenant | None = None
    """Quotas and defaults of the tenant; only the reserved space of a tenant has them."""
    window: RequestWindow = field(default_factory=RequestWindow)
    seal: Seal = field(default_factory=Seal)
    """Fingerprint of the state after the last record."""

    def apply(self, record: Record) -> Outcome | None:
        """Apply the next record of this space.

        Args:
            record: The next record. Its ``revision`` must be the next one; its ``raw`` enters the
                chain.

        Returns:
            Outcome of the record, or None if it was applied before.

        Raises:
            RevisionGap: A record before this one is missing; the state is unchanged.
            SemanticsUnknown: The record has a version of the rules that the code does not support,
                or that differs from the version of the state; the state is unchanged.
        """
        return finish(self.applying(record))

    def applying(self, record: Record) -> Generator[None, None, Outcome | None]:
        """Apply the next record in steps; see :meth:`apply`.

        The state must not be read between the first and the last step. Revision, chain and time
        advance in the last step, so a half-applied record never counts as applied.
        """
        if record.revision <= self.revision:
            return None
        if not _follows(self, record):
            raise RevisionGap(record.revision, self.revision)
        self._check_semantics(record)
        now = self._moment(record)
        known = self._known(record)
        if known is not None:
            outcome = self._repeat(known, record, now.revision)
        else:
            outcome = at_revision((yield from self._outcome(record, now)), now.revision)
            if self.contents is not None:
                note_decision(self.contents, record.body, outcome, now)
        self.revision, self.time_ns = now.revision, now.time_ns
        chain = hashlib.sha256(self.chain)
        chain.update(record.raw)
        self.chain = chain.digest()
        self.semantics_version = self.semantics_version or now.semantics_version
        if record.request_id and known is None and not isinstance(outcome, StreamOutcome):
            self.window.add(
                WindowEntry(record.request_id, record.request_digest, now.time_ns, outcome)
            )
        self.seal = self.sealed()
        return outcome

    def preview(self, record: Record) -> Outcome | None:
        """Return the outcome that ``apply`` would have, without changing anything.

        Outcomes are computed for puts (duplicates within a batch count as new), consolidations and
        changes of the space itself. For other records, only a repeated request and a read-only
        space are detected.

        Returns:
            None if the outcome is known only after the record is applied.
        """
        known = self._known(record)
        if known is not None:
            return self._repeat(known, record, self.revision)
        now = self._moment(record)
        outcome: Outcome | None
        try:
            outcome = self._foreseen(record, now)
        except Refused as refused:
            outcome = refused.refusal
        return None if outcome is None else at_revision(outcome, self.revision)

    def repeated(self, record: Record) -> Outcome:
        """Return the recorded outcome of a record that was applied before."""
        known = self._known(record)
        if known is not None:
            return known.outcome
        body = record.body
        if isinstance(body, StreamItems):
            mark = self.contents.streams.get(body.stream_id) if self.contents else None
            acked = mark.sequence if mark else 0
            return StreamOutcome(acked, (None,) * len(body.items), self.revision)
        return SpaceCreated(created=False, revision=self.revision)

    def _known(self, record: Record) -> WindowEntry | None:
        return self.window.get(record.request_id) if record.request_id else None

    def _moment(self, record: Record) -> Moment:
        """Return time and version of the rules at which a record takes effect."""
        time_ns = max(self.time_ns, record.time_ns)
        return Moment(
            record.revision,
            time_ns,
            self.semantics_version or record.semantics_version,
            record.principal,
            record.request_id,
        )

    def _repeat(self, known: WindowEntry, record: Record, revision: int) -> Outcome:
        if known.request_digest == record.request_digest:
            return known.outcome
        return Refusal(
            "REQUEST_ID_REUSED",
            "This request_id was used for another request.",
            (("request_id", str(uuid.UUID(bytes=record.request_id))),),
            revision,
        )

    def _outcome(self, record: Record, now: Moment) -> Generator[None, None, Outcome]:
        body = record.body
        try:
            if isinstance(body, CreateSpace):
                return self._create(body, now)
            if isinstance(body, SetPolicy | SetTenant):
                return self._set_resource(body, now)
            if isinstance(body, UpgradeSemantics):
                return (yield from self._upgrade(body, now))
            if isinstance(body, AcceptLoss):
                return self._accept_loss(now)
            return (yield from applying(self._existing(record), body, now))
        except Refused as refused:
            return refused.refusal

    def _foreseen(self, record: Record, now: Moment) -> Outcome | None:
        body = record.body
        if isinstance(body, CreateSpace):
            return self._foresee_creation(body)
        if isinstance(body, SetPolicy | SetTenant):
            self._check_resource(body)
            return PolicySet(0) if isinstance(body, SetPolicy) else TenantSet(0)
        if isinstance(body, AcceptLoss):
            return None
        if isinstance(body, UpgradeSemantics):
            return SemanticsUpgraded(upgraded=body.version > now.semantics_version)
        return foresee(self._existing(record), body, now)

    def _check_semantics(self, record: Record) -> None:
        """Raise SemanticsUnknown if the version of a record does not match the state."""
        if isinstance(record.body, AcceptLoss) and self.semantics_version:
            return
        semantics.check(record.semantics_version)
        version = self.semantics_version or record.semantics_version
        if isinstance(record.body, UpgradeSemantics):
            semantics.check(max(record.body.version, version))
            if record.body.version > version + 1:
                raise SemanticsUnknown(record.body.version, (version + 1,))
        elif record.semantics_version != version:
            raise SemanticsUnknown(record.semantics_version, (version,))

    def _upgrade(
        self, body: UpgradeSemantics, now: Moment
    ) -> Generator[None, None, SemanticsUpgraded]:
        upgraded = body.version > now.semantics_version
        if upgraded and self.contents is not None:
            yield from upgrade(self.contents, now)
        self.semantics_version = max(body.version, now.semantics_version)
        return SemanticsUpgraded(upgraded=upgraded)

    def _accept_loss(self, now: Moment) -> LossAccepted:
        """Start a new incarnation, by which readers of an earlier state notice the loss."""
        if self.contents is not None:
            self.contents.incarnation = now.revision
        return LossAccepted()

    def _existing(self, record: Record) -> Contents:
        contents = self.contents
        if contents is None:
            raise Refused("SPACE_NOT_FOUND", "The space does not exist.")
        if record.incarnation != contents.incarnation:
            raise Refused(
                "INCARNATION_MISMATCH",
                "The space was deleted and created again since this request was made.",
                incarnation=str(contents.incarnation),
            )
        return contents

    def _create(self, body: CreateSpace, now: Moment) -> SpaceCreated:
        outcome = self._foresee_creation(body)
        if outcome.created:
            self.contents = Contents.new(
                body.parameters, incarnation=now.revision, time_ns=now.time_ns
            )
        return outcome

    def _foresee_creation(self, body: CreateSpace) -> SpaceCreated:
        if self.contents is not None and body.exclusive:
            raise Refused("SPACE_EXISTS", "A space of this name exists.")
        return SpaceCreated(created=self.contents is None)

    def _set_resource(self, body: SetPolicy | SetTenant, now: Moment) -> PolicySet | TenantSet:
        """Replace the policy, or the quotas and defaults, of the tenant."""
        self._check_resource(body)
        if isinstance(body, SetPolicy):
            self.policy = StoredPolicy(body.settings, now.revision, now.time_ns)
            return PolicySet(now.time_ns)
        self.tenant = StoredTenant(body.settings, now.revision, now.time_ns)
        return TenantSet(now.time_ns)

    def _check_resource(self, body: SetPolicy | SetTenant) -> None:
        name = "policy" if isinstance(body, SetPolicy) else "tenant"
        held = self.policy if isinstance(body, SetPolicy) else self.tenant
        if body.etag != etag_of(held.version if held else 0):
            raise Refused("ETAG_MISMATCH", f"The {name} changed since it was read.", resource=name)

    def sealed(self) -> Seal:
        """Compute the fingerprint of the present state. Cost: O(1)."""
        contents = self.contents
        if contents is None:
            return Seal(self.chain)
        return Seal(self.chain, contents.step, len(contents.pelm), contents.pelm.digest)

    def find(self, queries: Sequence[Query], *, now_ns: int) -> list[RecalledSlots]:
        """Return slots and scores for each query; see :meth:`Pelm.find`."""
        if self.contents is None:
            return [NOTHING for _ in queries]
        traces = None
        if any(query.synaptic_bias for query in queries):
            traces = self.contents.synapses.lasting()
        return self.contents.pelm.find(queries, now_ns=now_ns, traces=traces)

    def view(self) -> SpaceView | None:
        """Return the state of the space, or None if it does not exist."""
        if self.contents is None:
            return None
        return view_of(
            self.contents,
            semantics_version=self.semantics_version,
            update_time_ns=self.time_ns,
            revision=self.revision,
            chain=self.chain,
        )


def _follows(mind: Mind, record: Record) -> bool:
    """Return True if a record is the next one after the state of ``mind``."""
    body, following = record.body, mind.revision + 1
    if isinstance(body, AcceptLoss):
        return body.first_lost == following and body.last_lost == record.revision - 1
    return record.revision == following
