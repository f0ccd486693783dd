"""A whole server with clocks that the test sets: effects of jumps and wrong starts on spaces."""

import hashlib
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from serving import in_process

from mlsdm_grpc.client import MemoryClient
from mlsdm_grpc.errors import InvalidInput, NotFound, Unauthenticated
from mlsdm_grpc.protection.clock import TimeSources

pytestmark = pytest.mark.anyio

NS = 1_000_000_000
START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
YEARS = timedelta(days=20 * 365)
VECTOR = [1.0] + [0.0] * 15


class Machine:
    """Clocks of a machine."""

    def __init__(self, wall=START):
        self.wall = wall
        self.elapsed = timedelta(seconds=5)
        self.times = TimeSources(
            lambda: round(self.wall.timestamp()) * NS,
            lambda: round(self.elapsed.total_seconds()) * NS,
        )

    def run(self, length):
        self.wall += length
        self.elapsed += length

    def stop(self, length):
        """Let time pass while no server runs; the machine starts anew."""
        self.wall += length
        self.elapsed = timedelta(seconds=5)


class Serving:
    """A server and its client."""

    def __init__(self, machine, server, client):
        self.machine = machine
        self.server = server
        self.client = client

    async def put(self, name, *, space="default", **fields):
        self.machine.run(timedelta(seconds=2))
        await self.client.put("", embedding=VECTOR, memory_id=name, space=space, **fields)

    async def has(self, name):
        try:
            await self.client.get(name)
        except NotFound:
            return False
        return True

    async def update_time(self, space="default"):
        state = (await self.client.state(space=space)).state
        return state.update_time.ToDatetime(UTC)

    async def count(self):
        """Return the memories in the space, including expired ones that are not removed."""
        return (await self.client.state()).state.memory.used

    async def hold(self, length):
        """Advance the clock as on an idle server."""
        end = self.machine.elapsed + length
        while self.machine.elapsed < end:
            self.machine.run(timedelta(seconds=10))
            self.server.engine.clock.now_ns()

    async def metric(self, name):
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{self.server.ops}/metrics") as response,
        ):
            lines = (await response.text()).splitlines()
        return float(next(line for line in lines if line.startswith(name + " ")).split()[-1])


@pytest.fixture
def serving(tmp_path):
    @asynccontextmanager
    async def running(machine, **sections):
        journal = {"kind": "sqlite", "data_dir": str(tmp_path / "data")}
        async with (
            in_process(times=machine.times, journal=journal, **sections) as server,
            MemoryClient(str(server.listen), token="secret") as client,
        ):
            yield Serving(machine, server, client)

    return running


async def test_a_jump_of_twenty_years_and_back_leaves_no_trace(serving, logs):
    machine = Machine()
    async with serving(machine) as node:
        await node.put("expires", expire_time=START + DAY)
        machine.wall += YEARS
        await node.put("during")
        assert abs(await node.update_time() - START) < HOUR
        with pytest.raises(InvalidInput):  # the server knows that this has passed
            await node.put("late", expire_time=START - DAY)
        machine.wall -= YEARS
        await node.put("after")
        assert await node.update_time() == machine.wall
        assert await node.has("expires")
        during = (await node.client.get("during")).memory.create_time.ToDatetime(UTC)
        assert abs(during - START) < HOUR
        assert await node.metric('mlsdm_clock_jumps_total{kind="jumped"}') == 1
        assert await node.metric('mlsdm_clock_jumps_total{kind="returned"}') == 1
    assert len(logs.events("clock_jumped")) == 1
    assert len(logs.events("clock_returned")) == 1


async def test_a_change_that_holds_for_an_hour_is_taken_over(serving, logs):
    machine = Machine()
    async with serving(machine) as node:
        await node.put("expires", expire_time=START + DAY)
        machine.wall += 2 * DAY
        await node.put("first")
        assert await node.has("expires")
        await node.hold(HOUR + timedelta(seconds=20))
        await node.put("second")
        assert abs(await node.update_time() - machine.wall) < timedelta(seconds=2)
        assert not await node.has("expires")
        assert await node.count() == 2
        assert await node.metric('mlsdm_clock_jumps_total{kind="taken_over"}') == 1
    assert len(logs.events("clock_taken_over")) == 1


async def test_a_server_that_starts_in_a_wrong_year_purges_nothing(serving, logs):
    machine = Machine()
    async with serving(machine) as node:
        await node.put("expires", expire_time=START + DAY)
    machine.stop(HOUR)
    machine.wall += YEARS
    async with serving(machine) as node:
        assert len(logs.events("clock_far_from_newest_record")) == 1
        await node.put("doubtful")
        await node.put("new", space="new")
        assert await node.metric("mlsdm_clock_doubtful") == 1
        assert abs(await node.update_time() - START) < HOUR
        assert abs(await node.update_time("new") - START) < HOUR
        # An operator corrects the clock.
        machine.wall -= YEARS
        await node.put("right")
        assert await node.update_time() == machine.wall
        assert await node.has("expires")
        assert await node.metric("mlsdm_clock_doubtful") == 0


async def test_after_a_stop_of_years_what_has_expired_goes_an_hour_later(serving):
    machine = Machine()
    async with serving(machine) as node:
        await node.put("expires", expire_time=START + DAY)
    machine.stop(YEARS)
    async with serving(machine) as node:
        await node.put("early")
        assert not await node.has("expires")  # left out by what the clock says, and kept
        assert await node.count() == 2
        await node.hold(HOUR)
        await node.put("late")
        assert await node.update_time() == machine.wall
        assert await node.count() == 2


async def test_a_default_life_counts_from_the_clock_however_doubtful(serving):
    machine = Machine()
    async with serving(machine) as node:
        await node.client.create_space("brief", dimension=16, default_ttl=DAY)
        await node.put("first", space="brief")
    machine.stop(YEARS)
    async with serving(machine) as node:
        await node.put("second", space="brief")
        await node.hold(HOUR)
        await node.put("third", space="brief")
        for name in ("second", "third"):
            assert (await node.client.get(name, space="brief")).memory.memory_id == name


async def test_three_weeks_of_rest_are_no_reason_for_doubt(serving, logs):
    machine = Machine()
    async with serving(machine) as node:
        await node.put("expires", expire_time=START + DAY)
    machine.stop(21 * DAY)
    async with serving(machine) as node:
        await node.put("next", expire_time=machine.wall + HOUR)
        assert await node.update_time() == machine.wall
        assert await node.count() == 1
    assert logs.events("clock_far_from_newest_record") == []


async def test_a_space_that_was_stamped_wrong_keeps_its_time_and_no_other_gets_it(serving, logs):
    machine = Machine(START + YEARS)  # nothing is there to doubt it by
    async with serving(machine) as node:
        await node.put("poisoned")
    machine.stop(HOUR)
    machine.wall -= YEARS
    async with serving(machine) as node:
        assert len(logs.events("clock_far_from_newest_record")) == 1
        await node.put("more")
        await node.put("new", space="new")
        assert await node.update_time() > START + YEARS
        assert await node.update_time("new") == machine.wall
        with pytest.raises(InvalidInput):
            await node.put("soon", expire_time=machine.wall + DAY)
        assert await node.has("poisoned")
        assert await node.has("more")
        exported = [memory async for memory in node.client.export(include_embedding=True)]
        for memory in exported:
            memory.etag = ""
        outcomes = [each async for each in node.client.ingest(exported, space="mended")]
        assert [each.HasField("status") for each in outcomes] == [False, False]
        assert await node.update_time("mended") == machine.wall


async def test_a_jump_neither_ends_nor_revives_a_token(serving, tmp_path):
    tokens = tmp_path / "tokens.toml"
    ends = START + DAY
    tokens.write_text(
        '[[token]]\nname = "job"\ntenant = "acme"\nsha256 = "{}"\nexpires = {}\n'.format(
            hashlib.sha256(b"secret").hexdigest(), ends.isoformat()
        )
    )
    machine = Machine()
    security = {"mode": "token", "tokens_file": str(tokens)}
    async with serving(machine, security=security) as node:
        await node.client.server_info()
        machine.wall += YEARS
        await node.hold(timedelta(seconds=60))
        await node.client.server_info()
        machine.wall -= YEARS
        await node.hold(DAY)
        with pytest.raises(Unauthenticated):
            await node.client.server_info()
        machine.wall -= 2 * DAY
        await node.hold(timedelta(seconds=60))
        with pytest.raises(Unauthenticated):
            await node.client.server_info()
