"""Every wrong argument is reported before anything is sent.

``ROWS`` has what is wrong with each argument, by its name, or by method and name where a method
takes it otherwise. Methods and arguments come from inspection: one without rows fails.
"""

from __future__ import annotations

import inspect
import math
import typing
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import NoneType
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
import pytest

from mlsdm_grpc._gen.mlsdm.v1.event_pb2 import Event
from mlsdm_grpc.client import MemoryClient, Policy, new_memory
from mlsdm_grpc.errors import ApiStatusError, DeadlineExceeded, InvalidInput
from tests.support.counting import GOOD, Counted, called, counting, public

pytestmark = pytest.mark.anyio

LONE = "a\ud800b"
KIB = 1_024
UUID = "6f2c1f0e-58a4-4c0e-9a4b-0d1f0a3f5c11"


class Rows(NamedTuple):
    """Refused values by fault; None is refused by the annotation."""

    wrong: tuple[Any, ...]
    nan: tuple[Any, ...] = ()
    surrogate: tuple[Any, ...] = ()
    long: tuple[Any, ...] = ()
    empty: tuple[Any, ...] = ()


def text(most: int, *, empty: bool = False) -> Rows:
    """Rows for a text with a maximum length in bytes, which may be empty or not."""
    return Rows(
        (3, b"bytes", ["list"], True, object()),
        (math.nan,),
        (LONE,),
        ("x" * (most + 1), "é" * (most // 2 + 1)),
        ("",) if empty else (),
    )


def name(most: int, *, empty: bool = False) -> Rows:
    """Rows of a name that has a form."""
    return Rows(
        (3, b"bytes", ["list"], {}),
        (math.nan,),
        (LONE,),
        ("x" * (most + 1),),
        ("", " ") if empty else (" ", "ü"),
    )


def choice() -> Rows:
    return Rows((99, -1, b"prompt", [], True), (math.nan,), (LONE,), ("x" * KIB,), ("",))


FLAG = Rows(("yes", "", 2, 0.5, [], b"1"), (math.nan,), (LONE,), (2**70,))
NUMBER = Rows(("1", "x", b"1", [1], 1j, {}), (math.nan, np.float32("nan")), (LONE,), (10**400,))
SINGLE = NUMBER._replace(long=(10**400, 1e39), nan=(*NUMBER.nan, math.inf))
COUNT = Rows(("1", 1.0, 1.5, b"1", [1], True), (math.nan,), (LONE,), (2**31, -(2**31) - 1, 10**400))
REVISION = COUNT._replace(long=(2**63, 10**400))
TIMEOUT = NUMBER._replace(nan=(*NUMBER.nan, math.inf), long=(10**400, 1e10))
PATIENCE = NUMBER._replace(long=(), empty=(-1, 10**400))
LABELS = Rows(
    ("billing", 3, [3], [None], [b"a"], [["a"]], b"ab", [1.5]),
    (math.nan, [math.nan]),
    (LONE, ["a", LONE]),
    (["x" * 65], [f"l{n}" for n in range(33)]),
    ([""], [" "]),
)
METADATA = Rows(
    ("k=v", 3, {"page": 3}, {3: "page"}, {"k": None}, {"k": b"v"}, ["k"], {"k": True}),
    (math.nan, {"k": math.nan}),
    (LONE, {LONE: "v"}, {"k": LONE}),
    ({"k": "v" * 4 * KIB}, {f"key{n}": "v" * 40 for n in range(100)}),
)
VECTOR = Rows(
    ("abc", b"abc", {}, 3, ["1", "2"], [[1.0], [2.0]], [[1.0], [1.0, 2.0]], object(), [1j]),
    (math.nan, [1.0, math.nan], np.array([math.inf, 1.0]), [None, 1.0], [1e39]),
    (LONE, [LONE]),
    (np.ones(4_097), [1.0] * 4_097),
    ([], np.zeros(4), [1e-10] * 4),
)
MEMORIES = Rows(
    ("text", 3, ["text"], [new_memory("a"), "text"], [{"text": "a"}], new_memory("a"), [None]),
    (math.nan, [math.nan]),
    (LONE, [LONE]),
)
EVENTS = MEMORIES._replace(wrong=("text", 3, ["text"], [Event(text="a"), new_memory("a")], [None]))
TTL = Rows(
    ("1 day", 60, 1.5, b"1", []),
    (math.nan,),
    (LONE,),
    (timedelta.max, timedelta.min, timedelta(days=36_501)),
)

TIME = Rows(
    ("2031-05-01", "2031-05-01T00:00:00Z", "soon", 1_900_000_000, [], datetime(2031, 5, 1)),  # noqa: DTZ001 - no zone
    (math.nan,),
    (LONE,),
    (10**400,),
    ("",),
)

ROWS: dict[str, Rows] = {
    "text": text(8 * KIB),
    "tenant": text(63),
    "put.text": text(8 * KIB, empty=True),
    "context": text(4 * KIB),
    "new_memory.text": text(8 * KIB, empty=True),
    "process_event.text": text(8 * KIB, empty=True),
    "query.text": text(8 * KIB, empty=True),
    "query.words": text(8 * KIB),
    "query.mode": choice(),
    "query_many.mode": choice(),
    "evaluate.text": text(KIB * KIB, empty=True),
    "analyze_speech.text": text(KIB * KIB),
    "repair_speech.text": text(KIB * KIB, empty=True),
    "repair_speech.prompt": text(KIB * KIB),
    "split_passages.text": text(0)._replace(long=()),
    "passage_context.text": text(0)._replace(long=()),
    "prompt": text(KIB * KIB, empty=True),
    "system_prompt": text(KIB * KIB),
    "model": text(16 * KIB),
    "service": text(16 * KIB),
    "etag": text(16 * KIB),
    "embedding_model": text(128)._replace(long=("x" * 129, "é" * 129)),
    "update_space.etag": text(16 * KIB, empty=True),
    "set_policy.etag": text(16 * KIB, empty=True),
    "set_tenant.etag": text(16 * KIB, empty=True),
    "embedder_model": text(128, empty=True)._replace(long=("x" * 129, "é" * 129)),
    "target": text(16 * KIB, empty=True),
    "token": Rows(
        (3, b"secret", ["secret"], True),
        (math.nan,),
        (LONE,),
        ("x" * 8 * KIB,),
        (" ", "\n", "a\nb", "a\tb", "a\0b", "tökén"),
    ),
    "credentials": Rows(("tls", object(), b"", {}), (math.nan,), (LONE,), (), ("",)),
    "space": name(63),
    "create_space.space": name(63, empty=True),
    "memory_id": name(64),
    "get.memory_id": name(64, empty=True),
    "update.memory_id": name(64, empty=True),
    "delete.memory_id": name(64, empty=True),
    "stream_id": name(64),
    "conversation_id": name(64),
    "sources": Rows(
        ("user_input", b"user_input", 3, [99], [True], ["dream"], [None]),
        (math.nan, [math.nan]),
        (LONE, [LONE]),
        (["system"] * 9, ["x" * KIB]),
        ([""],),
    ),
    "request_id": name(64)._replace(wrong=(3, b"bytes", [], "r", UUID[:-1])),
    "language": name(2)._replace(wrong=(3, b"en", "english", "EN")),
    "stage": choice(),
    "profile": choice(),
    "moral_policy": choice(),
    "synaptic_scaling": choice(),
    "recall_phase": choice(),
    "embedding": VECTOR,
    "queries": Rows(
        ("text", b"text", 3, [3], [[1.0], "a", {}], [["a"]], [None]),
        (math.nan, [[math.nan]]),
        (LONE, ["a", LONE]),
        (["x" * (8 * KIB + 1)], ["a"] * 129, [np.ones(4_097)]),
        ([], [""], [[]], ["a", [0.0]]),
    ),
    "memories": MEMORIES,
    "events": EVENTS,
    "ontology": Rows(
        ("billing", 3, ["billing"], {3: [1.0]}, {"a": "b"}, {"a": None}, [("a", [1.0])]),
        (math.nan, {"a": [math.nan]}),
        (LONE, {LONE: [1.0]}),
        ({"x" * 65: [1.0]}, {f"c{n}": [1.0] for n in range(257)}, {"a": np.ones(4_097)}),
        ({"": [1.0]}, {"a": []}, {"a": [0.0]}),
    ),
    "policy": Rows(("strict", {}, 3, new_memory("a"), []), (math.nan,), (LONE,)),
    "labels": LABELS,
    "add_labels": LABELS,
    "remove_labels": LABELS,
    "stop_sequences": LABELS._replace(long=(["x" * 65], list("abcde")), empty=([""],)),
    "metadata": METADATA,
    **dict.fromkeys(("expire_time", "event_time", "after", "before"), TIME),
    "default_ttl": TTL,
    "phase": SINGLE,
    "phase_tolerance": SINGLE,
    "phase_weight": SINGLE,
    "synaptic_bias": SINGLE,
    "confidence": SINGLE,
    "min_confidence": SINGLE,
    "min_resonance": SINGLE,
    "min_score": SINGLE,
    "min_store_confidence": SINGLE,
    "merge_min_cosine": SINGLE,
    "temperature": SINGLE,
    "moral_value": NUMBER._replace(nan=(*NUMBER.nan, -math.inf)),
    "base_threshold": NUMBER._replace(nan=(*NUMBER.nan, math.inf)),
    "ceiling": NUMBER._replace(nan=(*NUMBER.nan, math.inf)),
    "timeout_s": TIMEOUT,
    "patience_s": PATIENCE,
    "min_interval_s": TIMEOUT._replace(empty=(0, -1)),
    "min_revision": REVISION,
    **dict.fromkeys(("space_count", "kept_bytes", "set_tenant.capacity"), REVISION),
    **dict.fromkeys(
        (
            "top_k",
            "page_size",
            "max_tokens",
            "max_attempts",
            "dimension",
            "capacity",
            "space_capacity",
            "wake_step_count",
            "sleep_step_count",
        ),
        COUNT,
    ),
    "max_chars": COUNT._replace(long=(), empty=(0, -1)),
    **dict.fromkeys(
        (
            "pinned",
            "allow_replace",
            "validate_only",
            "clear_expire_time",
            "erase",
            "include_embedding",
            "include_traces",
            "redact",
            "remember",
            "repair_speech",
            "sleep_gate",
            "read_only",
        ),
        FLAG,
    ),
    "reason": text(16 * KIB, empty=True),
    "grace": TTL,
    **dict.fromkeys(
        ("on_wait", "on_outcome"), Rows(("print", 3, [], True), (math.nan,), (LONE,), (), ("",))
    ),
    "error": Rows(("failed", 3, [], {}), (math.nan,), (LONE,), (), ("",)),
}

UNBOUNDED = {
    "credentials",
    "error",
    "events",
    "max_chars",
    "memories",
    "on_outcome",
    "on_wait",
    "passage_context.text",
    "patience_s",
    "policy",
    "split_passages.text",
}
"""Arguments at their largest allowed length."""

INSTEAD = {("query", "embedding"): "text", ("put", "embedding"): "text"}
"""Arguments that have to go where another one is given."""


def arguments(call: Callable[..., Any]) -> dict[str, Any]:
    """The arguments of a call with their types, those of a TypedDict among them."""
    hints = typing.get_type_hints(call)
    found = {}
    for parameter in inspect.signature(call).parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.VAR_KEYWORD:
            (fields,) = typing.get_args(hints[parameter.name])
            found |= typing.get_type_hints(fields)
        else:
            assert parameter.kind is not parameter.VAR_POSITIONAL
            found[parameter.name] = hints[parameter.name]
    return found


def rows(call: str, argument: str) -> Rows | None:
    return ROWS.get(f"{call}.{argument}", ROWS.get(argument))


def refused(call: str, argument: str, hint: Any) -> Iterator[Any]:
    """Every value that a call must refuse for an argument."""
    table = rows(call, argument)
    assert table is not None, f"{call}: {argument} has no rows"
    for values in table:
        yield from values
    if NoneType not in typing.get_args(hint):
        yield None


def test_every_call_and_argument_of_the_client_has_rows():
    assert set(GOOD) == set(public())
    seen = {
        (call, argument) for call, function in public().items() for argument in arguments(function)
    }
    assert [pair for pair in seen if rows(*pair) is None] == []
    names = {argument for _, argument in seen} | {f"{call}.{argument}" for call, argument in seen}
    assert set(ROWS) <= names, "rows of what is no argument"
    for argument, table in ROWS.items():
        assert table.wrong, argument
        assert table.nan, argument
        assert table.surrogate, argument
        assert bool(table.long) is (argument not in UNBOUNDED), argument


@pytest.mark.parametrize("call", sorted(GOOD))
async def test_what_is_wrong_is_said_by_its_name_and_nothing_is_sent(call):
    async with counting() as (memory, counted):
        for argument, hint in arguments(public()[call]).items():
            for value in refused(call, argument, hint):
                given = {**GOOD[call], argument: value}
                given.pop(INSTEAD.get((call, argument)), None)
                with pytest.raises(Exception) as caught:
                    await called(memory, call, given)
                error, shown = caught.value, f"{call}({argument}={value!r:.80}): {caught.value!r}"
                assert type(error) is InvalidInput, shown
                (violation,) = error.violations
                assert violation.field.partition("[")[0] == argument, shown
                assert violation.field in str(error), shown
                assert violation.description in str(error), shown
                assert len(str(error)) < 400, shown
        assert counted.calls == []
        await arrives(memory, call, counted)


async def arrives(memory: MemoryClient, call: str, counted: Counted) -> None:
    """Check that the call is sent with good arguments, and counted."""
    if call in public() and not hasattr(memory, call):
        await called(memory, call, GOOD[call])  # sends nothing ever
        return
    with pytest.raises(ApiStatusError, match="Method not found"):
        await called(memory, call, GOOD[call])
    assert len(counted.calls) == 1


ODD = (
    *(True, 0, -1, 2**31, -(2**63), 10**5_000, 0.5, 1e308, -math.inf, 1j, "", "a", "\0", "1.5"),
    *("inf", "true", b"", b"\xff", bytearray(b"a"), memoryview(b"a"), [], [[]], [1, [2]], (), {}),
    *({"a": 1}, {1: 2}, {"a"}, range(3), np.array(1.0), np.array([]), np.ones(3), np.ones((2, 2))),
    *(np.array(["a"]), np.array([None]), np.array(["1"], object), np.bool_(True), np.str_("a")),
    *(np.datetime64("2031-01-01"), np.ma.masked, Decimal("sNaN"), Decimal("1e400"), Path("a")),
    *(
        datetime.max.replace(tzinfo=UTC),
        date.max,
        timedelta.min,
        uuid4(),
        object(),
        type,
        len,
        new_memory("a"),
    ),
    *(Event(text="a"), Policy(etag="1"), deque(["a"]), ..., NotImplemented, Exception("a")),
)


@pytest.mark.parametrize("call", sorted(GOOD))
async def test_whatever_is_given_is_sent_or_refused_by_its_name(call):
    async with counting() as (memory, counted):
        # A call whose deadline has passed may arrive late.
        for argument in sorted(arguments(public()[call]), key=lambda name: name == "timeout_s"):
            for value in ODD:
                given = {**GOOD[call], argument: value}
                given.pop(INSTEAD.get((call, argument)), None)
                sent = len(counted.calls)
                try:
                    await called(memory, call, given)
                except InvalidInput as error:
                    assert error.violations[0].field.partition("[")[0] == argument
                    assert argument == "timeout_s" or len(counted.calls) == sent
                except (ApiStatusError, DeadlineExceeded):
                    made = len(counted.calls) - sent
                    # A write that meets the end of its call hides why it ended (grpc.aio says
                    # INTERNAL), so a stream is opened once more.
                    repeated = made == 2 and call in {"ingest", "stream_events", "writer"}
                    assert argument == "timeout_s" or made == 1 or repeated
