"""All settings of one server, and their sources.

Precedence, lowest first: defaults, the TOML file, environment variables ``MLSDM_SECTION__FIELD``,
command line flags. All faults are reported together.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_origin

from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from mlsdm_grpc.config.engine_settings import EngineSettings
from mlsdm_grpc.config.governance_settings import GovernanceSettings
from mlsdm_grpc.config.journal_settings import JournalSettings
from mlsdm_grpc.config.limit_settings import LimitSettings
from mlsdm_grpc.config.llm_settings import EmbedderSettings, LlmSettings
from mlsdm_grpc.config.logging_settings import LoggingSettings
from mlsdm_grpc.config.pressure_settings import PressureSettings
from mlsdm_grpc.config.quota_settings import QuotaSettings
from mlsdm_grpc.config.security_settings import AuthenticatorKind, AuthMode, SecuritySettings
from mlsdm_grpc.config.server_settings import ServerSettings
from mlsdm_grpc.config.space_defaults import SpaceDefaults
from mlsdm_grpc.errors import FieldViolation, InvalidInput

__all__ = ["Settings", "changed_settings", "load_settings", "unknown_environment"]

_ENV_PREFIX = "MLSDM_"


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
    limits: LimitSettings = LimitSettings()
    quotas: QuotaSettings = QuotaSettings()
    space: SpaceDefaults = SpaceDefaults()
    governance: GovernanceSettings = GovernanceSettings()
    llm: LlmSettings = LlmSettings()
    embedder: EmbedderSettings = EmbedderSettings()
    logging: LoggingSettings = LoggingSettings()

    @property
    def active_limits(self) -> LimitSettings | None:
        """Rate limits of callers; None if they are not enforced."""
        by_mode = self.security.mode is not AuthMode.DEV
        enabled = by_mode if self.limits.enabled is None else self.limits.enabled
        return self.limits if enabled else None

    @model_validator(mode="after")
    def _exposed_only_with_credentials(self) -> Settings:
        exposed = not self.server.listen_address.is_loopback
        if exposed and self.security.mode is AuthMode.DEV:
            raise ValueError(
                "server.listen is not a loopback address: set security.mode to 'token'"
            )
        by_certificate = AuthenticatorKind.CERTIFICATE in self.security.authenticators
        if by_certificate and self.server.tls.client_ca_file is None:
            raise ValueError(
                "security.authenticators contains 'certificate': set server.tls.client_ca_file"
            )
        return self


def load_settings(
    file: Path | None = None, overrides: Mapping[str, Mapping[str, Any]] | None = None
) -> Settings:
    """Return the settings from all sources.

    Args:
        file: TOML file with one table for each section.
        overrides: Values with the highest precedence, by section and field.

    Raises:
        InvalidInput: The settings are not valid; each fault is one violation with its path.
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


def changed_settings(settings: BaseModel) -> dict[str, Any]:
    """Return the settings that differ from their defaults, by path such as ``engine.workers``.

    The result contains no secrets: settings contain only the names of files or environment
    variables that hold credentials.
    """
    changed: dict[str, Any] = {}
    encoded = settings.model_dump(mode="json")
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        default = field.get_default(call_default_factory=True)
        if isinstance(value, BaseModel) and isinstance(default, type(value)):
            inner = changed_settings(value)
            changed |= {f"{name}.{path}": each for path, each in inner.items()}
        elif value != default:
            changed[name] = encoded[name]
    return changed


def _no_json(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the environment variables for lists and tables whose value is not JSON."""
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
    """Return a validation fault in words for the author of the configuration."""
    if fault["type"] == "extra_forbidden":
        return "there is no such setting"
    return str(fault["msg"]).removeprefix("Value error, ")


def unknown_environment(environment: Mapping[str, str]) -> list[str]:
    """Return the environment variables with the prefix ``MLSDM_`` that match no setting.

    An unknown variable causes a warning, not an error.
    """
    known = dict(_variables(_ENV_PREFIX, Settings))
    return sorted(
        name for name in environment if name.startswith(_ENV_PREFIX) and name.upper() not in known
    )


def _variables(prefix: str, model: type[BaseModel]) -> Iterator[tuple[str, object]]:
    """Yield the environment variable and the type of each setting in a model."""
    for name, info in model.model_fields.items():
        inner = info.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _variables(f"{prefix}{name}__".upper(), inner)
        elif prefix != _ENV_PREFIX:
            yield f"{prefix}{name}".upper(), inner
