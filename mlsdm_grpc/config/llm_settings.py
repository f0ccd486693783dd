"""Settings of the model providers, of the remote embedder and of the moderation endpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from mlsdm_grpc.config.section import KIB, MIB, Section

__all__ = [
    "PROVIDERS",
    "AnthropicSettings",
    "BreakerSettings",
    "EchoSettings",
    "EmbedderSettings",
    "EndpointSettings",
    "LlmSettings",
    "ModelSettings",
    "ModerationSettings",
    "OpenAISettings",
]

PROVIDERS: Final = ("echo", "openai", "anthropic")
"""Names that a chain may hold."""
EchoStep = Literal["ok", "unavailable", "rejected", "hang", "reset"]
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class EndpointSettings(Section):
    """An HTTP endpoint that is called with a key."""

    base_url: str
    """Address of the requests; a redirect to anywhere else is refused."""
    key_file: Path | None = None
    """File that holds the key, read again when it changes; without one no key is sent."""
    key_required: bool = True
    """Refuse to start without a key."""
    allowed_hosts: tuple[str, ...] = ()
    """Hosts that may be called; when it is empty only that of `base_url`."""
    ca_file: Path | None = None
    """Certificates of the authorities that are trusted, PEM; those of the system when absent."""
    allow_plain_http: bool = False
    """Let requests and the key travel unencrypted to a host that is not this machine."""
    connect_timeout_s: float = Field(default=5.0, gt=0, le=60)
    """Longest time for a connection, name look-up and TLS included, seconds."""
    max_response_bytes: int = Field(default=4 * MIB, ge=64 * KIB, le=64 * MIB)
    """Largest response, bytes; a larger one is a fault."""

    @model_validator(mode="after")
    def _reachable(self) -> EndpointSettings:
        try:
            url = urlsplit(self.base_url)
            host, port = url.hostname, url.port
        except ValueError:
            host = port = None
        if host is None or url.scheme not in {"http", "https"} or port == 0:
            raise ValueError("base_url must be of the form https://host[:port]/path")
        if url.username or url.password or url.query or url.fragment:
            raise ValueError("base_url must have no user, query or fragment")
        if self.allowed_hosts and host not in self.allowed_hosts:
            raise ValueError(f"the host of base_url, {host}, is not one of allowed_hosts")
        if url.scheme == "http" and host not in _LOOPBACK and not self.allow_plain_http:
            raise ValueError("base_url is not encrypted: use https, or set allow_plain_http")
        return self

    @property
    def hosts(self) -> frozenset[str]:
        """Hosts that may be called."""
        return frozenset(self.allowed_hosts or {urlsplit(self.base_url).hostname or ""})


class ModelSettings(EndpointSettings):
    """An endpoint with models."""

    model: str = Field(min_length=1, max_length=128)
    """Model that answers a caller who names none."""
    allowed_models: tuple[str, ...] = ()
    """Other models that callers may name."""

    @property
    def models(self) -> frozenset[str]:
        """All models that callers may name."""
        return frozenset({self.model, *self.allowed_models})


class OpenAISettings(ModelSettings):
    """Provider `openai`: an endpoint of OpenAI, or a compatible one. Needs the extra `openai`."""

    base_url: str = "https://api.openai.com/v1"
    """Address of the requests; a redirect to anywhere else is refused."""
    model: str = Field(default="gpt-4.1-mini", min_length=1, max_length=128)
    """Model that answers a caller who names none."""
    max_tokens_field: str = Field(
        default="max_tokens", pattern="^(max_tokens|max_completion_tokens)$"
    )
    """Name of the limit of an answer at the endpoint; newer models of OpenAI want
    `max_completion_tokens`."""


class AnthropicSettings(ModelSettings):
    """Provider `anthropic`. Needs the extra `anthropic`."""

    base_url: str = "https://api.anthropic.com"
    """Address of the requests; a redirect to anywhere else is refused."""
    model: str = Field(default="claude-haiku-4-5", min_length=1, max_length=128)
    """Model that answers a caller who names none."""


class EchoSettings(Section):
    """Provider `echo`: answers without a model, from the prompt alone, always the same."""

    style: str = Field(default="sentences", pattern="^(sentences|telegraphic|looping|empty)$")
    """Style of its answers: sentences; for tests telegraphic, looping or none."""
    chunk_delay_s: float = Field(default=0.0, ge=0, le=60)
    """Pause before each word of a streamed answer, seconds."""
    script: tuple[EchoStep, ...] = ()
    """For tests: what its first calls do instead: `ok`, `unavailable`, `rejected`, `hang`, `reset`
    (after some words)."""


class BreakerSettings(Section):
    """When a provider is no longer called, and how it is tried again."""

    failures: int = Field(default=5, ge=1, le=1_000)
    """Failures in a row that open the breaker."""
    window_s: float = Field(default=10.0, gt=0, le=600)
    """Time over which the share of failures is looked at, seconds."""
    window_calls: int = Field(default=20, ge=1, le=4_096)
    """Calls in that time from which on the share counts."""
    window_share: float = Field(default=0.5, gt=0, le=1)
    """Share of failures in that time that opens the breaker."""
    open_s: float = Field(default=30.0, gt=0, le=3_600)
    """Time without calls after that, seconds."""
    probes: int = Field(default=3, ge=1, le=100)
    """Calls at once that then see whether the provider is back; one failure opens again."""
    successes: int = Field(default=2, ge=1, le=100)
    """Successful ones that close the breaker."""


class LlmSettings(Section):
    """Language models: which are asked, in which order, and within which limits."""

    providers: tuple[str, ...] = Field(default=("echo",), min_length=1, max_length=8)
    """Providers, first choice first: `echo`, `openai`, `anthropic`. The next one is asked when one
    has failed."""
    max_concurrent: int = Field(default=64, ge=1, le=10_000)
    """Calls to providers at once; more wait for their turn, up to `engine.max_pending_llm`."""
    timeout_s: float = Field(default=30.0, gt=0, le=3_600)
    """Longest time of one try, for a stream until its first piece, seconds."""
    stream_idle_timeout_s: float = Field(default=15.0, gt=0, le=3_600)
    """Longest pause between two pieces of a streamed answer, seconds; at most `timeout_s`."""
    deadline_margin_s: float = Field(default=0.1, ge=0, le=60)
    """Time before the caller's deadline at which a model, or the remote embedder, is waited for no
    longer, seconds."""
    tries: int = Field(default=3, ge=1, le=5)
    """Tries at one provider, the first included."""
    retry_initial_s: float = Field(default=1.0, gt=0, le=60)
    """Pause before the second try, seconds; it doubles with each."""
    retry_max_s: float = Field(default=10.0, gt=0, le=600)
    """Longest such pause, seconds; a provider may ask for a longer one."""
    retry_jitter_s: float = Field(default=1.0, ge=0, le=60)
    """Random time that is added to each pause, at most, seconds."""
    retry_share: float = Field(default=0.1, ge=0, le=1)
    """Second and further tries of all requests together, as a share of the requests of the last
    60 seconds."""
    retry_floor: int = Field(default=0, ge=0, le=1_000)
    """So many in 60 seconds are made however few the requests are; above 0 the share is exceeded
    where requests are few."""
    max_tokens: int = Field(default=512, ge=1, le=4_096)
    """Most tokens of an answer whose caller names no limit."""
    max_tokens_limit: int = Field(default=4_096, ge=1, le=65_536)
    """Most tokens that a caller may ask for."""
    max_prompt_bytes: int = Field(default=64 * KIB, ge=1 * KIB, le=1 * MIB)
    """Longest prompt, bytes of UTF-8."""
    breaker: BreakerSettings = BreakerSettings()
    echo: EchoSettings = EchoSettings()
    openai: OpenAISettings = OpenAISettings()
    anthropic: AnthropicSettings = AnthropicSettings()

    @model_validator(mode="after")
    def _chain(self) -> LlmSettings:
        unknown = sorted(set(self.providers) - set(PROVIDERS))
        if unknown:
            raise ValueError(f"providers: no such provider: {', '.join(unknown)}")
        if len(set(self.providers)) != len(self.providers):
            raise ValueError("providers: each one once")
        if self.stream_idle_timeout_s > self.timeout_s:
            raise ValueError("stream_idle_timeout_s is more than timeout_s")
        if self.max_tokens > self.max_tokens_limit:
            raise ValueError("max_tokens is more than max_tokens_limit")
        return self


class EmbedderSettings(EndpointSettings):
    """The remote embedder, used when `space.embedder` is `openai`. Needs the extra `openai`."""

    base_url: str = "https://api.openai.com/v1"
    """Address of the requests; a redirect to anywhere else is refused."""
    model: str = Field(default="text-embedding-3-small", min_length=1, max_length=96)
    """Model that embeds; spaces remember it and refuse the vectors of another one."""
    dimension: int = Field(default=384, ge=1, le=4_096)
    """Dimension that is asked for and expected."""
    send_dimension: bool = True
    """Name the dimension in requests; switch it off for endpoints that know no such parameter."""
    batch_texts: int = Field(default=64, ge=1, le=2_048)
    """Texts of one request."""
    max_concurrent: int = Field(default=16, ge=1, le=1_000)
    """Requests at once; more wait for their turn."""
    timeout_s: float = Field(default=10.0, gt=0, le=600)
    """Longest time of one try, seconds."""
    cache_entries: int = Field(default=10_000, ge=0, le=10_000_000)
    """Vectors that are kept for texts that come again, last used longest; 0 keeps none. Each takes
    four bytes a dimension."""
    cache_ttl_s: float = Field(default=3_600.0, gt=0, le=31_536_000)
    """Time after which a kept vector is asked for again, seconds."""


class ModerationSettings(EndpointSettings):
    """The moderation endpoint, used when `governance.scorer` is `moderation`."""

    base_url: str = "https://api.openai.com/v1/moderations"
    """Address of the endpoint, all of it; a redirect to anywhere else is a failure."""
    model: str = Field(default="omni-moderation-latest", min_length=1, max_length=128)
    """Model that is asked for."""
    timeout_s: float = Field(default=2.0, gt=0, le=60)
    """An answer that takes longer, and a turn that is waited for longer, counts as a failure, which
    the rules' `on_error` decides, seconds."""
    max_response_bytes: int = Field(default=256 * KIB, ge=64 * KIB, le=64 * MIB)
    """Largest response, bytes; a larger one is a fault."""
