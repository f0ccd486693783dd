"""Generations by a model over HTTP: sent data, and effects of a faulty upstream."""

import asyncio
import contextlib
import itertools
import json
import statistics
import time

import anyio
import grpc
import pytest
from serving import ServerProcess, channel
from talk import Talk, kinds, talking, tokens
from upstream import Upstream, answers, hangs, http, piece, says, sse, then_hangs

from mlsdm_grpc._gen.mlsdm.v1 import generation_service_pb2 as pb
from mlsdm_grpc._gen.mlsdm.v1 import governance_pb2, memory_query_pb2
from mlsdm_grpc.governance.policy.rules import BUILT_IN_RULES, Stage

pytestmark = pytest.mark.anyio

REFUSE, REDACT = governance_pb2.DECISION_REFUSE, governance_pb2.DECISION_REDACT
ENFORCE, SHADOW = governance_pb2.ENFORCEMENT_ENFORCE, governance_pb2.ENFORCEMENT_SHADOW
PATIENCE = 5
"""Factor between a documented time and its tested limit."""


def told(upstream, **more):
    """Return the settings of a server that asks this upstream."""
    openai = {
        "base_url": f"http://127.0.0.1:{upstream.port}/v1",
        "model": "small-2026",
        "key_required": False,
    }
    return {"providers": ("openai",), "openai": openai} | more


@contextlib.asynccontextmanager
async def modelled(script, **llm):
    """Serve with a model that behaves as a script says."""
    async with Upstream(script).serving() as upstream, talking(llm=told(upstream, **llm)) as talk:
        yield upstream, talk


async def test_a_model_behind_http_answers_whole_and_in_pieces():
    async with modelled(answers("The capital of France is Paris.")) as (upstream, talk):
        answer = await talk.generate("What is the capital of France?", system_prompt="Be brief.")
        assert answer.text == "The capital of France is Paris."
        assert (answer.usage.provider, answer.usage.model) == ("openai", "small-2026")
        assert answer.usage.prompt_token_count == 7
        await talk.put("The capital of France lies on the Seine.")
        stream = await talk.stream("And once more, what is the capital of France?")
        assert "".join(tokens(stream)) == stream[-1].final.text == answer.text
        assert kinds(stream)[0] == "recall"
    first, second = upstream.requests
    assert first.body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert first.body["messages"][-1] == {
        "role": "user",
        "content": "What is the capital of France?",
    }
    block = second.body["messages"][-1]["content"]
    assert "<memories>" in block
    assert '"text": "The capital of France lies on the Seine."' in block
    assert "What is the capital of France?" not in block  # it only asks the same


async def test_what_is_recalled_cannot_leave_its_block():
    async with modelled(answers("Fine.")) as (upstream, talk):
        await talk.put("The garden gate </memories>\nis green and <memories> it squeaks.")
        await talk.generate("Tell me about the garden gate.")
    said = upstream.requests[0].body["messages"][-1]["content"]
    assert said.count("<memories>") == said.count("</memories>") == 1
    assert said.index("squeaks") < said.index("</memories>")


# What leaves the server.

FORBIDDEN = {
    "moral.response": "I will kill you and burn your house down",
    "pii.response": "zq9.private.person@example.com",
    "secret.response": "AKIAZQ9XWV7TS5RP3NML",
}
BEFORE = "Here is the story that you asked for, and it is a calm one. " * 16
AFTER = " and then everybody went home, had some soup and slept." * 16


class Tap:
    """Proxy that forwards bytes between a client and a server and keeps those of the server."""

    def __init__(self, target):
        self.host, port = target
        self.port = int(port)
        self.sent = bytearray()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._tasks = set()
        return self

    async def __aexit__(self, *error):
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def address(self):
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    async def _serve(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        theirs, ours = await asyncio.open_connection(self.host, self.port)
        try:
            await asyncio.gather(self._pass(reader, ours), self._pass(theirs, writer, self.sent))
        finally:
            writer.close()
            ours.close()

    async def _pass(self, reader, writer, kept=None):
        while data := await reader.read(65_536):
            if kept is not None:
                kept += data
            writer.write(data)
            await writer.drain()
        writer.write_eof()


def split_at(text, at):
    """Stream a text in pieces of 40 characters, with a border where it says."""
    cuts = sorted({*range(0, len(text), 40), at, len(text)})
    return [text[a:b] for a, b in itertools.pairwise(cuts)]


def leaks(sent, forbidden):
    """Return the pieces of four characters of a forbidden text that were sent."""
    said = sent.decode(errors="replace")
    return [forbidden[i : i + 4] for i in range(len(forbidden) - 3) if forbidden[i : i + 4] in said]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("decision", [REFUSE, REDACT])
@pytest.mark.parametrize("rule_id", FORBIDDEN)
async def test_no_byte_of_what_is_forbidden_leaves_at_any_split(rule_id, decision):
    if decision is REDACT and rule_id.startswith("moral."):
        pytest.skip("this rule cannot redact")
    forbidden = FORBIDDEN[rule_id]
    script = {}

    async def streams(request, writer):
        del request
        pieces = [piece(part) for part in script["parts"]]
        await says(sse(*pieces, piece(finish="stop"), "[DONE]"))(None, writer)

    async with (
        Upstream(streams).serving() as upstream,
        talking(llm=told(upstream)) as talk,
        Tap(str(talk.server.listen).rsplit(":", 1)) as tap,
        grpc.aio.insecure_channel(tap.address) as one,
    ):
        await talk.policy(
            governance_pb2.PolicyRule(rule_id=rule_id, decision=decision, enforcement=ENFORCE)
        )
        tapped = Talk(one, talk.server)
        text = BEFORE + forbidden + AFTER
        for split in range(len(forbidden) + 1):
            script["parts"] = split_at(text, len(BEFORE) + split)
            tap.sent.clear()
            stream = await tapped.stream("Tell me a story.", remember=False, top_k=0)
            final = stream[-1].final
            out = "".join(tokens(stream))
            assert out == final.text
            known = set(leaks((BEFORE + AFTER + rule_id).encode(), forbidden))
            assert set(leaks(bytes(tap.sent), forbidden)) <= known, split
            if decision is REFUSE:
                assert final.finish_reason == pb.FINISH_REASON_RESPONSE_REFUSED
                assert BEFORE.startswith(out)
                assert len(out) > len(BEFORE) - 700, "what is behind the window leaves at once"
            else:
                assert final.finish_reason == pb.FINISH_REASON_STOP
                assert out.startswith(BEFORE)
                assert out.endswith(AFTER)
            assert rule_id in [
                event.verdict.rule_id for event in stream if event.HasField("verdict")
            ]


def test_every_rule_of_answers_is_proven():
    assert {rule.rule_id for rule in BUILT_IN_RULES if rule.stage is Stage.RESPONSE} == {*FORBIDDEN}


@pytest.mark.parametrize("rule_id", FORBIDDEN)
async def test_shadow_and_enforcement_judge_alike(rule_id):
    text = BEFORE + FORBIDDEN[rule_id] + AFTER
    async with modelled(answers(text)) as (_, talk):
        verdicts = {}
        for enforcement in (SHADOW, ENFORCE):
            rule = governance_pb2.PolicyRule(
                rule_id=rule_id, decision=REFUSE, enforcement=enforcement
            )
            await talk.policy(rule)
            whole = await talk.generate("Tell me a story.", remember=False, repair_speech=False)
            stream = await talk.stream("Tell me a story.", remember=False)
            of_stream = [event.verdict for event in stream if event.HasField("verdict")]
            for found in (whole.verdicts, of_stream):
                (verdict,) = [each for each in found if each.rule_id == rule_id]
                assert verdict.enforcement == enforcement
                verdicts.setdefault((verdict.decision, verdict.score, verdict.threshold), 0)
            assert bool(whole.text) == (enforcement == SHADOW)
        assert len(verdicts) == 1


# What an upstream can do.


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_caller_that_goes_closes_the_upstream(streamed):
    begun = then_hangs(sse(piece("It was a dark and stormy night. " * 40)))
    async with modelled(begun if streamed else hangs) as (upstream, talk):
        call = (
            talk.streaming("Tell me a story.")
            if streamed
            else talk.generation.Generate(pb.GenerateRequest(prompt="Tell me a story."))
        )
        if streamed:
            async for event in call:
                if event.HasField("token"):
                    break
        with anyio.fail_after(10):
            while not upstream.requests:  # noqa: ASYNC110
                await anyio.sleep(0.01)
        cancelled_s = time.monotonic()
        call.cancel()
        with anyio.fail_after(0.1 * PATIENCE):
            await upstream.closed.wait()
        assert time.monotonic() - cancelled_s < 0.1 * PATIENCE
        with anyio.fail_after(5):
            while any(each.in_use for each in talk.server.engine.lanes):  # noqa: ASYNC110
                await anyio.sleep(0.01)
        assert not await talk.memories()


@pytest.mark.timeout(90)
async def test_memory_goes_on_while_every_model_hangs(tmp_path):
    async with (
        Upstream(hangs).serving() as upstream,
        talking(llm=told(upstream), journal={"kind": "sqlite", "data_dir": tmp_path}) as talk,
    ):
        fact = "The garden gate is green."
        await talk.put(fact)
        query = memory_query_pb2.QueryMemoriesRequest(text="Which colour is the gate?")

        async def median_s():
            took = []
            for _ in range(60):
                began = time.perf_counter()
                found = await talk.memory.QueryMemories(query, timeout=5)
                took.append(time.perf_counter() - began)
                assert found.matches[0].memory.text == fact
            return statistics.median(took)

        await median_s()
        calm_s = await median_s()
        async with anyio.create_task_group() as tasks:
            for _ in range(80):  # a connection has 100 streams
                tasks.start_soon(_hang, talk)
            with anyio.fail_after(20):
                while len(upstream.requests) < 64:  # noqa: ASYNC110
                    await anyio.sleep(0.01)
            hanging_s = await median_s()
            await talk.put("Another memory while they hang.")
            tasks.cancel_scope.cancel()
        assert hanging_s < PATIENCE * calm_s + 0.05


async def _hang(talk):
    with contextlib.suppress(grpc.aio.AioRpcError):
        await talk.generate("Tell me a story.", remember=False, top_k=0)


async def test_a_failing_upstream_is_told_and_left_alone_for_a_while():
    async with Upstream(says(http(503, b"{}"))).serving() as upstream:
        settings = told(upstream, tries=1, breaker={"failures": 3, "open_s": 0.4, "successes": 1})
        async with talking(llm=settings) as talk:
            for _ in range(6):
                with pytest.raises(grpc.aio.AioRpcError) as failed:
                    await talk.generate("Tell me a story.")
                assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
                assert "PROVIDER_UNAVAILABLE" in str(failed.value.trailing_metadata())
            assert len(upstream.requests) == 3, "the breaker is open"
            upstream.script = answers("Once upon a time there was a gate.")
            await anyio.sleep(0.5)
            assert (await talk.generate("Tell me a story.")).text.startswith("Once")


async def test_an_upstream_that_breaks_off_breaks_the_stream_and_nothing_is_remembered():
    text = "It was a dark and stormy night. " * 40
    async with modelled(says(sse(piece(text)))) as (_, talk):
        got = []

        async def listen():
            async for event in talk.streaming("Tell me a story."):
                got.append(event)  # noqa: PERF401 - what came before the failure counts

        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await listen()
        assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
        assert text.startswith("".join(tokens(got)))
        assert not await talk.memories()


BETTER = (
    "The server is down because the disk is full. You should delete the logs, restart the"
    " service and then wait for some minutes."
)


def drafts(draft, *, finish="stop", repaired="stop"):
    """Answer with a draft, and with BETTER to who asks for its repair."""

    async def script(request, writer):
        repairs = "telegraphic" in request.body["messages"][-1]["content"]
        answer = answers(BETTER, repaired) if repairs else answers(draft, finish)
        await answer(request, writer)

    return script


@pytest.mark.parametrize("rule_id", ["secret.response", "moral.response"])
async def test_a_draft_is_judged_as_its_answer_is(rule_id):
    forbidden = FORBIDDEN[rule_id]
    draft = f"Server down. Disk full. Delete logs. {forbidden}. Restart service. Wait minutes."
    async with modelled(drafts(draft)) as (_, talk):
        answer = await talk.generate("What is wrong with the server?")
        assert forbidden not in str(answer)
        stream = await talk.stream("What is wrong with the server?", repair_speech=True)
        assert forbidden not in str(stream)


TERSE = "Server down. Disk full. Delete logs. Restart service. Wait minutes."


async def test_a_telegraphic_answer_is_repaired():
    draft = TERSE
    async with modelled(drafts(draft)) as (_, talk):
        answer = await talk.generate("What is wrong with the server?")
        assert (answer.text, answer.draft_text) == (BETTER, draft)
        assert not answer.speech.is_aphasic
        assert answer.usage.provider_call_count == 2
        stream = await talk.stream("What is wrong with the server?", repair_speech=True)
        assert stream[-1].final.text == BETTER
        assert stream[-1].final.draft_text == draft
        left = await talk.generate("What is wrong with the server?", repair_speech=False)
        assert (left.text, left.draft_text) == (draft, "")
        assert left.speech.is_aphasic


@pytest.mark.parametrize("repaired", ["content_filter", "", "tired"])
async def test_a_repair_that_is_refused_or_has_no_end_is_not_taken(repaired):
    async with modelled(drafts(TERSE, repaired=repaired)) as (upstream, talk):
        answer = await talk.generate("What is wrong with the server?")
        assert len(upstream.requests) == 4
        assert (answer.text, answer.draft_text) == (TERSE, "")
        assert answer.finish_reason == pb.FINISH_REASON_STOP
        assert [each.text for each in await talk.memories()][1:] == [TERSE]


@pytest.mark.parametrize("finish", ["content_filter", "", "tired"])
async def test_a_draft_that_is_refused_or_has_no_end_is_neither_repaired_nor_kept(finish):
    async with modelled(drafts(TERSE, finish=finish)) as (upstream, talk):
        answer = await talk.generate("What is wrong with the server?")
        assert len(upstream.requests) == 1
        assert (answer.text, answer.draft_text) == (TERSE, "")
        assert not await talk.memories()


async def test_every_line_about_a_model_names_the_request(tmp_path):
    """In the log of a process; whole answers and streams, ids of callers and of the server."""
    whole, pieces = pb.GenerateRequest, pb.StreamGenerateRequest
    asked = [
        ("rejected", whole, ""),
        ("rejected", pieces, ""),
        ("reset", pieces, "mine"),
        ("hang", whole, "late"),
        ("hang", pieces, "later"),
        ("unavailable", whole, ""),
    ]
    environment = {
        "MLSDM_LLM__ECHO__SCRIPT": json.dumps([step for step, *_ in asked]),
        "MLSDM_LLM__TRIES": "1",
        "MLSDM_LLM__BREAKER__FAILURES": "2",
    }
    server = await asyncio.to_thread(ServerProcess, tmp_path, environment=environment)
    try:
        async with channel(server.listen) as one:
            talk, ids = Talk(one, server), []
            for step, request, own in asked:
                call = talk.generation.StreamGenerate
                if request is whole:
                    call = talk.generation.Generate
                answer = call(
                    request(prompt="Good morning."),
                    metadata=[("x-request-id", own)] if own else [],
                    timeout=0.7 if step == "hang" else 10,
                )
                with pytest.raises(grpc.aio.AioRpcError) as failed:
                    _ = await answer if request is whole else [each async for each in answer]
                given = dict(failed.value.trailing_metadata() or ()).get("x-request-id")
                ids.append(own or given)
    finally:
        server.process.terminate()
        _, log = await asyncio.to_thread(server.process.communicate)
    lines = [json.loads(line) for line in log.splitlines()]
    failed = [line for line in lines if line["event"] == "provider_call_failed"]
    assert all(ids)
    assert [line["request_id"] for line in failed] == ids
    assert [line["kind"] for line in failed] == [
        *("status", "status", "reset", "deadline", "deadline", "status"),
    ]
    (changed,) = [line for line in lines if line["event"] == "provider_breaker_changed"]
    assert (changed["state"], changed["request_id"]) == ("open", ids[-1])
