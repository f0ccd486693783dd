"""Settings of the service, with type, default, unit and checks: one frozen model per section.

Code receives its own section, never all settings.
"""

from mlsdm_grpc.config.address import Address, parse_address
from mlsdm_grpc.config.engine_settings import EngineSettings
from mlsdm_grpc.config.governance_settings import GovernanceSettings, PutEnforcement, ScorerKind
from mlsdm_grpc.config.journal_settings import JournalKind, JournalSettings
from mlsdm_grpc.config.limit_settings import LimitSettings
from mlsdm_grpc.config.llm_settings import (
    PROVIDERS,
    AnthropicSettings,
    BreakerSettings,
    EchoSettings,
    EmbedderSettings,
    EndpointSettings,
    LlmSettings,
    ModelSettings,
    ModerationProtocol,
    ModerationSettings,
    OpenAISettings,
)
from mlsdm_grpc.config.loading import (
    Settings,
    changed_settings,
    load_settings,
    unknown_environment,
)
from mlsdm_grpc.config.logging_settings import LogFormat, LoggingSettings
from mlsdm_grpc.config.pressure_settings import PressureSettings
from mlsdm_grpc.config.quota_settings import QuotaSettings
from mlsdm_grpc.config.security_settings import (
    AuthenticatorKind,
    AuthMode,
    JwtSettings,
    ReflectionAccess,
    SecuritySettings,
)
from mlsdm_grpc.config.server_settings import ServerSettings
from mlsdm_grpc.config.space_defaults import RecallPhase, SpaceDefaults
from mlsdm_grpc.config.tls_settings import TlsSettings

__all__ = [
    "PROVIDERS",
    "Address",
    "AnthropicSettings",
    "AuthMode",
    "AuthenticatorKind",
    "BreakerSettings",
    "EchoSettings",
    "EmbedderSettings",
    "EndpointSettings",
    "EngineSettings",
    "GovernanceSettings",
    "JournalKind",
    "JournalSettings",
    "JwtSettings",
    "LimitSettings",
    "LlmSettings",
    "LogFormat",
    "LoggingSettings",
    "ModelSettings",
    "ModerationProtocol",
    "ModerationSettings",
    "OpenAISettings",
    "PressureSettings",
    "PutEnforcement",
    "QuotaSettings",
    "RecallPhase",
    "ReflectionAccess",
    "ScorerKind",
    "SecuritySettings",
    "ServerSettings",
    "Settings",
    "SpaceDefaults",
    "TlsSettings",
    "changed_settings",
    "load_settings",
    "parse_address",
    "unknown_environment",
]
