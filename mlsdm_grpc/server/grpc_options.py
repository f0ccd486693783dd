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
            "bounds what one connection has in flight; a stream beyond it is refused before its"
            " method is known",
        ),
        Option(
            "grpc.http2.max_deallocating_streams",
            settings.max_concurrent_streams,
            "an ended stream counts until its memory is given back: without room for those, 230 to"
            " 800 of 1,000 calls at once were reset without details; without a limit, a flood of"
            " resets fills the requests that wait",
        ),
        Option(
            "grpc.max_receive_message_length",
            settings.max_request_bytes,
            "a message takes up to 24 times its size when it is parsed",
        ),
        Option(
            "grpc.http2.bdp_probe",
            0,
            "else windows grow with the bandwidth: megabytes of each request that waits for room",
        ),
        Option(
            "grpc.max_send_message_length",
            max(settings.max_request_bytes, settings.max_response_bytes),
            "bounds what one answer holds; clients refuse more than 4 MiB by default",
        ),
        Option(
            "grpc.max_metadata_size",
            settings.max_metadata_bytes,
            "equal to the absolute limit: between the two, calls are refused at random",
        ),
        Option(
            "grpc.absolute_max_metadata_size",
            settings.max_metadata_bytes,
            "equal to the soft limit: makes it exact",
        ),
        Option(
            "grpc.compression_enabled_algorithms_bitset",
            _IDENTITY_ONLY,
            "no decompression bombs; a compressed request gets a clear UNIMPLEMENTED",
        ),
        Option(
            "grpc.server_handshake_timeout_ms",
            _ms(settings.handshake_timeout_s),
            "silent sockets go after this, not after two minutes",
        ),
        Option(
            "grpc.max_allowed_incoming_connections",
            connections,
            "leaves file descriptors for the journal",
        ),
        Option(
            "grpc.max_connection_idle_ms",
            _ms(settings.max_connection_idle_s),
            "an idle connection holds 12 KB and a file descriptor",
        ),
        Option(
            "grpc.max_connection_age_ms",
            _ms(settings.max_connection_age_s),
            "lets load move to new nodes; ends calls whose message never arrives",
        ),
        Option(
            "grpc.max_connection_age_grace_ms",
            _ms(settings.max_connection_age_grace_s),
            "time for the calls of an old connection; the default is for ever",
        ),
        Option(
            "grpc.keepalive_time_ms",
            _ms(settings.keepalive_s),
            "finds dead peers in minutes, not in two hours",
        ),
        Option(
            "grpc.keepalive_timeout_ms",
            _ms(settings.keepalive_timeout_s),
            "the second half of the same",
        ),
        Option(
            "grpc.keepalive_permit_without_calls",
            0,
            "connections without calls are left to the idle limit",
        ),
        Option(
            "grpc.http2.min_ping_interval_without_data_ms",
            _ms(settings.min_ping_interval_s),
            "the default of five minutes cuts clients with an ordinary keepalive",
        ),
        Option(
            "grpc.server.max_pending_requests",
            settings.max_pending_requests,
            "bounds what waits for a late event loop; one more ends CANCELLED without details, so"
            " the bulkheads refuse first",
        ),
        Option(
            "grpc.server.max_pending_requests_hard_limit",
            2 * settings.max_pending_requests,
            "between the two, requests are refused with growing probability",
        ),
        Option(
            "grpc.server_max_unrequested_time_in_server",
            30,
            "seconds; a request that waited longer ends CANCELLED without details, so deadlines end"
            " it first",
        ),
        Option(
            "grpc.so_reuseport",
            int(settings.reuse_port),
            "a second server on the port is an error, not a silent sharing of calls",
        ),
    )


def server_options(settings: ServerSettings) -> list[tuple[str, int]]:
    """Return the options in the form for grpc, within the file limit of this process."""
    file_limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return [(each.name, each.value) for each in options_table(settings, file_limit=file_limit)]


def _ms(seconds: float) -> int:
    return round(seconds * 1_000)
