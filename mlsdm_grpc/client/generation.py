"""Client methods that generate answers with a model and recalled memories."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from datetime import datetime
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
    """Optional arguments of a generation; see ``GenerateRequest``."""

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
    after: datetime | None
    before: datetime | None


class Generation(ClientBase):
    """Client methods that generate answers with recall from the space."""

    async def generate(
        self,
        prompt: str,
        *,
        request_id: str | None = None,
        space: str | None = None,
        timeout_s: float | None = None,
        **limits: Unpack[GenerationLimits],
    ) -> GenerateResponse:
        """Return a governed answer and store the exchange.

        A refusal by policy is not an error: ``finish_reason`` and ``verdicts`` report it. A call
        that fails with UNAVAILABLE is retried like other writes: the exchange is stored once, but
        the model may be called twice. PROVIDER_UNAVAILABLE is raised at once, because the server
        has already retried.

        Args:
            prompt: Prompt, at most 64 KiB by default.
            request_id: UUID of this exchange; None creates one.
            space: Name of the space; None uses the client's.
            timeout_s: Deadline, seconds; None uses the client's.
            limits: Fields of ``GenerateRequest``: top_k (5), remember (True), max_tokens, model,
                system_prompt, temperature, stop_sequences, moral_value, synaptic_bias,
                repair_speech, min_revision, conversation_id, min_score (0.12), sources,
                after, before.
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
        """Yield a governed answer in pieces: recall, verdicts and tokens, usage, final.

        Closing the iterator early cancels the call to the model, and nothing is stored. The
        arguments are those of :meth:`generate`. The call is not retried after the first piece.
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
