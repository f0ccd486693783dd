"""The remote embedder against a real server, and its cache."""

from __future__ import annotations

import asyncio
import base64
import json

import numpy as np
import pytest
from doubles import Clock

pytest.importorskip("openai", reason="the extra openai is not installed")

import anyio.to_thread
from setting import QUICK
from upstream import KEY, SECRET_BODY, Upstream, hangs, http, says

from mlsdm_grpc.config import EmbedderSettings, LlmSettings
from mlsdm_grpc.errors import DeadlineExceeded, Unavailable
from mlsdm_grpc.llm.embedders.cache import EmbeddingCache
from mlsdm_grpc.llm.embedders.remote import OpenAIEmbedder
from mlsdm_grpc.observability.metrics import Metrics

pytestmark = pytest.mark.anyio

WIDTH = 4


def vector(text):
    return np.array([len(text), len(set(text)), ord(text[0]), 1], np.float32)


def coded(row):
    return base64.b64encode(row.astype("<f4").tobytes()).decode()


def embeds(code=coded, order=1, number=int, **more):
    async def script(request, writer):
        data = [
            {"index": number(i), "embedding": code(vector(text))}
            for i, text in enumerate(request.body["input"])
        ]
        found = {"data": data[::order], "model": "m"} | more
        writer.write(http(200, json.dumps(found).encode()))
        await writer.drain()

    return script


class Kit:
    def __init__(self, server, embedder, metrics):
        self.server, self.embedder, self.metrics = server, embedder, metrics

    async def embed(self, *texts, tenant="t", within_s=20.0):
        deadline_s = asyncio.get_running_loop().time() + within_s
        return await self.embedder.embed(texts, tenant, deadline_s)

    def looked_up(self, kind):
        name = "mlsdm_embed_cache_texts_total"
        return self.metrics.registry.get_sample_value(name, {"kind": kind}) or 0


@pytest.fixture
async def kit(request, tmp_path):
    script, more = getattr(request, "param", (embeds(), {}))
    key = tmp_path / "key"
    key.write_text(KEY)
    metrics = Metrics()

    async def no_sleep(seconds):
        del seconds

    async with Upstream(script).serving() as server:
        settings = EmbedderSettings(
            base_url=f"http://127.0.0.1:{server.port}/v1",
            key_file=key,
            model="m",
            **({"dimension": WIDTH, "timeout_s": 5.0} | more),
        )
        loop = asyncio.get_running_loop()

        def make():
            return OpenAIEmbedder(
                settings,
                LlmSettings(**QUICK | {"deadline_margin_s": 0.7}),
                metrics=metrics,
                clock=loop.time,
                sleep=no_sleep,
            )

        embedder = await anyio.to_thread.run_sync(make)
        yield Kit(server, embedder, metrics)
        await embedder.aclose()


FORMS = [
    pytest.param((embeds(), {}), id="base64"),
    pytest.param((embeds(lambda row: row.tolist()), {}), id="numbers"),
    pytest.param((embeds(order=-1), {}), id="backwards"),
    pytest.param((embeds(lambda row: [str(n) for n in row]), {}), id="numbers as texts"),
    pytest.param((embeds(order=-1, number=float), {}), id="index with a point"),
    pytest.param((embeds(order=-1, number=str), {}), id="index as text"),
    pytest.param((embeds(number=lambda _: None), {}), id="no index"),
    pytest.param((embeds(error=None, usage=None), {}), id="error null"),
]


@pytest.mark.parametrize("kit", FORMS, indirect=True)
async def test_vectors_come_in_the_order_of_the_texts(kit):
    rows = await kit.embed("one", "three", "five")
    assert all(
        (row == vector(text)).all()
        for row, text in zip(rows, ["one", "three", "five"], strict=True)
    )
    assert rows[0].dtype == np.float32
    (sent,) = kit.server.requests
    assert sent.body == {
        "model": "m",
        "input": ["one", "three", "five"],
        "dimensions": WIDTH,
        "encoding_format": "base64",
    }
    assert sent.headers["authorization"] == f"Bearer {KEY}"


async def test_texts_that_come_again_cost_nothing(kit):
    first = await kit.embed("one", "two", "one")
    again = await kit.embed("two", "three")
    assert [each.body["input"] for each in kit.server.requests] == [["one", "two"], ["three"]]
    assert (first[0] == first[2]).all()
    assert (again[0] == first[1]).all()
    assert (kit.looked_up("hit"), kit.looked_up("miss")) == (1, 3)
    assert not again[0].flags.writeable


async def test_a_tenant_learns_nothing_of_the_texts_of_another(kit):
    await kit.embed("one", tenant="a")
    await kit.embed("one", tenant="b")
    assert len(kit.server.requests) == 2


@pytest.mark.parametrize("kit", [(embeds(), {"batch_texts": 2})], indirect=True)
async def test_many_texts_go_in_several_requests(kit):
    rows = await kit.embed(*"abcde")
    assert [len(each.body["input"]) for each in kit.server.requests] == [2, 2, 1]
    assert len(rows) == 5


@pytest.mark.parametrize("kit", [(embeds(), {"send_dimension": False})], indirect=True)
async def test_some_endpoints_know_no_dimension(kit):
    await kit.embed("one")
    assert "dimensions" not in kit.server.requests[0].body


async def test_its_id_holds_model_and_dimension(kit):
    assert (kit.embedder.info.model_id, kit.embedder.info.dimension) == ("m-4", 4)


def body(data, **more):
    return says(http(200, json.dumps({"data": data} | more).encode()))


FAULTS = {
    "busy": (says(http(503, SECRET_BODY.encode())), 3),
    "bad key": (says(http(401, SECRET_BODY.encode())), 1),
    "cut": (says(http(200, b'{"data": [')), 1),
    "no data": (body(None), 1),
    "too few": (body([]), 1),
    "not an object": (body([7]), 1),
    "too many requests inside a 200": (body(None, error={"code": 429}), 3),
    "an error inside a 200": (body([], error=SECRET_BODY), 3),
    "a bad request inside a 200": (body(None, error={"code": 400}), 1),
    "vLLM: object error": (body(None, object="error", message=SECRET_BODY, code=500), 3),
    "embedding null": (body([{"index": 0, "embedding": None}]), 1),
    "index true": (body([{"index": False, "embedding": [1, 2, 3, 4]}]), 1),
    "index between two": (body([{"index": 0.5, "embedding": [1, 2, 3, 4]}]), 1),
    "index a list": (body([{"index": [0], "embedding": [1, 2, 3, 4]}]), 1),
    "index beyond": (body([{"index": 1, "embedding": [1, 2, 3, 4]}]), 1),
    "index below": (body([{"index": -1, "embedding": [1, 2, 3, 4]}]), 1),
    "other dimension": (body([{"index": 0, "embedding": [1, 2, 3]}]), 1),
    "not base64": (body([{"index": 0, "embedding": "?"}]), 1),
    "nested": (body([{"index": 0, "embedding": [[1], 2, 3, 4]}]), 1),
    "texts": (body([{"index": 0, "embedding": ["a", 2, 3, 4]}]), 1),
    "beyond float32": (body([{"index": 0, "embedding": [1e300, 2, 3, 4]}]), 1),
    "nothing": (body([{"index": 0, "embedding": [None, 2, 3, 4]}]), 1),
    "not a number": (body([{"index": 0, "embedding": coded(np.full(4, np.nan))}]), 1),
}


@pytest.mark.parametrize(
    ("kit", "calls"),
    [pytest.param((script, {}), calls, id=name) for name, (script, calls) in FAULTS.items()],
    indirect=["kit"],
)
async def test_faults(kit, calls, logs):
    await fails_with_calls(kit, calls, logs)


@pytest.mark.parametrize("kit", [(hangs, {"timeout_s": 0.4})], indirect=True)
async def test_an_endpoint_that_hangs(kit, logs):
    await fails_with_calls(kit, 3, logs)


async def fails_with_calls(kit, calls, logs):
    with pytest.raises(Unavailable) as caught:
        await kit.embed("one")
    assert caught.value.reason == "EMBEDDER_UNAVAILABLE"
    assert caught.value.metadata == {"model": "m-4"}
    assert caught.value.retry_after_s >= 1
    assert len(kit.server.requests) == calls
    for shown in (str(caught.value), logs.text):
        assert SECRET_BODY not in shown
        assert KEY not in shown


@pytest.mark.parametrize("kit", [(hangs, {"timeout_s": 30.0})], indirect=True)
async def test_a_deadline_is_kept_and_logged(kit, logs):
    began_s = asyncio.get_running_loop().time()
    with pytest.raises(DeadlineExceeded):
        await kit.embed("one", within_s=2.0)
    assert asyncio.get_running_loop().time() - began_s < 2.0
    (line,) = logs.events("provider_call_failed")
    assert (line["provider"], line["kind"]) == ("embedder", "deadline")


def cache(clock, **more):
    return EmbeddingCache("m", clock=clock, **({"max_entries": 3, "ttl_s": 10} | more))


def test_the_cache_drops_what_was_used_longest_ago():
    kept = cache(Clock())
    for text in "abc":
        kept.put("t", text, vector(text))
    kept.get("t", "a")
    kept.put("t", "d", vector("d"))
    assert len(kept) == 3
    assert [kept.get("t", text) is not None for text in "abcd"] == [True, False, True, True]


def test_the_cache_forgets_what_is_old():
    clock = Clock()
    kept = cache(clock)
    kept.put("t", "a", vector("a"))
    clock.now_s = 9.9
    assert kept.get("t", "a") is not None
    clock.now_s = 10
    assert kept.get("t", "a") is None
    assert len(kept) == 0


def test_the_cache_holds_copies():
    kept = cache(Clock())
    row = vector("a")
    kept.put("t", "a", row)
    row[:] = 0
    assert (kept.get("t", "a") == vector("a")).all()


def test_a_cache_without_room_keeps_nothing():
    kept = cache(Clock(), max_entries=0)
    kept.put("t", "a", vector("a"))
    assert kept.get("t", "a") is None


def test_tenants_and_texts_do_not_run_into_each_other():
    kept = cache(Clock())
    kept.put("ab", "c", vector("x"))
    assert kept.get("a", "bc") is None
