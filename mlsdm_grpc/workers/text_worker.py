"""Handler of text requests: embedding, governance measurement and speech analysis."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final, NamedTuple

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.errors import InternalError
from mlsdm_grpc.governance.policy.measurement import KeptResults, measure
from mlsdm_grpc.governance.policy.rules import Stage
from mlsdm_grpc.llm.embedders import load_embedder
from mlsdm_grpc.speech import Profile, analyse
from mlsdm_grpc.speech.repair import best, is_repairable
from mlsdm_grpc.units import MIB
from mlsdm_grpc.workers.frames import NO_RECORDS
from mlsdm_grpc.workers.progress import Progress
from mlsdm_grpc.workers.space_codec import add_failure
from mlsdm_grpc.workers.text_codec import measurement_to_proto, report_to_proto

__all__ = ["NO_EMBEDDER", "TextHandler"]

NO_EMBEDDER: Final = "none"
_MAX_TEXTS_A_PASS: Final = 256
# Maximum number of findings in a reply, unless the request needs every place for redaction.
_MAX_PLACES: Final = 1_000
# Number of bytes that the first measurement reports as read. It loads the tables of all rules,
# which takes 0.4 s on an idle machine. With this number it may take 4 s longer before it counts as
# a stall.
_TABLES_BYTES: Final = 16 * MIB
_log = logging.getLogger(__name__)


class _ToEmbed(NamedTuple):
    """Text to embed, and whether it is a query."""

    text: str
    query: bool


class TextHandler:
    """Handler of text requests; completes all requests of a call, without later steps.

    Texts to embed share passes of the model.

    Args:
        embedder: Name of the embedder model; ``none`` for none.
        position: Progress page of the worker.
    """

    def __init__(self, embedder: str, position: Progress) -> None:
        self._position = position
        self._kept = KeptResults()
        self._has_measured = False
        self._embedder = None if embedder in {"", NO_EMBEDDER} else load_embedder(embedder)

    @property
    def busy(self) -> bool:
        """True if work is left; always False."""
        return False

    @property
    def has_idle_work(self) -> bool:
        """True if background work is left; always False."""
        return False

    def begin_idle_work(self) -> None:
        """Do nothing, because there is no background work."""

    def step(self) -> list[pb.LinkReply]:
        """Return no replies, because no work is left between calls."""
        return []

    def handle(
        self,
        requests: Sequence[pb.LinkRequest],
        records: Mapping[int, bytes] = NO_RECORDS,  # noqa: ARG002 - text requests have no records
    ) -> list[pb.LinkReply]:
        """Return the replies to all requests, in order."""
        wanted = [_texts_to_embed(request) for request in requests]
        rows = self._embedded([text for texts in wanted for text in texts])
        replies = [self._reply(request) for request in requests]
        width = len(rows) // max(1, sum(map(len, wanted)))
        start = 0
        counted = False
        for reply, texts in zip(replies, wanted, strict=True):
            end = start + len(texts) * width
            answer = reply.measure if reply.WhichOneof("kind") == "measure" else reply.embed
            # Each reply contains the rows of its own texts; a failed request has none.
            if texts and reply.WhichOneof("kind") != "failure":
                answer.rows_f32_le = rows[start:end]
                answer.batch_count = 0 if counted else sum(map(len, wanted))
                counted = True
            start = end
        return replies

    def _embedded(self, texts: Sequence[_ToEmbed]) -> bytes:
        """Return the vectors of the texts as consecutive rows, float32 little endian."""
        rows = bytearray()
        if self._embedder is None:
            return b""
        for query, some in groupby(texts, key=lambda each: each.query):
            alike = [each.text for each in some]
            for start in range(0, len(alike), _MAX_TEXTS_A_PASS):
                found = self._embedder.embed(
                    alike[start : start + _MAX_TEXTS_A_PASS],
                    query=query,
                    step=self._position.enter,
                )
                rows += found.astype("<f4", copy=False).tobytes()
        return bytes(rows)

    def _reply(self, request: pb.LinkRequest) -> pb.LinkReply:
        """Return the reply to a request, without vectors."""
        reply = pb.LinkReply(call_id=request.call_id)
        try:
            kind = request.WhichOneof("kind")
            if kind == "embed":
                reply.embed.SetInParent()
            elif kind == "measure":
                reply.measure.SetInParent()
                for wanted in request.measure.texts:
                    reply.measure.measurements.append(self._measured(wanted))
                if request.measure.HasField("speech"):
                    self._position.enter()
                    reply.measure.speech.CopyFrom(_analysed(request.measure.speech))
            elif kind == "speech":
                self._position.enter()
                reply.speech.CopyFrom(_analysed(request.speech))
        except Exception as error:  # noqa: BLE001 - the top of the worker's loop
            # Only the type is logged, because the message of the error may quote the evaluated
            # text.
            _log.error("defect in a text worker: %s", type(error).__name__)
            add_failure(reply, InternalError("The analysis of the text failed."))
        return reply

    def _measured(self, wanted: pb.MeasuredText) -> pb.TextMeasurement:
        if not wanted.rule_ids and not wanted.whole:
            return pb.TextMeasurement()
        self._position.enter(step_bytes=0 if self._has_measured else _TABLES_BYTES)
        measurement = measure(
            wanted.text,
            Stage(wanted.stage),
            prompt=wanted.prompt,
            rules=wanted.rule_ids,
            whole=wanted.whole,
            kept=self._kept,
            step=self._position.enter,
        )
        self._has_measured = True
        if not wanted.every_place:
            measurement = replace(measurement, findings=measurement.findings[:_MAX_PLACES])
        return measurement_to_proto(measurement)


def _analysed(request: pb.SpeechRequest) -> pb.SpeechReply:
    draft, candidates = request.text, list(request.candidates)
    profile = Profile(request.profile or Profile.STANDARD)
    language = request.language or None
    report = analyse(draft, profile=profile, language=language)
    reply = pb.SpeechReply(
        report=report_to_proto(report),
        repairable=report.is_aphasic and is_repairable(draft, profile=profile, language=language),
    )
    if candidates:
        chosen = best(draft, candidates, profile=profile, language=language)
        if chosen != draft:
            reply.best = 1 + candidates.index(chosen)
            report = analyse(chosen, profile=profile, language=language)
            reply.best_report.CopyFrom(report_to_proto(report))
    return reply


def _texts_to_embed(request: pb.LinkRequest) -> list[_ToEmbed]:
    if request.WhichOneof("kind") == "measure":
        wanted = (each for each in request.measure.texts if each.embed)
        return [_ToEmbed(each.text, each.query) for each in wanted]
    return [_ToEmbed(text, request.embed.query) for text in request.embed.texts]
