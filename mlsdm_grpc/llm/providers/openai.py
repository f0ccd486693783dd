"""Any endpoint that speaks the chat completions protocol of OpenAI, through the official SDK.

The SDK builds requests; answers are read here, field by field, because it does not check what it
parses. Its own retries are off.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import openai
from openai import AsyncAPIResponse

from mlsdm_grpc.config_llm import OpenAISettings
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

__all__ = ["OpenAIProvider"]

_FINISHES: Final = {"length": Finish.LENGTH, "content_filter": Finish.REFUSED}
_DONE: Final = b"[DONE]"


class OpenAIProvider:
    """One OpenAI-compatible endpoint; make it outside the event loop.

    Args:
        settings: Endpoint and models.
        clock: Seconds; that of the event loop.
        max_connections: Connections at once.
    """

    name = "openai"

    def __init__(
        self, settings: OpenAISettings, *, clock: Callable[[], float], max_connections: int
    ) -> None:
        self._settings = settings
        self.models: Final = settings.models
        self._clock = clock
        self._client = openai.AsyncOpenAI(
            api_key=PLACEHOLDER_KEY,
            admin_api_key="",
            base_url=settings.base_url,
            max_retries=0,
            http_client=http_client(settings, max_connections=max_connections),
        )
        self._create = self._client.chat.completions.with_streaming_response.create

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """Return a whole answer; see :class:`Provider`."""
        async with self._called(request) as response:
            found = parse_json(await response.read())
        choice = _choice(found)
        text, refused = _text(part_of(choice, "message"))
        finish = finish_of(choice.get("finish_reason"), _FINISHES)
        return ModelAnswer(
            text,
            Finish.REFUSED if refused else finish,
            _usage(found),
            model_name(found, request.model or self._settings.model),
        )

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelChunk, None]:
        """Yield an answer piece by piece; see :class:`Provider`."""
        finished = False
        async with self._called(request, stream=True) as response:
            async for data in events_of(response.iter_bytes()):
                if data.startswith(_DONE):
                    finished = True
                    break
                chunk = self._chunk(parse_json(data), request)
                finished = finished or chunk.finish is not None
                yield chunk
        if not finished:
            raise ProviderFault(FaultKind.RESET)

    async def aclose(self) -> None:
        """Close the connections that are kept open."""
        await self._client.close()

    @asynccontextmanager
    async def _called(
        self, request: ModelRequest, *, stream: bool = False
    ) -> AsyncIterator[AsyncAPIResponse[Any]]:
        """Send a request; leaving the context before the end closes the connection."""
        messages = [{"role": "user", "content": request.prompt}]
        if request.system:
            messages.insert(0, {"role": "system", "content": request.system})
        body: dict[str, Any] = {
            "model": request.model or self._settings.model,
            "messages": messages,
            self._settings.max_tokens_field: request.max_tokens,
        }
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if request.stop:
            body["stop"] = list(request.stop)
        if stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        left_s = max(request.deadline_s - self._clock(), 0.001)
        try:
            async with self._create(**body, timeout=left_s) as response:
                yield response
        except (openai.OpenAIError, ValueError, RecursionError) as error:
            raise fault_in(error) from None

    def _chunk(self, found: dict[str, Any], request: ModelRequest) -> ModelChunk:
        if "error" in found:
            raise ProviderFault(FaultKind.UPSTREAM, retryable=True)
        model = model_name(found, request.model or self._settings.model)
        usage = _usage(found) if found.get("usage") else None
        if found.get("choices") == []:
            return ModelChunk(usage=usage, model=model)
        choice = _choice(found)
        text, refused = _text(part_of(choice, "delta"))
        said = choice.get("finish_reason")
        finish = None if said is None else finish_of(said, _FINISHES)
        return ModelChunk(text, Finish.REFUSED if refused else finish, usage, model)


def _choice(found: dict[str, Any]) -> dict[str, Any]:
    choices = found.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise ProviderFault(FaultKind.MALFORMED)
    return choices[0]


def _text(message: dict[str, Any]) -> tuple[str, bool]:
    """Return the text of a message, and whether it is a refusal."""
    content, refusal = message.get("content"), message.get("refusal")
    if not isinstance(content, str | None) or not isinstance(refusal, str | None):
        raise ProviderFault(FaultKind.MALFORMED)
    return clean(content or refusal or ""), bool(refusal) and not content


def _usage(found: dict[str, Any]) -> TokenUsage:
    usage = found.get("usage")
    if not isinstance(usage, dict):
        return TokenUsage()
    return TokenUsage.reported(usage.get("prompt_tokens"), usage.get("completion_tokens"))
