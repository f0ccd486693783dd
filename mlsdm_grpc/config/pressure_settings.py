"""Settings of the protection of the node."""

from __future__ import annotations

from pydantic import Field, model_validator

from mlsdm_grpc.config.section import Section
from mlsdm_grpc.units import MIB

__all__ = ["PressureSettings"]


class PressureSettings(Section):
    """Limits at which the node protects itself, and its return to normal."""

    interval_s: float = Field(default=0.25, ge=0.01, le=1)
    """Interval of sampling the signals, seconds."""
    memory_limit_bytes: int = Field(default=0, ge=0)
    """Memory limit of all processes, bytes, without the page cache. A cgroup limit applies too; 0
    uses only that."""
    memory_share: float = Field(default=0.9, gt=0, le=1)
    """Share of the cgroup limit that counts as the memory limit."""
    disk_reserve_bytes: int = Field(default=256 * MIB, ge=0)
    """Free space of the data folder below which writes are refused, bytes; 0 disables the check."""
    max_loop_lag_s: float = Field(default=1.0, gt=0)
    """Limit of the event loop lag, seconds, averaged over about a second."""
    max_processing_s: float = Field(default=10.0, gt=0)
    """Limit of the age of the oldest unfinished work in the journal or a worker, seconds."""
    shed_at: float = Field(default=0.9, gt=0, le=1)
    """Share of a limit from which the node is SHEDDING; from 1 on it is in EMERGENCY."""
    release_at: float = Field(default=0.8, gt=0, lt=1)
    """Share of a limit below which a signal is back to normal; less than `shed_at`."""
    cool_down_s: float = Field(default=5.0, gt=0, le=600)
    """Time without a signal above its limit after which a first emergency ends, seconds."""
    max_cool_down_s: float = Field(default=600.0, gt=0, le=86_400)
    """Maximum cool-down after repeated emergencies, seconds; each emergency doubles it."""
    half_life_s: float = Field(default=60.0, gt=0)
    """Time without an emergency that halves the next cool-down, seconds."""
    probe_s: float = Field(default=2.0, gt=0, le=60)
    """Duration of PROBING after an emergency, seconds, in which only a few writes are admitted."""
    probe_writes: int = Field(default=8, ge=1, le=10_000)
    """Number of writes admitted during PROBING; if all succeed, it ends at once."""

    @model_validator(mode="after")
    def _ordered(self) -> PressureSettings:
        if self.release_at >= self.shed_at:
            raise ValueError("release_at must be less than shed_at")
        if self.max_cool_down_s < self.cool_down_s:
            raise ValueError("max_cool_down_s must be at least cool_down_s")
        return self
