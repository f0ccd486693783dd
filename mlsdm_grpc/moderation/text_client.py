"""What text workers do for the engine, behind their bulkhead: never on the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeVar

import numpy as np

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc._gen.mlsdm.v1 import governance_pb2, speech_pb2
from mlsdm_grpc.config import KIB
from mlsdm_grpc.core.model.record import Vector
from mlsdm_grpc.core.store.kernel import inverse_norm
from mlsdm_grpc.errors import RETRY_SOON_S, Unavailable
from mlsdm_grpc.governance.policy.rules import Stage
from mlsdm_grpc.governance.policy.verdict import Measurement
from mlsdm_grpc.llm.embedders import EmbedderInfo, RemoteEmbedder
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.protection.concurrency import both
from mlsdm_grpc.protection.lanes import Before, Lane, Lanes
from mlsdm_grpc.spaces.checks import embedder_not_configured, embedder_unavailable
from mlsdm_grpc.spaces.patience import Patience, patience_s
from mlsdm_grpc.speech import Profile, SpeechReport
from mlsdm_grpc.workers.link import InlineLink, Link
from mlsdm_grpc.workers.main import make_handler
from mlsdm_grpc.workers.pool import Pool
from mlsdm_grpc.workers.progress import Progress
from mlsdm_grpc.workers.space_codec import raise_failure
from mlsdm_grpc.workers.text_codec import measurement_from_proto, report_from_proto

__all__ = ["BATCH_TEXT_BYTES", "Compared", "Texts", "ToMeasure"]

_TEXT_S: Final = 6e-5
_CHARACTER_S: Final = 5e-7
"""Time that a text, and each character of it, takes the embedder, seconds; measured."""
_MEASURED_S: Final = 1.2e-4
_MEASURED_CHARACTER_S: Final = 2.6e-6
"""The same for the rules of a stage."""
_STYLE_S: Final = 1e-3
_STYLE_CHARACTER_S: Final = 1.2e-6
"""The same for the style of an answer: checks of quality, or the analysis of speech."""
BATCH_TEXT_BYTES: Final = 256 * KIB
"""Bytes of text that one call should bring, at most. To judge and embed a byte takes a text worker
2 to 10 microseconds of CPU, 5 in long prose; measured, see docs/operations.md. So this much takes
1.3 seconds, at most 2.6, and ten clients that send it at once are answered within 30 seconds."""
_SLOW: Final = 4.0
"""Times what a text costs that its worker may take for one step of it."""
_PASS_S: Final = 0.005
_STANDARD: Final = speech_pb2.SpeechProfile.ValueType(Profile.STANDARD)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ToMeasure:
    """A text and what is wanted of it."""

    text: str
    stage: Stage = Stage.MEMORY
    rules: tuple[str, ...] = ()
    """Ids of the rules whose scores are wanted."""
    prompt: str = ""
    """What the text answers."""
    whole: bool = False
    """Measure moral value and injection whatever the rules."""
    embed: bool = False
    """Return its vector too."""
    every_place: bool = False
    """Return all findings, as many as there are: it is to be redacted. Else at most 1,000."""

    @property
    def cost_s(self) -> float:
        """Estimated time of a text worker, seconds."""
        cost_s = _embedding_s(self.text) if self.embed else 0.0
        if self.rules and self.stage is Stage.SPEECH:
            cost_s += _style_s(self.text)
        elif self.rules or self.whole:
            cost_s += _measuring_s(self.text)
        return cost_s


@dataclass(frozen=True, slots=True)
class Compared:
    """A text beside others that may take its place."""

    report: SpeechReport
    repairable: bool
    """It is telegraphic and not mostly code."""
    best: int
    """Number of the best of the others, from 1; 0 if none may take its place."""
    best_report: SpeechReport | None


class Texts:
    """The text workers of this server behind their bulkhead.

    Args:
        info: What the embedder is; None when there is none.
        pool: The workers.
        lanes: Who may use them, and when.
        metrics: Told of the sizes of passes.
        remote: Embeds in place of the workers.
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
        self._pool = pool
        self._lanes = lanes
        self._metrics = metrics
        self._next = 0
        self._given_up: dict[int, Callable[[], bool]] = {}
        """By worker that a call has given up: says whether it has moved since."""
        self._here: asyncio.Future[InlineLink] | None = None
        """Judges where all workers hang; made when that is first needed."""

    @property
    def embeds_here(self) -> bool:
        """Whether the workers embed what they measure."""
        return self.info is not None and self._remote is None

    async def embed(self, texts: Sequence[str], tenant: str, deadline_s: float) -> list[Vector]:
        """Return a vector for each text; ``inv_norm`` is 0 where a text has no known word.

        Args:
            texts: Any number; long ones share no pass of the embedder with many others.
            tenant: Whose they are.
            deadline_s: Event-loop time by which the vectors are wanted.

        Raises:
            PreconditionFailed: EMBEDDER_NOT_CONFIGURED.
            Unavailable: BULKHEAD_FULL or EMBEDDER_UNAVAILABLE.
            DeadlineExceeded: There is no time for it.
        """
        self._check_embedder()
        if self._remote is not None:
            with self._lanes.inside(Lane.TEXT, tenant):
                return await self._embedded_elsewhere(self._remote, texts, tenant, deadline_s)
        vectors = list[Vector]()
        with self._lanes.inside(Lane.TEXT, tenant):
            for some, cost_s in _passes(texts, _embedding_s):
                request = pb.LinkRequest(embed=pb.EmbedRequest(texts=some))
                try:
                    reply = await self._ask(request, cost_s, tenant, deadline_s)
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
        """Measure texts by governance rules and embed those that say so, in the same passes.

        Args:
            wanted: Any number.
            tenant: Whose they are.
            deadline_s: Event-loop time by which the answer is wanted.
            vectors_optional: Return no vectors where the worker hangs.

        Returns:
            A measurement for each text, empty where nothing was to be measured, and a vector for
            each that was to be embedded, as :meth:`embed` gives it.

        Raises:
            PreconditionFailed: EMBEDDER_NOT_CONFIGURED.
            Unavailable: BULKHEAD_FULL, WORKER_LOST, or EMBEDDER_UNAVAILABLE where one embeds.
            DeadlineExceeded: There is no time for it.
        """
        embeds = any(each.embed for each in wanted)
        if embeds:
            self._check_embedder()
        if embeds and self._remote is not None:
            return await self._measured_and_embedded(self._remote, wanted, tenant, deadline_s)
        measurements, vectors = list[Measurement](), list[Vector | None]()
        with self._lanes.inside(Lane.TEXT, tenant):
            for some, cost_s in _passes(wanted, lambda each: each.cost_s):
                request = pb.LinkRequest(measure=pb.MeasureRequest(texts=map(_to_measure, some)))
                try:
                    reply = (
                        await self._ask(
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
        """Do what :meth:`measure` does where vectors come from elsewhere."""
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
        """Return whether a text is telegraphic.

        Args:
            text: The text; the empty one has a report too.
            profile: Rules to use.
            language: ISO 639-1; empty lets the worker find out.
            tenant: Whose it is.
            deadline_s: Event-loop time by which the report is wanted.

        Raises:
            Unavailable: BULKHEAD_FULL or WORKER_LOST.
            DeadlineExceeded: There is no time for it.
        """
        compared = await self.compare(
            text, (), profile=profile, language=language, tenant=tenant, deadline_s=deadline_s
        )
        return compared.report

    async def examine(
        self, wanted: Sequence[ToMeasure], tenant: str, deadline_s: float, *, style_of: str
    ) -> tuple[list[Measurement], Compared | None]:
        """Measure one text and analyse its style by the standard profile, in one request.

        Args:
            wanted: The text, once for each stage by whose rules it is measured.
            tenant: Whose it is.
            deadline_s: Event-loop time by which the answer is wanted.
            style_of: The text again; empty leaves its style out.

        Raises:
            Unavailable: BULKHEAD_FULL or WORKER_LOST.
            DeadlineExceeded: There is no time for it.
        """
        measure = pb.MeasureRequest(texts=map(_to_measure, wanted))
        cost_s = sum(each.cost_s for each in wanted)
        if style_of:
            measure.speech.text, measure.speech.profile = style_of, _STANDARD
            cost_s += _style_s(style_of)
        with self._lanes.inside(Lane.TEXT, tenant):
            request = pb.LinkRequest(measure=measure)
            found = (await self._ask(request, cost_s, tenant, deadline_s)).measure
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
        """Return whether a text is telegraphic, and which of some others may take its place.

        Args:
            draft: The text.
            candidates: The others.
            profile: Rules to use.
            language: Of the draft, ISO 639-1; empty lets the worker find out.
            tenant: Whose they are.
            deadline_s: Event-loop time by which the answer is wanted.

        Raises:
            Unavailable: BULKHEAD_FULL or WORKER_LOST.
            DeadlineExceeded: There is no time for it.
        """
        wanted = pb.SpeechRequest(
            text=draft,
            profile=speech_pb2.SpeechProfile.ValueType(profile),
            language=language,
            candidates=candidates,
        )
        cost_s = _style_s(draft) + sum(map(_style_s, candidates))
        with self._lanes.inside(Lane.TEXT, tenant):
            reply = await self._ask(pb.LinkRequest(speech=wanted), cost_s, tenant, deadline_s)
        return _compared(reply.speech)

    def _check_embedder(self) -> None:
        if self.info is None:
            raise embedder_not_configured()

    async def _ask(
        self,
        request: pb.LinkRequest,
        cost_s: float,
        tenant: str,
        deadline_s: float,
        *,
        vectors_optional: bool = False,
    ) -> pb.LinkReply:
        """Send a request to the next worker in turn that moves and return what it answers.

        Where that worker hangs, what needs no embedder is done in a thread of this process, so that
        a hanging worker keeps no answer from being judged. One text after the other: it takes turns
        with the event loop for the interpreter.
        """
        index, embeds = self._turn(), _embeds(request) and not vectors_optional
        hangs = self._hangs(index)
        if hangs and not embeds and self._here is not None:
            return await self._handled_here(request)
        gate = self._lanes.gate(Lane.TEXT, Before.TEXT, index)
        link = await self._ready(index)
        every_s = patience_s(deadline_s, hangs=hangs)
        every_s = max(every_s if embeds else every_s / 2, _SLOW * cost_s)
        has_moved = self._pool.watched(index)
        patience = Patience(has_moved, every_s=every_s)
        try:
            async with patience:
                await gate.enter(tenant, cost_s, deadline_s)
                try:
                    reply = await link.request(request, done=partial(gate.leave, cost_s))
                except Unavailable:
                    raise _lost() from None
        except TimeoutError:
            if not patience.is_over:
                raise
            self._given_up[index] = has_moved
            if embeds:
                raise _lost() from None
            return await self._handled_here(request)
        raise_failure(reply, "")
        return reply

    async def _handled_here(self, request: pb.LinkRequest) -> pb.LinkReply:
        """Handle a request that embeds nothing in a thread; the first one loads the rules."""
        if self._here is None:
            self._here = asyncio.ensure_future(_link_to_a_thread())
        link = await asyncio.shield(self._here)
        again = pb.LinkRequest()  # the other one waits for its worker still
        again.CopyFrom(request)
        if again.HasField("measure"):
            for text in again.measure.texts:
                text.embed = False
        reply = await link.request(again)
        raise_failure(reply, "")
        return reply

    def _hangs(self, index: int) -> bool:
        """Return whether a worker has made no step since a call gave it up, or for long."""
        has_moved = self._given_up.get(index)
        if has_moved is not None and has_moved():
            del self._given_up[index]
        return index in self._given_up or self._pool.hangs(index)

    def _turn(self) -> int:
        """Return the worker whose turn it is, leaving out those that hang unless all do."""
        for _ in range(self._pool.size):
            self._next = (self._next + 1) % self._pool.size
            if not self._hangs(self._next):
                break
        return self._next

    async def _ready(self, index: int) -> Link:
        try:
            return await self._pool.ready(index)
        except Unavailable:
            raise _lost() from None

    def _count(self, texts: int) -> None:
        if texts:
            self._metrics.embed_batch_texts.observe(texts)

    def _said(self, error: Unavailable) -> Unavailable:
        """Return what a caller is told who wanted vectors only."""
        if error.reason != "WORKER_LOST":
            return error
        return embedder_unavailable(self.info.model_id if self.info else "")


def _compared(found: pb.SpeechReply) -> Compared:
    better = report_from_proto(found.best_report) if found.best else None
    return Compared(report_from_proto(found.report), found.repairable, found.best, better)


async def _link_to_a_thread() -> InlineLink:
    return InlineLink(await asyncio.to_thread(make_handler, "text", "", Progress()))


def _embeds(request: pb.LinkRequest) -> bool:
    if request.WhichOneof("kind") == "measure":
        return any(text.embed for text in request.measure.texts)
    return request.WhichOneof("kind") == "embed"


def _lost() -> Unavailable:
    return Unavailable(
        "The worker for texts does not answer; nothing was written.",
        reason="WORKER_LOST",
        metadata={"space": ""},
        retry_after_s=RETRY_SOON_S,
    )


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
    )


def _embedding_s(text: str) -> float:
    return _TEXT_S + _CHARACTER_S * len(text)


def _measuring_s(text: str) -> float:
    return _MEASURED_S + _MEASURED_CHARACTER_S * len(text)


def _style_s(text: str) -> float:
    return _STYLE_S + _STYLE_CHARACTER_S * len(text)


def _passes(
    texts: Sequence[_T], cost: Callable[[_T], float]
) -> Iterator[tuple[Sequence[_T], float]]:
    """Yield the texts in runs of some milliseconds, each with what it costs, seconds."""
    start, cost_s = 0, 0.0
    for end, text in enumerate(texts):
        one_s = cost(text)
        if cost_s and cost_s + one_s > _PASS_S:
            yield texts[start:end], cost_s
            start, cost_s = end, 0.0
        cost_s += one_s
    if texts:
        yield texts[start:], cost_s
