"""Settings of the two ports."""

from __future__ import annotations

from pydantic import Field, field_validator, model_validator

from mlsdm_grpc.config.address import Address, parse_address
from mlsdm_grpc.config.section import Section
from mlsdm_grpc.config.tls_settings import TlsSettings
from mlsdm_grpc.units import KIB, MIB

__all__ = ["ServerSettings"]


class ServerSettings(Section):
    """The two ports, their limits, and the shutdown of the server."""

    listen: str = "127.0.0.1:50051"
    """Address of the gRPC port, HOST:PORT; port 0 lets the system choose."""
    ops: str = "127.0.0.1:9464"
    """Address of the operations HTTP port (/metrics, /livez, /readyz), HOST:PORT. On another
    address than loopback, /metrics requires a credential with the permission `admin.read`."""
    ops_hosts: tuple[str, ...] = ()
    """Host names under which the operations port is reached, beyond `localhost` and IP
    addresses."""
    default_deadline_s: float = Field(default=30.0, gt=0, le=3_600)
    """Deadline of a call without one, seconds."""
    max_deadline_s: float = Field(default=300.0, gt=0, le=86_400)
    """Maximum deadline of a unary call, seconds; a longer one is shortened."""
    drain_delay_s: float = Field(default=0.5, ge=0, le=300)
    """Time between SIGTERM, when health becomes NOT_SERVING, and the refusal of new calls,
    seconds."""
    drain_grace_s: float = Field(default=10.0, ge=0, le=3_600)
    """Time for calls in flight to finish after that, seconds."""
    max_request_bytes: int = Field(default=4 * MIB, ge=64 * KIB, le=64 * MIB)
    """Maximum size of a request message, bytes."""
    max_response_bytes: int = Field(default=3_670_016, ge=64 * KIB, le=64 * MIB)
    """Maximum size of a response message, bytes (3.5 MiB)."""
    max_metadata_bytes: int = Field(default=16 * KIB, ge=4 * KIB, le=256 * KIB)
    """Maximum size of the metadata of a call, bytes; a call with more ends with
    RESOURCE_EXHAUSTED."""
    first_message_timeout_s: float = Field(default=10.0, gt=0, le=300)
    """Time in which the first message of a call must arrive, seconds; the largest request then
    needs 3.4 Mbit/s. Later calls end with DEADLINE_EXCEEDED."""
    max_concurrent_streams: int = Field(default=100, ge=1, le=10_000)
    """Maximum number of concurrent calls on one connection."""
    max_connections: int = Field(default=4_000, ge=1, le=100_000)
    """Maximum number of connections; also limited to 0.4 of the process's file limit, and by
    memory."""
    max_connection_idle_s: float = Field(default=300.0, gt=0)
    """Time after which an idle connection is closed, seconds."""
    max_connection_age_s: float = Field(default=600.0, gt=0)
    """Age at which a connection is closed gracefully, seconds."""
    max_connection_age_grace_s: float = Field(default=330.0, gt=0)
    """Time for the calls of an old connection to finish, seconds."""
    max_stream_age_s: float = Field(default=300.0, gt=0)
    """Age at which a stream is ended gracefully, seconds; less than `max_connection_age_grace_s`,
    so that the connection does not close first."""
    keepalive_s: float = Field(default=60.0, ge=1)
    """Interval of the server's keepalive pings, seconds."""
    keepalive_timeout_s: float = Field(default=20.0, ge=1)
    """Time after which a peer that does not answer a ping is disconnected, seconds."""
    min_ping_interval_s: float = Field(default=20.0, ge=1)
    """Minimum interval of client pings, seconds; clients that ping more often are disconnected."""
    handshake_timeout_s: float = Field(default=10.0, ge=1)
    """Time after which a connection without a handshake is closed, seconds."""
    max_pending_requests: int = Field(default=4_000, ge=1)
    """Maximum number of requests waiting for the event loop; the transport refuses more."""
    reuse_port: bool = False
    """Let several processes share the gRPC port."""
    tls: TlsSettings = TlsSettings()

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
        """Address of the gRPC port."""
        return parse_address(self.listen)

    @property
    def ops_address(self) -> Address:
        """Address of the operations port."""
        return parse_address(self.ops)
