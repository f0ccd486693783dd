"""Errors of wrong arguments, and the accepted forms of right ones."""

from __future__ import annotations

import array
import math
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from fractions import Fraction
from types import MappingProxyType

import numpy as np
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from mlsdm_grpc._gen.mlsdm.v1.governance_pb2 import GOVERNANCE_STAGE_MEMORY
from mlsdm_grpc._gen.mlsdm.v1.governance_service_pb2 import EvaluateContentRequest
from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import Memory
from mlsdm_grpc._gen.mlsdm.v1.memory_put_pb2 import PutMemoryResponse
from mlsdm_grpc._gen.mlsdm.v1.memory_query_pb2 import BatchQueryMemoriesResponse
from mlsdm_grpc._gen.mlsdm.v1.memory_service_pb2 import GetMemoryResponse
from mlsdm_grpc.client import MemoryClient, Policy, new_memory
from mlsdm_grpc.client.arguments import each, message
from mlsdm_grpc.client.messages import vector_of
from mlsdm_grpc.client.spaces import space_config
from mlsdm_grpc.errors import InvalidInput, PreconditionFailed
from tests.support.counting import GOOD, called, counting

pytestmark = pytest.mark.anyio

UUID = "6f2c1f0e-58a4-4c0e-9a4b-0d1f0a3f5c11"

NO_TIME = "expire_time: must be a datetime with a time zone, is str"
SAID = [
    ("put", {"labels": "billing"}, 'labels: must be a list of strings, is str; send ["billing"].'),
    ("put", {"labels": [3]}, 'labels: item 0 must be a string, is int; send "3".'),
    ("list", {"labels": ["a", None]}, "labels: item 1 must be a string, is None."),
    ("update", {"add_labels": ("a b",)}, "add_labels: item 0 must match [A-Za-z0-9._:/-]{1,64}."),
    (
        "process_event",
        {"metadata": {"page": 3}},
        'metadata: the value of "page" must be a string, is int; send "3".',
    ),
    ("put", {"metadata": {3: "x"}}, 'metadata: a key must be a string, is int; send "3".'),
    ("put", {"confidence": "0.5"}, "confidence: must be a number, is str; send 0.5."),
    ("put", {"text": b"a"}, 'text: must be a string, is bytes; send value.decode("utf-8").'),
    ("put", {"text": None}, "text: must be a string, is None."),
    ("put", {"text": ""}, "text: is required if there is no embedding."),
    ("query", {"embedding": [1.0]}, "text: must be empty where there is an embedding."),
    ("query", {"text": np.ones(2), "embedding": [1.0]}, "text: must be a string, is ndarray."),
    (
        "put",
        {"expire_time": "2031-05-01\ud80012:00"},
        f'{NO_TIME}; send datetime.fromisoformat("2031-05-01\\ud80012:00").astimezone().',
    ),
    ("query", {"top_k": 5.0}, "top_k: must be a whole number, is float; send 5."),
    ("query", {"top_k": "7"}, "top_k: must be a whole number, is str; send 7."),
    (
        "query_many",
        {"queries": "rent"},
        'queries: must be texts and vectors, is str; send ["rent"].',
    ),
    ("query_many", {"queries": [""]}, "queries[0].text: must not be empty."),
    (
        "update",
        {"expire_time": "2031-05-01T00:00:00Z"},
        f'{NO_TIME}; send datetime.fromisoformat("2031-05-01T00:00:00Z").',
    ),
    (
        "put",
        {"expire_time": "2031-05-01"},
        f'{NO_TIME}; send datetime.fromisoformat("2031-05-01").astimezone().',
    ),
    (
        "put",
        {"expire_time": datetime(2031, 5, 1)},  # noqa: DTZ001 - no zone
        "expire_time: has no time zone; send value.astimezone() if it is local time.",
    ),
    (
        "put",
        {"expire_time": datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))},
        "expire_time: must be between the years 1 and 9999 in UTC.",
    ),
    (
        "create_space",
        {"default_ttl": 60},
        "default_ttl: must be a timedelta, is int; send timedelta(seconds=60.0).",
    ),
    (
        "create_space",
        {"moral_policy": "kind"},
        'moral_policy: must be one of "vigilant", "homeostatic".',
    ),
    (
        "put",
        {"embedding": [3e-10, 4e-10]},
        "embedding: has the norm 5e-10; at least 1e-09 is needed.",
    ),
    ("put", {"embedding": np.ones((2, 2))}, "embedding: must have one dimension, has 2."),
    (
        "put_many",
        {"memories": ["a"]},
        "memories[0]: must be a message Memory, as new_memory() makes it, is str.",
    ),
    (
        "put_many",
        {"memories": new_memory("a")},
        "memories: must be an iterable of Memory, is Memory; send a list of it.",
    ),
    (
        "evaluate",
        {"text": "a\udce4"},
        "text: has a lone surrogate at character 1, which UTF-8 cannot carry; send value.encode(",
    ),
    ("delete", {"memory_id": ""}, "memory_id: must not be empty."),
    ("get", {"timeout_s": math.inf}, "timeout_s: must be a finite number of at most 1e+09."),
    ("watch_state", {"min_interval_s": 0}, "min_interval_s: must be a number from 0.01 to 3600."),
    ("put", {"pinned": "no"}, "pinned: must be True or False, is str."),
    ("set_policy", {"policy": Policy()}, "etag: must not be empty."),
    (
        "put",
        {"label": ["a"]},
        "label: unknown argument; the arguments are embedding, memory_id, labels",
    ),
    ("query", {"limit": 3}, "limit: unknown argument; the arguments are top_k, "),
    (
        "create_space",
        {"capasity": 3},
        "capasity: unknown argument; the arguments are dimension, capacity, ",
    ),
    (
        "generate",
        {"page_token": "x"},
        "page_token: unknown argument; the arguments are moral_value, ",
    ),
]


@pytest.mark.parametrize(("call", "given", "said"), SAID)
async def test_the_error_says_what_to_send_instead(call, given, said):
    async with counting() as (memory, counted):
        with pytest.raises(InvalidInput) as caught:
            await called(memory, call, {**GOOD[call], **given})
        assert str(caught.value).startswith(said)
        assert counted.calls == []


class Colour(StrEnum):
    RED = "red"


class Size(IntEnum):
    TWO = 2


LATER = datetime(2031, 5, 1, 12, tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.parametrize(
    ("given", "field", "kept"),
    [
        ({"labels": ("b", "a")}, "labels", ["b", "a"]),
        ({"labels": (each for each in "ab")}, "labels", ["a", "b"]),
        ({"labels": {"a": 1}.keys()}, "labels", ["a"]),
        ({"labels": np.array(["a", "b"])}, "labels", ["a", "b"]),
        ({"labels": [Colour.RED]}, "labels", ["red"]),
        ({"metadata": MappingProxyType({"k": np.str_("v")})}, "metadata", {"k": "v"}),
        ({"metadata": None}, "metadata", {}),
        ({"metadata": {"": ""}}, "metadata", {"": ""}),
        ({"text": Colour.RED}, "text", "red"),
        ({"text": "\0 \n 🙂"}, "text", "\0 \n 🙂"),
        ({"confidence": np.float32(0.5)}, "confidence", 0.5),
        ({"confidence": 1}, "confidence", 1.0),
        ({"confidence": Decimal("0.5")}, "confidence", 0.5),
        ({"phase": Fraction(1, 2)}, "phase", 0.5),
        ({"phase": np.int8(1)}, "phase", 1.0),
        ({"phase": None}, "phase", 0.0),
        ({"pinned": np.True_}, "pinned", True),
        ({"pinned": 1}, "pinned", True),
        ({"expire_time": LATER}, "expire_time", Timestamp(seconds=int(LATER.timestamp()))),
    ],
)
def test_what_can_be_meant_is_sent_as_it_was(given, field, kept):
    memory = new_memory(**{"text": "a", **given})
    assert getattr(memory, field) == kept


@pytest.mark.parametrize(
    "given",
    [
        [1, 0.5],
        (1.0, 0.5),
        np.array([1.0, 0.5], np.float64),
        np.array([1.0, 0.5], np.float16),
        np.array([1.0, 9.0, 0.5, 9.0], ">f4")[::2],
        [np.float32(1), Decimal("0.5")],
        [True, Fraction(1, 2)],
        array.array("d", [1.0, 0.5]),
    ],
)
def test_a_vector_is_any_row_of_numbers(given):
    assert vector_of(new_memory(embedding=given).embedding).tolist() == [1.0, 0.5]


def test_numbers_and_names_of_settings_are_of_any_kind():
    config = space_config(
        dimension=np.int64(3),
        capacity=Size.TWO,
        moral_policy="VIGILANT",
        embedder_model=None,
        ontology={"work": np.array([1.0, 0.5]), "play": (0, 1)},
    )
    assert [(each.category, vector_of(each.embedding).tolist()) for each in config.ontology] == [
        ("work", [1.0, 0.5]),
        ("play", [0.0, 1.0]),
    ]
    assert (config.dimension, config.capacity, config.moral.policy) == (3, 2, 1)
    assert not config.HasField("embedder_model")
    by_number = message(EvaluateContentRequest, stage=GOVERNANCE_STAGE_MEMORY)
    assert by_number == message(EvaluateContentRequest, stage="memory")


async def test_queries_are_texts_and_rows_of_a_matrix(scripted):
    async with scripted() as script, script.client() as memory:
        script.answers["BatchQueryMemories"] = lambda *_: BatchQueryMemoriesResponse()
        await memory.query_many(np.eye(2), top_k=np.int64(3))
        await memory.query_many((each for each in ("a", np.ones(2))), top_k=Size.TWO)
    rows, both = script.requests
    assert [vector_of(each.embedding).tolist() for each in rows.queries] == [[1, 0], [0, 1]]
    assert [each.top_k for each in (*rows.queries, *both.queries)] == [3, 3, 2, 2]
    assert [each.WhichOneof("query") for each in both.queries] == ["text", "embedding"]


def test_what_a_generator_gives_is_checked_as_it_is_taken():
    found = each("memories", iter([new_memory("a"), "b", new_memory("c")]), Memory)
    assert next(found).text == "a"
    with pytest.raises(InvalidInput, match=r"^memories\[1\]: must be a message Memory"):
        next(found)


async def test_a_request_id_is_a_uuid_in_any_form(scripted):
    async with scripted() as script, script.client() as memory:
        script.answers["PutMemory"] = lambda *_: PutMemoryResponse()
        await memory.put("a", request_id=UUID.upper())
        await memory.put("a", request_id=UUID.replace("-", ""))
        await memory.put("a", request_id="")
    given, bare, made = (request.request_id for request in script.requests)
    assert given == bare == UUID
    assert made not in {"", UUID}


@pytest.mark.parametrize("token", ["secret", " secret\n", "secret\r\n", "\tsecret"])
async def test_white_space_around_a_token_does_not_matter(scripted, token):
    async with scripted() as script, script.client(token=token) as memory:
        script.answers["GetMemory"] = lambda *_: GetMemoryResponse()
        await memory.get("m")
    assert script.metadata[0]["authorization"] == "Bearer secret"


async def test_an_empty_token_is_none(scripted):
    async with scripted() as script, script.client(token="") as memory:
        script.answers["GetMemory"] = lambda *_: GetMemoryResponse()
        await memory.get("m")
    assert "authorization" not in script.metadata[0]


@pytest.mark.parametrize("token", ["se\ncret", "secrét", 5_318_008, "\0secret"])
def test_a_token_that_no_header_can_carry_is_refused_without_being_shown(token):
    with pytest.raises(InvalidInput) as caught:
        MemoryClient("127.0.0.1:1", token=token)
    shown = f"{caught.value!r} {caught.value.violations} {caught.value.__cause__}"
    assert "token" in shown
    assert "cret" not in shown
    assert "5318008" not in shown


async def test_a_space_that_was_set_later_is_checked_too():
    async with counting() as (memory, counted):
        memory.space = "No Space"
        with pytest.raises(InvalidInput, match=r"^space: must match"):
            await memory.put("a")
        assert counted.calls == []


@pytest.mark.parametrize("call", sorted(name for name in GOOD if hasattr(MemoryClient, name)))
async def test_a_client_that_is_not_open_says_how_it_is_opened(call):
    closed = MemoryClient("127.0.0.1:1")
    async with closed:
        pass
    for memory in (MemoryClient("127.0.0.1:1"), closed):
        with pytest.raises(PreconditionFailed, match=r"async with MemoryClient"):
            await called(memory, call, GOOD[call])
