"""Conversion of tenants between messages of the contract and domain values."""

from __future__ import annotations

from mlsdm_grpc._gen.mlsdm.v1 import tenant_pb2, tenant_service_pb2
from mlsdm_grpc.core.model.outcome import etag_of
from mlsdm_grpc.core.model.tenant import SetTenant, TenantSettings
from mlsdm_grpc.messages import limits
from mlsdm_grpc.messages.fields import Fields
from mlsdm_grpc.messages.times import timestamp
from mlsdm_grpc.spaces.tenant_usage import Amounts
from mlsdm_grpc.spaces.tenants import TenantView

__all__ = ["new_tenant", "tenant_as_it_would_be", "tenant_message"]


def new_tenant(fields: Fields, message: tenant_service_pb2.SetTenantRequest) -> SetTenant:
    """Return the quotas and defaults in a request."""
    if not message.etag:
        fields.fault("etag", "is required; GetTenant returns it")
    quotas, defaults = message.quotas, message.defaults
    default_capacity = None
    if defaults.HasField("space_capacity"):
        default_capacity = fields.count(
            "defaults.space_capacity", defaults.space_capacity, low=1, high=limits.MAX_CAPACITY
        )
    settings = TenantSettings(
        max_spaces=_quota(fields, quotas, "space_count"),
        max_capacity=_quota(fields, quotas, "capacity"),
        max_kept_bytes=_quota(fields, quotas, "kept_bytes"),
        default_capacity=default_capacity,
    )
    return SetTenant(settings, message.etag)


def _quota(fields: Fields, quotas: tenant_pb2.TenantQuotas, name: str) -> int | None:
    if not quotas.HasField(name):  # type: ignore[arg-type] # one of its fields
        return None
    value: int = getattr(quotas, name)
    return fields.count(f"quotas.{name}", value, low=0, high=2**63 - 1)


def tenant_message(view: TenantView) -> tenant_pb2.Tenant:
    """Return a tenant as a message. Without readable settings, it has only the name."""
    if view.settings is None:
        return tenant_pb2.Tenant(tenant=view.name)
    message = tenant_as_it_would_be(view, view.settings.settings)
    message.etag = etag_of(view.settings.version)
    if view.settings.version:
        message.update_time.CopyFrom(timestamp(view.settings.update_time_ns))
    return message


def tenant_as_it_would_be(view: TenantView, settings: TenantSettings) -> tenant_pb2.Tenant:
    """Return a tenant with settings that are not stored, without etag and time."""
    usage = view.usage
    return tenant_pb2.Tenant(
        tenant=view.name,
        quotas=tenant_pb2.TenantQuotas(
            space_count=settings.max_spaces,
            capacity=settings.max_capacity,
            kept_bytes=settings.max_kept_bytes,
        ),
        defaults=tenant_pb2.TenantDefaults(space_capacity=settings.default_capacity),
        effective_quotas=tenant_pb2.TenantQuotas(**_amounts(view.quotas)),
        usage=None if usage is None else tenant_pb2.TenantUsage(**_amounts(usage)),
    )


def _amounts(amounts: Amounts) -> dict[str, int]:
    return {
        "space_count": amounts.spaces,
        "capacity": amounts.capacity,
        "kept_bytes": amounts.kept_bytes,
    }
