"""Every shape of call, in every way in which a call can end."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from mlsdm_grpc import errors
from mlsdm_grpc.server.router import Router
from mlsdm_grpc.wire.call import Call, Interceptor
from mlsdm_grpc.wire.metadata import PUSHBACK, REQUEST_ID, STATUS_DETAILS
from mlsdm_grpc.wire.status import INTERNAL_MESSAGE
from tests.support.ping import (
    DESCRIPTOR,
    SECRET,
    SERVICE,
    SHAPES,
    PingRequest,
    PingResponse,
    Refusing,
    Running,
    outcome,
    serving,
)

pytestmark = pytest.mark.anyio

ID = (("x-request-id", "test-1"),)
STREAMED = ("ServerStream", "BidiStream")
"""Their answers begin before their ends, so that their headers are worth a message of their own."""


@pytest.mark.parametrize("name", SHAPES)
async def test_a_call_that_goes_well(name):
    async with serving() as running:
        result = await running.call(name, "hello", metadata=ID)
        expected = ["first", "hello"] if name == "ServerStream" else ["hello"]
        assert (result.code, result.texts) == ("OK", expected)
        assert result.headers == ({REQUEST_ID: "test-1"} if name in STREAMED else {})
        assert result.trailers[REQUEST_ID] == "test-1"
        assert STATUS_DETAILS not in result.trailers
        assert running.handled(name, "OK") == 1


async def test_streams_carry_many_messages():
    async with serving() as running:
        texts = [str(number) for number in range(50)]
        assert (await running.call("ClientStream", *texts)).texts == [" ".join(texts)]
        assert (await running.call("BidiStream", *texts)).texts == texts
        assert (await running.call("BidiStream")).headers[REQUEST_ID]


@pytest.mark.parametrize("name", SHAPES)
async def test_an_error_of_ours_keeps_its_class(name):
    async with serving() as running:
        result = await running.call(name, "fail", metadata=ID)
        assert result.code == "UNAVAILABLE"
        error = result.error
        assert isinstance(error, errors.Unavailable)
        assert error.reason == "JOURNAL_UNAVAILABLE"
        assert error.metadata == {"space": "blue"}
        assert error.retry_after_s == 0.25
        assert result.trailers[PUSHBACK] == "250"
        assert result.trailers[REQUEST_ID] == "test-1"
        assert running.handled(name, "UNAVAILABLE") == 1


async def test_an_error_before_the_first_message_has_no_headers_so_clients_may_repeat():
    async with serving() as running:
        for name in ("Unary", "ClientStream", "BidiStream"):
            assert (await running.call(name, "fail")).headers == {}
        assert (await running.call("ServerStream", "fail")).headers[REQUEST_ID]


# P2 of docs/architecture.md.
@pytest.mark.parametrize("name", SHAPES)
async def test_an_unforeseen_exception_shows_nothing_of_itself(name, logs):
    async with serving() as running:
        result = await running.call(name, "crash", metadata=ID)
        assert (result.code, result.message) == ("INTERNAL", INTERNAL_MESSAGE)
        assert isinstance(result.error, errors.InternalError)
        assert result.error.metadata == {"request_id": "test-1"}
        assert SECRET not in repr(result)
        assert running.handled(name, "INTERNAL") == 1
    (event,) = logs.events("call_failed")
    assert event["request_id"] == "test-1"
    assert SECRET in event["exception"]


@pytest.mark.parametrize("name", SHAPES)
async def test_the_deadline_of_the_client(name):
    async with serving() as running:
        result = await running.call(name, "hang", timeout=1.0)
        assert result.code == "DEADLINE_EXCEEDED"
        await running.settled()
        assert running.ping.cleaned.is_set()
        assert running.handled(name, "DEADLINE_EXCEEDED") == 1


# P5 of docs/architecture.md.
@pytest.mark.parametrize("name", SHAPES)
async def test_a_client_that_cancels(name):
    async with serving() as running:
        call = running.start(name, "hang")
        ended = asyncio.ensure_future(outcome(call))
        await running.ping.begun.wait()
        call.cancel()
        assert (await ended).code == "CANCELLED"
        await running.settled()
        assert running.ping.cleaned.is_set()
        assert running.handled(name, "CANCELLED") == 1


# P1 of docs/architecture.md.
@pytest.mark.parametrize("name", SHAPES)
async def test_a_cancellation_from_inside_is_answered(name):
    async with serving() as running:
        result = await running.call(name, "inner", timeout=10)
        assert result.code == "UNAVAILABLE"
        assert result.error.reason == "WORKER_LOST"
        assert result.error.retry_after_s is not None
        assert running.handled(name, "UNAVAILABLE") == 1


@pytest.mark.parametrize("name", ["ClientStream", "BidiStream"])
async def test_a_client_that_leaves_half_way_is_not_an_end_of_messages(name):
    async with serving() as running:
        for _ in range(20):
            running.ping.begun.clear()
            call = running.method(name)()
            await call.write(PingRequest(text="half"))
            await running.ping.begun.wait()
            call.cancel()
            await running.settled()
        assert running.handled(name, "CANCELLED") == 20
        assert running.handled(name, "OK") == 0


@pytest.mark.parametrize(
    ("name", "reason"), [("Unary", "DEADLINE_EXPIRED"), ("Write", "OUTCOME_UNKNOWN")]
)
async def test_the_server_ends_a_call_that_has_no_deadline(name, reason):
    async with serving(default_deadline_s=0.1) as running:
        result = await running.call(name, "hang")
        assert result.code == "DEADLINE_EXCEEDED"
        assert result.error.reason == reason
        assert running.handled(name, "DEADLINE_EXCEEDED") == 1


async def test_the_server_cuts_a_deadline_that_is_too_long_with_deadline_expired():
    async with serving(max_deadline_s=0.1) as running:
        result = await running.call("Unary", "hang", timeout=60)
        assert result.error.reason == "DEADLINE_EXPIRED"


async def test_a_timeout_of_the_servicer_itself_is_a_defect():
    async with serving(default_deadline_s=30) as running:
        running.ping.error = TimeoutError()
        assert (await running.call("Unary", "fail")).code == "INTERNAL"


async def test_unknown_methods_and_services_with_method_unknown():
    async with serving() as running:
        for path in (f"/{SERVICE}/Nope", "/no.such.Service/Unary", "/grpc.health.v1.Health/Nope"):
            result = await outcome(running.channel.unary_unary(path)(b"\xff\xff"))
            assert result.code == "UNIMPLEMENTED"
            assert result.error.reason == "METHOD_UNKNOWN"
            assert result.error.metadata == {"method": path}
        assert running.handled("other", "UNIMPLEMENTED", "other") == 3


@pytest.mark.parametrize("name", ["Missing", "MissingStream"])
async def test_a_method_that_the_servicer_lacks_with_not_yet_available(name):
    async with serving() as running:
        result = await running.call(name, "hello")
        assert result.code == "UNIMPLEMENTED"
        assert isinstance(result.error, errors.NotYetAvailable)
        assert result.error.reason == "NOT_YET_AVAILABLE"
        assert result.error.metadata == {"method": f"/{SERVICE}/{name}"}
        assert running.handled(name, "UNIMPLEMENTED") == 1


@pytest.mark.parametrize("name", SHAPES)
async def test_bytes_that_are_not_a_message_with_message_malformed(name):
    async with serving() as running:
        result = await _send_bytes(running, name, b"\xff\xff\xff")
        assert result.code == "INVALID_ARGUMENT"
        assert result.error.reason == "MESSAGE_MALFORMED"
        assert result.error.metadata == {"method": f"/{SERVICE}/{name}"}
        assert running.ping.texts == []


async def _send_bytes(running: Running, name, raw, **options):
    kinds = {
        "Unary": running.channel.unary_unary,
        "ServerStream": running.channel.unary_stream,
        "ClientStream": running.channel.stream_unary,
        "BidiStream": running.channel.stream_stream,
    }
    requests = [raw] if name in {"ClientStream", "BidiStream"} else raw
    return await outcome(kinds[name](f"/{SERVICE}/{name}")(requests, **options))


# P3 and P9 of docs/architecture.md.
@pytest.mark.parametrize("name", SHAPES)
async def test_a_refused_call_is_never_parsed(name):
    async with serving(authenticator=Refusing()) as running:
        result = await _send_bytes(running, name, b"\xff\xff\xff")
        assert result.code == "UNAUTHENTICATED"
        assert result.error.reason == "CREDENTIAL_INVALID"
        assert result.trailers[REQUEST_ID]
        assert running.handled(name, "UNAUTHENTICATED") == 1
        assert running.ping.texts == []


class _Recording(Interceptor):
    """Interceptor that records its calls and may raise in either hook."""

    def __init__(self, before=None, after=None):
        self.seen = []
        self._before, self._after = before, after

    def before(self, call: Call):
        self.seen.append(("before", call.method.name))
        if self._before is not None:
            raise self._before

    def after(self, call: Call):
        self.seen.append(("after", call.method.name))
        if self._after is not None:
            raise self._after


# P14 of docs/architecture.md.
async def test_after_runs_for_those_that_were_entered_and_for_no_other():
    raising, inner = _Recording(before=errors.NotFound("No.")), _Recording()
    async with serving(extra=[raising, inner]) as running:
        assert (await running.call("Unary", "hello")).code == "NOT_FOUND"
        assert raising.seen == [("before", "Unary"), ("after", "Unary")]
        assert inner.seen == []
        assert running.handled("Unary", "NOT_FOUND") == 1


async def test_a_broken_after_hook_does_not_break_the_answer():
    broken = _Recording(after=ValueError(SECRET))
    async with serving(extra=[broken]) as running:
        assert (await running.call("Unary", "hello")).texts == ["hello"]
        assert (await running.call("Unary", "fail")).code == "UNAVAILABLE"


async def test_a_failing_interceptor_is_a_defect_like_any_other():
    async with serving(extra=[_Recording(before=ValueError(SECRET))]) as running:
        result = await running.call("Unary", "hello")
        assert (result.code, result.message) == ("INTERNAL", INTERNAL_MESSAGE)


async def test_repeated_metadata_is_seen():
    async with serving() as running:
        await running.call("Unary", "hello", metadata=(("a", "1"), ("b", "2"), ("a", "3")))
        call = running.ping.call
        assert call.repeated == {"a"}
        assert (call.text("a"), call.text("b")) == ("3", "2")
        assert call.peer == "127.0.0.1"


async def test_an_answer_that_is_no_message_is_a_defect():
    async with serving() as running:
        running.ping.do = _nothing
        assert (await running.call("Unary", "hello")).code == "INTERNAL"
        assert (await running.call("ServerStream", "hello")).code == "INTERNAL"


async def _nothing(*_):
    return None


# P8 of docs/architecture.md.
def test_a_servicer_with_the_wrong_kind_of_method_is_refused_at_start():
    class Sync:
        def Unary(self, request, call): ...  # noqa: N802

    class Coroutine:
        async def ServerStream(self, request, call): ...  # noqa: N802

    for servicer in (Sync(), Coroutine()):
        with pytest.raises(TypeError, match=SERVICE):
            Router(()).add(DESCRIPTOR, servicer)


async def test_nothing_stays_in_flight():
    async with serving() as running:
        for text in ("hello", "fail", "crash", "inner"):
            for name in SHAPES:
                await running.call(name, text)
        assert not running.router.in_flight.calls


def test_every_service_of_the_contract_can_be_served():
    from mlsdm_grpc._gen.mlsdm.v1 import (
        admin_service_pb2,
        cognition_service_pb2,
        generation_service_pb2,
        governance_service_pb2,
        memory_service_pb2,
        space_service_pb2,
    )

    router = Router(())
    modules = (
        admin_service_pb2,
        cognition_service_pb2,
        generation_service_pb2,
        governance_service_pb2,
        memory_service_pb2,
        space_service_pb2,
    )
    for module in modules:
        for service in module.DESCRIPTOR.services_by_name.values():
            router.add(service, object())
    assert len(router.services) == 6


async def test_a_stream_whose_client_does_not_read_is_closed_when_it_leaves():
    async with serving() as running:
        written = asyncio.Event()
        cleaned = []

        async def endless(request, call):
            try:
                while True:
                    written.set()
                    yield PingResponse(text=request.text * 100_000 + call.peer)
            finally:
                cleaned.append(True)

        running.ping.stream = endless
        call = running.start("ServerStream", "x")
        await written.wait()
        await call.read()
        call.cancel()
        await running.settled()
        assert cleaned
        assert running.handled("ServerStream", "CANCELLED") == 1


async def test_a_cancelled_scope_inside_a_servicer_is_its_own_affair():
    async with serving() as running:

        async def scoped(text, call):
            with anyio.move_on_after(0):
                await asyncio.Event().wait()
            running.ping.texts.append(call.request_id)
            return PingResponse(text=text)

        running.ping.do = scoped
        assert (await running.call("Unary", "hello")).texts == ["hello"]


async def test_a_client_that_leaves_while_the_answer_is_on_its_way():
    async with serving() as running:

        async def leaving(text, call):
            running.ping.call = call
            call_of_client.cancel()
            return PingResponse(text=text)

        running.ping.do = leaving
        call_of_client = running.start("ServerStream", "hello")
        ended = await outcome(call_of_client)
        assert ended.code == "CANCELLED"
        await running.settled()
        assert running.handled("ServerStream", "INTERNAL") == 0
