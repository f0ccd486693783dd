"""A stored memory is found by its own text: in every phase, after sleep, restart and round trip."""

import random
from contextlib import asynccontextmanager

import pytest
from counts import count
from serving import remembering

from mlsdm_grpc.errors import InvalidInput
from tests.core.test_pairs_data import ALL_STOPS, PAIRS, reduced

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

SENTENCES = [pair[side] for pair in PAIRS for side in "ab"]
TIE = 1e-6
MEMORIES = 60


@asynccontextmanager
async def serving(data_dir):
    journal = {"kind": "sqlite", "data_dir": str(data_dir)}
    async with remembering(engine={"text_workers": 1}, journal=journal) as memory:
        yield memory


def written(rng):
    """Return a text: a sentence, its words in another order, or parts of several."""
    text = rng.choice(SENTENCES)
    match rng.randrange(4):
        case 0:
            words = text.split()
            rng.shuffle(words)
            return " ".join(words)
        case 1:
            return "  ".join(rng.sample(SENTENCES, rng.randrange(2, 30)))
        case 2:
            return text + rng.choice([".", "!", "?", " ", "\n", "e\u0301"])
    return text


async def live(memory, rng, space):
    """Put memories of all kinds, with events in between; return the texts that were stored."""
    texts = []
    for _ in range(MEMORIES):
        text, kind = written(rng), rng.randrange(3)
        more = {"metadata": {"n": str(rng.randrange(3))}} if rng.random() < 0.3 else {}
        more["labels"] = rng.sample(["a", "b", "c"], rng.randrange(count(1, 8)))
        try:
            if kind == 0:
                stored = await memory.process_event(text, moral_value=0.95, space=space, **more)
                kept = bool(stored.outcome.memory_id)
            else:
                phase = rng.random() if kind == 1 else None
                stored = await memory.put(text, phase=phase, space=space, **more)
                kept = stored.is_stored
        except InvalidInput:  # no word that the embedder knows
            continue
        if kept:
            texts.append(text)
    return texts


async def unfound(memory, texts, space):
    """Return the texts that do not find a memory of their own among the best."""
    found = await memory.query_many(texts, top_k=MEMORIES, space=space)
    missed = []
    for text, result in zip(texts, found.results, strict=True):
        own = [m for m in result.matches if same(m.memory.text) == same(text)]
        if not own or own[0].resonance < result.matches[0].resonance - TIE:
            missed.append(text)
    return missed


def same(text):
    return reduced(text, ALL_STOPS)


async def asleep_and_awake(memory, texts, space):
    """Look for the texts while the mind wakes and while it sleeps."""
    seen = set()
    for number in range(11):
        event = await memory.process_event(f"Event {number}.", moral_value=0.95, space=space)
        if event.outcome.rhythm_state not in seen:
            seen.add(event.outcome.rhythm_state)
            assert await unfound(memory, texts, space) == []
    assert len(seen) == 2


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_was_put_is_found_by_its_own_text(tmp_path, seed):
    rng = random.Random(seed)
    async with serving(tmp_path / "old") as memory:
        texts = await live(memory, rng, "s")
        assert len(texts) > MEMORIES / 2
        await asleep_and_awake(memory, texts, "s")
        await memory.consolidate(space="s")
        assert await unfound(memory, texts, "s") == []
    async with serving(tmp_path / "old") as memory:
        await asleep_and_awake(memory, texts, "s")
        there = [each async for each in memory.export(include_embedding=True, space="s")]
    async with serving(tmp_path / "new") as memory:
        await memory.put_many(there, space="t")
        await asleep_and_awake(memory, texts, "t")
        without = [each async for each in memory.list(space="t")]
        await memory.put_many(without, space="u")
        await asleep_and_awake(memory, texts, "u")
