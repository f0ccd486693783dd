"""Secrets and personal data in every field of every request, and where they must not come out."""

from __future__ import annotations

import asyncio
import itertools
import re

import aiohttp
import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from serving import ServerProcess, channel

from mlsdm_grpc.server.build import SERVICES
from tests.security.test_tokens import token_entry
from tests.support.any_call import answers, start_call
from tests.support.node import Refusal

COUNT = 2_000
# Calls that end the server, or change how much it logs.
HARMFUL = {"Drain", "SetNodeMode"}
FORMS = (
    "canary{:05}@mail.example",
    "tok{:05}+/Zz==",
    "GB33 BUKB 2020 {:05} 5555 55",
    "+44 20 79{:05}",
)
MARK = re.compile(r"canary\d{5}|tok\d{5}|2020 \d{5} 5555|20 79\d{5}")


ALL = [method for service in SERVICES for method in service.methods if method.name not in HARMFUL]


class Canaries:
    """Source of canaries, in turn of each form."""

    def __init__(self):
        self._numbers = itertools.count(10_000)
        self.count = 0

    def __call__(self):
        number = next(self._numbers)
        self.count += 1
        return FORMS[number % len(FORMS)].format(number)

    def fill(self, message, depth=3):
        """Put a canary into every text and bytes of a message."""
        for field in message.DESCRIPTOR.fields:
            is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
            if field.type == FieldDescriptor.TYPE_STRING:
                self._set(message, field, self())
            elif field.type == FieldDescriptor.TYPE_BYTES:
                self._set(message, field, self().encode())
            elif is_map:
                if field.message_type.fields_by_name["value"].type == FieldDescriptor.TYPE_STRING:
                    getattr(message, field.name)[self()] = self()
            elif field.message_type is not None and depth:
                inner = getattr(message, field.name)
                self.fill(inner.add() if field.is_repeated else inner, depth - 1)
        return message

    @staticmethod
    def _set(message, field, value):
        if field.is_repeated:
            getattr(message, field.name).append(value)
        else:
            setattr(message, field.name, value)


async def _call(opened, method, canaries, token):
    """Make one call with canaries everywhere, and return what its status shows."""
    request = canaries.fill(GetMessageClass(method.input_type)())
    if "space" in method.input_type.fields_by_name and canaries.count % 2:
        request.space = "notes"
    metadata = [
        ("authorization", f"Bearer {token or canaries()}"),
        ("x-request-id", f"{canaries()} not safe"),
        ("x-mlsdm-criticality", canaries()),
        ("x-more", canaries()),
    ]
    shown = metadata[:2] if token else metadata
    call = start_call(opened, method, request, metadata=shown, timeout=10)
    try:
        async for _ in answers(call, method, most=1):
            pass
    except grpc.aio.AioRpcError as error:
        refused = Refusal(error)
        return f"{refused.message} {refused!r} {error.trailing_metadata()}"
    return ""


async def _everywhere(server, canaries):
    shown = []
    async with channel(server.listen) as opened:
        while canaries.count < COUNT:
            for method, token in itertools.product(ALL, ("right", "")):
                shown += [await _call(opened, method, canaries, token)]
    return shown


@pytest.mark.anyio
@pytest.mark.timeout(180)
async def test_2_000_canaries_come_out_nowhere(tmp_path):
    tokens, events, log = (tmp_path / name for name in ("tokens.toml", "events", "log"))
    await asyncio.to_thread(tokens.write_text, token_entry("right") + "platform = true\n")
    environment = {
        "MLSDM_SECURITY__MODE": "token",
        "MLSDM_SECURITY__TOKENS_FILE": str(tokens),
        "MLSDM_SECURITY__EVENT_LOG": str(events),
        "MLSDM_SECURITY__AUTHENTICATORS": '["keys"]',
        "MLSDM_LIMITS__FAILURES_BURST": "100000",
        "MLSDM_LOGGING__LEVEL": "debug",
    }
    canaries = Canaries()
    sink = await asyncio.to_thread(log.open, "w")
    server = await asyncio.to_thread(
        ServerProcess, tmp_path / "data", environment=environment, stderr=sink
    )
    try:
        shown = await _everywhere(server, canaries)
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{server.ops}/metrics") as response,
        ):
            metrics = await response.text()
        assert await asyncio.to_thread(server.terminate) == 0
    finally:
        server.process.kill()
        sink.close()
    assert canaries.count >= COUNT
    places = {
        "statuses": "\n".join(shown),
        "metrics": metrics,
        "log": await asyncio.to_thread(log.read_text),
        "events": await asyncio.to_thread(events.read_text),
    }
    assert all(places.values())
    found = {name: MARK.findall(text)[:3] for name, text in places.items()}
    assert not any(found.values()), found
