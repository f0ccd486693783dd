"""Every setting of the service, with type, default, unit and check.

One frozen model a subsystem, all in :class:`Settings`. Precedence, lowest first: defaults, the
TOML file, environment variables ``MLSDM_SECTION__FIELD``, command line flags. All faults are
reported at once. Code takes its own section, never the whole.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from mlsdm_grpc.config_llm import (
    BreakerSettings,
    EmbedderSettings,
    LlmSettings,
    ModerationSettings,
)
from mlsdm_grpc.errors import FieldViolation, InvalidInput

__all__ = [
    "KIB",
    "MIB",
    "Address",
    "AuthMode",
    "BreakerSettings",
    "EmbedderSettings",
    "EngineSettings",
    "JournalKind",
    "JournalSettings",
    "LlmSettings",
    "LogFormat",
    "LoggingSettings",
    "ModerationSettings",
    "PressureSettings",
    "SecuritySettings",
    "ServerSettings",
    "Settings",
    "SpaceDefaults",
    "load_settings",
    "parse_address",
    "unknown_environment",
]

KIB = 1_024
MIB = 1_024 * KIB
_ENV_PREFIX = "MLSDM_"
_LOOPBACK = re.compile(r"^(127(\.\d{1,3}){3}|localhost|::1)$")


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return _LOOPBACK.match(self.host) is not None


def parse_address(text: str) -> Address:
    """Return the address in ``HOST:PORT`` or ``[IPV6]:PORT``; port 0 lets the system choose.

    Raises:
        ValueError: It is not of that form, or the port is not in 0..65535.
    """
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:]+)\]|([^\[\]:\s]+)):(\d{1,5})", text)
    if match is None or int(match[3]) > 65_535:
        raise ValueError(f"expected HOST:PORT or [IPV6]:PORT, got {text!r}")
    return Address(match[1] or match[2], int(match[3]))


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ServerSettings(_Section):
    """The two ports, their limits, and how the server stops."""

    listen: str = "127.0.0.1:50051"
    """Data port, HOST:PORT; port 0 lets the system choose."""
    ops: str = "127.0.0.1:9464"
    """Operations HTTP port (/metrics, /livez, /readyz), HOST:PORT. It asks for no credential."""
    default_deadline_s: float = Field(default=30.0, gt=0, le=3_600)
    """Deadline of a call that brings none, seconds."""
    max_deadline_s: float = Field(default=300.0, gt=0, le=86_400)
    """Longest deadline of a unary call, seconds; a longer one is cut."""
    drain_delay_s: float = Field(default=0.5, ge=0, le=300)
    """After SIGTERM: time between NOT_SERVING and the end of new calls, seconds."""
    drain_grace_s: float = Field(default=10.0, ge=0, le=3_600)
    """After that: time for calls in flight to finish, seconds."""
    max_request_bytes: int = Field(default=4 * MIB, ge=64 * KIB, le=64 * MIB)
    """Largest request message, bytes."""
    max_response_bytes: int = Field(default=3_670_016, ge=64 * KIB, le=64 * MIB)
    """Largest response message that the server builds, bytes (3.5 MiB)."""
    max_metadata_bytes: int = Field(default=16 * KIB, ge=4 * KIB, le=256 * KIB)
    """Largest metadata of a call, bytes, exact."""
    max_concurrent_streams: int = Field(default=100, ge=1, le=10_000)
    """Calls in flight on one connection."""
    max_connections: int = Field(default=4_000, ge=1, le=100_000)
    """Connections accepted; also bounded by 0.4 of the process's file limit, and by memory."""
    max_connection_idle_s: float = Field(default=300.0, gt=0)
    """An idle connection is closed after this, seconds."""
    max_connection_age_s: float = Field(default=600.0, gt=0)
    """A connection is closed politely after this, seconds."""
    max_connection_age_grace_s: float = Field(default=330.0, gt=0)
    """Time for its calls to finish, seconds."""
    max_stream_age_s: float = Field(default=300.0, gt=0)
    """A stream ends politely after this, seconds; must be less than the time that the calls of an
    old connection have to finish, so that no stream is cut."""
    keepalive_s: float = Field(default=60.0, ge=1)
    """Interval of the server's keepalive pings, seconds."""
    keepalive_timeout_s: float = Field(default=20.0, ge=1)
    """A peer that does not answer a ping within this is dropped, seconds."""
    min_ping_interval_s: float = Field(default=20.0, ge=1)
    """Clients that ping more often than this are cut off, seconds."""
    handshake_timeout_s: float = Field(default=10.0, ge=1)
    """A connection that says nothing is dropped after this, seconds."""
    max_pending_requests: int = Field(default=4_000, ge=1)
    """Requests that wait for the event loop before the transport refuses more."""
    reuse_port: bool = False
    """Let several processes share the data port."""

    @field_validator("listen", "ops")
    @classmethod
    def _addresses(cls, value: str) -> str:
        parse_address(value)
        return value

    @model_validator(mode="after")
    def _streams_end_before_they_are_cut(self) -> ServerSettings:
        if self.max_stream_age_s >= self.max_connection_age_grace_s:
            raise ValueError("max_stream_age_s must be less than max_connection_age_grace_s")
        return self

    @property
    def listen_address(self) -> Address:
        """The data port."""
        return parse_address(self.listen)

    @property
    def ops_address(self) -> Address:
        """The operations port."""
        return parse_address(self.ops)


class JournalKind(StrEnum):
    """Which journal keeps the records."""

    SQLITE = "sqlite"
    MEMORY = "memory"


class JournalSettings(_Section):
    """Where records are kept."""

    kind: JournalKind = JournalKind.SQLITE
    """``sqlite`` is durable; ``memory`` forgets everything at exit."""
    data_dir: Path = Path("data")
    """Folder of the journal and its snapshots; created if it is missing."""
    snapshot_every: int = Field(default=5_000, ge=20)
    """Writes to one space between two snapshots; a batch counts as many as it holds. A space that
    had one in the last 10 seconds has the next after four times as many."""


class EngineSettings(_Section):
    """Processes and queues behind the interceptors."""

    workers: int = Field(default_factory=lambda: max(1, (os.cpu_count() or 2) - 1), ge=0, le=256)
    """Worker processes that hold the minds; 0 runs them inside the server (tests only)."""
    text_workers: int = Field(default=1, ge=0, le=64)
    """Processes that embed text; 0 embeds inside the server (tests only)."""
    max_pending: int = Field(default=2_048, ge=1)
    """Interactive calls that may be in the engine at once; more are refused with BULKHEAD_FULL. A
    tenant may have as many as are free besides, so one alone has half of them."""
    max_pending_bulk: int = Field(default=256, ge=1)
    """The same for batches, streams and consolidations."""
    max_pending_text: int = Field(default=512, ge=1)
    """The same for calls that wait for a text worker."""
    max_pending_llm: int = Field(default=256, ge=1)
    """The same for calls that ask, or wait to ask, a model provider."""
    max_queue_s: float = Field(default=0.15, gt=0, le=60)
    """Estimated work of queries that may wait before one worker in one lane, seconds. What would
    wait longer is refused with BULKHEAD_FULL."""
    max_write_queue_s: float = Field(default=5.0, gt=0, le=60)
    """The same for writes, and for texts before a text worker."""
    max_watches: int = Field(default=64, ge=1, le=10_000)
    """Watches of one space at once; more are refused with BULKHEAD_FULL."""
    max_streams: int = Field(default=128, ge=1, le=10_000)
    """Streams of memories and events at once; more are refused with BULKHEAD_FULL. Also bounded by
    memory: each may send a message of `server.max_request_bytes` at any time."""
    max_stream_items: int = Field(default=1_024, ge=1, le=65_536)
    """Items that a client may send on one stream before they are acknowledged."""
    consolidation: bool = True
    """Let a space consolidate its memories when it falls asleep."""
    consolidation_interval_s: float = Field(default=1.0, ge=0, le=86_400)
    """Shortest time between two such consolidations of a space, seconds."""
    scrub_rows_per_s: int = Field(default=4_096, ge=0, le=1_000_000)
    """Rows compared with their checksums in a second of an idle worker, all spaces together; 0
    compares them for snapshots only."""
    worker_start_timeout_s: float = Field(default=30.0, gt=0)
    """A worker that is not ready after this is given up, seconds."""
    worker_stall_timeout_s: float = Field(default=5.0, ge=0)
    """A worker that makes no step for this long while somebody waits is replaced, seconds; steps
    over many bytes have longer. 0 lets it be. Well below `pressure.max_processing_s` it is replaced
    before the node is in an emergency."""
    worker_memory_limit_bytes: int = Field(default=0, ge=0)
    """A worker that holds spaces and more memory than this is replaced, bytes. 0 is what it has at
    rest and all that the limit leaves, where there is one. Keep it well above a worker's part of
    the memory budget."""
    standby_worker: bool = True
    """Keep one more worker that takes the place of a lost one at once."""
    memory_budget_bytes: int = Field(default=0, ge=0)
    """What the spaces in memory may take, all together, bytes; above it, those not in use leave.
    0 is what the limit leaves beside messages and the rest, at most 60 % of it; without a limit, of
    the memory of the machine. See docs/operations.md."""
    stop_snapshots_s: float = Field(default=20.0, ge=0)
    """Longest time for snapshots when the server stops, seconds; what is left is replayed."""


class PressureSettings(_Section):
    """When the node protects itself, and how it comes back."""

    interval_s: float = Field(default=0.25, ge=0.01, le=1)
    """Time between two looks at the signals, seconds."""
    memory_limit_bytes: int = Field(default=0, ge=0)
    """Memory of all processes that is too much, bytes, without pages of files. The limit of the
    cgroup, if there is one, counts too; 0 has that alone."""
    memory_share: float = Field(default=0.9, gt=0, le=1)
    """Share of the cgroup's limit that is too much."""
    disk_reserve_bytes: int = Field(default=256 * MIB, ge=0)
    """Writes are refused when the data folder has less room than this, bytes; 0 never looks."""
    max_loop_lag_s: float = Field(default=1.0, gt=0)
    """Lateness of the event loop that is too much, seconds, a mean over about a second."""
    max_processing_s: float = Field(default=10.0, gt=0)
    """Age of the oldest work of a call in journal or workers that is too much, seconds."""
    shed_at: float = Field(default=0.9, gt=0, le=1)
    """Share of a limit from which the node sheds load; at 1 it is in emergency."""
    release_at: float = Field(default=0.8, gt=0, lt=1)
    """Share of a limit below which a signal is calm again; below `shed_at`."""
    cool_down_s: float = Field(default=5.0, gt=0, le=600)
    """Time without a signal after which a first emergency ends, seconds."""
    max_cool_down_s: float = Field(default=600.0, gt=0, le=86_400)
    """The same after many relapses: each doubles it, seconds."""
    half_life_s: float = Field(default=60.0, gt=0)
    """Time without an emergency that halves the cool-down of the next one again, seconds."""
    probe_s: float = Field(default=2.0, gt=0, le=60)
    """Time after an emergency in which only a few writes are let through, seconds."""
    probe_writes: int = Field(default=8, ge=1, le=10_000)
    """Writes that are let through in that time; if all succeed it ends at once."""

    @model_validator(mode="after")
    def _ordered(self) -> PressureSettings:
        if self.release_at >= self.shed_at:
            raise ValueError("release_at has to be below shed_at")
        if self.max_cool_down_s < self.cool_down_s:
            raise ValueError("max_cool_down_s has to be at least cool_down_s")
        return self


class AuthMode(StrEnum):
    """Who may call."""

    DEV = "dev"
    TOKEN = "token"  # noqa: S105 - the name of a mode


class SecuritySettings(_Section):
    """Authentication of callers."""

    mode: AuthMode = AuthMode.DEV
    """``dev``: no credentials, tenant ``dev``, loopback only. ``token``: bearer tokens."""
    tokens_file: Path | None = None
    """TOML file of token hashes; required in mode ``token``, see docs/tokens.md."""

    @model_validator(mode="after")
    def _tokens(self) -> SecuritySettings:
        if self.mode is AuthMode.TOKEN and self.tokens_file is None:
            raise ValueError("mode 'token' needs tokens_file")
        return self


class RecallPhase(StrEnum):
    """Where a query looks that names no phase."""

    ALL = "all"
    BAND = "band"


class SpaceDefaults(_Section):
    """Defaults of spaces that are created by their first write, and the rules of all."""

    dimension: int = Field(default=384, ge=1, le=4_096)
    """Dimension of a space whose first write is a vector."""
    capacity: int = Field(default=20_000, ge=1, le=1_000_000)
    """Memories of a space at most."""
    recall_phase: RecallPhase = RecallPhase.ALL
    """Where a query looks that names no phase: in ``all`` phases, or in the ``band`` around the
    current one. Spaces under version 1 of the rules keep ``all``."""
    upgrade_semantics: bool = False
    """Carry spaces under older rules to the newest ones that this version has, each before its
    next write, and create spaces under these. A new data folder does so without it. The newest
    rules are a draft: versions of the server with another draft refuse the folder from the first
    start with this setting on, and older ones refuse its spaces."""
    embedder: str = "wordllama"
    """What embeds text: ``wordllama`` (256 dimensions, offline), ``openai`` (section `embedder`) or
    ``none``."""

    @field_validator("embedder")
    @classmethod
    def _known_embedder(cls, value: str) -> str:
        if value not in {"wordllama", "openai", "none"}:
            raise ValueError("expected 'wordllama', 'openai' or 'none'")
        return value


class ScorerKind(StrEnum):
    """What scores the moral value of prompts, answers and events."""

    LEXICAL = "lexical"
    MODERATION = "moderation"


class PutEnforcement(StrEnum):
    """What is built in for the rules of texts that are to be stored."""

    OFF = "off"
    SHADOW = "shadow"
    ENFORCE = "enforce"


class GovernanceSettings(_Section):
    """How content is judged; tenants set their policies over it, see docs/governance.md."""

    put_enforcement: PutEnforcement = PutEnforcement.SHADOW
    """Built-in enforcement of the rules for texts that are to be stored: ``off``, ``shadow``
    (judged and reported) or ``enforce``."""
    max_text_bytes: int = Field(default=64 * KIB, ge=KIB, le=MIB)
    """Longest text that EvaluateContent, AnalyzeSpeech and RepairSpeech take, and longest prompt
    beside it, bytes."""
    scorer: ScorerKind = ScorerKind.LEXICAL
    """What scores prompts, answers and events: ``lexical`` (in text workers, offline) or
    ``moderation`` (an endpoint that speaks OpenAI's moderation protocol; streamed answers then come
    in one piece while ``moral.response`` refuses)."""
    moderation: ModerationSettings = ModerationSettings()


class LogFormat(StrEnum):
    """How log lines look."""

    JSON = "json"
    CONSOLE = "console"


class LoggingSettings(_Section):
    """Log lines on standard error."""

    level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    """Lowest level that is written: debug, info, warning or error."""
    format: LogFormat = LogFormat.JSON
    """``json`` for machines, ``console`` for people."""


class Settings(BaseSettings):
    """All settings of one server."""

    model_config = SettingsConfigDict(
        env_prefix=_ENV_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
    )

    server: ServerSettings = ServerSettings()
    journal: JournalSettings = JournalSettings()
    engine: EngineSettings = Field(default_factory=EngineSettings)
    pressure: PressureSettings = PressureSettings()
    security: SecuritySettings = SecuritySettings()
    space: SpaceDefaults = SpaceDefaults()
    governance: GovernanceSettings = GovernanceSettings()
    llm: LlmSettings = LlmSettings()
    embedder: EmbedderSettings = EmbedderSettings()
    logging: LoggingSettings = LoggingSettings()

    @model_validator(mode="after")
    def _exposed_only_with_credentials(self) -> Settings:
        exposed = not self.server.listen_address.is_loopback
        if exposed and self.security.mode is AuthMode.DEV:
            raise ValueError(
                "server.listen is not a loopback address: set security.mode to 'token'"
            )
        return self


def load_settings(
    file: Path | None = None, overrides: Mapping[str, Mapping[str, Any]] | None = None
) -> Settings:
    """Return the settings from all sources.

    Args:
        file: TOML file with one table a section.
        overrides: Values by section and field that win over everything else.

    Raises:
        InvalidInput: One violation for every fault, with its path.
    """
    if file is not None and not file.is_file():
        raise InvalidInput(
            "The configuration file does not exist.",
            violations=[FieldViolation("config", "no such file")],
        )

    class _Sourced(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - given by the library
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            toml = (TomlConfigSettingsSource(settings_cls, file),) if file else ()
            return (init_settings, env_settings, *toml)

    try:
        given: dict[str, Any] = {name: dict(fields) for name, fields in (overrides or {}).items()}
        return _Sourced(**given)
    except ValidationError as error:
        raise InvalidInput(
            "The configuration is not valid.",
            violations=[
                FieldViolation(".".join(map(str, fault["loc"])) or "config", _said(fault))
                for fault in error.errors()
            ],
        ) from None
    except SettingsError:
        raise InvalidInput(
            "The environment is not valid.",
            violations=[
                FieldViolation(name, 'must be JSON; a list is written ["one", "two"]')
                for name in _no_json(os.environ)
            ],
        ) from None
    except ValueError as error:
        raise InvalidInput(
            "The configuration file cannot be read.",
            violations=[FieldViolation("config", str(error))],
        ) from None


def _no_json(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the variables of lists and tables that hold no JSON."""
    known = dict(_variables(_ENV_PREFIX, Settings))
    lists = {name for name, annotation in known.items() if get_origin(annotation) is tuple}
    for name, value in sorted(environment.items()):
        is_table = any(each.startswith(f"{name.upper()}__") for each in known)
        if is_table or name.upper() in lists:
            try:
                json.loads(value)
            except ValueError:
                yield name


def _said(fault: Mapping[str, Any]) -> str:
    """Return what is wrong, in words for somebody who writes a configuration."""
    if fault["type"] == "extra_forbidden":
        return "there is no such setting"
    return str(fault["msg"]).removeprefix("Value error, ")


def unknown_environment(environment: Mapping[str, str]) -> list[str]:
    """Return variables with our prefix that no setting reads; worth a warning, not an error."""
    known = dict(_variables(_ENV_PREFIX, Settings))
    return sorted(
        name for name in environment if name.startswith(_ENV_PREFIX) and name.upper() not in known
    )


def _variables(prefix: str, model: type[BaseModel]) -> Iterator[tuple[str, object]]:
    """Yield the variable of each setting in a model, and the setting's type."""
    for name, info in model.model_fields.items():
        inner = info.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _variables(f"{prefix}{name}__".upper(), inner)
        elif prefix != _ENV_PREFIX:
            yield f"{prefix}{name}".upper(), inner
