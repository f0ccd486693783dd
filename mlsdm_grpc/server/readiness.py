"""Health of the node: readiness, journal and language models."""

from __future__ import annotations

from mlsdm_grpc.llm.gateway import ProvidersView
from mlsdm_grpc.protection.clock import Clock
from mlsdm_grpc.protection.monitor import Monitor
from mlsdm_grpc.server.health import JOURNAL, LLM, READINESS, Health

__all__ = ["unready_causes", "update_health"]


def unready_causes(health: Health, monitor: Monitor) -> dict[str, str]:
    """Return the reasons why the server is not ready, by cause; empty for a ready server."""
    if health.serving(READINESS):
        return {}
    if health.draining or monitor.ready:
        return {"readiness": "the server is starting or draining"}
    return dict.fromkeys(monitor.machine.causes, "above its limit")


def update_health(health: Health, monitor: Monitor, llm: ProvidersView, clock: Clock) -> None:
    """Update health from the monitor and the providers."""
    clock.now_ns()  # an idle server notices a jump, too
    health.set_serving(LLM, serving=llm.callable)
    health.set_serving(JOURNAL, serving=monitor.journal_serving)
    health.set_serving(READINESS, serving=monitor.ready)
