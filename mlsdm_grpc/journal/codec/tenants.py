"""Encoding of the quotas and defaults of tenants, for records, snapshots and links to workers."""

from __future__ import annotations

from mlsdm_grpc._gen.mlsdm.internal.v1 import record_pb2 as pb
from mlsdm_grpc.core.model.tenant import StoredTenant, TenantSettings

__all__ = [
    "stored_tenant_from_proto",
    "stored_tenant_to_proto",
    "tenant_settings_from_proto",
    "tenant_settings_to_proto",
]


def tenant_settings_to_proto(settings: TenantSettings) -> pb.TenantSettings:
    """Return the encoded form of a tenant's quotas and defaults."""
    return pb.TenantSettings(
        max_spaces=settings.max_spaces,
        max_capacity=settings.max_capacity,
        max_kept_bytes=settings.max_kept_bytes,
        default_capacity=settings.default_capacity,
    )


def tenant_settings_from_proto(message: pb.TenantSettings) -> TenantSettings:
    """Return the quotas and defaults in ``message``."""
    present = {descriptor.name: value for descriptor, value in message.ListFields()}
    return TenantSettings(**present)


def stored_tenant_to_proto(tenant: StoredTenant) -> pb.StoredTenant:
    """Return the encoded form of the stored quotas and defaults of a tenant."""
    return pb.StoredTenant(
        settings=tenant_settings_to_proto(tenant.settings),
        version=tenant.version,
        update_time_ns=tenant.update_time_ns,
    )


def stored_tenant_from_proto(message: pb.StoredTenant) -> StoredTenant:
    """Return the stored quotas and defaults in ``message``."""
    settings = tenant_settings_from_proto(message.settings)
    return StoredTenant(settings, message.version, message.update_time_ns)
