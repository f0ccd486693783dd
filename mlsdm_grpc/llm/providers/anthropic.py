"""The messages protocol of Anthropic, through the official SDK, with the rules of ``openai.py``."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

import anthropic
from anthropic import AsyncAPIResponse

from mlsdm_grpc.config_llm import AnthropicSettings
from mlsdm_grpc.llm.providers.base import (
    FaultKind,
    Finish,
    ModelAnswer,
    ModelChunk,
    ModelRequest,
    ProviderFault,
    TokenUsage,
    clean,
)
from mlsdm_grpc.llm.providers.http import (
    PLACEHOLDER_KEY,
    events_of,
    fault_in,
    finish_of,
    http_client,
    model_name,
    parse_json,
    part_of,
)

__all__ = ["AnthropicProvider"]

_FINISHES: Final = {"max_tokens": Finish.LENGTH, "refusal": Finish.REFUSED}
_MAX_TEMPERATURE: Final = 1.0


class AnthropicProvider:
    """The API of Anthropic; make it outside the event loop.

    Args:
        settings: Endpoint and models.
        clock: Seconds; that of the event loop.
        max_connections: Connections at once.
    """

    name = "anthropic"

    def __init__(
        self, settings: AnthropicSettings, *, clock: Callable[[], float], max_connections: int
    ) -> None:
        self._settings = settings
        self.models: Final = settings.models
        self._clock = clock
        self._client = anthropic.AsyncAnthropic(
            api_key=PLACEHOLDER_KEY,
            base_url=settings.base_url,
            max_retries=0,
            http_client=http_client(settings, max_connections=max_connections),
        )
        self._create = self._client.messages.with_streaming_response.create

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """Return a whole answer; see :class:`Provider`."""
        async with self._called(request) as response:
            found = parse_json(await response.read())
        blocks = found.get("content")
        if not isinstance(blocks, list) or found.get("stop_reason") is None:
            raise ProviderFault(FaultKind.MALFORMED)
        usage = part_of(found, "usage", {})
        return ModelAnswer(
            "".join(_block_text(block) for block in blocks),
            finish_of(found["stop_reason"], _FINISHES),
            TokenUsage.reported(usage.get("input_tokens"), usage.get("output_tokens")),
            model_name(found, request.model or self._settings.model),
        )

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelChunk, None]:
        """Yield an answer piece by piece; see :class:`Provider`."""
        usage = TokenUsage()
        async with self._called(request, stream=True) as response:
            async for data in events_of(response.iter_bytes()):
                found = parse_json(data)
                kind = found.get("type")
                if kind == "message_stop":
                    return
                chunk = _CHUNKS.get(kind, _nothing)(found) if isinstance(kind, str) else None
                if chunk is None:
                    raise ProviderFault(FaultKind.MALFORMED)
                if chunk.usage is not None:
                    usage = TokenUsage(
                        chunk.usage.prompt_tokens or usage.prompt_tokens,
                        chunk.usage.completion_tokens or usage.completion_tokens,
                    )
                    chunk = replace(chunk, usage=usage)
                yield chunk
        raise ProviderFault(FaultKind.RESET)

    async def aclose(self) -> None:
        """Close the connections that are kept open."""
        await self._client.close()

    @asynccontextmanager
    async def _called(
        self, request: ModelRequest, *, stream: bool = False
    ) -> AsyncIterator[AsyncAPIResponse[Any]]:
        """Send a request; leaving the context before the end closes the connection."""
        body: dict[str, Any] = {
            "model": request.model or self._settings.model,
            "messages": [{"role": "user", "content": request.prompt}],
            "max_tokens": request.max_tokens,
        }
        if request.system:
            body["system"] = request.system
        if request.temperature is not None:
            # The SDK has no such parameter any more; models that take none say so with a 400.
            body["extra_body"] = {"temperature": min(request.temperature, _MAX_TEMPERATURE)}
        if request.stop:
            body["stop_sequences"] = list(request.stop)
        if stream:
            body["stream"] = True
        left_s = max(request.deadline_s - self._clock(), 0.001)
        try:
            async with self._create(**body, timeout=left_s) as response:
                yield response
        except (anthropic.AnthropicError, ValueError, RecursionError) as error:
            raise fault_in(error) from None


def _block_text(block: object) -> str:
    """Return the text of a block; those of other kinds have none."""
    if not isinstance(block, dict):
        raise ProviderFault(FaultKind.MALFORMED)
    text = block.get("text", "")
    if not isinstance(text, str):
        raise ProviderFault(FaultKind.MALFORMED)
    return clean(text) if block.get("type") in {"text", "text_delta"} else ""


def _begun(found: dict[str, Any]) -> ModelChunk:
    message = part_of(found, "message")
    usage = part_of(message, "usage", {})
    return ModelChunk(
        usage=TokenUsage.reported(usage.get("input_tokens"), usage.get("output_tokens")),
        model=model_name(message, ""),
    )


def _delta(found: dict[str, Any]) -> ModelChunk:
    return ModelChunk(_block_text(part_of(found, "delta")))


def _ending(found: dict[str, Any]) -> ModelChunk:
    said = part_of(found, "delta").get("stop_reason")
    usage = part_of(found, "usage", {})
    return ModelChunk(
        finish=None if said is None else finish_of(said, _FINISHES),
        usage=TokenUsage.reported(usage.get("input_tokens"), usage.get("output_tokens")),
    )


def _failed(_: dict[str, Any]) -> ModelChunk:
    raise ProviderFault(FaultKind.UPSTREAM, retryable=True)


def _nothing(_: dict[str, Any]) -> ModelChunk:
    return ModelChunk()


_CHUNKS: Final[dict[str, Callable[[dict[str, Any]], ModelChunk]]] = {
    "message_start": _begun,
    "content_block_delta": _delta,
    "message_delta": _ending,
    "error": _failed,
}
"""What each kind of event is; others say nothing that is wanted here."""
