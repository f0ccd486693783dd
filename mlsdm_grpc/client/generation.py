"""Answers of models with memory, as the client sees them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from typing import TypedDict, Unpack

from mlsdm_grpc._gen.mlsdm.v1.generation_service_pb2 import (
    GenerateRequest,
    GenerateResponse,
    StreamGenerateRequest,
    StreamGenerateResponse,
)
from mlsdm_grpc.client.arguments import known, message
from mlsdm_grpc.client.client_base import ClientBase
from mlsdm_grpc.client.values import write_request_id

__all__ = ["Generation", "GenerationLimits"]


class GenerationLimits(TypedDict, total=False):
    """What a generation may ask besides its prompt; see ``GenerateRequest``."""

    moral_value: float | None
    max_tokens: int
    top_k: int | None
    remember: bool | None
    system_prompt: str
    model: str
    temperature: float | None
    stop_sequences: Iterable[str]
    synaptic_bias: float | None
    repair_speech: bool | None
    min_revision: int | None
    conversation_id: str
    min_score: float | None
    sources: Iterable[str | int]


class Generation(ClientBase):
    """Lets the server's model answer with the help of what the space remembers."""

    async def generate(
        self,
        prompt: str,
        *,
        request_id: str | None = None,
        space: str | None = None,
        timeout_s: float | None = None,
        **limits: Unpack[GenerationLimits],
    ) -> GenerateResponse:
        """Return a governed answer and remember the exchange.

        A refusal by policy is no error: ``finish_reason`` and ``verdicts`` tell of it. A call that
        ends UNAVAILABLE is repeated as other writes are: the exchange is remembered once, but the
        model may be asked twice. PROVIDER_UNAVAILABLE is raised at once, for the server has tried.

        Args:
            prompt: What to answer, at most 64 KiB unless the server is configured otherwise.
            request_id: UUID of this exchange; None makes one.
            space: None is the client's.
            timeout_s: Deadline, seconds; None is the client's.
            limits: Fields of ``GenerateRequest``: top_k (5), remember (True), max_tokens, model,
                system_prompt, temperature, stop_sequences, moral_value, synaptic_bias,
                repair_speech, min_revision, conversation_id, min_score (0.12), sources.
        """
        known(GenerationLimits, limits)
        write_id = write_request_id(request_id)
        request = message(
            GenerateRequest, space=self._space(space), prompt=prompt, request_id=write_id, **limits
        )
        return await self._connection.unary(
            self._generation.Generate, request, timeout_s=timeout_s, write_id=write_id
        )

    async def stream_generate(
        self,
        prompt: str,
        *,
        request_id: str | None = None,
        space: str | None = None,
        timeout_s: float | None = None,
        **limits: Unpack[GenerationLimits],
    ) -> AsyncIterator[StreamGenerateResponse]:
        """Yield a governed answer piece by piece: recall, verdicts and tokens, usage, final.

        Leaving the loop early ends the call to the model, and nothing is remembered. The arguments
        are those of :meth:`generate`; nothing is repeated once the first piece has come.
        """
        known(GenerationLimits, limits)
        write_id = write_request_id(request_id)
        request = message(
            StreamGenerateRequest,
            space=self._space(space),
            prompt=prompt,
            request_id=write_id,
            **limits,
        )
        events = self._connection.stream(
            self._generation.StreamGenerate,
            request,
            timeout_s=self._timeout_s if timeout_s is None else timeout_s,
            write_id=write_id,
        )
        async with aclosing(events):
            async for event in events:
                yield event
