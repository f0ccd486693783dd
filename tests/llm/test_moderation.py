"""Scores from the answers of a moderation endpoint; tests/e2e tests the endpoint."""

import asyncio
import json
import math
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from upstream import moderation_endpoint

from mlsdm_grpc.config import LlmSettings, ModerationSettings
from mlsdm_grpc.errors import InvalidInput
from mlsdm_grpc.llm.guard_models import moral_value_of
from mlsdm_grpc.llm.moderation import moderation_scorer
from mlsdm_grpc.observability.current import REQUEST_ID
from mlsdm_grpc.observability.metrics import Metrics


@pytest.mark.parametrize(
    ("found", "value"),
    [
        ({"flagged": False, "category_scores": {"a": "0.25", "b": 0}}, 0.75),
        ({"flagged": False, "category_scores": {"a": 0.25, "b": None}}, 0.75),
        ({"flagged": None, "category_scores": {"a": 0.25}}, 0.75),
        ({"category_scores": {"a": 0.25}, "categories": {"a": False, "b": None}}, 0.75),
        ({"category_scores": {"a": 0.25}, "categories": {"a": True}}, 0.25),
        ({"flagged": True, "category_scores": {"a": 0.25}}, 0.25),
        ({"flagged": False, "category_scores": {"a": 1.0000001}}, 0.0),
    ],
    ids=json.dumps,
)
def test_scores_come_in_several_forms(found, value):
    # Mistral's endpoint has no field "flagged"; OpenAI's older models score some categories null.
    assert moral_value_of({"results": [found], "error": None}) == pytest.approx(value, abs=1e-6)


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
        answer({"a": "NaN"}),
        answer({"a": [0.1]}),
        {"results": [{"flagged": 1, "category_scores": {"a": 0.1}}]},
        {"results": [{"category_scores": {"a": 0.1}, "categories": [True]}]},
    ],
    ids=json.dumps,
)
def test_what_is_no_answer_is_a_failure(faulty):
    with pytest.raises(ValueError, match=r"\w"):
        moral_value_of(faulty)


@pytest.mark.anyio
async def test_a_key_that_cannot_be_read_is_named(tmp_path):
    for file in (tmp_path / "missing", None):
        settings = ModerationSettings(key_file=file)
        with pytest.raises(InvalidInput) as caught:
            async with moderation_scorer(settings, LlmSettings(), metrics=Metrics()):
                pass
        (violation,) = caught.value.violations
        assert violation.field == "governance.moderation.key_file"
        assert str(file or "is required") in violation.description


@pytest.mark.parametrize(
    "settings",
    [
        {"base_url": "http://models.example/v1/moderations"},
        {"base_url": "https://models.example", "allowed_hosts": ("other.example",)},
        {"base_url": "ftp://models.example"},
    ],
)
def test_a_key_goes_to_no_other_host_and_never_in_the_clear(settings):
    with pytest.raises(ValidationError):
        ModerationSettings(**settings)


@asynccontextmanager
async def scoring(answer, tmp_path, **more):
    """Run an endpoint; yield its scorer, its key file, and the received requests."""
    seen = []

    async def moderate(request):
        seen.append(request.headers["authorization"])
        return await answer()

    key = tmp_path / "key"
    key.write_text("first\n")
    metrics = Metrics()
    async with moderation_endpoint(moderate) as url:
        settings = ModerationSettings(base_url=url, key_file=key, **more)
        async with moderation_scorer(settings, LlmSettings(), metrics=metrics) as scorer:
            yield scorer, key, seen, metrics


def soon(seconds=5.0):
    return asyncio.get_running_loop().time() + seconds


@pytest.mark.anyio
async def test_a_key_is_read_again_when_its_file_changes(tmp_path):
    async def fine():
        return web.json_response(answer({"a": 0.1}))

    async with scoring(fine, tmp_path) as (scorer, key, seen, _):
        assert await scorer.score("a text", "dev", soon()) == pytest.approx(0.9)
        key.write_text("the second one\n".replace(" ", "-"))
        assert await scorer.score("another text", "dev", soon()) == pytest.approx(0.9)
        assert seen == ["Bearer first", "Bearer the-second-one"]


@pytest.mark.anyio
@pytest.mark.parametrize(("status", "calls"), [(500, 5), (401, 5), (400, 8)])
async def test_an_endpoint_that_fails_is_left_alone_unless_the_text_is_why(tmp_path, status, calls):
    async def fails():
        return web.Response(status=status)

    async with scoring(fails, tmp_path) as (scorer, _, seen, metrics):
        for _ in range(8):
            assert await scorer.score("a text", "dev", soon()) is None
        assert len(seen) == calls
        labels = {"provider": "moderation", "kind": "open"}
        is_open = metrics.registry.get_sample_value("mlsdm_llm_breaker", labels)
        assert is_open == (calls == 5)


@pytest.mark.anyio
async def test_deeply_nested_answers_are_failures(tmp_path):
    async def nested():
        return web.Response(body=b"[" * 50_000, content_type="application/json")

    async with scoring(nested, tmp_path) as (scorer, *_):
        assert await scorer.score("hello", "dev", soon(10)) is None


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("error", "calls"),
    [({"code": 500}, 5), ("overloaded", 5), ({"type": "server_error"}, 5), ({"code": 400}, 8)],
    ids=str,
)
async def test_an_error_inside_a_200_is_a_failure(tmp_path, logs, error, calls):
    async def fails():
        return web.json_response(answer({"a": 0.1}) | {"error": error})

    async with scoring(fails, tmp_path) as (scorer, _, seen, _):
        REQUEST_ID.set("a-call")
        for _ in range(8):
            assert await scorer.score("a text", "dev", soon()) is None
        assert len(seen) == calls
    for event in ("moderation_failed", "provider_call_failed"):
        assert {line["request_id"] for line in logs.events(event)} == {"a-call"}
