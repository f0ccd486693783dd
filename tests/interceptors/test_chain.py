from __future__ import annotations

import time

import pytest

from mlsdm_grpc.config import PressureSettings, ServerSettings
from mlsdm_grpc.ids import Ids
from mlsdm_grpc.interceptors.admission import AdmissionInterceptor
from mlsdm_grpc.interceptors.chain import ORDER, build_chain
from mlsdm_grpc.interceptors.drain import DrainInterceptor
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.protection.mode_machine import ModeMachine
from mlsdm_grpc.security.authenticator import DevAuthenticator

NAMES = [entry.name for entry in ORDER]


def test_the_order_is_the_documented_one():
    assert NAMES == [
        "request_id",
        "metrics",
        "access_log",
        "security_events",
        "status",
        "queue_wait",
        "drain",
        "deadline",
        "peer_limit",
        "authn",
        "impersonation",
        "authz",
        "rate_limit",
        "admission",
    ]


@pytest.mark.parametrize("entry", ORDER, ids=NAMES)
def test_each_stands_inside_what_it_needs(entry):
    outside = NAMES[: NAMES.index(entry.name)]
    assert set(entry.after) <= set(outside)


def test_the_chain_has_one_of_each_in_this_order():
    drain = DrainInterceptor()
    metrics = Metrics()
    machine = ModeMachine(PressureSettings(), clock=time.monotonic)
    chain = build_chain(
        ServerSettings(),
        ids=Ids(),
        metrics=metrics,
        drain=drain,
        authenticator=DevAuthenticator(),
        admission=AdmissionInterceptor(machine, metrics),
    )
    modules = [type(each).__module__.rpartition(".")[2] for each in chain]
    assert [name.removeprefix("call_") for name in modules] == NAMES
    assert drain in chain
