"""Random requests of one tenant with the names, ids and tokens of another one."""

from __future__ import annotations

import asyncio
import random
import struct
from contextlib import asynccontextmanager

import grpc.aio
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from serving import channel, in_process

from mlsdm_grpc._gen.mlsdm.v1 import memory_query_pb2, memory_service_pb2_grpc
from mlsdm_grpc.client import MemoryClient, new_memory
from mlsdm_grpc.server.build import SERVICES
from tests.security.test_tokens import token_entry
from tests.support.any_call import answers, start_call

MARK = "QZXVAULT"
"""Stands in what the other tenant stored, and in no request of a probe."""
SPACES = ("default", "vault", "notes")
PART = 10_000
METHODS = [
    method
    for service in SERVICES
    for method in service.methods
    if method.name not in {"Drain", "SetNodeMode"}
]
NUMBERS = (
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_FLOAT,
    FieldDescriptor.CPPTYPE_DOUBLE,
)


class Probe:
    """Source of random requests that name what belongs to another tenant.

    Args:
        seed: Seed of the choices.
        known: Values by name of a field, as the other tenant got them.
    """

    def __init__(self, seed, known):
        self._chance = random.Random(seed)
        self._known = known

    def request(self):
        method = self._chance.choice(METHODS)
        message = GetMessageClass(method.input_type)()
        self._fill(message, 3)
        return method, message

    def metadata(self):
        metadata = [("authorization", "Bearer thief")]
        if self._chance.random() < 0.2:
            metadata.append(("x-mlsdm-tenant", self._chance.choice(["victim", "thief", ""])))
        return metadata

    def _fill(self, message, depth):
        for field in message.DESCRIPTOR.fields:
            if self._chance.random() < 0.4 and field.name not in {"space", "memory_id"}:
                continue
            if field.name == "min_revision":  # a call would wait for it
                continue
            if field.message_type is not None:
                if depth and not field.message_type.GetOptions().map_entry:
                    inner = getattr(message, field.name)
                    self._fill(inner.add() if field.is_repeated else inner, depth - 1)
                continue
            value = self._value(field)
            if value is None:
                continue
            if field.is_repeated:
                getattr(message, field.name).extend([value] * self._chance.randrange(4))
            else:
                setattr(message, field.name, value)

    def _value(self, field):
        if field.type == FieldDescriptor.TYPE_STRING:
            return self._chance.choice(self._known.get(field.name, self._known["text"]))
        if field.type == FieldDescriptor.TYPE_BYTES:
            return struct.pack("<16f", *([1.0] * 16))
        if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
            return True
        if field.enum_type is not None:
            return self._chance.choice(field.enum_type.values).number
        if field.cpp_type in NUMBERS:
            return self._chance.choice([0, 1, 2, 100])
        return None


@asynccontextmanager
async def _tenants(tmp_path):
    """Run a server with a tenant that has something, and yield what names it."""
    tokens = tmp_path / "tokens.toml"
    text = token_entry("victim", name="victim", tenant="victim")
    text += token_entry("thief", name="thief", tenant="thief") + 'roles = ["admin"]\n'
    await asyncio.to_thread(tokens.write_text, text)
    security = {"mode": "token", "tokens_file": str(tokens)}
    async with in_process(security=security, limits={"enabled": False}) as server:
        known = {"space": list(SPACES), "text": ["the code of the vault", "where is the key?"]}
        async with MemoryClient(str(server.listen), token="victim") as victim:
            for space in SPACES:
                memories = [
                    new_memory(
                        f"The code of the vault is {MARK}{number}.",
                        memory_id=f"note-{number}",
                        labels=[f"label:{MARK.lower()}"],
                        metadata={"code": MARK},
                    )
                    for number in range(20)
                ]
                await victim.put_many(memories, space=space)
            known["memory_id"] = [f"note-{number}" for number in range(20)]
            known["etag"] = [(await victim.get("note-1")).memory.etag]
        async with channel(server.listen) as opened:
            stub = memory_service_pb2_grpc.MemoryServiceStub(opened)
            page = await stub.ListMemories(
                memory_query_pb2.ListMemoriesRequest(page_size=2),
                metadata=[("authorization", "Bearer victim")],
            )
            known["page_token"] = [page.next_page_token]
            yield opened, known


async def _answers(opened, method, request, metadata):
    """Return all bytes that a call gets."""
    call = start_call(opened, method, request, metadata=metadata, timeout=3)
    found = []
    try:
        most = 1 if method.name == "WatchState" else None
        found.extend([answer async for answer in answers(call, method, most=most)])
    except grpc.aio.AioRpcError as error:
        found.append(str((error.details(), error.trailing_metadata())).encode())
    return b"".join(found)


async def _probe(tmp_path, count, seed):
    async with _tenants(tmp_path) as (opened, known):
        probe = Probe(seed, known)
        answered = 0
        for _ in range(count):
            method, request = probe.request()
            found = await _answers(opened, method, request, probe.metadata())
            assert MARK.lower().encode() not in found.lower(), (seed, method.name, request)
            answered += bool(found)
        assert answered > count / 2
        # The check does see what belongs to the caller.
        query = memory_query_pb2.ListMemoriesRequest(space="vault")
        method = next(each for each in METHODS if each.name == "ListMemories")
        own = await _answers(opened, method, query, [("authorization", "Bearer victim")])
        assert MARK.encode() in own


@pytest.mark.anyio
@pytest.mark.load
@pytest.mark.timeout(180)
async def test_probes_return_nothing_of_another_tenant(tmp_path):
    await _probe(tmp_path, 600, seed=random.randrange(2**32))


@pytest.mark.anyio
@pytest.mark.load
@pytest.mark.slow
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("part", range(10))
async def test_100_000_probes_return_nothing_of_another_tenant(tmp_path, evidence, part):
    """Run a tenth of the probes; parts that docs/evidence names need not run again."""
    evidence["seed"], evidence["probes"] = part, PART
    await _probe(tmp_path, PART, seed=part)
