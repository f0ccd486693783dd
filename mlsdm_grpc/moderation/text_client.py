"""Client of the text workers, behind a bulkhead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc._gen.mlsdm.v1 import governance_pb2, speech_pb2
from mlsdm_grpc.core.model.new_memory import Vector
from mlsdm_grpc.core.store.kernel import inverse_norm
from mlsdm_grpc.errors import Unavailable
from mlsdm_grpc.governance.policy.verdict import Measurement
from mlsdm_grpc.llm.embedders import EmbedderInfo, RemoteEmbedder
from mlsdm_grpc.moderation.text_costs import ToMeasure, embedding_s, passes, style_s
from mlsdm_grpc.moderation.text_link import TextLink
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.protection.concurrency import both
from mlsdm_grpc.protection.lanes import Lane, Lanes
from mlsdm_grpc.spaces.checks import embedder_not_configured, embedder_unavailable
from mlsdm_grpc.speech import Profile, SpeechReport
from mlsdm_grpc.workers.pool import Pool
from mlsdm_grpc.workers.text_codec import measurement_from_proto, report_from_proto

__all__ = ["Compared", "Texts"]

_STANDARD: Final = speech_pb2.SpeechProfile.ValueType(Profile.STANDARD)


@dataclass(frozen=True, slots=True)
class Compared:
    """Result of comparing a text with possible replacements."""

    report: SpeechReport
    repairable: bool
    """True if the text is telegraphic and not mostly code."""
    best: int
    """Number of the best replacement, starting at 1; 0 if none is acceptable."""
    best_report: SpeechReport | None


class Texts:
    """Client of the text workers of this server, behind a bulkhead.

    Args:
        info: Properties of the embedder; None if there is none.
        pool: The workers.
        lanes: Admission to the workers.
        metrics: Metrics of batch sizes.
        remote: Remote embedder to use instead of that of the workers; None if there is none.
    """

    def __init__(
        self,
        info: EmbedderInfo | None,
        pool: Pool,
        lanes: Lanes,
        metrics: Metrics,
        *,
        remote: RemoteEmbedder | None = None,
    ) -> None:
        self.info = remote.info if remote else info
        self._remote = remote
        self._link = TextLink(pool, lanes)
        self._lanes = lanes
        self._metrics = metrics

    @property
    def embeds_here(self) -> bool:
        """True if the workers embed the texts that they measure."""
        return self.info is not None and self._remote is None

    async def embed(
        self, texts: Sequence[str], tenant: str, deadline_s: float, *, query: bool = False
    ) -> list[Vector]:
        """Return a vector for each text; ``inv_norm`` is 0 for a text without known words.

        Args:
            texts: Any number of texts; long ones are embedded in small batches.
            tenant: Tenant of the texts.
            deadline_s: Event-loop time by which the vectors are needed.
            query: Whether the texts are queries rather than stored texts.

        Raises:
            PreconditionFailed: EMBEDDER_NOT_CONFIGURED.
            Unavailable: BULKHEAD_FULL or EMBEDDER_UNAVAILABLE.
            DeadlineExceeded: The time until the deadline is too short.
        """
        self._check_embedder()
        if self._remote is not None:
            with self._lanes.inside(Lane.TEXT, tenant):
                return await self._embedded_elsewhere(self._remote, texts, tenant, deadline_s)
        vectors = list[Vector]()
        with self._lanes.inside(Lane.TEXT, tenant):
            for some, cost_s in passes(texts, lambda text: embedding_s(text, self.info)):
                request = pb.LinkRequest(embed=pb.EmbedRequest(texts=some, query=query))
                try:
                    reply = await self._link.ask(request, cost_s, tenant, deadline_s)
                except Unavailable as error:
                    raise self._said(error) from None
                self._count(reply.embed.batch_count)
                vectors += _vectors(reply.embed.rows_f32_le, len(some))
        return vectors

    async def measure(
        self,
        wanted: Sequence[ToMeasure],
        tenant: str,
        deadline_s: float,
        *,
        vectors_optional: bool = False,
    ) -> tuple[list[Measurement], list[Vector | None]]:
        """Measure texts by governance rules, and embed texts with ``embed`` in the same pass.

        Args:
            wanted: Any number of texts.
            tenant: Tenant of the texts.
            deadline_s: Event-loop time by which the result is needed.
            vectors_optional: Whether to return no vectors, instead of failing, if the worker hangs.

        Returns:
            A measurement for each text, empty if no rule applies; and a vector for each text with
            ``embed``, as :meth:`embed` returns it.

        Raises:
            PreconditionFailed: EMBEDDER_NOT_CONFIGURED.
            Unavailable: BULKHEAD_FULL, WORKER_LOST, or EMBEDDER_UNAVAILABLE if a text is to be
                embedded.
            DeadlineExceeded: The time until the deadline is too short.
        """
        embeds = any(each.embed for each in wanted)
        if embeds:
            self._check_embedder()
        if embeds and self._remote is not None:
            return await self._measured_and_embedded(self._remote, wanted, tenant, deadline_s)
        measurements, vectors = list[Measurement](), list[Vector | None]()
        with self._lanes.inside(Lane.TEXT, tenant):
            for some, cost_s in passes(wanted, lambda each: each.cost_s(self.info)):
                request = pb.LinkRequest(measure=pb.MeasureRequest(texts=map(_to_measure, some)))
                try:
                    reply = (
                        await self._link.ask(
                            request, cost_s, tenant, deadline_s, vectors_optional=vectors_optional
                        )
                    ).measure
                except Unavailable as error:
                    said = error if vectors_optional or not embeds else self._said(error)
                    raise said from None
                self._count(reply.batch_count)
                measurements += map(measurement_from_proto, reply.measurements)
                embedded = sum(each.embed for each in some) if reply.rows_f32_le else 0
                rows = iter(_vectors(reply.rows_f32_le, embedded))
                vectors += (next(rows, None) if each.embed else None for each in some)
        return measurements, vectors

    async def _measured_and_embedded(
        self,
        remote: RemoteEmbedder,
        wanted: Sequence[ToMeasure],
        tenant: str,
        deadline_s: float,
    ) -> tuple[list[Measurement], list[Vector | None]]:
        """Return the result of :meth:`measure` with vectors of the remote embedder."""
        texts = [each.text for each in wanted if each.embed]
        (measurements, _), embedded = await both(
            self.measure([replace(each, embed=False) for each in wanted], tenant, deadline_s),
            self._embedded_elsewhere(remote, texts, tenant, deadline_s),
        )
        rows = iter(embedded)
        return measurements, [next(rows) if each.embed else None for each in wanted]

    async def _embedded_elsewhere(
        self, remote: RemoteEmbedder, texts: Sequence[str], tenant: str, deadline_s: float
    ) -> list[Vector]:
        rows = await remote.embed(texts, tenant, deadline_s)
        return [Vector(row, inverse_norm(row)) for row in rows]

    async def speech(
        self,
        text: str,
        *,
        profile: Profile = Profile.STANDARD,
        language: str = "",
        tenant: str,
        deadline_s: float,
    ) -> SpeechReport:
        """Return a report on whether a text is telegraphic.

        Args:
            text: Text to analyse; may be empty.
            profile: Set of rules.
            language: ISO 639-1 code; if empty, the language is detected.
            tenant: Tenant of the text.
            deadline_s: Event-loop time by which the report is needed.

        Raises:
            Unavailable: BULKHEAD_FULL or WORKER_LOST.
            DeadlineExceeded: The time until the deadline is too short.
        """
        compared = await self.compare(
            text, (), profile=profile, language=language, tenant=tenant, deadline_s=deadline_s
        )
        return compared.report

    async def examine(
        self, wanted: Sequence[ToMeasure], tenant: str, deadline_s: float, *, style_of: str
    ) -> tuple[list[Measurement], Compared | None]:
        """Measure one text, and analyse its style by the standard profile, in one request.

        Args:
            wanted: The text, once for each stage of its rules.
            tenant: Tenant of the text.
            deadline_s: Event-loop time by which the result is needed.
            style_of: The same text; if empty, the style is not analysed.

        Raises:
            Unavailable: BULKHEAD_FULL or WORKER_LOST.
            DeadlineExceeded: The time until the deadline is too short.
        """
        measure = pb.MeasureRequest(texts=map(_to_measure, wanted))
        cost_s = sum(each.cost_s(self.info) for each in wanted)
        if style_of:
            measure.speech.text, measure.speech.profile = style_of, _STANDARD
            cost_s += style_s(style_of)
        with self._lanes.inside(Lane.TEXT, tenant):
            request = pb.LinkRequest(measure=measure)
            found = (await self._link.ask(request, cost_s, tenant, deadline_s)).measure
        measurements = [measurement_from_proto(each) for each in found.measurements]
        return measurements, _compared(found.speech) if style_of else None

    async def compare(
        self,
        draft: str,
        candidates: Sequence[str],
        *,
        profile: Profile = Profile.STANDARD,
        language: str = "",
        tenant: str,
        deadline_s: float,
    ) -> Compared:
        """Return a report on a text, and the best of several possible replacements.

        Args:
            draft: The text.
            candidates: Possible replacements.
            profile: Set of rules.
            language: Language of the draft, ISO 639-1 code; if empty, it is detected.
            tenant: Tenant of the texts.
            deadline_s: Event-loop time by which the result is needed.

        Raises:
            Unavailable: BULKHEAD_FULL or WORKER_LOST.
            DeadlineExceeded: The time until the deadline is too short.
        """
        wanted = pb.SpeechRequest(
            text=draft,
            profile=speech_pb2.SpeechProfile.ValueType(profile),
            language=language,
            candidates=candidates,
        )
        cost_s = style_s(draft) + sum(map(style_s, candidates))
        with self._lanes.inside(Lane.TEXT, tenant):
            reply = await self._link.ask(pb.LinkRequest(speech=wanted), cost_s, tenant, deadline_s)
        return _compared(reply.speech)

    def _check_embedder(self) -> None:
        if self.info is None:
            raise embedder_not_configured()

    def _count(self, texts: int) -> None:
        if texts:
            self._metrics.embed_batch_texts.observe(texts)

    def _said(self, error: Unavailable) -> Unavailable:
        """Return EMBEDDER_UNAVAILABLE for a lost worker; the caller requested only vectors."""
        if error.reason != "WORKER_LOST":
            return error
        return embedder_unavailable(self.info.model_id if self.info else "")


def _compared(found: pb.SpeechReply) -> Compared:
    better = report_from_proto(found.best_report) if found.best else None
    return Compared(report_from_proto(found.report), found.repairable, found.best, better)


def _vectors(rows: bytes, count: int) -> list[Vector]:
    if not count:
        return []
    return [Vector(row, inverse_norm(row)) for row in np.frombuffer(rows, "<f4").reshape(count, -1)]


def _to_measure(wanted: ToMeasure) -> pb.MeasuredText:
    return pb.MeasuredText(
        text=wanted.text,
        stage=governance_pb2.GovernanceStage.ValueType(wanted.stage),
        rule_ids=wanted.rules,
        prompt=wanted.prompt,
        whole=wanted.whole,
        embed=wanted.embed,
        every_place=wanted.every_place,
        query=wanted.query,
    )
