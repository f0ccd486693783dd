from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mlsdm_grpc.client
from mlsdm_grpc import errors
from mlsdm_grpc._gen.mlsdm.v1 import (
    admin_service_pb2,
    cognition_service_pb2,
    governance_service_pb2,
    memory_put_pb2,
    memory_query_pb2,
    memory_service_pb2,
)
from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import Memory
from mlsdm_grpc._gen.mlsdm.v1.node_pb2 import EmbedderInfo, Limits, ServerInfo
from mlsdm_grpc.client import Policy, new_memory
from mlsdm_grpc.client.batches import batches
from mlsdm_grpc.client.messages import vector_of
from mlsdm_grpc.client.spaces import space_config

INFO = ServerInfo(
    limits=Limits(
        max_request_bytes=4_194_304,
        max_batch_item_count=1_000,
        max_record_bytes=7_340_032,
        advised_batch_text_bytes=262_144,
    ),
    embedder=EmbedderInfo(dimension=256),
)
small = ServerInfo(
    limits=Limits(max_request_bytes=4_096, max_batch_item_count=10, max_record_bytes=8_192),
    embedder=EmbedderInfo(dimension=64),
)


def test_public_names():
    assert mlsdm_grpc.client.__all__ == [
        "DEFAULT_PASSAGE_CHARS",
        "FoundMemory",
        "MemoryClient",
        "MemoryRead",
        "MemoryWrite",
        "MemoryWriter",
        "MindState",
        "Policy",
        "PolicyRule",
        "QueryAnswer",
        "QueryAnswers",
        "SyncMemoryClient",
        "SyncMemoryWriter",
        "Vector",
        "new_memory",
        "passage_context",
        "request_id_of",
        "split_passages",
    ]


@given(sizes=st.lists(st.integers(1, 2_500), max_size=60))
def test_batches_keep_order_and_limits(sizes):
    memories = [Memory(text="x" * size) for size in sizes]
    found = list(batches(memories, small))
    assert [memory for batch in found for memory in batch] == memories
    for batch in found:
        request = memory_put_pb2.BatchPutMemoriesRequest(memories=batch, request_id="i" * 36)
        assert 1 <= len(batch) <= 10
        assert request.ByteSize() <= small.limits.max_request_bytes
        # The record also holds the vectors that the server makes.
        assert request.ByteSize() + len(batch) * 4 * 64 <= small.limits.max_record_bytes


@given(texts=st.lists(st.text(max_size=60), max_size=40), most=st.integers(1, 300))
def test_batches_bring_no_more_text_than_the_server_advises(texts, most):
    info = ServerInfo(limits=INFO.limits, embedder=INFO.embedder)
    info.limits.advised_batch_text_bytes = most
    found = list(batches([Memory(text=text) for text in texts], info))
    assert [memory.text for batch in found for memory in batch] == texts
    sizes = [[len(memory.text.encode()) for memory in batch] for batch in found]
    assert all(sum(batch) <= most or len(batch) == 1 for batch in sizes)
    for batch, (first, *_) in pairwise(sizes):  # none could have been longer
        assert sum(batch) + first > most


def test_long_texts_go_in_several_batches_and_vectors_count_as_nothing():
    texts = [Memory(text="x" * 8_192)] * 500
    assert [len(batch) for batch in batches(texts, INFO)] == [32] * 15 + [20]
    vectors = [new_memory(embedding=np.ones(256))] * 1_500
    assert [len(batch) for batch in batches(vectors, INFO)] == [1_000, 500]
    told = ServerInfo(limits=INFO.limits, embedder=INFO.embedder)
    told.limits.ClearField("advised_batch_text_bytes")  # as an older server has it
    assert [len(batch) for batch in batches(texts, told)] == [500]


def test_half_precision_counts_as_it_is_written():
    wide = Memory()
    wide.embedding.f16_le = bytes(1_500)
    limits = Limits(max_request_bytes=100_000, max_batch_item_count=10, max_record_bytes=8_192)
    assert [len(batch) for batch in batches([wide] * 4, ServerInfo(limits=limits))] == [2, 2]


def test_a_memory_that_fits_nowhere_is_named():
    with pytest.raises(errors.InvalidInput) as caught:
        list(batches([Memory(text="a"), Memory(text="x" * 5_000)], small))
    assert caught.value.reason == "REQUEST_TOO_LARGE"
    assert caught.value.violations[0].field == "memories[1]"


def test_vectors_travel_as_little_endian_float32():
    message = new_memory(embedding=[1.0, 0.5, -2.0]).embedding
    assert message.f32_le == np.array([1.0, 0.5, -2.0], "<f4").tobytes()
    assert vector_of(message).tolist() == [1.0, 0.5, -2.0]


def test_absent_is_not_zero():
    assert not new_memory("x").HasField("phase")
    assert new_memory("x", phase=0.0, confidence=0.0).HasField("confidence")


@pytest.mark.anyio
async def test_fields_arrive(scripted):
    async with scripted() as script, script.client(space="s", token="t-1") as memory:
        script.answers["PutMemory"] = lambda *_: memory_put_pb2.PutMemoryResponse()
        expiry = datetime(2031, 5, 1, tzinfo=UTC)
        await memory.put(
            "text",
            embedding=[1, 0],
            labels=["a:b"],
            metadata={"k": "v"},
            memory_id="m",
            pinned=True,
            expire_time=expiry,
            etag='"1"',
            allow_replace=True,
            validate_only=True,
        )
        await memory.put("other", space="elsewhere")
    request, other = script.requests
    assert (request.space, other.space) == ("s", "elsewhere")
    assert request.memory.expire_time.ToDatetime(UTC) == expiry
    assert (request.memory.etag, request.memory.pinned, list(request.memory.labels)) == (
        '"1"',
        True,
        ["a:b"],
    )
    assert request.allow_replace
    assert request.validate_only
    assert script.metadata[0]["authorization"] == "Bearer t-1"
    assert script.metadata[0]["user-agent"].startswith("mlsdm-python/")


@pytest.mark.anyio
async def test_policies_are_set_under_the_etag_that_was_read(scripted):
    base = "11111111-2222-3333-4444-555555555555"
    async with scripted() as script, script.client() as memory:
        read = Policy(etag='"3"', base_moral_threshold=0.6)
        script.answers["GetPolicy"] = lambda *_: governance_service_pb2.GetPolicyResponse(
            policy=read
        )
        script.answers["SetPolicy"] = lambda *_: governance_service_pb2.SetPolicyResponse()
        policy = (await memory.get_policy(min_revision=2)).policy
        await memory.set_policy(policy, validate_only=True)
        await memory.set_policy(Policy(), etag='"4"', request_id=base)
    asked, first, second = script.requests
    assert asked.min_revision == 2
    assert (first.policy, first.etag, first.validate_only) == (read, '"3"', True)
    assert len(first.request_id) == 36
    assert (second.etag, second.request_id, second.validate_only) == ('"4"', base, False)


@pytest.mark.anyio
async def test_texts_are_judged_by_the_names_of_stages_and_profiles(scripted):
    async with scripted() as script, script.client() as memory:
        evaluated = governance_service_pb2.EvaluateContentResponse(moral_value=0.5)
        analysed = governance_service_pb2.AnalyzeSpeechResponse()
        script.answers["EvaluateContent"] = lambda *_: evaluated
        script.answers["AnalyzeSpeech"] = lambda *_: analysed
        assert await memory.evaluate("a", stage="memory", redact=True) == evaluated
        assert await memory.analyze_speech("b", profile="legacy", language="de") == analysed
        for field, call in (
            ("stage", memory.evaluate("c", stage="dream")),
            ("stage", memory.evaluate("c", stage="")),
            ("profile", memory.analyze_speech("d", profile="strict")),
            ("profile", memory.repair_speech("d", profile="strict")),
        ):
            with pytest.raises(errors.InvalidInput) as caught:
                await call
            assert [violation.field for violation in caught.value.violations] == [field]
    content, speech = script.requests
    assert (content.text, content.stage, content.redact) == ("a", 5, True)
    assert (speech.text, speech.profile, speech.language) == ("b", 2, "de")


@pytest.mark.anyio
async def test_queries_by_text_and_by_vector(scripted):
    async with scripted() as script, script.client() as memory:
        script.answers["QueryMemories"] = lambda *_: memory_query_pb2.QueryMemoriesResponse()
        script.answers["BatchQueryMemories"] = lambda *_: (
            memory_query_pb2.BatchQueryMemoriesResponse()
        )
        await memory.query("words", top_k=3, labels=["l"], phase_tolerance=1.0, min_revision=4)
        await memory.query(embedding=[1.0, 2.0], include_embedding=True)
        await memory.query_many(["words", [1.0, 2.0]], top_k=2, labels=("l",))
    text, vector, many = script.requests
    assert (text.WhichOneof("query"), vector.WhichOneof("query")) == ("text", "embedding")
    assert (text.top_k, text.min_revision, list(text.labels)) == (3, 4, ["l"])
    assert [each.WhichOneof("query") for each in many.queries] == ["text", "embedding"]
    assert [list(each.labels) for each in many.queries] == [["l"], ["l"]]


@pytest.mark.anyio
async def test_pages_are_followed_to_the_end(scripted):
    pages = {"": (["a", "b"], "1"), "1": ([], "2"), "2": (["c"], "")}

    def answer(request, _metadata):
        names, following = pages[request.page_token]
        return memory_query_pb2.ListMemoriesResponse(
            memories=[Memory(memory_id=name) for name in names], next_page_token=following
        )

    async with scripted() as script, script.client() as memory:
        script.answers["ListMemories"] = answer
        found = [each.memory_id async for each in memory.list(page_size=2, labels=["l"])]
    assert found == ["a", "b", "c"]
    assert [request.page_size for request in script.requests] == [2, 2, 2]
    assert all(list(request.labels) == ["l"] for request in script.requests)


@pytest.mark.anyio
async def test_put_many_sends_batches_and_goes_on_after_a_failure(scripted):
    stored: dict[str, int] = {}
    broken = [True]

    def answer(request, _metadata):
        if len(stored) == 1 and broken[0]:
            raise errors.QuotaExceeded("no room")
        stored.setdefault(request.request_id, len(request.memories))
        return memory_put_pb2.BatchPutMemoriesResponse(revision=len(stored))

    items = [new_memory(f"n {number}") for number in range(2_500)]
    base = "11111111-2222-3333-4444-555555555555"
    async with scripted() as script, script.client() as memory:
        script.answers["GetServerInfo"] = lambda *_: admin_service_pb2.GetServerInfoResponse(
            info=INFO
        )
        script.answers["BatchPutMemories"] = answer
        with pytest.raises(errors.QuotaExceeded) as caught:
            await memory.put_many(items, request_id=base)
        assert f"batches stored before: 1; request_id: {base}" in caught.value.__notes__
        broken[0] = False
        responses = await memory.put_many(iter(items), request_id=base)
    assert [response.revision for response in responses] == [1, 2, 3]
    assert list(stored.values()) == [1_000, 1_000, 500]


@pytest.mark.anyio
async def test_the_other_calls(scripted):
    async with scripted() as script, script.client() as memory:
        script.answers.update(
            {
                "GetMemory": lambda *_: memory_service_pb2.GetMemoryResponse(revision=1),
                "DeleteMemory": lambda *_: memory_service_pb2.DeleteMemoryResponse(revision=2),
                "ProcessEvent": lambda *_: cognition_service_pb2.ProcessEventResponse(),
                "GetState": lambda *_: cognition_service_pb2.GetStateResponse(revision=3),
            }
        )
        assert (await memory.get("m", include_embedding=True)).revision == 1
        assert (await memory.delete("m", etag='"e"', erase=True)).revision == 2
        await memory.process_event("happened", moral_value=0.0, embedding=[1.0])
        assert (await memory.state(include_traces=True)).revision == 3
    got, deleted, event, state = script.requests
    assert (got.memory_id, got.include_embedding) == ("m", True)
    assert (deleted.etag, deleted.erase) == ('"e"', True)
    assert event.HasField("moral_value")
    assert event.moral_value == 0.0
    assert state.include_traces


async def test_an_update_says_what_changes(scripted):
    async with scripted() as script, script.client(space="s") as memory:
        script.answers["UpdateMemory"] = lambda *_: memory_service_pb2.UpdateMemoryResponse()
        expiry = datetime(2031, 5, 1, tzinfo=UTC)
        await memory.update("m", add_labels=["a"], pinned=False, expire_time=expiry, etag='"1"')
        await memory.update("m", remove_labels=["a"], clear_expire_time=True)
    first, second = script.requests
    assert first.expire_time.ToDatetime(UTC) == expiry
    assert (list(first.add_labels), first.pinned, first.etag) == (["a"], False, '"1"')
    assert first.request_id != second.request_id
    assert second.clear_expire_time
    assert not second.HasField("pinned")
    assert not second.HasField("expire_time")


def test_settings_of_a_space_are_sent_only_where_they_are_given():
    config = space_config(read_only=False, sleep_gate=True, default_ttl=timedelta(seconds=0))
    assert config.HasField("read_only")
    assert config.rhythm.sleep_gate
    assert config.HasField("default_ttl")
    for absent in ("dimension", "capacity", "embedder_model", "merge_min_cosine"):
        assert not config.HasField(absent)
    assert not config.moral.HasField("base_threshold")
    assert not config.ontology


@pytest.mark.parametrize(
    "settings", [{"moral_policy": "kind"}, {"synaptic_scaling": "odd"}, {"recall_phase": "none"}]
)
def test_names_of_settings_that_nobody_knows_are_refused(settings):
    with pytest.raises(errors.InvalidInput) as caught:
        space_config(**settings)
    assert [violation.field for violation in caught.value.violations] == list(settings)


async def test_a_watch_that_is_cut_is_begun_again_where_it_was(scripted):
    answers = {2: [3, 4], 4: [4, 6], 6: []}
    seen = []

    async def answer(request, _metadata):
        for revision in answers[request.min_revision]:
            yield cognition_service_pb2.WatchStateResponse(revision=revision)
        raise errors.Unavailable("Cut.", reason="DRAINING", retry_after_s=0.01)

    async with scripted() as script, script.client(space="s") as memory:
        script.answers["WatchState"] = answer

        async def watch():
            async for response in memory.watch_state(min_interval_s=0.25, min_revision=2):
                seen.append(response.revision)  # noqa: PERF401 - kept when the watch fails

        with pytest.raises(errors.Unavailable):
            await watch()
    assert seen == [3, 4, 6]
    # A call without an answer is repeated by grpc itself.
    assert [request.min_revision for request in script.requests[:3]] == [2, 4, 6]
    assert script.requests[0].min_interval.ToMilliseconds() == 250


def test_the_client_loads_no_settings_of_the_server():
    """Settings and logging would add a quarter to the start of a client command."""
    server = ("pydantic", "structlog", "prometheus_client", "mlsdm_grpc.config")
    command = f"import sys, mlsdm_grpc.client; print([n for n in {server} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr
