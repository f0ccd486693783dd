"""Bulkheads and gates: shares, turns, deadlines, and the release of every permit."""

import asyncio
import random
from collections import Counter, deque

import pytest
from doubles import Clock
from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc.errors import DeadlineExceeded, Unavailable
from mlsdm_grpc.observability.current import QUEUE_WAIT_S
from mlsdm_grpc.protection.lanes import Before, Bulkhead, Gate, Lane, Lanes

pytestmark = pytest.mark.anyio

COST_S = 0.001
FAR_S = 1e9


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def gate(clock):
    return Gate(Lane.BULK, max_queue_s=1.0, clock=clock, waited=lambda _: None)


def fill(gate):
    """Admit as many requests as possible at once; return their number."""
    count = 0
    while gate.try_enter(COST_S):
        count += 1
    return count


async def settle():
    for _ in range(10):
        await asyncio.sleep(0)


def test_a_tenant_holds_as_many_permits_as_are_free_besides():
    bulkhead = Bulkhead("bulk", 12)
    held = Counter()
    for tenant in ("a", "b", "c"):
        while True:
            try:
                bulkhead.enter(tenant)
            except Unavailable as error:
                assert error.reason == "BULKHEAD_FULL"
                assert error.metadata == {"lane": "bulk"}
                assert error.retry_after_s is not None
                break
            held[tenant] += 1
    assert held == {"a": 6, "b": 3, "c": 2}
    assert (bulkhead.in_use, bulkhead.rejected) == (11, 3)
    for tenant, count in held.items():
        for _ in range(count):
            bulkhead.leave(tenant)
    assert bulkhead.in_use == 0
    with bulkhead.inside("a"):
        assert bulkhead.in_use == 1
    assert bulkhead.in_use == 0


def test_one_permit_is_enough_for_one_call():
    bulkhead = Bulkhead("llm", 1)
    with bulkhead.inside("a"), pytest.raises(Unavailable), bulkhead.inside("b"):
        pass
    assert bulkhead.in_use == 0


async def test_a_gate_lets_a_window_of_work_in_and_the_rest_in_turn(gate):
    assert fill(gate) == 5
    order = []

    async def call(name):
        await gate.enter("a", COST_S, FAR_S)
        order.append(name)

    calls = [asyncio.ensure_future(call(i)) for i in range(20)]
    await settle()
    assert (order, gate.waiting) == ([], 20)
    for done in range(1, 21):
        gate.leave(COST_S)
        await settle()
        assert order == list(range(done))
    await asyncio.gather(*calls)
    assert gate.waiting == 0


async def test_turns_are_fair_in_cost_between_tenants(gate):
    inside = fill(gate)
    served = Counter()
    costs = {"many": 0.0005, "large": 0.02, "few": 0.001}

    async def call(tenant):
        await gate.enter(tenant, costs[tenant], FAR_S)
        served[tenant] += costs[tenant]
        await asyncio.sleep(0)
        gate.leave(costs[tenant])

    calls = [asyncio.ensure_future(call("many")) for _ in range(900)]
    calls += [asyncio.ensure_future(call("large")) for _ in range(10)]
    calls += [asyncio.ensure_future(call("few")) for _ in range(60)]
    await settle()
    for _ in range(inside):
        gate.leave(COST_S)
    while served["few"] < 0.055:  # noqa: ASYNC110 - a turn of the loop is the unit here
        await asyncio.sleep(0)
    assert served["many"] == pytest.approx(served["few"], abs=0.01)
    assert served["large"] == pytest.approx(served["few"], abs=0.04)
    await asyncio.gather(*calls)


UNIT_S = 1 / 1_024
"""Costs of a tenant in one turn of a gate with a window of ten units; their sums are exact."""


def dealt(units):
    """Deal turns one by one, as the paper says; ``units`` are the costs of each tenant's requests.

    Shreedhar and Varghese, Efficient fair queueing using deficit round-robin, 1995.
    """
    ring, deficits, order = deque(units), Counter(), []
    while ring:
        tenant = ring[0]
        if deficits[tenant] < units[tenant][0] and len(ring) > 1:
            deficits[tenant] += 1
            ring.rotate(-1)
            continue
        cost = units[tenant].pop(0)
        order.append((tenant, cost))
        deficits[tenant] = max(0, deficits[tenant] - cost)
        if not units[tenant]:
            del deficits[tenant]
            ring.popleft()
    return order


@given(
    st.dictionaries(
        st.sampled_from("abcde"),
        st.lists(st.sampled_from([0.25, 0.5, 1, 1.5, 7, 40, 333.25]), min_size=1, max_size=6),
        min_size=1,
    )
)
async def test_turns_are_those_of_deficit_round_robin(units):
    gate = Gate(
        Lane.BULK, max_queue_s=1e9, clock=Clock(), waited=lambda _: None, window_s=10 * UNIT_S
    )
    assert gate.try_enter(10 * UNIT_S)
    order = []

    async def call(tenant, cost):
        await gate.enter(tenant, cost * UNIT_S, FAR_S)
        order.append((tenant, cost))
        gate.leave(cost * UNIT_S)

    async with asyncio.TaskGroup() as calls:
        for tenant, costs in units.items():
            for cost in costs:
                calls.create_task(call(tenant, cost))
        await settle()
        gate.leave(10 * UNIT_S)
    assert order == dealt(units)


async def test_a_turn_costs_the_same_however_much_is_asked_for(gate):
    """Dealt one by one, these would be four thousand million turns."""
    fill(gate)
    large = [asyncio.ensure_future(gate.enter(tenant, 1e6, 1e12)) for tenant in "ab"]
    await settle()
    for call in large:
        gate.leave(1e6)
        await settle()
        assert call.done()
    assert gate.waiting == 0


async def test_a_quiet_tenant_waits_for_no_queue_of_another(gate):
    inside = fill(gate)
    noisy = [asyncio.ensure_future(gate.enter("noisy", COST_S, FAR_S)) for _ in range(400)]
    await settle()
    quiet = asyncio.ensure_future(gate.enter("quiet", COST_S, FAR_S))
    await settle()
    for _ in range(3):
        gate.leave(COST_S)
        await settle()
    assert quiet.done()
    for call in noisy:
        call.cancel()
    await asyncio.wait(noisy)
    assert (gate.waiting, inside) == (0, 5)


async def test_a_tenant_queues_no_more_than_there_is_room_for_besides(gate):
    fill(gate)
    calls = []
    for tenant in ("a", "b"):
        while True:
            call = asyncio.ensure_future(gate.enter(tenant, 0.01, FAR_S))
            await asyncio.sleep(0)
            if call.done():
                with pytest.raises(Unavailable) as caught:
                    await call
                assert caught.value.reason == "BULKHEAD_FULL"
                break
            calls.append(call)
    assert gate.waiting == len(calls) == pytest.approx(75, abs=2)
    assert gate.rejected == 2
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)


@pytest.mark.parametrize("deadline_s", [FAR_S, 0.4])
async def test_a_check_says_what_entering_would_and_changes_nothing(gate, deadline_s):
    gate.check("a", COST_S, 0.0)  # it would be let in at once
    fill(gate)
    calls, refused = [], None
    while refused is None:
        try:
            gate.check("a", 0.01, deadline_s)
        except (Unavailable, DeadlineExceeded) as error:
            refused = error
        waiting = gate.waiting
        calls.append(asyncio.ensure_future(gate.enter("a", 0.01, deadline_s)))
        await settle()
        assert gate.waiting == waiting + (refused is None)
    with pytest.raises(type(refused)) as caught:
        await calls.pop()
    assert (caught.value.reason, caught.value.metadata) == (refused.reason, refused.metadata)
    assert gate.rejected == 2
    gate.check("b", 0.01, FAR_S)
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)


async def test_a_few_requests_may_wait_whatever_they_cost(gate):
    fill(gate)
    calls = [asyncio.ensure_future(gate.enter("a", 2.0, FAR_S)) for _ in range(16)]
    await settle()
    assert gate.waiting == 16
    with pytest.raises(Unavailable):
        await gate.enter("a", 2.0, FAR_S)
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)


async def test_what_cannot_be_done_in_time_is_refused_at_once_with_deadline_too_short(gate, clock):
    fill(gate)
    waiting = [asyncio.ensure_future(gate.enter("a", 0.1, FAR_S)) for _ in range(3)]
    await settle()
    with pytest.raises(DeadlineExceeded) as caught:
        await gate.enter("a", 0.1, clock() + 0.35)
    assert caught.value.reason == "DEADLINE_TOO_SHORT"
    assert int(caught.value.metadata["needed_ms"]) == pytest.approx(401, abs=1)
    other = asyncio.ensure_future(gate.enter("b", 0.1, clock() + 0.35))
    await settle()
    assert not other.done()  # it waits for its own queue only
    for call in (*waiting, other):
        call.cancel()
    await asyncio.wait([*waiting, other])


async def test_what_has_expired_is_never_let_in_with_deadline_expired(gate, clock):
    fill(gate)
    late = asyncio.ensure_future(gate.enter("a", COST_S, 5.0))
    fine = asyncio.ensure_future(gate.enter("a", COST_S, 50.0))
    await settle()
    clock.now_s = 10.0
    gate.leave(COST_S)
    await settle()
    with pytest.raises(DeadlineExceeded) as caught:
        await late
    assert caught.value.reason == "DEADLINE_EXPIRED"
    assert fine.done()


async def test_a_turn_is_not_given_to_a_caller_that_has_just_gone(gate):
    fill(gate)
    gone = asyncio.ensure_future(gate.enter("a", COST_S, FAR_S))
    waiting = asyncio.ensure_future(gate.enter("a", COST_S, FAR_S))
    await settle()
    gone.cancel()
    gate.leave(COST_S)  # before the task that was cancelled has run
    await settle()
    assert gone.cancelled()
    assert waiting.done()
    assert gate.waiting == 0
    for _ in range(5):
        gate.leave(COST_S)
    assert fill(gate) == 5


@pytest.mark.parametrize("seed", range(20))
async def test_whatever_happens_a_gate_is_empty_at_the_end(gate, clock, seed):
    dice = random.Random(seed)
    inside = []

    async def call():
        cost_s = dice.choice((0.0001, 0.001, 0.02))
        await gate.enter(dice.choice("abc"), cost_s, clock() + dice.choice((0.01, 1.0, FAR_S)))
        inside.append(cost_s)

    calls = []
    for _ in range(2_000):
        clock.now_s += 0.0005
        match dice.randrange(5):
            case 0 | 1:
                calls.append(asyncio.ensure_future(call()))
            case 2:
                if calls:
                    dice.choice(calls).cancel()
            case _:
                if inside:
                    gate.leave(inside.pop())
        if dice.randrange(3):
            await asyncio.sleep(0)
    while not all(each.done() for each in calls) or inside:
        while inside:
            gate.leave(inside.pop())
        await asyncio.sleep(0)
    ends = await asyncio.gather(*calls, return_exceptions=True)
    odd = [e for e in ends if e is not None and not isinstance(e, Unavailable | DeadlineExceeded)]
    assert all(isinstance(end, asyncio.CancelledError) for end in odd)
    assert gate.waiting == 0
    assert fill(gate) == 5


async def test_lanes_tell_their_figures_and_waits(clock):
    waits = []
    lanes = Lanes(
        {Lane.INTERACTIVE: 8, Lane.BULK: 4},
        max_queue_s={Before.MIND: 0.1},
        clock=clock,
        waited=lambda lane, seconds: waits.append((lane, seconds)),
    )
    gate = lanes.gate(Lane.BULK, Before.MIND, 1)
    assert gate is lanes.gate(Lane.BULK, Before.MIND, 1)
    assert gate is not lanes.gate(Lane.INTERACTIVE, Before.MIND, 1)
    fill(gate)
    with lanes.inside(Lane.BULK, "a"):

        async def wait():
            QUEUE_WAIT_S.set(1.0)
            await gate.enter("a", COST_S, FAR_S)
            return QUEUE_WAIT_S.get()

        call = asyncio.ensure_future(wait())
        await settle()
        figures = {status.lane: status for status in lanes}
        assert (figures[Lane.BULK].in_use, figures[Lane.BULK].waiting) == (1, 1)
        assert figures[Lane.INTERACTIVE].in_use == 0
        clock.now_s += 0.25
        gate.leave(COST_S)
        await call
        assert call.result() == 1.25
    assert waits == [(Lane.BULK, 0.25)]
