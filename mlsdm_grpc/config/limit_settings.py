"""Settings of the limits of callers."""

from __future__ import annotations

import ipaddress

from pydantic import Field, field_validator

from mlsdm_grpc.config.section import Section

__all__ = ["LimitSettings"]


class LimitSettings(Section):
    """Rates of each principal, by kind of call: a sustained rate and a burst above it."""

    enabled: bool | None = None
    """Enforce the limits; absent: in all modes but `dev`."""
    read_per_s: float = Field(default=2_000.0, gt=0, le=1e9)
    """Reads in one second."""
    read_burst: int = Field(default=4_000, ge=1, le=1_000_000_000)
    """Reads at once after a pause."""
    write_per_s: float = Field(default=1_000.0, gt=0, le=1e9)
    """Writes in one second."""
    write_burst: int = Field(default=2_000, ge=1, le=1_000_000_000)
    """Writes at once after a pause."""
    batch_items_per_s: float = Field(default=20_000.0, gt=0, le=1e9)
    """Items of batches and streams in one second. A batch above the rate is refused; a stream above
    it is read more slowly."""
    batch_burst: int = Field(default=40_000, ge=1_000, le=1_000_000_000)
    """Items of batches and streams at once after a pause; at least one full batch."""
    generate_per_s: float = Field(default=5.0, gt=0, le=1e9)
    """Generations and repairs of speech in one second."""
    generate_burst: int = Field(default=10, ge=1, le=1_000_000_000)
    """Generations and repairs of speech at once after a pause."""
    generate_parallel: int = Field(default=8, ge=1, le=10_000)
    """Generations and repairs of speech of one principal in progress."""
    max_principals: int = Field(default=10_000, ge=100, le=10_000_000)
    """Maximum number of principals whose rates are known; the one unused for the longest time is
    forgotten first."""
    peer_per_s: float = Field(default=0.0, ge=0, le=1e9)
    """Calls of one peer address in one second, counted before authentication; 0: no limit. An IPv6
    address counts with its /64."""
    peer_burst: int = Field(default=1_000, ge=1, le=1_000_000_000)
    """Calls of one peer address at once after a pause."""
    failures_per_s: float = Field(default=10.0, gt=0, le=1e9)
    """Failed authentications of one peer address in one second; above the rate, all its calls are
    refused before their credentials are verified."""
    failures_burst: int = Field(default=200, ge=1, le=1_000_000_000)
    """Failed authentications of one peer address at once after a pause."""
    max_peers: int = Field(default=10_000, ge=100, le=10_000_000)
    """Maximum number of peer addresses whose rates are known."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks of proxies. A call from one counts for the last address of its
    `x-forwarded-for` that is not a trusted proxy."""

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            ipaddress.ip_network(each)
        return value
