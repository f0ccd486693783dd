"""Settings of the two ports."""

from __future__ import annotations

from pydantic import Field, field_validator, model_validator

from mlsdm_grpc.config.address import Address, parse_address
from mlsdm_grpc.config.section import KIB, MIB, Section

__all__ = ["ServerSettings"]


class ServerSettings(Section):
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
