"""Client calls of the generation tests."""

from contextlib import asynccontextmanager

import grpc
from serving import channel, in_process

from mlsdm_grpc._gen.mlsdm.v1 import (
    cognition_service_pb2,
    cognition_service_pb2_grpc,
    generation_service_pb2,
    generation_service_pb2_grpc,
    governance_pb2,
    governance_service_pb2,
    governance_service_pb2_grpc,
    memory_pb2,
    memory_put_pb2,
    memory_query_pb2,
    memory_service_pb2_grpc,
    space_service_pb2,
    space_service_pb2_grpc,
)

HOSTILE = "I will kill you and your whole family tonight."


class Talk:
    """The stubs of one server."""

    def __init__(self, one, server):
        self.server = server
        self.generation = generation_service_pb2_grpc.GenerationServiceStub(one)
        self.memory = memory_service_pb2_grpc.MemoryServiceStub(one)
        self.minds = cognition_service_pb2_grpc.CognitionServiceStub(one)
        self.spaces = space_service_pb2_grpc.SpaceServiceStub(one)
        self.governance = governance_service_pb2_grpc.GovernanceServiceStub(one)

    async def generate(self, prompt, **fields):
        request = generation_service_pb2.GenerateRequest(prompt=prompt, **fields)
        return await self.generation.Generate(request, timeout=20)

    def streaming(self, prompt, **fields):
        request = generation_service_pb2.StreamGenerateRequest(prompt=prompt, **fields)
        return self.generation.StreamGenerate(request, timeout=20)

    async def stream(self, prompt, **fields):
        return [event async for event in self.streaming(prompt, **fields)]

    async def memories(self):
        """Return the memories of the space; empty if it does not exist."""
        try:
            page = await self.memory.ListMemories(memory_query_pb2.ListMemoriesRequest())
        except grpc.aio.AioRpcError as error:
            assert error.code() is grpc.StatusCode.NOT_FOUND
            return []
        return list(page.memories)

    async def state(self):
        return (await self.minds.GetState(cognition_service_pb2.GetStateRequest())).state

    async def sleep_gate(self):
        """Let the space refuse events while it sleeps."""
        asked = await self.spaces.GetSpace(space_service_pb2.GetSpaceRequest())
        change = space_service_pb2.UpdateSpaceRequest(etag=asked.space.etag)
        change.config.rhythm.sleep_gate = True
        await self.spaces.UpdateSpace(change)

    async def put(self, text):
        request = memory_put_pb2.PutMemoryRequest(memory=memory_pb2.Memory(text=text))
        return (await self.memory.PutMemory(request)).memory.memory_id

    async def policy(self, *rules):
        asked = await self.governance.GetPolicy(governance_service_pb2.GetPolicyRequest())
        request = governance_service_pb2.SetPolicyRequest(
            policy=governance_pb2.Policy(rules=rules), etag=asked.policy.etag
        )
        await self.governance.SetPolicy(request)


@asynccontextmanager
async def talking(**sections):
    """Serve with some settings."""
    async with in_process(**sections) as server, channel(server.listen) as one:
        yield Talk(one, server)


def kinds(events):
    return [event.WhichOneof("event") for event in events]


def tokens(events):
    return [event.token.text for event in events if event.HasField("token")]
