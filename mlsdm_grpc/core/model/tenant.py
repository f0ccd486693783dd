"""Quotas and defaults of a tenant as stored in its reserved space: plain values.

The mind stores them and does not interpret them. The package :mod:`mlsdm_grpc.spaces` enforces the
quotas and applies the defaults before a record is written.
"""

from __future__ import annotations

from mlsdm_grpc.value_classes import value_class

__all__ = ["SetTenant", "StoredTenant", "TenantSet", "TenantSettings"]


@value_class
class TenantSettings:
    """Quotas and defaults set for a tenant; None uses those of the server."""

    max_spaces: int | None = None
    """Maximum number of spaces; 0 means unlimited."""
    max_capacity: int | None = None
    """Maximum sum of the capacities of all spaces, memories; 0 means unlimited."""
    max_kept_bytes: int | None = None
    """Limit of stored bytes, from which new content is refused; 0 means unlimited."""
    default_capacity: int | None = None
    """Capacity of a new space, memories."""


@value_class
class StoredTenant:
    """Present quotas and defaults of a tenant."""

    settings: TenantSettings
    version: int
    """Revision of the record that set them; only increases."""
    update_time_ns: int
    """Time of the last change, Unix nanoseconds."""


@value_class
class SetTenant:
    """Replaces quotas and defaults of the tenant; valid only in its reserved space."""

    settings: TenantSettings
    etag: str
    """Expected etag of the settings to replace."""


@value_class
class TenantSet:
    """Outcome of :class:`SetTenant`; ``revision`` is the version of the new settings."""

    update_time_ns: int
    """Time of the change, Unix nanoseconds; 0 in a preview, which changes nothing."""
    revision: int = 0
