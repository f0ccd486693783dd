"""The labelled pairs through a server: events and sleep, puts and Consolidate, both embedders."""

import json
from collections import Counter
from contextlib import aclosing, asynccontextmanager

import anyio
import numpy as np
import pytest
from serving import in_process
from upstream import Upstream, http

from mlsdm_grpc._gen.mlsdm.v1.event_pb2 import RHYTHM_STATE_WAKE
from mlsdm_grpc.client import MemoryClient
from tests.core.test_pairs import OPTIONAL
from tests.core.test_pairs_data import ALL_STOPS, PAIRS, reduced

pytestmark = [pytest.mark.anyio, pytest.mark.load, pytest.mark.timeout(240)]

TEXTS = list(dict.fromkeys(pair[side] for pair in PAIRS for side in "ab"))
RIGHT = 0.95
"""Share of the equal pairs that have to become one."""
DIMENSION = 64
OFTEN = {"consolidation_interval_s": 0.0}


def shown(text):
    """Return the canonical key of a text, equal for duplicates."""
    return reduced(text, ALL_STOPS)


async def counts_letters(request, writer):
    """Embed a text by how often it has which letters: all permutations have one vector."""
    data = []
    for i, text in enumerate(request.body["input"]):
        row = np.bincount([ord(letter) % DIMENSION for letter in text], minlength=DIMENSION)
        data.append({"index": i, "embedding": row.tolist()})
    writer.write(http(200, json.dumps({"data": data}).encode()))
    await writer.drain()


@asynccontextmanager
async def words():
    async with in_process(engine={"text_workers": 1, **OFTEN}) as server:
        yield MemoryClient(str(server.listen))


@asynccontextmanager
async def letters():
    pytest.importorskip("openai", reason="the extra openai is not installed")
    async with Upstream(counts_letters).serving() as upstream:
        embedder = {
            "base_url": f"http://127.0.0.1:{upstream.port}/v1",
            "model": "letters",
            "dimension": DIMENSION,
            "key_required": False,
        }
        space = {"embedder": "openai"}
        async with in_process(engine=OFTEN, space=space, embedder=embedder) as server:
            yield MemoryClient(str(server.listen))


async def put_and_consolidate(memory):
    """Put all texts and consolidate once; return those that were stored."""
    answers = {text: await memory.put(text) for text in TEXTS}
    await memory.consolidate(timeout_s=60)
    return [text for text, answer in answers.items() if answer.is_stored]


async def live_and_sleep(memory):
    """Let the mind process all texts, until it has slept over the last; return the accepted."""
    events = {text: await memory.process_event(text, moral_value=0.95) for text in TEXTS}
    await anyio.sleep(1)  # what is consolidated by now is done
    awake = was_awake = False
    while awake or not was_awake:  # until it falls asleep
        was_awake = awake
        event = await memory.process_event("It rains.", moral_value=0.95)
        awake = event.outcome.rhythm_state == RHYTHM_STATE_WAKE
    revision = event.outcome.revision + 1  # of what is consolidated in that sleep
    with anyio.fail_after(60):
        async with aclosing(memory.watch_state(min_revision=revision)) as states:
            await anext(states)
    return [text for text, event in events.items() if event.outcome.accepted]


@pytest.mark.parametrize("way", [put_and_consolidate, live_and_sleep])
@pytest.mark.parametrize("embedder", [words, letters])
async def test_the_pairs_through_a_server(embedder, way):
    async with embedder() as client, client as memory:
        stored = {*(await way(memory))}
        left = Counter([shown(each.text) async for each in memory.list()])
    assert len(stored) >= 0.9 * len(TEXTS)  # policy refuses few
    lost = [text for text in stored if shown(text) not in left]
    assert lost == []
    same = [
        pair
        for pair in PAIRS
        if pair["same"] and pair["kind"] not in OPTIONAL and {pair["a"], pair["b"]} <= stored
    ]
    right = sum(left[shown(pair["a"])] == 1 for pair in same)
    assert right >= RIGHT * len(same)
