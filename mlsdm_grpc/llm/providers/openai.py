"""Provider for any endpoint with OpenAI's chat completions protocol, through the official SDK.

The SDK builds the requests, without retries of its own. This module parses the responses field by
field, because the SDK does not validate them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import openai

from mlsdm_grpc.config import OpenAISettings
from mlsdm_grpc.llm.providers.answer_reader import AnswerPiece
from mlsdm_grpc.llm.providers.events import ServerSentEvent
from mlsdm_grpc.llm.providers.http import PLACEHOLDER_KEY, fault_in, http_client
from mlsdm_grpc.llm.providers.provider import (
    FaultKind,
    ModelChunk,
    ModelRequest,
    ProviderFault,
    TokenUsage,
)
from mlsdm_grpc.llm.providers.sdk_provider import SdkProvider, reading
from mlsdm_grpc.llm.providers.upstream_json import model_name, part_of, raise_error, text_of

__all__ = ["OpenAIProvider", "said_in"]

# Values of ``index`` that mark the first, and only requested, choice.
_FIRST: Final = (None, 0, "0")


class OpenAIProvider(SdkProvider):
    """Provider for one OpenAI-compatible endpoint; create it outside the event loop.

    Args:
        settings: Endpoint and models.
        clock: Clock of the event loop, seconds.
        max_connections: Maximum number of connections.
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

    async def aclose(self) -> None:
        """Close all idle connections."""
        await self._client.close()

    @asynccontextmanager
    async def _called(
        self, request: ModelRequest, *, stream: bool
    ) -> AsyncIterator[AsyncIterator[ModelChunk]]:
        """Send a request and read its answer; see :class:`SdkProvider`."""
        messages = request.messages
        if request.system:
            messages.insert(0, {"role": "system", "content": request.system})
        model = request.model or self._settings.model
        body: dict[str, Any] = {
            "model": model,
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
            call = self._create(**body, timeout=left_s)
            async with reading(call, said_in, model=model) as pieces:
                yield pieces
        except (openai.OpenAIError, ValueError, RecursionError) as error:
            raise fault_in(error) from None


def said_in(found: dict[str, Any], event: ServerSentEvent) -> AnswerPiece | None:
    """Return the part of an answer in a chunk or whole completion; None if there is none."""
    choice = _choice(found)
    usage = _usage(found, choice or {})
    if choice is None:
        if event.whole:
            raise ProviderFault(FaultKind.MALFORMED)
        return None if usage is None else AnswerPiece(usage=usage)
    raise_error(choice)
    message = part_of(choice, "delta" if "delta" in choice else "message")
    text, refusal = text_of(message.get("content")), message.get("refusal")
    return AnswerPiece(
        text or (refusal if isinstance(refusal, str) else ""),
        choice.get("finish_reason") or choice.get("finish_details"),
        bool(refusal),
        usage,
        model_name(found),
    )


def _choice(found: dict[str, Any]) -> dict[str, Any] | None:
    """Return the first choice; None if the object has none."""
    choices = found.get("choices")
    if choices is None:
        return None
    if not isinstance(choices, list) or not all(isinstance(each, dict) for each in choices):
        raise ProviderFault(FaultKind.MALFORMED)
    return next((each for each in choices if each.get("index") in _FIRST), None)


def _usage(found: dict[str, Any], choice: dict[str, Any]) -> TokenUsage | None:
    """Return the token usage, which Groq and Moonshot report in other places."""
    groq = found.get("x_groq")
    for where in (found, groq, choice):
        usage = where.get("usage") if isinstance(where, dict) else None
        if isinstance(usage, dict):
            return TokenUsage.reported(
                usage.get("prompt_tokens", usage.get("input_tokens")),
                usage.get("completion_tokens", usage.get("output_tokens")),
            )
    return None
