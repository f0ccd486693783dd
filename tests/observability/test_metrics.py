from __future__ import annotations

import re

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from mlsdm_grpc.observability.metrics import LATENCY_BUCKETS_S, Metrics

UNITS = (
    "seconds",
    "records",
    "damage",
    "calls",
    "vectors",
    "texts",
    "memories",
    "rows",
    "items",
    "count",
    "restarts",
    "mode",
    "transitions",
    "ratio",
    "refusals",
    "evictions",
    "bytes",
    "streams",
    "retries",
    "tokens",
    "breaker",
    "info",
    "verdicts",
    "generations",
    "snapshots",
    "jumps",
    "doubtful",
)
LABELS = {
    "grpc_type",
    "grpc_service",
    "grpc_method",
    "grpc_code",
    "kind",
    "provider",
    "le",
    "version",
}
LABELS |= {"rule", "stage", "decision", "enforcement", "finish"}


def _families():
    metrics = Metrics()
    metrics.worker_restarts.labels("mind").inc()
    metrics.node_mode.labels("normal").set(1)
    metrics.node_transitions.labels("normal").inc()
    metrics.pressure_ratio.labels("memory").set(0.5)
    metrics.admission_refusals.labels("emergency").inc()
    metrics.governance_verdicts.labels("moral.threshold", "prompt", "refuse", "enforce").inc()
    metrics.llm_calls.labels("echo", "ok").observe(0.1)
    metrics.llm_broken_streams.labels("echo", "reset").inc()
    metrics.llm_retries.labels("made").inc()
    metrics.llm_tokens.labels("echo", "prompt").inc()
    metrics.generations.labels("stop").inc()
    metrics.llm_breaker.labels("echo", "open").set(1)
    metrics.clock_jumps.labels("jumped").inc()
    metrics.embed_cache.labels("hit").inc()
    metrics.server.info({"version": "1"})
    series = metrics.calls.series(("unary", "s", "m"), ["OK", "CANCELLED"])
    series.started += 1
    series.end(0, 1.0)
    return list(metrics.registry.collect())


@pytest.mark.parametrize("family", _families(), ids=lambda family: family.name)
def test_names_say_subsystem_and_unit_and_labels_are_bounded(family):
    if family.name.startswith("grpc_server_"):
        assert family.name in {
            "grpc_server_started",
            "grpc_server_handled",
            "grpc_server_handling_seconds",
        }
    elif family.type == "info":
        assert family.name == "mlsdm_server"
    else:
        assert re.fullmatch(r"mlsdm_[a-z]+(_[a-z]+)+", family.name)
        assert family.name.rpartition("_")[2] in UNITS
    assert family.documentation.endswith(".")
    for sample in family.samples:
        assert set(sample.labels) <= LABELS


def test_buckets_are_those_of_a66():
    assert len(LATENCY_BUCKETS_S) == 40
    assert list(LATENCY_BUCKETS_S) == sorted(LATENCY_BUCKETS_S)
    assert (LATENCY_BUCKETS_S[0], LATENCY_BUCKETS_S[-1]) == (0.00001, 100.0)


def test_a_registry_belongs_to_one_server():
    first, second = Metrics(), Metrics()
    first.spaces_loaded.set(3)
    assert b"mlsdm_spaces_loaded_count 3.0" in generate_latest(first.registry)
    assert b"mlsdm_spaces_loaded_count 0.0" in generate_latest(second.registry)


def test_figures_of_calls_are_those_of_the_library():
    metrics, registry = Metrics(), CollectorRegistry()
    labels, names = ("unary", "s", "m"), ("grpc_type", "grpc_service", "grpc_method")
    reference = Histogram(
        "grpc_server_handling_seconds",
        "Time from the arrival of a call to its last word.",
        names,
        buckets=LATENCY_BUCKETS_S,
        registry=registry,
    )
    series = metrics.calls.series(labels, ["OK", "CANCELLED"])
    for seconds in (0.0, 0.00001, 0.0000101, 0.5, 100.0, 100.5, *LATENCY_BUCKETS_S):
        series.end(1, seconds)
        reference.labels(*labels).observe(seconds)

    def lines(source):
        return {
            line
            for line in generate_latest(source).decode().splitlines()
            if line.startswith("grpc_server_handling_seconds_") and "_created" not in line
        }

    assert lines(metrics.registry) == lines(registry)
    assert metrics.registry.get_sample_value(
        "grpc_server_handled_total",
        dict(zip(names, labels, strict=True)) | {"grpc_code": "CANCELLED"},
    ) == 6 + len(LATENCY_BUCKETS_S)
