"""Gateway with providers that answer, fail, hang or are rejected."""

from __future__ import annotations

import asyncio
import contextlib
import random
from bisect import bisect_right
from dataclasses import replace

import pytest
from setting import asking, gateway_over, streamed

from mlsdm_grpc.config import EchoSettings, LlmSettings
from mlsdm_grpc.errors import (
    DeadlineExceeded,
    InvalidInput,
    PreconditionFailed,
    Unavailable,
)
from mlsdm_grpc.llm.breaker import BreakerState
from mlsdm_grpc.llm.prompt import RecalledText, join_prompt
from mlsdm_grpc.llm.providers.echo import EchoProvider
from mlsdm_grpc.llm.providers.provider import (
    FaultKind,
    Finish,
    ModelAnswer,
    ProviderFault,
    TokenUsage,
)

pytestmark = pytest.mark.anyio


def echo(*script, name="echo", **more):
    return lambda: EchoProvider(EchoSettings(script=script, **more), name=name)


class Scripted:
    """Provider that raises a list of faults, one for each call, and then answers."""

    models = frozenset({"m"})

    def __init__(self, *faults, name="scripted"):
        self.name = name
        self.faults = list(faults)
        self.deadlines_s = []

    async def complete(self, request):
        self.deadlines_s.append(request.deadline_s)
        if self.faults:
            raise self.faults.pop(0)
        return ModelAnswer("Yes.", Finish.STOP, TokenUsage(1, 1), "m")

    async def aclose(self):
        pass


def unavailable(retry_after_s=None):
    return ProviderFault(FaultKind.STATUS, retryable=True, status=503, retry_after_s=retry_after_s)


async def test_an_answer_tells_what_it_took():
    async with gateway_over(echo("unavailable", "ok")) as gateway:
        found = await gateway.complete(asking("What is red?"), tenant="t")
    assert found.text.startswith('You asked me about this: "What is red?"')
    assert (found.provider, found.model, found.call_count) == ("echo", "echo-1", 2)
    assert (found.usage.prompt_tokens, found.finish) == (3, Finish.STOP)
    assert found.elapsed_s >= 0


async def test_a_stream_gives_the_same_answer_piece_by_piece():
    async with gateway_over(echo()) as gateway:
        whole = await gateway.complete(asking("What is red?"), tenant="t")
        pieces, result = await streamed(gateway, asking("What is red?"))
    assert "".join(pieces) == whole.text == result.text
    assert len(pieces) > 5
    assert (result.usage, result.finish, result.call_count) == (whole.usage, whole.finish, 1)


async def test_pauses_grow_from_one_to_ten_seconds():
    provider = Scripted(*(unavailable() for _ in range(4)))
    async with gateway_over(lambda: provider, tries=5) as gateway:
        found = await gateway.complete(asking(within_s=60), tenant="t")
    assert gateway.slept == [1.0, 2.0, 4.0, 8.0]
    assert found.call_count == 5
    provider = Scripted(*(unavailable() for _ in range(4)))
    async with gateway_over(lambda: provider, tries=5, retry_initial_s=6.0) as gateway:
        await gateway.complete(asking(within_s=60), tenant="t")
    assert gateway.slept == [6.0, 10.0, 10.0, 10.0]


@pytest.mark.parametrize(("asked_s", "paused_s"), [(0.0, 1.0), (3.0, 3.0), (20.0, 20.0)])
async def test_a_provider_may_ask_for_a_longer_pause(asked_s, paused_s):
    async with gateway_over(lambda: Scripted(unavailable(asked_s))) as gateway:
        await gateway.complete(asking(within_s=30), tenant="t")
    assert gateway.slept == [paused_s]


async def test_pauses_differ_so_that_callers_do_not_come_back_at_once():
    provider = Scripted(unavailable(), unavailable(5.0))
    async with gateway_over(lambda: provider, jitter=0.5) as gateway:
        await gateway.complete(asking(within_s=30), tenant="t")
    assert gateway.slept == [1.5, 5.5]


async def test_a_pause_beyond_the_deadline_is_not_begun():
    async with gateway_over(lambda: Scripted(unavailable(20.0))) as gateway:
        with pytest.raises(Unavailable) as caught:
            await gateway.complete(asking(within_s=10), tenant="t")
    assert gateway.slept == []
    assert caught.value.retry_after_s == 20.0


async def test_a_provider_learns_the_deadline_less_a_margin_and_its_own_limit():
    provider = Scripted()
    async with gateway_over(lambda: provider, timeout_s=30.0, deadline_margin_s=0.5) as gateway:
        request = asking(within_s=10)
        await gateway.complete(request, tenant="t")
        assert provider.deadlines_s.pop() == pytest.approx(request.deadline_s - 0.5)
        request = asking(within_s=100)
        await gateway.complete(request, tenant="t")
        assert provider.deadlines_s.pop() == pytest.approx(request.deadline_s - 70, abs=1)


async def test_what_cannot_be_done_in_time_is_not_begun_with_deadline_too_short():
    provider = Scripted()
    async with gateway_over(lambda: provider, deadline_margin_s=0.2) as gateway:
        with pytest.raises(DeadlineExceeded) as caught:
            await gateway.complete(asking(within_s=0.2), tenant="t")
    assert caught.value.reason == "DEADLINE_TOO_SHORT"
    assert caught.value.metadata == {"needed_ms": "250"}
    assert provider.deadlines_s == []


def is_open(gateway, provider="scripted"):
    labels = {"provider": provider, "kind": "open"}
    return gateway.metrics.registry.get_sample_value("mlsdm_llm_breaker", labels)


async def test_a_hanging_provider_is_cancelled_at_the_deadline():
    async with gateway_over(echo("hang"), timeout_s=30.0) as gateway:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        with pytest.raises(DeadlineExceeded) as caught:
            await gateway.complete(asking(within_s=0.3), tenant="t")
        assert loop.time() - began_s < 3
        assert gateway.permits.inside_count == 0
        assert gateway.turns.in_flight == 0
    assert caught.value.reason == "DEADLINE_EXPIRED"


async def test_the_next_provider_is_asked_when_one_has_no_try_left():
    async with gateway_over(
        echo(*["unavailable"] * 3, name="first"), echo(name="second")
    ) as gateway:
        found = await gateway.complete(asking(), tenant="t")
    assert (found.provider, found.call_count) == ("second", 4)


async def test_the_next_provider_is_asked_at_once_while_a_breaker_is_open():
    first = Scripted(*(unavailable() for _ in range(5)), name="first")
    async with gateway_over(lambda: first, echo(name="second"), tries=1) as gateway:
        for _ in range(5):
            assert (await gateway.complete(asking(), tenant="t")).call_count == 2
        assert [each.state for each in gateway.providers()] == [
            BreakerState.OPEN,
            BreakerState.CLOSED,
        ]
        assert gateway.callable
        found = await gateway.complete(asking(), tenant="t")
    assert (found.provider, found.call_count) == ("second", 1)


async def test_the_next_provider_is_not_asked_when_the_time_is_up():
    async def sleep(_):
        await asyncio.sleep(0.2)

    late = Scripted(name="late")
    slow = Scripted(unavailable(), unavailable(), name="slow")
    async with gateway_over(
        lambda: slow, lambda: late, sleep=sleep, retry_initial_s=0.01
    ) as gateway:
        with pytest.raises(DeadlineExceeded) as caught:
            await gateway.complete(asking(within_s=0.24), tenant="t")
    assert caught.value.reason == "DEADLINE_EXPIRED"
    assert late.deadlines_s == []


async def test_without_any_provider_callers_are_told_when_to_come_back():
    async with gateway_over(lambda: Scripted(*(unavailable() for _ in range(9)))) as gateway:
        for _ in range(2):
            with pytest.raises(Unavailable):
                await gateway.complete(asking(), tenant="t")
        assert not gateway.callable
        with pytest.raises(Unavailable) as caught:
            await gateway.complete(asking(), tenant="t")
    assert caught.value.reason == "PROVIDER_UNAVAILABLE"
    assert caught.value.metadata == {"provider": "scripted", "cause": "circuit_open"}
    assert 29 < caught.value.retry_after_s <= 30


async def test_a_rejected_request_goes_to_no_other_provider():
    async with gateway_over(echo("rejected", name="first"), echo(name="second")) as gateway:
        with pytest.raises(PreconditionFailed) as caught:
            await gateway.complete(asking(), tenant="t")
        assert gateway.providers()[0].state is BreakerState.CLOSED
    assert caught.value.reason == "PROVIDER_REJECTED"
    assert caught.value.metadata == {"provider": "first", "status": "400"}


async def test_requests_that_are_rejected_do_not_open_the_breaker():
    async with gateway_over(echo(*["rejected"] * 30)) as gateway:
        for _ in range(30):
            with pytest.raises(PreconditionFailed):
                await gateway.complete(asking(), tenant="t")
        assert gateway.callable


async def test_callers_that_go_away_do_not_open_the_breaker():
    async with gateway_over(echo(*["hang"] * 30), timeout_s=30.0) as gateway:
        calls = [asyncio.create_task(gateway.complete(asking(), tenant="t")) for _ in range(30)]
        await asyncio.sleep(0.01)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        assert gateway.callable
        assert (gateway.permits.inside_count, gateway.turns.in_flight) == (0, 0)


async def test_a_provider_that_is_silent_until_its_callers_give_up_has_failed(monkeypatch):
    monkeypatch.setattr("mlsdm_grpc.llm.upstream.PATIENCE_S", 0.1)
    async with gateway_over(echo(*["hang"] * 10), timeout_s=30.0) as gateway:
        for within_s, state in ((0.12, BreakerState.CLOSED), (0.2, BreakerState.OPEN)):
            calls = [gateway.complete(asking(within_s=within_s), tenant="t") for _ in range(5)]
            ends = await asyncio.gather(*calls, return_exceptions=True)
            assert [each.reason for each in ends] == ["DEADLINE_EXPIRED"] * 5
            assert gateway.providers()[0].state is state


async def test_nothing_is_tried_again_once_a_word_is_out():
    async with (
        gateway_over(echo("reset", "ok"), echo(name="second")) as gateway,
        gateway.stream(asking(), tenant="t") as answer,
    ):
        pieces = aiter(answer)
        assert [await anext(pieces) for _ in range(3)] == ["You", " asked", " me"]
        with pytest.raises(Unavailable) as caught:
            await anext(pieces)
    assert answer.result.text == "You asked me"
    assert caught.value.metadata == {"provider": "echo", "cause": "reset"}
    assert gateway.slept == []


async def test_streams_are_tried_again_before_the_first_word():
    async with gateway_over(echo("unavailable", "ok")) as gateway:
        _, result = await streamed(gateway, asking())
    assert result.call_count == 2


async def test_a_stream_that_is_left_gives_everything_back():
    async with gateway_over(echo(chunk_delay_s=0.01)) as gateway:
        async with gateway.stream(asking(), tenant="t") as answer:
            async for _ in answer:
                break
        assert (gateway.permits.inside_count, gateway.turns.in_flight) == (0, 0)
        assert 0 < len(answer.result.text) < 10


@pytest.mark.parametrize(
    ("more", "field"), [({"model": "other"}, "model"), ({"max_tokens": 4_097}, "max_tokens")]
)
async def test_what_is_not_offered_is_refused(more, field):
    async with gateway_over(echo()) as gateway:
        with pytest.raises(InvalidInput) as caught:
            await gateway.complete(asking(**more), tenant="t")
    assert [each.field for each in caught.value.violations] == [field]


async def test_a_model_goes_to_the_provider_that_has_it():
    async with gateway_over(echo(), Scripted) as gateway:
        assert gateway.models == {"echo-1", "m"}
        assert (await gateway.complete(asking(model="m"), tenant="t")).provider == "scripted"


async def test_limits_of_answers():
    async with gateway_over(echo(style="looping"), max_tokens=40) as gateway:
        short = await gateway.complete(asking(max_tokens=10), tenant="t")
        usual = await gateway.complete(asking(), tenant="t")
    assert (len(short.text.split()), short.finish) == (10, Finish.LENGTH)
    assert (len(usual.text.split()), usual.finish) == (40, Finish.LENGTH)


async def test_a_recalled_fact_is_quoted():
    memories = [
        RecalledText("1", "The harbour lights are green.", 0.9),
        RecalledText("2", "My grandmother was born in Odesa in 1931.", 0.2),
    ]
    prompt = join_prompt(memories, "Where was my grandmother born?")
    async with gateway_over(echo()) as gateway:
        found = await gateway.complete(asking(prompt), tenant="t")
    assert "My grandmother was born in Odesa in 1931." in found.text
    assert "harbour" not in found.text


async def test_amplification_is_at_most_a_tenth_over_any_minute():
    """A minute-long outage and a flaky provider, with a simulated clock."""
    now_s = 50_000.0
    source = random.Random(5)
    calls, sent = [], []

    class Flaky(Scripted):
        async def complete(self, request):
            sent.append(now_s)
            if source.random() < (1.0 if 50_100 < now_s < 50_160 else 0.3):
                raise unavailable()
            return await super().complete(request)

    async def sleep(_):
        await asyncio.sleep(0)  # others go on meanwhile; the pause itself is not waited for

    never_open = {"failures": 1_000, "window_share": 1.0, "window_calls": 4_096}
    floor = LlmSettings().retry_floor
    async with gateway_over(
        Flaky, clock=lambda: now_s, sleep=sleep, retry_floor=floor, breaker=never_open
    ) as gateway:
        for _ in range(2_400):
            now_s += 0.1
            calls.append(now_s)
            request = asking()
            with contextlib.suppress(Unavailable):
                await gateway.complete(replace(request, deadline_s=now_s + 30), tenant="t")
    assert len(sent) > len(calls)
    for end_s in sent:
        began = bisect_right(calls, end_s) - bisect_right(calls, end_s - 60)
        made = bisect_right(sent, end_s) - bisect_right(sent, end_s - 60)
        assert made <= 1.10 * began


async def test_an_outage_opens_the_breaker_and_its_end_closes_it(logs):
    now_s = 50_000.0
    up = False

    class Upstream(Scripted):
        async def complete(self, request):
            if not up:
                raise unavailable()
            return await super().complete(request)

    async with gateway_over(Upstream, clock=lambda: now_s, tries=1) as gateway:

        async def ask():
            request = asking()
            return await gateway.complete(replace(request, deadline_s=now_s + 10), tenant="t")

        for _ in range(7):
            with pytest.raises(Unavailable):
                await ask()
        (status,) = gateway.providers()
        assert (status.state, status.open_count) == (BreakerState.OPEN, 1)
        assert is_open(gateway) == 1
        up = True
        now_s += 30
        for _ in range(2):
            await ask()
        assert gateway.providers()[0].state is BreakerState.CLOSED
        assert is_open(gateway) == 0
    states = [each["state"] for each in logs.events("provider_breaker_changed")]
    assert states == ["open", "half_open", "closed"]
    failed = logs.events("provider_call_failed")
    assert [(each["kind"], each["status"]) for each in failed] == [("status", 503)] * 5


async def test_the_time_before_its_turn_is_told():
    async with gateway_over(echo("hang"), max_concurrent=1, timeout_s=30.0) as gateway:
        first = asyncio.create_task(gateway.complete(asking(), tenant="a"))
        while not gateway.turns.in_flight:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
        second = asyncio.create_task(gateway.complete(asking(), tenant="b"))
        # Wait for the announced time.
        await asyncio.sleep(0.1)
        first.cancel()
        found = await second
    assert found.queue_wait_s >= 0.09
    assert found.elapsed_s >= 0
