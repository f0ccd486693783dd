"""Settings of the quotas of tenants."""

from __future__ import annotations

from pydantic import Field

from mlsdm_grpc.config.section import Section

__all__ = ["QuotaSettings"]


class QuotaSettings(Section):
    """Quotas of each tenant that has none of its own; `TenantService/SetTenant` sets those."""

    max_spaces: int = Field(default=0, ge=0, le=1_000_000_000)
    """Maximum number of spaces; 0: no limit."""
    max_capacity: int = Field(default=0, ge=0, le=10**15)
    """Maximum sum of the capacities of all spaces, in memories; 0: no limit. A space counts with
    its whole capacity from its creation on."""
    max_kept_bytes: int = Field(default=0, ge=0, le=10**18)
    """Bytes kept, in all spaces together, from which memories and events are refused; 0: no limit.
    They count as in memory, an empty space as about 40 KiB."""
