"""Secrets and personal data in every field of every request, and where they must not come out."""

from __future__ import annotations

import asyncio
import copy
import itertools

import aiohttp
import grpc
import pytest
from serving import ServerProcess, channel

from mlsdm_grpc.governance.detectors.sensitive import find_sensitive
from tests.recorded.script import DIMENSION, METHODS, Session
from tests.security.test_tokens import token_entry
from tests.support.any_call import answers, start_call
from tests.support.canaries import FORMS, Canaries, put, text_fields

COUNT = 2_000
# Calls that end the server, or change how much it serves.
HARMFUL = {"Drain", "SetNodeMode"}
# Names that the caller gives to what it stores; the status of its own call may name them.
NAMES = {"space", "memory_id", "stream_id", "conversation_id"}
PLACES = [
    (name, path)
    for name, (_, method) in METHODS.items()
    if name not in HARMFUL
    for path in text_fields(method.input_type)
]


def test_each_form_is_of_a_class_of_its_own():
    found = [find_sensitive(form(12_345)) for form in FORMS]
    assert all(found)
    assert len({finding.category for each in found for finding in each}) == len(FORMS)


class Caller:
    """A caller that keeps what statuses show, and how many calls succeeded."""

    def __init__(self, opened, canaries):
        self._opened = opened
        self._canaries = canaries
        self.shown = []
        self.succeeded = 0

    async def ask(self, name, messages, metadata, *, keeps=True):
        """Make a call; without ``keeps`` its status is not looked at."""
        method = METHODS[name][1]
        call = start_call(self._opened, method, *messages, metadata=metadata, timeout=20)
        try:
            most = 1 if name == "WatchState" else None
            found = [answer async for answer in answers(call, method, most=most)]
            self.succeeded += 1
            if name == "ListDecisions":  # entries have no content
                self.shown += map(repr, found)
        except grpc.aio.AioRpcError as error:
            if keeps:
                self.shown.append(f"{error.details()} {error.trailing_metadata()}")

    async def fill(self):
        """Play an ordinary session, and return its requests by method."""
        right = [("authorization", "Bearer right")]
        asked = {name: [] for name in METHODS}
        for request in Session(20261201, 200).requests():
            if request.method not in HARMFUL:
                await self.ask(request.method, request.messages, right)
                asked[request.method].append(request.messages)
        return asked

    async def spread(self, asked, name, path, token):
        """Repeat a request of the session with a canary in one field and in the metadata."""
        messages = copy.deepcopy(asked[name][len(self._canaries.made) % len(asked[name])])
        index = len(messages) - 1 if path[0] not in {"open", "stream"} else 0
        put(messages[index], path, self._canaries())
        metadata = [
            ("authorization", f"Bearer {token or self._header()}"),
            ("x-request-id", self._header()),
        ]
        if not token:
            metadata += [("x-mlsdm-tenant", self._header()), ("x-more", self._header())]
        await self.ask(name, messages, metadata, keeps=path[-1] not in NAMES)

    def _header(self):
        return self._canaries().replace("\n", "")


async def _everywhere(server, canaries):
    async with channel(server.listen) as opened:
        caller = Caller(opened, canaries)
        asked = await caller.fill()
        filled = caller.succeeded
        assert filled > 100
        for tokens in itertools.count():
            for number, (name, path) in enumerate(PLACES):
                token = ("right", "limited", "right", "")[(tokens + number) % 4]
                await caller.spread(asked, name, path, token)
            if len(canaries.made) >= COUNT:
                break
        assert caller.succeeded > filled + COUNT / 20
    return caller.shown


@pytest.mark.anyio
@pytest.mark.load
@pytest.mark.timeout(300)
async def test_2_000_canaries_come_out_nowhere(tmp_path):
    tokens, events, log = (tmp_path / name for name in ("tokens.toml", "events", "log"))
    text = token_entry("right") + "platform = true\n" + token_entry("limited", name="limited")
    await asyncio.to_thread(tokens.write_text, text + 'spaces = ["notes", "words"]\n')
    environment = {
        "MLSDM_SECURITY__MODE": "token",
        "MLSDM_SECURITY__TOKENS_FILE": str(tokens),
        "MLSDM_SECURITY__EVENT_LOG": str(events),
        "MLSDM_SECURITY__AUTHENTICATORS": '["keys"]',
        "MLSDM_LIMITS__ENABLED": "false",
        "MLSDM_LOGGING__LEVEL": "debug",
        "MLSDM_SPACE__DIMENSION": str(DIMENSION),
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
    places = {
        "statuses": "\n".join(shown),
        "metrics": metrics,
        "log": await asyncio.to_thread(log.read_text),
        "events": await asyncio.to_thread(events.read_text),
    }
    assert all(places.values())
    found = {name: canaries.in_text(text)[:3] for name, text in places.items()}
    assert not any(found.values()), found
