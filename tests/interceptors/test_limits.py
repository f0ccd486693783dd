"""Rates of principals and addresses, as callers of a real server see them."""

from __future__ import annotations

import asyncio
import time

import pytest
from serving import channel, in_process, remembering

from mlsdm_grpc.client import new_memory
from mlsdm_grpc.config import LimitSettings
from mlsdm_grpc.errors import QuotaExceeded, Unauthenticated
from mlsdm_grpc.interceptors.peer_limit import PeerLimitInterceptor
from mlsdm_grpc.interceptors.rate_limit import RateLimitInterceptor
from mlsdm_grpc.messages.bounds import ITEMS
from mlsdm_grpc.security.principal import Principal
from mlsdm_grpc.server.build import SERVICES
from mlsdm_grpc.server.grpc_aio import peer_host
from mlsdm_grpc.wire.call import Method, RpcShape
from mlsdm_grpc.wire.method_classes import WORK, LimitClass, MethodClass, limit_class
from tests.interceptors.test_admission import METHODS
from tests.support.calls import OPEN, UNARY, make_call
from tests.support.node import refusal
from tests.support.ping import Refusing, serving

GENERATE = Method("mlsdm.v1.S", "Generate", RpcShape(False, False), permission="generate")
READ = Method("mlsdm.v1.S", "Get", RpcShape(False, False), read_only=True, permission="memory.read")
BATCH = METHODS["/mlsdm.v1.MemoryService/BatchPutMemories"]
STREAM = METHODS["/mlsdm.v1.MemoryService/IngestMemories"]


class Desk:
    def __init__(self, **settings):
        self.now_s = 50.0
        self.limits = RateLimitInterceptor(LimitSettings(**settings), clock=lambda: self.now_s)

    def ask(self, method, name="job", tenant="acme"):
        call = make_call(method)
        call.principal = Principal(name, tenant)
        self.limits.before(call)
        return call


def test_every_rpc_is_limited_unless_operators_need_it():
    classes = {path: limit_class(method) for path, method in METHODS.items()}
    free = {path for path, kind in classes.items() if kind is None}
    assert free == {path for path, work in WORK.items() if work is MethodClass.ADMIN}
    assert classes["/mlsdm.v1.MemoryService/QueryMemories"] is not None
    assert classes["/mlsdm.v1.CognitionService/StreamEvents"] is LimitClass.BATCH
    assert len(classes) == sum(len(service.methods) for service in SERVICES)


def test_each_principal_has_its_own_rate_by_kind():
    desk = Desk(read_burst=2, read_per_s=1.0, write_burst=1, write_per_s=1.0)
    assert [desk.ask(READ).trailers["x-ratelimit-remaining"] for _ in range(2)] == ["1", "0"]
    with pytest.raises(QuotaExceeded) as raised:
        desk.ask(READ)
    assert raised.value.reason == "RATE_LIMITED"
    assert raised.value.metadata == {"limit": "2", "quota_id": "read"}
    assert raised.value.retry_after_s == pytest.approx(1.0)
    desk.ask(UNARY)
    desk.ask(READ, name="other")
    desk.ask(READ, tenant="zeta")
    desk.now_s += 1.0
    desk.ask(READ)


def test_an_operator_in_another_tenant_uses_its_own_rate():
    desk = Desk(read_burst=1, read_per_s=1.0)
    desk.ask(READ)
    call = make_call(READ)
    call.principal = Principal("job", "zeta", actor=Principal("job", "acme"))
    with pytest.raises(QuotaExceeded):
        desk.limits.before(call)


def test_models_are_limited_by_calls_in_progress_too():
    desk = Desk(generate_parallel=2, generate_burst=100)
    calls = [desk.ask(GENERATE) for _ in range(2)]
    refused = make_call(GENERATE)
    refused.principal = Principal("job", "acme")
    with pytest.raises(QuotaExceeded) as raised:
        desk.limits.before(refused)
    assert raised.value.metadata["quota_id"] == "generate_parallel"
    desk.limits.after(refused)
    with pytest.raises(QuotaExceeded):
        desk.ask(GENERATE)
    desk.limits.after(calls[0])
    desk.ask(GENERATE)
    desk.ask(GENERATE, name="other")


def test_a_generation_above_the_rate_leaves_no_permit_behind():
    desk = Desk(generate_parallel=5, generate_burst=1, generate_per_s=1.0)
    desk.limits.after(desk.ask(GENERATE))
    for _ in range(20):
        call = make_call(GENERATE)
        call.principal = Principal("job", "acme")
        with pytest.raises(QuotaExceeded) as raised:
            desk.limits.before(call)
        assert raised.value.metadata["quota_id"] == "generate"
        desk.limits.after(call)
    desk.now_s += 1
    desk.ask(GENERATE)


def test_a_batch_is_charged_by_items_and_a_stream_is_slowed_down():
    desk = Desk(batch_burst=1_000, batch_items_per_s=100.0)
    call = desk.ask(BATCH)
    assert call.charge_items(900) == 0
    with pytest.raises(QuotaExceeded) as raised:
        call.charge_items(200)
    assert raised.value.metadata["quota_id"] == "batch"
    assert call.charge_items(90) == 0
    stream = desk.ask(STREAM, name="other")
    assert stream.charge_items(999) == 0
    assert stream.charge_items(500) == pytest.approx(5.0)


def test_requests_that_are_charged_by_items_have_items():
    charged = {
        method.input_type.full_name
        for service in SERVICES
        for method in service.methods
        if limit_class(METHODS[f"/{service.full_name}/{method.name}"]) is LimitClass.BATCH
    }
    # An import is not served in this version.
    assert charged - {"mlsdm.v1.ImportSpaceRequest"} == set(ITEMS)


@pytest.mark.anyio
async def test_a_batch_above_the_rate_is_refused_before_its_items_are_parsed():
    limits = {"enabled": True, "batch_burst": 1_000, "batch_items_per_s": 0.01}
    # Each item is a field of the request, and no message.
    damaged = b"\x12\x01\xff" * 1_000
    async with in_process(limits=limits) as server, channel(server.listen) as opened:
        put = opened.unary_unary("/mlsdm.v1.MemoryService/BatchPutMemories")
        few = await refusal(put(damaged[:6], timeout=10))
        assert few.reason == "MESSAGE_MALFORMED"
        many = await refusal(put(damaged, timeout=10))
        assert (many.reason, many.metadata["quota_id"]) == ("RATE_LIMITED", "batch")


def test_open_methods_are_free():
    desk = Desk(read_burst=1, read_per_s=0.001)
    for _ in range(10):
        desk.ask(OPEN)


class Door:
    def __init__(self, **settings):
        self.now_s = 50.0
        self.limits = PeerLimitInterceptor(LimitSettings(**settings), clock=lambda: self.now_s)

    def ask(self, peer, *, fails=False, forwarded=None):
        """Return True if a call of a peer is let in."""
        call = make_call(UNARY, {"x-forwarded-for": forwarded} if forwarded else {})
        call.peer = peer_host(peer)
        try:
            self.limits.before(call)
        except QuotaExceeded as error:
            call.error = error
            self.error = error
            return False
        finally:
            if fails and call.error is None:
                call.error = Unauthenticated("No.")
            self.limits.after(call)
        return True


def test_failed_authentications_close_the_door_for_their_address_only():
    door = Door(failures_burst=3, failures_per_s=1.0)
    assert [door.ask("ipv4:10.0.0.1:5", fails=True) for _ in range(4)] == [True] * 3 + [False]
    assert not door.ask("ipv4:10.0.0.1:6")
    assert door.error.metadata["quota_id"] == "failures"
    assert door.ask("ipv4:10.0.0.2:5")
    door.now_s += 1.0
    assert door.ask("ipv4:10.0.0.1:7")


def test_calls_of_an_address_are_limited_if_configured():
    door = Door(peer_per_s=1.0, peer_burst=2)
    assert [door.ask("ipv4:10.0.0.1:5") for _ in range(3)] == [True, True, False]
    assert door.error.metadata["quota_id"] == "peer"
    door = Door()
    assert all(door.ask("ipv4:10.0.0.1:5") for _ in range(5_000))


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("ipv6:%5B2001:db8::1%5D:5", "ipv6:[2001:db8::ffff]:6", True),
        ("ipv6:[2001:db8::1]:5", "ipv6:[2001:db8:0:1::1]:5", False),
        ("ipv6:[::ffff:10.0.0.1]:5", "ipv4:10.0.0.1:9", True),
        ("ipv4:10.0.0.1:5", "ipv4:10.0.0.11:5", False),
        ("unix:/a", "unix:/b", True),
    ],
)
def test_addresses_that_count_together(first, second, together):
    door = Door(peer_per_s=1.0, peer_burst=1)
    assert door.ask(first)
    assert door.ask(second) is not together


def test_a_forwarded_address_counts_only_from_a_trusted_proxy():
    door = Door(peer_per_s=1.0, peer_burst=1, trusted_proxies=("10.0.0.0/8",))
    assert door.ask("ipv4:10.0.0.1:5", forwarded="1.2.3.4")
    assert door.ask("ipv4:10.0.0.1:5", forwarded="1.2.3.5")
    # The last address that no trusted proxy has is the client; those before it are its own words.
    assert not door.ask("ipv4:10.0.0.2:5", forwarded="9.9.9.9, 1.2.3.4, 10.0.0.9")
    assert door.ask("ipv4:8.8.8.8:5", forwarded="7.7.7.7")
    assert not door.ask("ipv4:8.8.8.8:5", forwarded="7.7.7.8")
    assert door.ask("ipv4:10.0.0.3:5", forwarded="not an address")


def test_a_million_addresses_take_bounded_room():
    door = Door(peer_per_s=0.001, peer_burst=5, max_peers=1_000)
    for index in range(100_000):
        door.ask(f"ipv4:10.{index >> 16}.{index >> 8 & 255}.{index & 255}:5", fails=True)
    assert len(door.limits) <= 2_000


@pytest.mark.anyio
async def test_a_refusal_over_the_wire_has_all_that_a_client_needs():
    limits = LimitSettings(read_burst=2, read_per_s=2.0)
    async with serving(limits=limits) as running:
        first = await running.call("Unary", "a")
        assert first.trailers["x-ratelimit-remaining"] == "1"
        await running.call("Unary", "b")
        refused = await running.call("Unary", "c")
        assert (refused.code, refused.error.reason) == ("RESOURCE_EXHAUSTED", "RATE_LIMITED")
        assert isinstance(refused.error, QuotaExceeded)
        wait_s = refused.error.retry_after_s
        assert 0 < wait_s <= 0.5
        assert int(refused.trailers["grpc-retry-pushback-ms"]) == round(wait_s * 1_000)
        assert running.ping.texts == ["a", "b"]
        await asyncio.sleep(wait_s)
        assert (await running.call("Unary", "d")).code == "OK"


@pytest.mark.anyio
async def test_an_address_with_many_failures_is_refused_before_authentication():
    limits = LimitSettings(failures_burst=3, failures_per_s=2.0)
    async with serving(limits=limits, authenticator=Refusing()) as running:
        codes = [(await running.call("Unary", "a")).code for _ in range(5)]
        assert codes == ["UNAUTHENTICATED"] * 3 + ["RESOURCE_EXHAUSTED"] * 2
        began = time.monotonic()
        while (await running.call("Unary", "a")).code != "UNAUTHENTICATED":
            assert time.monotonic() < began + 10
            await asyncio.sleep(0.05)


@pytest.mark.anyio
@pytest.mark.timeout(60)
async def test_batches_are_refused_and_streams_slowed_down_by_their_items():
    limits = {"enabled": True, "batch_burst": 1_000, "batch_items_per_s": 50.0}

    def memories(count):
        return [new_memory(embedding=[1.0 + index] + [1.0] * 15) for index in range(count)]

    async with remembering(limits=limits) as client:
        began = time.monotonic()
        await client.put_many(memories(990))
        with pytest.raises(QuotaExceeded) as raised:
            await client.put_many(memories(990), timeout_s=1)
        assert raised.value.metadata["quota_id"] == "batch"
        outcomes = [each async for each in client.ingest(memories(150))]
        assert len(outcomes) == 150
        # Of 1,140 items, 1,000 had tokens: the others come at the rate, but for the last batch.
        assert time.monotonic() - began > 1.4
