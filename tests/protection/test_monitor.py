"""The monitor turns readings into signals, modes, metrics, and requests for memory."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager

import anyio
import pytest

from mlsdm_grpc.config import PressureSettings
from mlsdm_grpc.journal.protocol import JournalHealth
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.protection.mode_machine import Mode
from mlsdm_grpc.protection.monitor import Monitor
from mlsdm_grpc.protection.sensors import Reading

pytestmark = pytest.mark.anyio

WELL = JournalHealth(True)
ILL = JournalHealth(False, "JOURNAL_UNAVAILABLE")


class Machine:
    """A machine whose figures the test decides; stands for the files of the kernel."""

    def __init__(self):
        self.reading = Reading({1: 10, 2: 20}, 30, 100, 1_000)
        self.age_s = 0.0
        self.health = WELL
        self.shed = 0
        self.hold = threading.Event()
        self.hold.set()
        self.pids = None

    def read(self, pids):
        self.hold.wait(30)
        self.pids = list(pids)
        return self.reading

    def make_room(self):
        self.shed += 1


@pytest.fixture
def machine():
    return Machine()


@pytest.fixture
async def watched(machine):
    async with watching(machine) as monitor:
        yield monitor


@asynccontextmanager
async def watching(machine, **settings):
    chosen = {"interval_s": 0.01, "disk_reserve_bytes": 500, "max_loop_lag_s": 60.0, **settings}
    metrics = Metrics()
    monitor = Monitor(
        PressureSettings(**chosen),
        sensors=machine,
        pids=lambda: [7, 8],
        oldest_s=lambda: machine.age_s,
        journal=lambda: machine.health,
        shed=machine.make_room,
        metrics=metrics,
    )
    monitor.registry = metrics.registry
    monitor.ticks = asyncio.Queue()
    monitor.tick = monitor.ticks.get

    def on_tick():
        if monitor.ticks.empty():
            monitor.ticks.put_nowait(None)

    await monitor.look()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(monitor.run, on_tick)
        yield monitor
        machine.hold.set()
        tasks.cancel_scope.cancel()


async def until(monitor, wanted):
    with anyio.fail_after(20):
        while not wanted():
            await monitor.tick()


async def test_what_is_measured_becomes_signals(machine, watched):
    signals = {each.name: each.ratio for each in watched.machine.signals}
    assert signals.pop("loop_lag") < 1
    assert signals == {"memory": 0.3, "disk": 0.5, "queue_age": 0.0, "journal": 0.0}
    assert machine.pids[1:] == [7, 8]
    value = watched.registry.get_sample_value
    assert value("mlsdm_pressure_signal_ratio", {"kind": "memory"}) == 0.3
    assert value("mlsdm_node_mode", {"kind": "normal"}) == 1
    assert value("mlsdm_node_mode", {"kind": "emergency"}) == 0


async def test_what_is_not_limited_is_no_signal(machine, watched):
    machine.reading = Reading({1: 10**12}, 10**12, 0, None)
    await until(watched, lambda: len(watched.machine.signals) == 3)
    assert {each.name for each in watched.machine.signals} == {"loop_lag", "queue_age", "journal"}


@pytest.mark.parametrize(
    ("cause", "change", "ready", "journal_serving"),
    [
        ("memory", {"reading": Reading({1: 10}, 100, 100, 1_000)}, False, True),
        ("disk", {"reading": Reading({1: 1}, 1, 100, 0)}, True, False),
        ("queue_age", {"age_s": 10.0}, True, True),
        ("journal", {"health": ILL}, True, False),
    ],
)
async def test_each_cause_and_what_it_says_of_the_node(
    machine, watched, cause, change, ready, journal_serving
):
    for name, value in change.items():
        setattr(machine, name, value)
    await until(watched, lambda: watched.machine.mode is Mode.EMERGENCY)
    assert watched.machine.causes == (cause,)
    assert (watched.ready, watched.journal_serving) == (ready, journal_serving)
    value = watched.registry.get_sample_value
    assert value("mlsdm_node_mode", {"kind": "emergency"}) == 1
    assert value("mlsdm_node_mode", {"kind": "normal"}) == 0
    assert value("mlsdm_node_transitions_total", {"kind": "emergency"}) == 1


async def test_a_forced_mode_says_nothing_of_the_node(machine, watched):
    machine.reading = Reading({1: 10}, 100, 100, 1_000)
    await until(watched, lambda: not watched.ready)
    watched.machine.force(Mode.NORMAL, 1e9)
    assert watched.ready
    machine.health = ILL
    assert not watched.journal_serving
    watched.machine.force(Mode.EMERGENCY, 1e9)
    assert watched.ready


@pytest.mark.parametrize(("used", "asked"), [(50, False), (95, True), (200, True)])
async def test_idle_spaces_are_asked_to_leave_while_memory_is_short(machine, watched, used, asked):
    machine.reading = Reading({1: 10}, used, 100, 1_000)
    await until(watched, lambda: watched.machine.signals[3].ratio == used / 100)
    assert bool(machine.shed) == asked


async def test_memory_is_looked_at_between_two_looks_when_much_of_it_is_used(machine):
    async with watching(machine, interval_s=1.0) as monitor:
        machine.reading = Reading({1: 10}, 85, 100, 1_000)
        await until(monitor, lambda: monitor.reading.used_bytes == 85)
        machine.reading = Reading({1: 10}, 100, 100, 1_000)
        while not monitor.ticks.empty():
            monitor.ticks.get_nowait()
        with anyio.fail_after(20):
            while monitor.machine.mode is not Mode.EMERGENCY:  # noqa: ASYNC110 - none tells
                await anyio.sleep(0.01)
        assert monitor.ticks.empty()  # the next look is still to come


async def test_the_log_tells_the_memory_and_its_limit(machine, watched, logs):
    machine.reading = Reading({1: 10}, 120, 100, 1_000)
    await until(watched, lambda: watched.machine.mode is Mode.EMERGENCY)
    (event,) = logs.events("node_mode_changed")
    assert (event["memory_bytes"], event["memory_limit_bytes"]) == (120, 100)


async def test_a_forced_shedding_makes_room_too(machine, watched):
    watched.machine.force(Mode.SHEDDING, 1e9)
    await until(watched, lambda: machine.shed)


async def test_a_disk_that_hangs_does_not_stop_the_monitor(machine, watched):
    machine.hold.clear()
    machine.health = ILL
    await until(watched, lambda: watched.machine.mode is Mode.EMERGENCY)
    assert watched.machine.causes == ("journal",)


async def test_a_loop_that_was_blocked():
    machine = Machine()
    async with watching(machine, max_loop_lag_s=0.2) as monitor:
        await monitor.tick()
        threading.Event().wait(2)  # blocks the loop
        await until(monitor, lambda: monitor.machine.mode is Mode.EMERGENCY)
        assert monitor.machine.causes == ("loop_lag",)
        assert not monitor.ready
