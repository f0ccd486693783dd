"""Conversion of generation requests to domain values, and of generation events to messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mlsdm_grpc._gen.mlsdm.v1 import generation_service_pb2 as pb
from mlsdm_grpc.config import LlmSettings
from mlsdm_grpc.generation.generation_events import (
    GenerationEvent,
    GenerationRequest,
    GenerationResult,
    Piece,
    Recalled,
)
from mlsdm_grpc.generation.speech_repair import Spent
from mlsdm_grpc.governance.policy.verdict import Verdict
from mlsdm_grpc.llm.providers.provider import Finish
from mlsdm_grpc.messages import bounds, limits, queries
from mlsdm_grpc.messages.fields import Fields
from mlsdm_grpc.security.principal import ATTEST
from mlsdm_grpc.wire import requests, responses
from mlsdm_grpc.wire.call import Call
from mlsdm_grpc.wire.governance import usage
from mlsdm_grpc.wire.status import item_status
from mlsdm_grpc.workers.text_codec import report_to_proto

__all__ = ["generation_request", "response", "stream_event"]

# Default weight of the traces in the recall of a generation.
_DEFAULT_BIAS: Final = 0.1
# Minimum score of recalled memories. Memories that share no word with the prompt score lower; those
# that share one rare word score higher.
_DEFAULT_MIN_SCORE: Final = 0.12
_FINISHES: Final = {
    Finish.STOP: pb.FINISH_REASON_STOP,
    Finish.LENGTH: pb.FINISH_REASON_LENGTH,
    Finish.REFUSED: pb.FINISH_REASON_RESPONSE_REFUSED,
    Finish.INCOMPLETE: pb.FINISH_REASON_INCOMPLETE,
}


def generation_request(
    fields: Fields,
    call: Call,
    message: pb.GenerateRequest | pb.StreamGenerateRequest,
    settings: LlmSettings,
) -> GenerationRequest:
    """Return a generation request as a domain value, with defaults for absent fields.

    Args:
        fields: Collector of violations.
        call: Call of the request.
        message: Request to convert.
        settings: Limits of prompts and answers.

    Raises:
        InvalidInput: At least one field is invalid.
    """
    streamed = isinstance(message, pb.StreamGenerateRequest)
    most = settings.max_prompt_bytes
    moral_value = temperature = None
    if message.HasField("moral_value"):
        moral_value = fields.number("moral_value", message.moral_value)
    if message.HasField("temperature"):
        temperature = fields.number("temperature", message.temperature, high=2.0)
    bias = _DEFAULT_BIAS
    if message.HasField("synaptic_bias"):
        bias = fields.number("synaptic_bias", message.synaptic_bias, low=-1.0)
    min_score = _DEFAULT_MIN_SCORE
    if message.HasField("min_score"):
        min_score = fields.number("min_score", message.min_score, low=-2.0, high=2.0)
    # A list above the limit costs no more than an allowed one, because the loop ends at the limit.
    if len(message.stop_sequences) > bounds.STOPS.limit:
        fields.fault("stop_sequences", bounds.STOPS.description)
    for i, stop in enumerate(message.stop_sequences[: bounds.STOPS.limit]):
        if not 1 <= len(stop.encode()) <= limits.MAX_STOP_BYTES:
            fields.fault(f"stop_sequences[{i}]", f"must have 1 to {limits.MAX_STOP_BYTES} bytes")
    top_k = message.top_k if message.HasField("top_k") else limits.DEFAULT_TOP_K
    request = GenerationRequest(
        prompt=fields.text("prompt", message.prompt, required=True, max_bytes=most),
        ticket=requests.ticket(fields, call, message, message.request_id),
        moral_value=moral_value,
        attested=ATTEST in call.principal.permissions,
        max_tokens=fields.count(
            "max_tokens", message.max_tokens, low=0, high=settings.max_tokens_limit
        ),
        top_k=fields.count("top_k", top_k, low=0, high=limits.MAX_TOP_K),
        remember=message.remember if message.HasField("remember") else True,
        system_prompt=fields.text("system_prompt", message.system_prompt, max_bytes=most),
        model=message.model,
        temperature=temperature,
        stop=tuple(message.stop_sequences),
        synaptic_bias=bias,
        # A repair needs the complete answer, so streams have it only on request.
        repair_speech=message.repair_speech if message.HasField("repair_speech") else not streamed,
        min_revision=fields.min_revision(message.min_revision),
        piecewise=streamed,
        conversation_id=fields.memory_id("conversation_id", message.conversation_id),
        min_score=min_score,
        sources=queries.sources(fields, "sources", message.sources),
        after_ns=fields.moment("after", message, "after"),
        before_ns=fields.moment("before", message, "before"),
    )
    fields.check()
    return request


def response(events: Sequence[GenerationEvent]) -> pb.GenerateResponse:
    """Return the response that contains all events of a generation."""
    message = pb.GenerateResponse()
    for event in events:
        if isinstance(event, Recalled):
            message.recalled.extend(event.matches)
        elif isinstance(event, Verdict):
            message.verdicts.append(responses.verdict(event))
        elif isinstance(event, Spent):
            message.usage.CopyFrom(usage(event))
        elif isinstance(event, GenerationResult):
            _fill(message, event)
            message.stateless = event.stateless
    return message


def stream_event(event: GenerationEvent, index: int) -> pb.StreamGenerateResponse:
    """Return the message of a stream for one event.

    Args:
        event: Event of the generation.
        index: Number of text pieces that were sent before.
    """
    if isinstance(event, Recalled):
        return pb.StreamGenerateResponse(
            recall=pb.RecallEvent(
                recalled=event.matches, revision=event.revision, stateless=event.stateless
            )
        )
    if isinstance(event, Verdict):
        return pb.StreamGenerateResponse(verdict=responses.verdict(event))
    if isinstance(event, Piece):
        return pb.StreamGenerateResponse(token=pb.TokenEvent(text=event.text, index=index))
    if isinstance(event, Spent):
        return pb.StreamGenerateResponse(usage=usage(event))
    final = pb.FinalEvent()
    _fill(final, event)
    return pb.StreamGenerateResponse(final=final)


def _fill(message: pb.GenerateResponse | pb.FinalEvent, ended: GenerationResult) -> None:
    message.text = ended.text
    refused = pb.FINISH_REASON_PROMPT_REFUSED
    message.finish_reason = refused if ended.prompt_refused else _FINISHES[ended.finish]
    if ended.speech is not None:
        message.speech.CopyFrom(report_to_proto(ended.speech))
    message.draft_text = ended.draft
    message.memory_ids.extend(ended.memory_ids)
    message.evicted_memory_ids.extend(ended.evicted)
    if ended.not_remembered is not None:
        message.remember_status.CopyFrom(item_status(ended.not_remembered))
    message.revision = ended.revision
    message.phase = ended.phase
    message.moral_value = ended.moral_value
