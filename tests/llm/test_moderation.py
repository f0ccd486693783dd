"""What answers of a moderation endpoint come to; the endpoint itself is in tests/e2e."""

import asyncio
import json
import math

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc.config import GovernanceSettings
from mlsdm_grpc.errors import InvalidInput
from mlsdm_grpc.llm.moderation import ModerationScorer, moderation_scorer, moral_value_of


def answer(scores, *, flagged=False):
    return {"results": [{"flagged": flagged, "category_scores": scores}]}


@given(st.dictionaries(st.text(max_size=5), st.floats(0, 1), min_size=1), st.booleans())
def test_the_worst_category_counts(scores, flagged):
    value = moral_value_of(answer(scores, flagged=flagged))
    assert 0.0 <= value <= 1.0 - max(scores.values())
    assert not flagged or value <= 0.25


@pytest.mark.parametrize(
    "faulty",
    [
        None,
        [],
        {},
        {"results": []},
        {"results": [{}, {}]},
        {"results": [{"flagged": False}]},
        {"results": [{"flagged": "no", "category_scores": {"a": 0.1}}]},
        answer({}),
        answer([0.1]),
        answer({"a": "high"}),
        answer({"a": True}),
        answer({"a": 1.5}),
        answer({"a": -0.1}),
        answer({"a": math.nan}),
        answer({"a": None}),
    ],
    ids=json.dumps,
)
def test_what_is_no_answer_is_a_failure(faulty):
    with pytest.raises(ValueError, match=r"\w"):
        moral_value_of(faulty)


@pytest.mark.anyio
async def test_a_key_that_cannot_be_read_is_named(tmp_path):
    settings = GovernanceSettings(moderation_key_file=tmp_path / "missing")
    with pytest.raises(InvalidInput) as caught:
        async with moderation_scorer(settings):
            pass
    assert caught.value.violations[0].field == "governance.moderation_key_file"


@pytest.mark.anyio
async def test_deeply_nested_answers_are_failures():
    async def nested(_request):
        return web.Response(body=b"[" * 100_000, content_type="application/json")

    app = web.Application()
    app.router.add_post("/", nested)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    try:
        async with aiohttp.ClientSession() as session:
            scorer = ModerationScorer(
                session, url=f"http://{host}:{port}/", model="", key="", timeout_s=10
            )
            deadline_s = asyncio.get_running_loop().time() + 10
            assert await scorer.score("hello", deadline_s) is None
    finally:
        await runner.cleanup()
