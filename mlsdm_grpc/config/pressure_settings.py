"""Settings of the protection of the node."""

from __future__ import annotations

from pydantic import Field, model_validator

from mlsdm_grpc.config.section import MIB, Section

__all__ = ["PressureSettings"]


class PressureSettings(Section):
    """When the node protects itself, and how it comes back."""

    interval_s: float = Field(default=0.25, ge=0.01, le=1)
    """Time between two looks at the signals, seconds."""
    memory_limit_bytes: int = Field(default=0, ge=0)
    """Memory of all processes that is too much, bytes, without pages of files. The limit of the
    cgroup, if there is one, counts too; 0 has that alone."""
    memory_share: float = Field(default=0.9, gt=0, le=1)
    """Share of the cgroup's limit that is too much."""
    disk_reserve_bytes: int = Field(default=256 * MIB, ge=0)
    """Writes are refused when the data folder has less room than this, bytes; 0 never looks."""
    max_loop_lag_s: float = Field(default=1.0, gt=0)
    """Lateness of the event loop that is too much, seconds, a mean over about a second."""
    max_processing_s: float = Field(default=10.0, gt=0)
    """Age of the oldest work of a call in journal or workers that is too much, seconds."""
    shed_at: float = Field(default=0.9, gt=0, le=1)
    """Share of a limit from which the node sheds load; at 1 it is in emergency."""
    release_at: float = Field(default=0.8, gt=0, lt=1)
    """Share of a limit below which a signal is calm again; below `shed_at`."""
    cool_down_s: float = Field(default=5.0, gt=0, le=600)
    """Time without a signal after which a first emergency ends, seconds."""
    max_cool_down_s: float = Field(default=600.0, gt=0, le=86_400)
    """The same after many relapses: each doubles it, seconds."""
    half_life_s: float = Field(default=60.0, gt=0)
    """Time without an emergency that halves the cool-down of the next one again, seconds."""
    probe_s: float = Field(default=2.0, gt=0, le=60)
    """Time after an emergency in which only a few writes are let through, seconds."""
    probe_writes: int = Field(default=8, ge=1, le=10_000)
    """Writes that are let through in that time; if all succeed it ends at once."""

    @model_validator(mode="after")
    def _ordered(self) -> PressureSettings:
        if self.release_at >= self.shed_at:
            raise ValueError("release_at has to be below shed_at")
        if self.max_cool_down_s < self.cool_down_s:
            raise ValueError("max_cool_down_s has to be at least cool_down_s")
        return self
