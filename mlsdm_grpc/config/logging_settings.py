"""Settings of the log."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from mlsdm_grpc.config.section import Section

__all__ = ["LogFormat", "LoggingSettings"]


class LogFormat(StrEnum):
    """Formats of log lines."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


class LoggingSettings(Section):
    """Level and format of the log on standard error."""

    level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    """Minimum level of written events: debug, info, warning or error."""
    format: LogFormat = LogFormat.AUTO
    """``json`` for machines, ``console`` for people, ``auto``: ``console`` if standard error is a
    terminal, otherwise ``json``."""
