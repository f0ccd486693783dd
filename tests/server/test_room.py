"""Memory for messages: admission, waiting, and complete release."""

from __future__ import annotations

import asyncio
import contextlib
import random

import pytest

from mlsdm_grpc.errors import Unavailable
from mlsdm_grpc.protection import byte_gate
from mlsdm_grpc.protection.byte_gate import SMALL_BYTES, ByteGate
from mlsdm_grpc.server.memory_plan import MemoryPlan
from mlsdm_grpc.server.room import Holding, Room

pytestmark = pytest.mark.anyio

UNIT = SMALL_BYTES


def plan(receiving, converting=100 * UNIT, answering=100 * UNIT):
    return MemoryPlan(0, 0, receiving, converting, 100 * UNIT, answering, 0, 0, 0)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(byte_gate, "LONGEST_WAIT_S", 0.05)


async def settled():
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_tenant_alone_takes_half_and_leaves_room_for_others():
    gate = ByteGate("test", 8 * UNIT)
    taken = 0
    while gate.try_take("greedy", UNIT):
        taken += 1
    assert taken == 4
    assert gate.try_take("modest", UNIT)
    assert gate.free == 3 * UNIT


def test_one_that_holds_nothing_may_take_whatever_is_free():
    gate = ByteGate("test", 8 * UNIT)
    assert gate.try_take("a", 8 * UNIT)
    assert not gate.try_take("b", 1)


async def test_whoever_waits_is_let_in_in_turn_between_tenants():
    gate, order = ByteGate("test", 16 * UNIT), []
    await gate.take("first", 16 * UNIT)

    async def enter(tenant):
        await gate.take(tenant, UNIT)
        order.append(tenant)

    waiting = [asyncio.create_task(enter(tenant)) for tenant in ("a", "a", "a", "b", "c")]
    await settled()
    assert (order, gate.waiting) == ([], 5)
    gate.change("first", -16 * UNIT)
    await asyncio.gather(*waiting)
    assert order == ["a", "b", "c", "a", "a"]
    assert gate.waiting == 0


@pytest.mark.usefixtures("impatient")
async def test_a_wait_that_is_too_long_is_refused_with_a_time_with_bulkhead_full():
    gate = ByteGate("receiving", UNIT)
    await gate.take("a", UNIT)
    with pytest.raises(Unavailable) as caught:
        await gate.take("b", 1)
    assert (caught.value.reason, caught.value.metadata) == ("BULKHEAD_FULL", {"lane": "receiving"})
    assert caught.value.retry_after_s > 0
    gate.change("a", -UNIT)
    assert gate.try_take("b", UNIT)


async def test_no_more_wait_than_may():
    gate = ByteGate("test", 2 * UNIT)
    await gate.take("a", 2 * UNIT)
    waiting = [asyncio.create_task(gate.take("a", 1)) for _ in range(2)]
    await settled()
    with pytest.raises(Unavailable):
        await gate.take("b", 1)
    for each in waiting:
        each.cancel()
    await asyncio.wait(waiting)
    assert (gate.waiting, gate.free) == (0, 0)


async def test_a_turn_that_comes_with_a_cancellation_is_given_back():
    gate = ByteGate("test", UNIT)
    await gate.take("a", UNIT)
    late = asyncio.create_task(gate.take("b", UNIT))
    await settled()
    gate.change("a", -UNIT)  # lets b in, which has not run since
    late.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await late
    assert gate.free == UNIT
    assert gate.try_take("c", UNIT)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("seed", range(20))
async def test_whatever_happens_all_room_comes_back(seed):
    rng = random.Random(seed)
    room = Room(plan(20 * UNIT, 30 * UNIT, 6 * UNIT), largest=4 * UNIT)
    gates = (room.receiving, room.converting, room.answering)

    async def call():
        holding, done = Holding(room, rng.choice("abc")), None
        try:
            await holding.expect()
            await asyncio.sleep(rng.choice((0, 0, 0.01)))
            size = rng.choice((10, SMALL_BYTES, 2 * UNIT, 4 * UNIT))
            holding.arrived(size)
            if size > SMALL_BYTES:
                await holding.convert(size)
            await asyncio.sleep(rng.choice((0, 0.01, 0.03)))
            done = await holding.answer(rng.choice((2, 9)) * UNIT, patient=rng.random() < 0.2)
        except Unavailable:
            return False
        finally:
            holding.release()
            if done:
                asyncio.get_running_loop().call_later(0.01, done, None)
        return True

    calls = []
    for _ in range(150):
        calls.append(asyncio.create_task(call()))
        if rng.random() < 0.2:
            rng.choice(calls).cancel()
        if rng.random() < 0.3:
            await asyncio.sleep(rng.choice((0, 0.002)))
        assert all(gate.free >= -gate.total for gate in gates)
    results = await asyncio.gather(*calls, return_exceptions=True)
    await asyncio.sleep(0.05)
    assert True in results
    assert [(gate.free, gate.waiting) for gate in gates] == [(gate.total, 0) for gate in gates]
    assert not any(gate.holders for gate in gates)


async def test_a_message_keeps_room_for_its_size_and_a_large_one_for_its_conversion():
    room = Room(plan(100 * UNIT), largest=10 * UNIT)
    holding = Holding(room, "a")
    await holding.expect()
    assert room.receiving.free < 90 * UNIT
    holding.arrived(100)
    assert room.receiving.free > 99 * UNIT
    assert room.converting.free == room.converting.total
    holding.release()
    assert holding.try_expect()
    holding.arrived(2 * UNIT)
    await holding.convert(2 * UNIT)
    assert room.converting.free == room.converting.total - 16 * UNIT
    holding.release()
    assert room.receiving.free == room.receiving.total
    assert room.converting.free == room.converting.total


async def test_a_message_larger_than_all_room_is_taken_alone():
    room = Room(plan(UNIT, UNIT, UNIT), largest=100 * UNIT)
    holding = Holding(room, "a")
    await holding.expect()
    holding.arrived(100 * UNIT)
    await holding.convert(100 * UNIT)
    done = await holding.answer(100 * UNIT, patient=False)
    done(None)
    holding.release()
    assert room.receiving.free == UNIT


def test_no_owner_takes_what_is_spared_for_others():
    gate = ByteGate("test", 5 * UNIT, spare=2 * UNIT, owner=lambda holder: holder[0])
    assert gate.try_take(("a", True), 2 * UNIT)
    assert not gate.try_take(("a", False), 2 * UNIT)
    assert gate.try_take(("b", False), 2 * UNIT)
    assert gate.free == UNIT


@pytest.mark.usefixtures("impatient")
async def test_one_that_is_patient_waits_as_long_as_it_takes():
    gate = ByteGate("test", UNIT)
    await gate.take("a", UNIT)
    patient = [asyncio.create_task(gate.take("b", 1, patient=True)) for _ in range(3)]
    await asyncio.sleep(0.2)
    assert gate.waiting == 3
    gate.change("a", -UNIT)
    await asyncio.gather(*patient)
    assert (gate.free, gate.waiting) == (UNIT - 3, 0)
