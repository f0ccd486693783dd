"""Guard models behind chat completions: forms of their answers, cache, and the stand-in."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from upstream import moderation_endpoint

from mlsdm_grpc.config import LlmSettings, ModerationProtocol, ModerationSettings
from mlsdm_grpc.governance.policy.verdict import Measurement
from mlsdm_grpc.llm.guard_models import guard_value_of, yes_no_value_of
from mlsdm_grpc.llm.moderation import moderation_scorer
from mlsdm_grpc.llm.score_cache import ScoreCache
from mlsdm_grpc.moderation.scorer import final_value
from mlsdm_grpc.observability.metrics import Metrics


def completion(content):
    """A response of an OpenAI-compatible server, as llama.cpp and vLLM send it."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 200, "completion_tokens": 3, "total_tokens": 203},
    }


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ("safe", 0.8),
        ("\n\nsafe", 0.8),
        ("unsafe\nS1", 0.25),
        ("\n\nunsafe\nS10,S11", 0.25),
        (" Unsafe\no3", 0.25),
        ("Safety: Safe\nCategories: None", 0.8),
        ("Safety: Unsafe\nCategories: Violent", 0.25),
        ("Safety: Controversial\nCategories: Politically Sensitive Topics", 0.5),
        ([{"type": "text", "text": "unsafe\nS3"}], 0.25),
    ],
    ids=repr,
)
def test_verdicts_of_guard_models(content, value):
    assert guard_value_of(completion(content)) == value


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ("yes", 0.25),
        ("Yes, because it violates the policy.", 0.25),
        ("No", 0.8),
        ("No. It asks for a recipe; yes, an odd one.", 0.8),
        ("<score> yes </score>", 0.25),
        ("<think></think>\n<score>no</score>", 0.8),
    ],
)
def test_verdicts_of_models_that_answer_a_question(content, value):
    assert yes_no_value_of(completion(content)) == value


@pytest.mark.parametrize("read", [guard_value_of, yes_no_value_of])
@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        {"choices": []},
        {"choices": [{}]},
        {"choices": [{"message": {"content": None}}]},
        completion(""),
        completion("I cannot help with that."),
        completion("unsafely nothing"),
        completion([{"type": "image"}]),
        completion(7),
    ],
    ids=json.dumps,
)
def test_an_answer_without_a_verdict_is_a_failure(read, answer):
    with pytest.raises(ValueError, match="no "):
        read(answer)


@asynccontextmanager
async def guarded(tmp_path, answer, **more):
    """Run a guard model; yield its scorer and the bodies of its requests."""
    bodies = []

    async def complete(request):
        bodies.append(await request.json())
        return await answer(bodies[-1])

    key = tmp_path / "key"
    key.write_text("a-key\n")
    async with moderation_endpoint(complete) as url:
        settings = ModerationSettings(base_url=url, key_file=key, model="guard", **more)
        async with moderation_scorer(settings, LlmSettings(), metrics=Metrics()) as scorer:
            yield scorer, bodies


async def judge(body):
    await asyncio.sleep(0)
    hostile = "kill" in body["messages"][-1]["content"]
    return web.json_response(completion("unsafe\nS1" if hostile else "safe"))


def soon(seconds=5.0):
    return asyncio.get_running_loop().time() + seconds


@pytest.mark.anyio
async def test_a_guard_model_is_asked_with_the_text_alone(tmp_path):
    async with guarded(tmp_path, judge, protocol="guard") as (scorer, bodies):
        assert await scorer.score("I will kill him.", "a", soon()) == 0.25
        assert await scorer.score("Hello.", "a", soon()) == 0.8
    assert [body["messages"] for body in bodies] == [
        [{"role": "user", "content": "I will kill him."}],
        [{"role": "user", "content": "Hello."}],
    ]
    assert all(body["model"] == "guard" and body["temperature"] == 0 for body in bodies)


@pytest.mark.anyio
async def test_a_question_precedes_the_text(tmp_path):
    async def answer(body):
        await asyncio.sleep(0)
        assert body["messages"][0] == {"role": "system", "content": "Harmful?"}
        return web.json_response(completion("Yes."))

    more = {"protocol": ModerationProtocol.YES_NO, "question": "Harmful?"}
    async with guarded(tmp_path, answer, **more) as (scorer, bodies):
        assert await scorer.score("text", "a", soon()) == 0.25
    assert len(bodies) == 1


@pytest.mark.anyio
async def test_a_value_is_cached_for_its_tenant_and_failures_are_not(tmp_path):
    states = iter([500, 200, 200, 200])

    async def answer(_body):
        await asyncio.sleep(0)
        return web.json_response(completion("safe"), status=next(states))

    async with guarded(tmp_path, answer, protocol="guard") as (scorer, bodies):
        assert await scorer.score("text", "a", soon()) is None
        assert [await scorer.score("text", "a", soon()) for _ in range(3)] == [0.8] * 3
        assert len(bodies) == 2
        assert await scorer.score("text", "b", soon()) == 0.8
        assert len(bodies) == 3


@pytest.mark.anyio
async def test_a_slow_model_costs_its_time_budget(tmp_path):
    async def answer(_body):
        await asyncio.sleep(30)

    async with guarded(tmp_path, answer, protocol="guard", timeout_s=0.2) as (scorer, _):
        async with asyncio.timeout(5):
            assert await scorer.score("text", "a", soon(60)) is None


def test_a_cache_forgets_by_age_and_by_last_use():
    now = [0.0]
    cache = ScoreCache(max_entries=2, ttl_s=10, clock=lambda: now[0])
    cache.put("a", "one", 0.1)
    cache.put("a", "two", 0.2)
    assert cache.get("a", "one") == 0.1
    cache.put("a", "three", 0.3)
    assert (cache.get("a", "two"), cache.get("a", "one")) == (None, 0.1)
    now[0] = 10.0
    assert cache.get("a", "one") is None
    off = ScoreCache(max_entries=0, ttl_s=10, clock=lambda: 0.0)
    off.put("a", "one", 0.1)
    assert off.get("a", "one") is None


@pytest.mark.parametrize(("stands_in", "value"), [(True, 0.7), (False, None)])
def test_detectors_stand_in_for_an_endpoint_that_fails(stands_in, value):
    class Failing:
        has_stand_in = stands_in

        async def score(self, _text, _tenant, _deadline_s):
            await asyncio.sleep(0)

    measured = Measurement(scores={}, moral_value=0.7, injection_score=0.0, findings=())
    assert final_value(Failing(), measured, None) == value
    assert final_value(Failing(), measured, 0.3) == 0.3
