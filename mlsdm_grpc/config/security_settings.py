"""Settings of authentication."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import model_validator

from mlsdm_grpc.config.section import Section

__all__ = ["AuthMode", "SecuritySettings"]


class AuthMode(StrEnum):
    """Methods of authentication."""

    DEV = "dev"
    TOKEN = "token"  # noqa: S105 - the name of a mode


class SecuritySettings(Section):
    """Authentication of callers."""

    mode: AuthMode = AuthMode.DEV
    """``dev``: no credentials, tenant ``dev``, loopback addresses only. ``token``: bearer
    tokens."""
    tokens_file: Path | None = None
    """TOML file of token hashes; required in mode ``token``, see docs/tokens.md."""

    @model_validator(mode="after")
    def _tokens(self) -> SecuritySettings:
        if self.mode is AuthMode.TOKEN and self.tokens_file is None:
            raise ValueError("tokens_file is required in mode 'token'")
        return self
