"""Admission in each mode, by kind of work and criticality."""

from __future__ import annotations

import math

import pytest

from mlsdm_grpc.config import PressureSettings
from mlsdm_grpc.errors import InvalidInput, NotFound, PermissionDenied, Unavailable
from mlsdm_grpc.interceptors.admission import AdmissionInterceptor
from mlsdm_grpc.interceptors.authz import AuthzInterceptor
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.protection.mode_machine import Mode, ModeMachine
from mlsdm_grpc.security.principal import Criticality, Principal
from mlsdm_grpc.server.build import SERVICES
from mlsdm_grpc.wire.call import Method, RpcShape
from mlsdm_grpc.wire.method_classes import WORK, MethodClass
from tests.support.calls import OPEN, UNARY, make_call

METHODS = {
    f"/{service.full_name}/{method.name}": Method(
        service.full_name, method.name, RpcShape(method.client_streaming, method.server_streaming)
    )
    for service in SERVICES
    for method in service.methods
}
PUT = METHODS["/mlsdm.v1.MemoryService/PutMemory"]
QUERY = METHODS["/mlsdm.v1.MemoryService/QueryMemories"]
BATCH_PUT = METHODS["/mlsdm.v1.MemoryService/BatchPutMemories"]
KEY = "x-mlsdm-criticality"


class Door:
    def __init__(self, mode=None):
        self.now = 0.0
        self.metrics = Metrics()
        self.machine = ModeMachine(PressureSettings(), clock=lambda: self.now)
        self.admission = AdmissionInterceptor(self.machine, self.metrics)
        if mode is Mode.PROBING:
            self.machine.tick({"memory": 1.0})
            self.now = 5.0
            self.machine.tick({})
        elif mode is not None:
            self.machine.force(mode, math.inf)
        assert self.machine.mode is (mode or Mode.NORMAL)

    def ask(self, method, criticality=None, principal=None):
        """Let a call in; return it, or the reason why it was refused."""
        call = make_call(method, {KEY: criticality} if criticality else {})
        if principal is not None:
            call.principal = principal
        try:
            self.admission.before(call)
        except Unavailable as error:
            self.error = error
            return error.reason
        return call


REFUSED = {
    Mode.NORMAL: {},
    Mode.SHEDDING: {MethodClass.BULK: "SHEDDING"},
    Mode.EMERGENCY: {
        MethodClass.WRITE: "EMERGENCY",
        MethodClass.BULK: "EMERGENCY",
        MethodClass.GENERATION: "EMERGENCY",
    },
    Mode.PROBING: {MethodClass.BULK: "EMERGENCY", MethodClass.GENERATION: "EMERGENCY"},
}


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("path", METHODS)
def test_each_rpc_in_each_mode(mode, path):
    door = Door(mode)
    answer = door.ask(METHODS[path])
    expected = REFUSED[mode].get(WORK[path])
    if mode is Mode.PROBING and path.endswith("StreamEvents"):
        expected = "EMERGENCY"  # a stream has no end that would tell
    if expected is None:
        assert not isinstance(answer, str)
        assert bool(answer.probe) == (mode is Mode.PROBING and WORK[path] is MethodClass.WRITE)
    else:
        assert answer == expected
        value = door.metrics.registry.get_sample_value
        name = "mlsdm_admission_refusals_total"
        assert value(name, {"kind": expected.lower()}) == 1
        assert door.error.retry_after_s >= 0.1
        assert door.error.metadata == {"cause": door.machine.causes[0]}


@pytest.mark.parametrize("mode", [Mode.SHEDDING, Mode.EMERGENCY, Mode.PROBING])
def test_what_is_sheddable_goes_first(mode):
    assert Door(mode).ask(QUERY, "sheddable") == "SHEDDING"
    assert isinstance(Door(mode).ask(PUT, "sheddable"), str)
    assert not isinstance(Door(mode).ask(QUERY, "default"), str)


def test_critical_bulk_is_not_shed_but_nobody_becomes_critical_by_saying_so():
    door = Door(Mode.SHEDDING)
    important = Principal("job", "acme", max_criticality=Criticality.CRITICAL)
    assert door.ask(BATCH_PUT, "critical") == "SHEDDING"
    assert door.ask(BATCH_PUT, None, important) == "SHEDDING"
    assert door.ask(BATCH_PUT, "critical", important).criticality is Criticality.CRITICAL
    assert Door(Mode.EMERGENCY).ask(BATCH_PUT, "critical", important) == "EMERGENCY"


def test_a_principal_may_be_held_to_sheddable():
    lowly = Principal("x", "y", max_criticality=Criticality.SHEDDABLE)
    assert Door(Mode.SHEDDING).ask(QUERY, "critical", lowly) == "SHEDDING"


@pytest.mark.parametrize("value", ["", "CRITICAL", "urgent", b"critical"])
def test_an_unknown_criticality_is_refused_in_every_mode_with_metadata_invalid(value):
    call = make_call(QUERY, {KEY: value})
    with pytest.raises(InvalidInput) as raised:
        Door().admission.before(call)
    assert (raised.value.reason, raised.value.metadata) == ("METADATA_INVALID", {"key": KEY})


def test_open_methods_are_not_asked_for_it():
    Door().admission.before(make_call(OPEN, {KEY: "urgent"}))


def test_two_criticalities_are_one_too_many():
    call = make_call(QUERY, {KEY: "default"})
    call.repeated = frozenset({KEY})
    with pytest.raises(InvalidInput):
        Door().admission.before(call)


@pytest.mark.parametrize("method", [UNARY, OPEN])
def test_what_is_not_of_the_contract_is_not_refused(method):
    assert not isinstance(Door(Mode.EMERGENCY).ask(method), str)


def test_the_next_message_of_a_stream_is_checked_in_the_same_way():
    door = Door()
    call = door.ask(METHODS["/mlsdm.v1.MemoryService/IngestMemories"])
    door.admission.check(call)
    door.machine.force(Mode.EMERGENCY, math.inf)
    with pytest.raises(Unavailable):
        door.admission.check(call)


@pytest.mark.parametrize(
    ("error", "mode"),
    [
        (None, Mode.NORMAL),
        (NotFound("No."), Mode.PROBING),
        (ValueError(), Mode.PROBING),
        (Unavailable("No.", reason="JOURNAL_FULL"), Mode.EMERGENCY),
        (Unavailable("No.", reason="JOURNAL_UNAVAILABLE"), Mode.EMERGENCY),
        (Unavailable("No.", reason="WORKER_LOST"), Mode.EMERGENCY),
        (Unavailable("No.", reason="BULKHEAD_FULL"), Mode.PROBING),
    ],
)
def test_what_a_probe_shows(error, mode):
    door = Door(Mode.PROBING)
    for _ in range(PressureSettings().probe_writes):
        call = door.ask(PUT)
        call.error = error
        door.admission.after(call)
        if door.machine.mode is not Mode.PROBING:
            break
    assert door.machine.mode is mode


def test_retry_after_says_what_is_left_of_the_cool_down():
    door = Door()
    door.machine.tick({"disk": 1.0})
    door.now = 2.0
    assert door.ask(PUT) == "EMERGENCY"
    assert door.error.retry_after_s == PressureSettings().cool_down_s - 2.0
    assert door.error.metadata == {"cause": "disk"}


def test_only_operators_act_on_the_node():
    method = Method("s", "m", RpcShape(False, False), permission="admin.write", platform=True)
    call = make_call(method)
    with pytest.raises(PermissionDenied) as raised:
        AuthzInterceptor().before(call)
    assert raised.value.metadata == {"permission": "admin.write", "scope": "platform"}
    call.principal = Principal("sre", "acme", frozenset({"admin.write"}))
    AuthzInterceptor().before(call)
    AuthzInterceptor().before(make_call())
