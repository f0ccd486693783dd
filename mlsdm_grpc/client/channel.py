"""Channels of the client: their options, and the calls that may be retried.

The contract defines which calls may be retried: calls without side effects, and calls whose request
has a ``request_id``. :mod:`mlsdm_grpc.client.attempts` retries them.

Each channel has its own connections. By default grpc shares the connections to a server between all
channels of a process, and also the delay after a failed connection attempt. A new client would then
fail at once because of an earlier failure of another client, even if the server is available again.

Calls are distributed round robin over the addresses of the target; with one address this equals
``pick_first``. The client does not watch server health. A watch would be one more stream for each
connection, which a draining server must wait for. It is not needed, because a call that a draining
server refuses is retried on another address.
"""

from __future__ import annotations

import json
from typing import Any, Final

import grpc
import grpc.aio
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions

from mlsdm_grpc import __version__
from mlsdm_grpc._gen.mlsdm.v1 import (
    admin_service_pb2,
    cognition_service_pb2,
    generation_service_pb2,
    governance_service_pb2,
    memory_service_pb2,
    space_service_pb2,
    tenant_service_pb2,
)
from mlsdm_grpc.units import MIB

__all__ = [
    "CONTRACT_FILES",
    "REPEATABLE_REQUESTS",
    "channel_options",
    "is_repeatable",
    "open_channel",
    "service_config",
]

CONTRACT_FILES: Final = tuple(
    module.DESCRIPTOR
    for module in (
        memory_service_pb2,
        cognition_service_pb2,
        generation_service_pb2,
        governance_service_pb2,
        space_service_pb2,
        tenant_service_pb2,
        admin_service_pb2,
    )
)
"""Descriptors of the files that define the services."""

# Maximum message size that servers can be configured to accept, bytes; each server enforces its own
# limit.
_MAX_MESSAGE_BYTES: Final = 64 * MIB
# Size up to which grpc resends a call that the server has not processed, bytes. The default of
# 256 KiB would exclude most batches.
_RETRY_BUFFER_BYTES: Final = 8 * MIB


def is_repeatable(method: MethodDescriptor) -> bool:
    """Return True if a retry of an unanswered call cannot have a second effect."""
    if method.client_streaming:
        return False
    level = method.GetOptions().idempotency_level
    return (
        level != MethodOptions.IDEMPOTENCY_UNKNOWN
        or "request_id" in method.input_type.fields_by_name
    )


REPEATABLE_REQUESTS: Final = frozenset(
    method.input_type.full_name
    for file in CONTRACT_FILES
    for service in file.services_by_name.values()
    for method in service.methods
    if is_repeatable(method)
)
"""Full names of the requests of retryable calls; each method has its own request type."""


def service_config() -> dict[str, Any]:
    """Return the gRPC service config, which selects the load balancing policy."""
    return {"loadBalancingConfig": [{"round_robin": {}}]}


def channel_options() -> list[tuple[str, int | str]]:
    """Return the options of every channel; values in milliseconds or bytes, as the names say."""
    return [
        ("grpc.service_config", json.dumps(service_config())),
        ("grpc.service_config_disable_resolution", 1),
        ("grpc.primary_user_agent", f"mlsdm-python/{__version__}"),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.min_reconnect_backoff_ms", 1_000),
        ("grpc.max_reconnect_backoff_ms", 5_000),
        ("grpc.dns_ares_query_timeout", 2_000),
        ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
        ("grpc.per_rpc_retry_buffer_size", _RETRY_BUFFER_BYTES),
        # Proxy variables of the environment are meant for web traffic, not for this connection.
        ("grpc.enable_http_proxy", 0),
    ]


def open_channel(
    target: str, credentials: grpc.ChannelCredentials | None = None
) -> grpc.aio.Channel:
    """Return a channel; it connects when the first call starts.

    Args:
        target: A gRPC target, as :func:`server_address` returns it.
        credentials: Channel credentials; None connects without TLS.
    """
    if credentials is None:
        return grpc.aio.insecure_channel(target, channel_options())
    return grpc.aio.secure_channel(target, credentials, channel_options())
