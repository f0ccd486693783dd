"""Creation of the configured providers, and the checks of their settings."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator

from mlsdm_grpc.config import EmbedderSettings, EndpointSettings, LlmSettings
from mlsdm_grpc.errors import FieldViolation, InvalidInput
from mlsdm_grpc.llm.embedders import embedder_info
from mlsdm_grpc.llm.endpoints import endpoint_problems
from mlsdm_grpc.llm.providers.echo import EchoProvider
from mlsdm_grpc.llm.providers.provider import Provider

__all__ = ["build_providers", "embedder_problems", "provider_problems"]


def build_providers(settings: LlmSettings, *, clock: Callable[[], float]) -> list[Provider]:
    """Return the configured providers in order; blocks, so call it in a thread.

    Raises:
        InvalidInput: An extra is not installed, or a key or certificate cannot be read.
    """
    problems = list(provider_problems(settings))
    if problems:
        raise InvalidInput("A model provider cannot be used.", violations=problems)
    return [_build(name, settings, clock) for name in settings.providers]


def provider_problems(settings: LlmSettings) -> Iterator[FieldViolation]:
    """Yield the faults that prevent the use of a provider of the chain."""
    for name in settings.providers:
        if name == "openai":
            yield from _problems("llm.openai", settings.openai, "openai")
        elif name == "anthropic":
            yield from _problems("llm.anthropic", settings.anthropic, "anthropic")


def embedder_problems(name: str, settings: EmbedderSettings) -> Iterator[FieldViolation]:
    """Yield the faults that prevent the use of an embedder.

    Args:
        name: Setting `space.embedder`.
        settings: Settings of the remote embedder.
    """
    info = embedder_info(name)
    if name == "openai":
        yield from _problems("embedder", settings, "openai")
    elif info is not None and info.extra:
        yield from _missing("space.embedder", info.extra, info.module)


def _build(name: str, settings: LlmSettings, clock: Callable[[], float]) -> Provider:
    if name == "openai":
        from mlsdm_grpc.llm.providers.openai import OpenAIProvider

        return OpenAIProvider(settings.openai, clock=clock, max_connections=settings.max_concurrent)
    if name == "anthropic":
        from mlsdm_grpc.llm.providers.anthropic import AnthropicProvider

        return AnthropicProvider(
            settings.anthropic, clock=clock, max_connections=settings.max_concurrent
        )
    return EchoProvider(settings.echo)


def _problems(section: str, settings: EndpointSettings, extra: str) -> Iterator[FieldViolation]:
    missing = list(_missing(section, extra, extra))
    yield from missing or endpoint_problems(section, settings)


def _missing(section: str, extra: str, module: str) -> Iterator[FieldViolation]:
    if importlib.util.find_spec(module) is None:
        install = f"pip install -c constraints.txt -e '.[{extra}]'"
        wanted = f"the extra {extra} is not installed; in the folder of the source: {install}"
        yield FieldViolation(section, wanted)
