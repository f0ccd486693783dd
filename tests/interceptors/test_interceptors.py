from __future__ import annotations

import asyncio
import contextvars
import math

import pytest

from mlsdm_grpc.config import ServerSettings
from mlsdm_grpc.errors import (
    DeadlineExceeded,
    InternalError,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from mlsdm_grpc.ids import Ids
from mlsdm_grpc.interceptors.access_log import AccessLogInterceptor
from mlsdm_grpc.interceptors.authn import AuthnInterceptor
from mlsdm_grpc.interceptors.call_metrics import MetricsInterceptor
from mlsdm_grpc.interceptors.call_status import CANCELLED, StatusInterceptor
from mlsdm_grpc.interceptors.deadline import DeadlineInterceptor
from mlsdm_grpc.interceptors.drain import DrainInterceptor
from mlsdm_grpc.interceptors.queue_wait import QueueWaitInterceptor
from mlsdm_grpc.interceptors.request_id import RequestIdInterceptor
from mlsdm_grpc.observability.current import QUEUE_WAIT_S
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.security.principal import ANONYMOUS, Principal
from mlsdm_grpc.wire.call import OK, Method, RpcStatus
from tests.support.calls import OPEN, STREAM, UNARY, make_call


@pytest.mark.parametrize(
    "given", ["a", "0b1d-7/x", "x" * 128, "41111111-1111-1111-1111-111111111111"]
)
def test_a_safe_request_id_is_echoed(given):
    call = make_call(metadata={"x-request-id": given})
    RequestIdInterceptor(Ids()).before(call)
    assert call.request_id == call.trailers["x-request-id"] == given


@pytest.mark.parametrize(
    "given",
    [
        *("", "x" * 129, "a b", "a\nb", "\u00e4", '"', b"bytes"),
        *("ada@mail.example", "AKIAQZXCANARY1000199", "4111111111111111", "+442079460123"),
    ],
)
def test_any_other_request_id_is_replaced(given):
    call = make_call(metadata={"x-request-id": given})
    RequestIdInterceptor(Ids(random=bytes)).before(call)
    assert call.request_id == call.trailers["x-request-id"] == "00" * 16


def test_made_request_ids_differ():
    calls = [make_call(), make_call()]
    for call in calls:
        RequestIdInterceptor(Ids()).before(call)
    assert len({call.request_id for call in calls}) == 2
    assert all(len(call.request_id) == 32 for call in calls)


def test_a_call_that_waited_for_its_turn_is_told_for_how_long():
    def wait(seconds):
        QUEUE_WAIT_S.set(seconds)
        call = make_call()
        QueueWaitInterceptor().after(call)
        return call.trailers

    assert contextvars.copy_context().run(wait, 0.0123456) == {"x-mlsdm-queue-wait-us": "12346"}
    assert contextvars.copy_context().run(wait, 0.0) == {}


@pytest.mark.parametrize(
    ("remaining_s", "limit_s"), [(None, 30), (5, 5), (299, 299), (301, 300), (1e9, 300)]
)
def test_the_deadline_of_a_unary_call_has_a_default_and_a_cap(remaining_s, limit_s):
    call = make_call(remaining_s=remaining_s)
    DeadlineInterceptor(ServerSettings(default_deadline_s=30, max_deadline_s=300)).before(call)
    assert call.deadline_s == 100 + limit_s


@pytest.mark.parametrize(("remaining_s", "limit_s"), [(None, math.inf), (1e6, 1e6)])
def test_a_stream_lives_as_long_as_its_client_wants(remaining_s, limit_s):
    call = make_call(STREAM, remaining_s=remaining_s)
    DeadlineInterceptor(ServerSettings()).before(call)
    assert call.deadline_s == 100 + limit_s


def test_a_call_that_comes_too_late_is_not_begun_with_deadline_too_short():
    with pytest.raises(DeadlineExceeded) as raised:
        DeadlineInterceptor(ServerSettings()).before(make_call(remaining_s=0))
    assert raised.value.reason == "DEADLINE_TOO_SHORT"


def test_draining_refuses_all_but_open_methods():
    drain = DrainInterceptor()
    drain.before(make_call())
    drain.draining = True
    drain.before(make_call(OPEN))
    with pytest.raises(Unavailable) as raised:
        drain.before(make_call())
    assert raised.value.reason == "DRAINING"
    assert raised.value.retry_after_s is not None


class _Known:
    def authenticate(self, metadata, repeated, *_):
        if metadata.get("authorization") != "Bearer right" or repeated:
            raise Unauthenticated("No.")
        return Principal("job", "acme")


def test_authn_asks_the_authenticator_with_what_it_needs():
    authn = AuthnInterceptor(_Known())
    call = make_call(metadata={"authorization": "Bearer right"})
    authn.before(call)
    assert call.principal == Principal("job", "acme")
    call.repeated = frozenset({"authorization"})
    with pytest.raises(Unauthenticated):
        authn.before(call)


def test_open_methods_stay_anonymous():
    call = make_call(OPEN)
    AuthnInterceptor(_Known()).before(call)
    assert call.principal is ANONYMOUS


def test_the_status_is_settled_from_the_error():
    call = make_call()
    StatusInterceptor().after(call)
    assert call.status is OK
    call.error = NotFound("No such memory.")
    StatusInterceptor().after(call)
    assert (call.status.code, call.status.message) == (5, "No such memory.")
    call.error = asyncio.CancelledError()
    StatusInterceptor().after(call)
    assert call.status is CANCELLED


@pytest.mark.parametrize(
    ("remaining_s", "pushback_ms"), [(None, 24_000), (30.0, 24_000), (27.0, -1), (5.0, -1)]
)
def test_a_repeat_that_would_come_after_the_deadline_is_not_asked_for(remaining_s, pushback_ms):
    call = make_call(remaining_s=remaining_s)
    call.error = Unavailable("Later.", retry_after_s=24)
    StatusInterceptor(clock=lambda: 104.0).after(call)
    assert call.status.pushback_ms == pushback_ms


@pytest.mark.parametrize("error", [ValueError("secret"), InternalError("secret")])
def test_a_defect_is_logged_once_and_hidden(error, logs):
    call = make_call()
    call.request_id = "id-1"
    call.error = error
    StatusInterceptor().after(call)
    assert call.status.code == 13
    assert b"secret" not in call.status.details
    assert "secret" not in call.status.message
    (event,) = logs.events("call_failed")
    assert event["request_id"] == "id-1"
    assert "secret" in event["exception"]


def test_an_error_of_ours_is_no_log_line(logs):
    call = make_call()
    call.error = NotFound("No.")
    StatusInterceptor().after(call)
    assert logs.text == ""


def test_the_access_log_has_one_line_a_call_and_nothing_of_its_content(logs):
    call = make_call(metadata={"authorization": "Bearer secret"})
    call.request_id = "id-1"
    call.principal = Principal("job", "acme", key_id="k1")
    call.status = RpcStatus(14, "secret text")
    AccessLogInterceptor(clock=lambda: 100.0125).after(call)
    (event,) = logs.events("call")
    del event["timestamp"]
    assert event == {
        "event": "call",
        "level": "info",
        "component": "access",
        "method": "/test.v1.PingService/Unary",
        "code": "UNAVAILABLE",
        "duration_ms": 12.5,
        "request_id": "id-1",
        "tenant": "acme",
        "principal": "job",
        "key_id": "k1",
        "peer": "127.0.0.1",
    }


def test_the_access_log_has_the_queueing_time_of_a_call_that_waited(logs):
    QUEUE_WAIT_S.set(0.0123456)
    try:
        AccessLogInterceptor(clock=lambda: 100.0).after(make_call())
    finally:
        QUEUE_WAIT_S.set(0.0)
    assert logs.events("call")[0]["queue_ms"] == 12.346


def test_what_machines_repeat_is_logged_at_debug(logs):
    AccessLogInterceptor(clock=lambda: 100.0).after(make_call(OPEN))
    assert logs.events("call")[0]["level"] == "debug"


def test_metrics_count_what_begins_and_how_it_ends():
    metrics = Metrics()
    interceptor = MetricsInterceptor(metrics, clock=lambda: 100.004)
    for code in (0, 0, 14):
        call = make_call()
        interceptor.before(call)
        call.status = RpcStatus(code)
        interceptor.after(call)
    interceptor.before(make_call(STREAM))
    value = metrics.registry.get_sample_value
    method = {"grpc_service": "test.v1.PingService", "grpc_method": "Unary", "grpc_type": "unary"}
    assert value("grpc_server_started_total", method) == 3
    assert value("grpc_server_handled_total", method | {"grpc_code": "OK"}) == 2
    assert value("grpc_server_handled_total", method | {"grpc_code": "UNAVAILABLE"}) == 1
    assert value("grpc_server_handling_seconds_count", method) == 3
    assert value("grpc_server_handling_seconds_bucket", method | {"le": "0.003"}) == 0
    assert value("grpc_server_handling_seconds_bucket", method | {"le": "0.005"}) == 3
    stream = method | {"grpc_method": "ServerStream", "grpc_type": "server_stream"}
    assert value("grpc_server_started_total", stream) == 1
    assert value("grpc_server_handled_total", stream | {"grpc_code": "OK"}) is None


def test_a_method_is_its_own_key():
    twin = Method(UNARY.service, UNARY.name, UNARY.shape)
    assert twin != UNARY
