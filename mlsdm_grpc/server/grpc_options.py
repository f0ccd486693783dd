"""Options of the gRPC transport, each with its value and reason.

grpc ignores unknown names of options, so tests verify their effects.
"""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from mlsdm_grpc.config import ServerSettings

__all__ = ["Option", "connection_limit", "options_table", "server_options"]

# Bit set of compression algorithms with ``identity`` only.
_IDENTITY_ONLY: Final = 1
# Share of the file limit that connections may use.
_FILE_SHARE: Final = 0.4


class Option(NamedTuple):
    """Channel argument of the server."""

    name: str
    value: int
    why: str


def connection_limit(settings: ServerSettings, file_limit: int) -> int:
    """Return the maximum number of connections.

    Args:
        settings: Settings with the upper limit ``max_connections``.
        file_limit: Maximum number of open files of the process, of which the journal needs a part.
    """
    return max(1, min(settings.max_connections, int(_FILE_SHARE * file_limit)))


def options_table(settings: ServerSettings, *, file_limit: int) -> tuple[Option, ...]:
    """Return all options with their reasons. Times are in milliseconds."""
    connections = connection_limit(settings, file_limit)
    return (
        Option(
            "grpc.max_concurrent_streams",
            settings.max_concurrent_streams,
            "limits the concurrent calls of one connection; a call above the limit is refused"
            " before its method is known",
        ),
        Option(
            "grpc.http2.max_deallocating_streams",
            settings.max_concurrent_streams,
            "an ended call counts until its memory is freed. With no room for such calls, 230 to"
            " 800 of 1,000 concurrent calls were reset without details; without a limit, a flood of"
            " resets fills the queue of pending requests",
        ),
        Option(
            "grpc.max_receive_message_length",
            settings.max_request_bytes,
            "a parsed message takes up to 24 times its size in memory",
        ),
        Option(
            "grpc.http2.bdp_probe",
            0,
            "the probe would enlarge the windows, so each waiting request could buffer megabytes",
        ),
        Option(
            "grpc.max_send_message_length",
            max(settings.max_request_bytes, settings.max_response_bytes),
            "limits the size of a response; by default clients refuse more than 4 MiB",
        ),
        Option(
            "grpc.max_metadata_size",
            settings.max_metadata_bytes,
            "equals the absolute limit, because calls between the two limits are refused at random",
        ),
        Option(
            "grpc.absolute_max_metadata_size",
            settings.max_metadata_bytes,
            "equals the soft limit, which makes that limit exact",
        ),
        Option(
            "grpc.compression_enabled_algorithms_bitset",
            _IDENTITY_ONLY,
            "no compression, to prevent decompression bombs; a compressed request ends"
            " UNIMPLEMENTED",
        ),
        Option(
            "grpc.server_handshake_timeout_ms",
            _ms(settings.handshake_timeout_s),
            "closes connections without a handshake after this time; the default is two minutes",
        ),
        Option(
            "grpc.max_allowed_incoming_connections",
            connections,
            "leaves file descriptors for the journal",
        ),
        Option(
            "grpc.max_connection_idle_ms",
            _ms(settings.max_connection_idle_s),
            "closes idle connections, each of which takes 12 KB and a file descriptor",
        ),
        Option(
            "grpc.max_connection_age_ms",
            _ms(settings.max_connection_age_s),
            "closes old connections, so that load moves to new nodes; also ends calls whose message"
            " never arrives",
        ),
        Option(
            "grpc.max_connection_age_grace_ms",
            _ms(settings.max_connection_age_grace_s),
            "limits the time for the last calls of an old connection; the default has no limit",
        ),
        Option(
            "grpc.keepalive_time_ms",
            _ms(settings.keepalive_s),
            "detects dead peers within minutes; the default is two hours",
        ),
        Option(
            "grpc.keepalive_timeout_ms",
            _ms(settings.keepalive_timeout_s),
            "limits the wait for the answer to a keepalive ping",
        ),
        Option(
            "grpc.keepalive_permit_without_calls",
            0,
            "no pings on connections without calls, which the idle limit closes",
        ),
        Option(
            "grpc.http2.min_ping_interval_without_data_ms",
            _ms(settings.min_ping_interval_s),
            "allows ordinary keepalive pings of clients; the default of five minutes disconnects"
            " them",
        ),
        Option(
            "grpc.server.max_pending_requests",
            settings.max_pending_requests,
            "limits the requests that wait for the event loop. Requests above it end CANCELLED"
            " without details, so the limits of the bulkheads are lower",
        ),
        Option(
            "grpc.server.max_pending_requests_hard_limit",
            2 * settings.max_pending_requests,
            "refuses all requests; between the two limits the share of refused requests grows",
        ),
        Option(
            "grpc.server_max_unrequested_time_in_server",
            30,
            "seconds; a request that waits longer ends CANCELLED without details, so deadlines are"
            " shorter",
        ),
        Option(
            "grpc.so_reuseport",
            int(settings.reuse_port),
            "off by default, so a second server on the port fails instead of sharing the calls",
        ),
    )


def server_options(settings: ServerSettings) -> list[tuple[str, int]]:
    """Return the options in the form for grpc, within the file limit of this process."""
    file_limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return [(each.name, each.value) for each in options_table(settings, file_limit=file_limit)]


def _ms(seconds: float) -> int:
    return round(seconds * 1_000)
