"""Provider for Anthropic's messages protocol, through the official SDK; see also ``openai.py``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import anthropic

from mlsdm_grpc.config import AnthropicSettings
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
from mlsdm_grpc.llm.providers.upstream_json import model_name, part_of, text_of

__all__ = ["AnthropicProvider", "said_in"]

_MAX_TEMPERATURE: Final = 1.0


class AnthropicProvider(SdkProvider):
    """Provider for the Anthropic API; create it outside the event loop.

    Args:
        settings: Endpoint and models.
        clock: Clock of the event loop, seconds.
        max_connections: Maximum number of connections.
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

    async def aclose(self) -> None:
        """Close all idle connections."""
        await self._client.close()

    @asynccontextmanager
    async def _called(
        self, request: ModelRequest, *, stream: bool
    ) -> AsyncIterator[AsyncIterator[ModelChunk]]:
        """Send a request and read its answer; see :class:`SdkProvider`."""
        model = request.model or self._settings.model
        body: dict[str, Any] = {
            "model": model,
            "messages": request.messages,
            "max_tokens": request.max_tokens,
        }
        if request.system:
            body["system"] = request.system
        if request.temperature is not None:
            # The SDK no longer has this parameter; models that reject it answer with status 400.
            body["extra_body"] = {"temperature": min(request.temperature, _MAX_TEMPERATURE)}
        if request.stop:
            body["stop_sequences"] = list(request.stop)
        if stream:
            body["stream"] = True
        left_s = max(request.deadline_s - self._clock(), 0.001)
        try:
            call = self._create(**body, timeout=left_s)
            async with reading(call, said_in, model=model) as pieces:
                yield pieces
        except (anthropic.AnthropicError, ValueError, RecursionError) as error:
            raise fault_in(error) from None


def said_in(found: dict[str, Any], event: ServerSentEvent) -> AnswerPiece | None:
    """Return the part of an answer in an event or message; None for other events."""
    kind = found.get("type") or event.name.decode("ascii", "replace")
    if not isinstance(kind, str):
        raise ProviderFault(FaultKind.MALFORMED)
    if event.whole and not isinstance(found.get("content"), list):
        raise ProviderFault(FaultKind.MALFORMED)
    read = _message if event.whole else _READERS.get(kind)
    return None if read is None else read(found)


def _message(found: dict[str, Any]) -> AnswerPiece:
    """Return the text, usage and end of a whole message, or of the start of a message."""
    return AnswerPiece(
        text_of(found.get("content")),
        found.get("stop_reason"),
        usage=_usage(found),
        model=model_name(found),
    )


def _begun(found: dict[str, Any]) -> AnswerPiece:
    return _message(part_of(found, "message"))


def _block(found: dict[str, Any]) -> AnswerPiece:
    return AnswerPiece(text_of(part_of(found, "content_block")))


def _delta(found: dict[str, Any]) -> AnswerPiece:
    return AnswerPiece(text_of(part_of(found, "delta")))


def _ending(found: dict[str, Any]) -> AnswerPiece:
    return AnswerPiece(finish=part_of(found, "delta").get("stop_reason"), usage=_usage(found))


def _ended(_: dict[str, Any]) -> AnswerPiece:
    return AnswerPiece(last=True)


def _usage(found: dict[str, Any]) -> TokenUsage:
    usage = part_of(found, "usage")
    return TokenUsage.reported(usage.get("input_tokens"), usage.get("output_tokens"))


# Reader of each event type.
_READERS: Final[dict[str, Callable[[dict[str, Any]], AnswerPiece]]] = {
    "message": _message,
    "message_start": _begun,
    "content_block_start": _block,
    "content_block_delta": _delta,
    "message_delta": _ending,
    "message_stop": _ended,
}
