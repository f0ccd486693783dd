"""The providers of the configuration: made for a server, or only looked at by ``mlsdm check``."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mlsdm_grpc.config_llm import EmbedderSettings, EndpointSettings, LlmSettings, ModelSettings
from mlsdm_grpc.errors import FieldViolation, InvalidInput
from mlsdm_grpc.llm.providers.base import Provider, ProviderFault
from mlsdm_grpc.llm.providers.echo import EchoProvider

if TYPE_CHECKING:
    import ssl

__all__ = ["build_providers", "embedder_problems", "provider_problems"]


def build_providers(settings: LlmSettings, *, clock: Callable[[], float]) -> list[Provider]:
    """Return the chain; it imports SDKs and reads certificates, so call it in a thread.

    Raises:
        InvalidInput: An extra is not installed, or a key or certificate cannot be read.
    """
    problems = list(provider_problems(settings))
    if problems:
        raise InvalidInput("A model provider cannot be used.", violations=problems)
    return [_build(name, settings, clock) for name in settings.providers]


def provider_problems(settings: LlmSettings) -> Iterator[FieldViolation]:
    """Yield what would keep each provider of the chain from being used."""
    for name in settings.providers:
        if name == "openai":
            yield from _problems("llm.openai", settings.openai, "openai")
            yield from _without_key("llm.openai", settings.openai)
        elif name == "anthropic":
            yield from _problems("llm.anthropic", settings.anthropic, "anthropic")
            yield from _without_key("llm.anthropic", settings.anthropic)


def embedder_problems(settings: EmbedderSettings) -> Iterator[FieldViolation]:
    """Yield what would keep the remote embedder from being used."""
    yield from _problems("embedder", settings, "openai")


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
    if importlib.util.find_spec(extra) is None:
        wanted = f"the extra is not installed: pip install 'mlsdm-grpc[{extra}]'"
        yield FieldViolation(section, wanted)
        return
    from mlsdm_grpc.llm.providers.http import KeyFile, trusted_authorities

    try:
        KeyFile(settings.key_file).read()
    except ProviderFault:
        wrong = f"{settings.key_file} cannot be read, or does not hold a key in one line"
        yield FieldViolation(f"{section}.key_file", wrong)
    if not _readable(settings.ca_file, trusted_authorities):
        wrong = f"{settings.ca_file} cannot be read, or holds no certificates"
        yield FieldViolation(f"{section}.ca_file", wrong)


def _without_key(section: str, settings: ModelSettings) -> Iterator[FieldViolation]:
    if settings.key_required and settings.key_file is None:
        wrong = "is missing; for an endpoint that needs no key switch key_required off"
        yield FieldViolation(f"{section}.key_file", wrong)


def _readable(file: Path | None, read: Callable[[Path | None], ssl.SSLContext]) -> bool:
    try:
        read(file)
    except OSError:  # an SSLError is one
        return False
    return True
