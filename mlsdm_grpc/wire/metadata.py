"""Keys and formats of call metadata."""

from __future__ import annotations

import re

__all__ = [
    "API_KEY",
    "AUTHORIZATION",
    "CRITICALITY",
    "PUSHBACK",
    "QUEUE_WAIT",
    "RATE_REMAINING",
    "REQUEST_ID",
    "STATUS_DETAILS",
    "TENANT",
    "is_safe_request_id",
]

API_KEY = "x-api-key"
AUTHORIZATION = "authorization"
CRITICALITY = "x-mlsdm-criticality"
REQUEST_ID = "x-request-id"
PUSHBACK = "grpc-retry-pushback-ms"
QUEUE_WAIT = "x-mlsdm-queue-wait-us"
RATE_REMAINING = "x-ratelimit-remaining"
STATUS_DETAILS = "grpc-status-details-bin"
TENANT = "x-mlsdm-tenant"

_SAFE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")


def is_safe_request_id(value: str) -> bool:
    """Return True if an ``x-request-id`` is safe to log and to return unchanged."""
    return _SAFE_REQUEST_ID.fullmatch(value) is not None
