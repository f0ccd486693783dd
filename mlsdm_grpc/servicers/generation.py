"""GenerationService: answers of language models, with memory and under governance rules."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

from mlsdm_grpc._gen.mlsdm.v1 import generation_service_pb2
from mlsdm_grpc.config import LlmSettings
from mlsdm_grpc.generation.generation_events import Piece
from mlsdm_grpc.generation.generator import Generator
from mlsdm_grpc.messages.fields import Fields
from mlsdm_grpc.wire import generation, requests
from mlsdm_grpc.wire.call import Call

__all__ = ["GenerationServicer"]


class GenerationServicer:
    """Servicer of ``mlsdm.v1.GenerationService``.

    Args:
        generator: Generator of answers.
        settings: Limits of requests.
    """

    def __init__(self, generator: Generator, settings: LlmSettings) -> None:
        self._generator = generator
        self._settings = settings

    async def Generate(  # noqa: N802 - the contract's name
        self, request: generation_service_pb2.GenerateRequest, call: Call
    ) -> generation_service_pb2.GenerateResponse:
        fields = Fields()
        key = requests.space_key(fields, call, request.space)
        wanted = generation.generation_request(fields, call, request, self._settings)
        async with aclosing(self._generator.generate(key, wanted)) as events:
            return generation.response([event async for event in events])

    async def StreamGenerate(  # noqa: N802 - the contract's name
        self, request: generation_service_pb2.StreamGenerateRequest, call: Call
    ) -> AsyncIterator[generation_service_pb2.StreamGenerateResponse]:
        fields = Fields()
        key = requests.space_key(fields, call, request.space)
        wanted = generation.generation_request(fields, call, request, self._settings)
        pieces = 0
        async with aclosing(self._generator.generate(key, wanted)) as events:
            async for event in events:
                yield generation.stream_event(event, pieces)
                pieces += isinstance(event, Piece)
