"""Hung workers, simulated by stopped processes, and their effect on callers."""

import asyncio
import os
import signal
import time
import uuid
import zlib
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress

import grpc
import pytest
from node import refusal
from serving import ServerProcess, channel
from talk import HOSTILE, Talk, kinds, tokens

from mlsdm_grpc._gen.mlsdm.v1 import (
    error_reason_pb2,
    memory_put_pb2,
    memory_query_pb2,
)
from mlsdm_grpc._gen.mlsdm.v1 import generation_service_pb2 as pb

pytestmark = [pytest.mark.anyio, pytest.mark.load, pytest.mark.timeout(120)]

FACT = "My dog is called Bruno and he is afraid of thunder."
QUESTION = "Why is my dog afraid so often?"
DEADLINES_S = (1.0, 4.0, 30.0)
SHARE = 0.25
"""Share of the deadline in which an answer without hung parts arrives, docs/generation.md."""
STANDS_STILL_S = 2.0
"""Time without a step after which a worker is given up at the latest."""
SLACK_S = 0.4
"""Extra time for a machine that runs other tests, seconds."""
TIMES = 5
NOT_ANSWERED = {
    error_reason_pb2.ERROR_REASON_DEADLINE_EXPIRED,
    error_reason_pb2.ERROR_REASON_WORKER_LOST,
}
PATIENT = {"MLSDM_ENGINE__WORKER_STALL_TIMEOUT_S": "120"}
"""Environment in which the supervisor does not kill the workers that the tests stop."""


@asynccontextmanager
async def serving(data_dir, *options, environment=None):
    quiet = {"MLSDM_LOGGING__LEVEL": "error", **(environment or {})}
    server = await asyncio.to_thread(ServerProcess, data_dir, *options, environment=quiet)
    try:
        async with channel(server.listen) as one:
            yield Talk(one, server)
    finally:
        await asyncio.to_thread(server.kill)


@contextmanager
def stopped(*pids):
    """Let processes stand still; one that has been replaced meanwhile is gone at the end."""
    with ExitStack() as going_on:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
            going_on.callback(_go_on, pid)
        yield


def _go_on(pid):
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


async def generated(talk, timeout_s):
    """Return the flag ``stateless``, the text, and the reason why an answer was not remembered."""
    request = pb.GenerateRequest(prompt=QUESTION)
    answer = await talk.generation.Generate(request, timeout=timeout_s)
    assert bool(answer.recalled) is not answer.stateless
    return answer.stateless, answer


async def streamed(talk, timeout_s):
    request = pb.StreamGenerateRequest(prompt=QUESTION)
    events = [event async for event in talk.generation.StreamGenerate(request, timeout=timeout_s)]
    assert kinds(events)[0] == "recall"
    final = events[-1].final
    assert "".join(tokens(events)) == final.text
    assert bool(events[0].recall.recalled) is not events[0].recall.stateless
    return events[0].recall.stateless, final


def worker_of(space):
    return zlib.crc32(f"dev/{space}".encode()) % 2


@pytest.mark.parametrize("ask", [generated, streamed])
async def test_without_the_workers_of_memory_answers_are_stateless_and_soon(tmp_path, ask):
    async with serving(tmp_path, environment=PATIENT) as talk:
        await talk.put(FACT)
        assert not (await ask(talk, 20))[0]
        for deadline_s in DEADLINES_S:
            took_s = []
            with stopped(*talk.server.workers("minds")):
                for _ in range(TIMES):
                    began_s = time.monotonic()
                    stateless, answer = await ask(talk, deadline_s)
                    took_s.append(time.monotonic() - began_s)
                    assert stateless
                    assert answer.text
                    assert answer.revision == 0
                    assert not answer.memory_ids
                    assert answer.remember_status.reason in NOT_ANSWERED
                refused = await talk.generate(HOSTILE)
                assert refused.finish_reason == pb.FINISH_REASON_PROMPT_REFUSED
            assert max(took_s) < SHARE * deadline_s + SLACK_S, (deadline_s, took_s)
            stateless, answer = await ask(talk, 20)
            assert not stateless
            assert FACT in answer.text
            assert len(answer.memory_ids) == 2


async def test_a_stream_without_a_deadline_does_not_wait_for_ever_either(tmp_path):
    async with serving(tmp_path, environment=PATIENT) as talk:
        await talk.put(FACT)
        with stopped(*talk.server.workers("minds")):
            began_s = time.monotonic()
            assert (await streamed(talk, None))[0]
            assert time.monotonic() - began_s < 5 * STANDS_STILL_S
        assert not (await streamed(talk, None))[0]


@pytest.mark.parametrize("deadline_s", DEADLINES_S)
async def test_what_cannot_be_remembered_holds_no_answer_back(tmp_path, deadline_s):
    """A new space has no memories to recall, so the answer meets its worker at the end."""
    async with serving(tmp_path, environment=PATIENT) as talk:
        await talk.put(FACT)
        request_id = str(uuid.uuid4())
        request = pb.GenerateRequest(prompt=QUESTION, space="new", request_id=request_id)
        with stopped(*talk.server.workers("minds")):
            began_s = time.monotonic()
            answer = await talk.generation.Generate(request, timeout=deadline_s)
            assert time.monotonic() - began_s < SHARE * deadline_s + SLACK_S
            assert answer.text
            assert not answer.memory_ids
            assert answer.remember_status.reason == error_reason_pb2.ERROR_REASON_OUTCOME_UNKNOWN
            assert answer.remember_status.metadata["request_id"] == request_id
        first, again = [await talk.generation.Generate(request, timeout=20) for _ in "ab"]
        assert len(first.memory_ids) == 2
        assert first.memory_ids == again.memory_ids


async def test_a_hanging_memory_is_given_up_before_the_node_is_in_an_emergency(tmp_path):
    """No call fails under permanent load with defaults, and memory returns by itself."""
    defaults = {"MLSDM_PRESSURE__MAX_PROCESSING_S": "10"}
    async with serving(tmp_path, environment=defaults) as talk:
        await talk.put(FACT)
        assert not (await generated(talk, 20))[0]
        hanging = talk.server.workers("minds")
        told = []
        with stopped(*hanging):
            ends_s = time.monotonic() + 45
            while (not told or told[-1]) and time.monotonic() < ends_s:
                told.append((await generated(talk, 30))[0])
                await asyncio.sleep(0.05)
        assert len(told) > TIMES
        assert all(told[:-1])
        assert not told[-1]
        assert set(hanging).isdisjoint(talk.server.workers("minds"))


@pytest.mark.parametrize(("ask", "role"), [(generated, "minds text"), (streamed, "text")])
async def test_an_answer_is_judged_and_there_in_time_while_the_text_workers_hang(
    tmp_path, ask, role
):
    async with serving(tmp_path, environment=PATIENT) as talk:
        await talk.put(FACT)
        assert not (await ask(talk, 20))[0]
        for deadline_s in reversed(DEADLINES_S):  # the first answer has to load the rules
            with stopped(*(pid for each in role.split() for pid in talk.server.workers(each))):
                for _ in range(TIMES):
                    began_s = time.monotonic()
                    stateless, _ = await ask(talk, deadline_s)
                    took_s = time.monotonic() - began_s
                    assert stateless
                    assert took_s < SHARE * deadline_s + SLACK_S
                refused = await talk.generate(HOSTILE)
                assert refused.finish_reason == pb.FINISH_REASON_PROMPT_REFUSED
            assert (await talk.generate(HOSTILE)).finish_reason == pb.FINISH_REASON_PROMPT_REFUSED
            assert not (await ask(talk, 20))[0]


async def test_the_rest_of_a_stream_is_judged_while_the_text_workers_hang(tmp_path):
    slow = {"MLSDM_LLM__ECHO__CHUNK_DELAY_S": "0.05"}
    async with serving(tmp_path, environment=PATIENT | slow) as talk:
        await talk.put(FACT)
        request = pb.StreamGenerateRequest(prompt=QUESTION)
        events = aiter(talk.generation.StreamGenerate(request, timeout=8))
        assert (await anext(events)).HasField("recall")
        with stopped(*talk.server.workers("text")):
            last = [event async for event in events][-1]
        assert last.final.finish_reason == pb.FINISH_REASON_STOP
        assert last.final.HasField("remember_status")


async def put(talk, space, timeout_s):
    request = memory_put_pb2.PutMemoryRequest(space=space, memory={"text": FACT})
    return await talk.memory.PutMemory(request, timeout=timeout_s)


async def query(talk, space, timeout_s):
    request = memory_query_pb2.QueryMemoriesRequest(space=space, text=QUESTION)
    return await talk.memory.QueryMemories(request, timeout=timeout_s)


async def ended(call, talk, space, timeout_s):
    """Return how a call was refused, and how long after its deadline."""
    began_s = time.monotonic()
    return await refusal(call(talk, space, timeout_s)), time.monotonic() - began_s - timeout_s


async def test_what_waits_for_a_hanging_worker_ends_at_its_deadline_and_others_go_on(tmp_path):
    spaces = [next(s for s in map("s{}".format, range(100)) if worker_of(s) == i) for i in (0, 1)]
    async with serving(tmp_path, "--workers", "2", environment=PATIENT) as talk:
        for space in spaces:
            await put(talk, space, 20)
        with stopped(talk.server.workers("minds")[0]):
            (hanging,) = [space for space in spaces if await refusal(query(talk, space, 2))]
            (other,) = set(spaces) - {hanging}
            waiting = {
                (call, deadline_s): asyncio.ensure_future(ended(call, talk, hanging, deadline_s))
                for call in (query, put)
                for deadline_s in (1, 4)
            }
            served = 0
            while not all(each.done() for each in waiting.values()):
                assert (await query(talk, other, 2)).matches
                await put(talk, other, 2)
                served += 1
            assert served > TIMES
        reasons = {query: {"DEADLINE_EXPIRED"}, put: {"OUTCOME_UNKNOWN"}}
        for (call, deadline_s), each in waiting.items():
            told, late_s = await each
            assert told.code is grpc.StatusCode.DEADLINE_EXCEEDED
            assert told.reason in reasons[call] | {""}, (
                "empty where the client's own clock was first"
            )
            assert late_s < SLACK_S, (call, deadline_s)
        assert (await query(talk, hanging, 20)).matches
        assert (await put(talk, hanging, 20)).revision
