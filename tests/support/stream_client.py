"""One stream to an engine, spoken by hand."""

import asyncio
from contextlib import aclosing, asynccontextmanager

from drive import KEY, vector

from mlsdm_grpc.core.model.new_memory import NewMemory
from mlsdm_grpc.engine.memory_reads import PageOf
from mlsdm_grpc.engine.stream_buffer import ItemBatch
from mlsdm_grpc.engine.stream_events import OpenedStream, Opening
from mlsdm_grpc.errors import MlsdmError
from mlsdm_grpc.moderation.candidates import Candidate


def memory(number, **fields):
    return NewMemory(f"m{number}", vector(number), True, **fields)


def _candidate(item):
    return Candidate(item) if isinstance(item, NewMemory) else item


class Client:
    """One stream, spoken by hand."""

    def __init__(self, driver, **opening):
        self.ending = asyncio.get_running_loop().create_future()
        self._sent = asyncio.Queue()
        self.read_count = 0
        self.closed = False
        opening = {
            "key": KEY,
            "stream_id": "s",
            "path": "memory",
            "admit": lambda: None,
            **opening,
        }
        given = Opening(principal="tester", deadline_s=float("inf"), ending=self.ending, **opening)
        self.events = driver.engine.streams.run(given, self._batches())

    async def _batches(self):
        try:
            while (batch := await self._sent.get()) is not None:
                self.read_count += 1
                if isinstance(batch, MlsdmError):
                    raise batch
                yield batch
        finally:
            self.closed = True

    def send(self, first, *drafts):
        self._sent.put_nowait(ItemBatch(first, [_candidate(each) for each in drafts]))

    def numbers(self, first, count):
        self.send(first, *(memory(number) for number in range(first, first + count)))

    def fault(self, error):
        self._sent.put_nowait(error)

    def half_close(self):
        self._sent.put_nowait(None)

    async def next(self):
        return await anext(self.events)

    async def rest(self):
        return [event async for event in self.events]


@asynccontextmanager
async def opened(driver, **opening):
    client = Client(driver, **opening)
    async with aclosing(client.events):
        first = await client.next()
        assert isinstance(first, OpenedStream)
        client.opened = first
        yield client


def told(events):
    """Results in some events by sequence: the outcome, or the reason of a refusal."""
    found = {}
    for event in events:
        for each in event.results:
            assert each.sequence not in found
            found[each.sequence] = (
                each.outcome.reason
                if isinstance(each.outcome, MlsdmError)
                else each.outcome.items[0].result.name
            )
    return found


async def ids(driver, key=KEY):
    found, more, _ = await driver.engine.reads.page(
        key, PageOf(0, 1_000), min_revision=0, deadline_s=float("inf")
    )
    assert not more
    return [each.memory.memory_id for each in found]
