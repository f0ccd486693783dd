"""The log of security events: one event for each cause, of the schema, aggregated and rotated."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from serving import in_process

from mlsdm_grpc.client import MemoryClient
from mlsdm_grpc.errors import MlsdmError
from mlsdm_grpc.governance.detectors.sensitive import without_sensitive
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.observability.metrics import Metrics
from mlsdm_grpc.observability.security_log import (
    SecurityEvent,
    SecurityLog,
    record_event,
    use_security_log,
)
from mlsdm_grpc.protection.clock import Clock, TimeSources
from mlsdm_grpc.protection.mode_machine import Mode
from mlsdm_grpc.security.key_file import remove_key
from mlsdm_grpc.security.roles import ROLES
from mlsdm_grpc.spaces.quarantine import Quarantine
from tests.security.test_tokens import token_entry

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/security_event.schema.json").read_text())
MIB = 2**20


def valid(line):
    """Return the event of a line after a check by the schema."""
    event = json.loads(line)
    assert set(SCHEMA["required"]) <= set(event) <= set(SCHEMA["properties"])
    for name, value in event.items():
        rule = SCHEMA["properties"][name]
        rule = SCHEMA["$defs"]["text"] if "$ref" in rule else rule
        if "enum" in rule:
            assert value in rule["enum"]
        elif rule["type"] == "integer":
            assert type(value) is int
            assert value >= rule["minimum"]
        else:
            assert re.fullmatch(rule["pattern"], value), (name, value)
    return event


def read(file):
    return [valid(line) for line in file.read_text("ascii").splitlines()]


def test_the_schema_names_the_kinds_of_the_code():
    assert SCHEMA["properties"]["event"]["enum"] == sorted(SecurityEvent)


@asynccontextmanager
async def _server(tmp_path):
    """Run a server with tokens, an issuer that is down, low limits and a log of events."""
    tokens, policy = tmp_path / "tokens.toml", tmp_path / "policy.toml"
    entries = (
        token_entry("old", name="old", id="oldkey", expires="2020-01-01T00:00:00Z"),
        token_entry("reader", name="reader") + 'roles = ["reader"]\n',
        token_entry("busy", name="busy") + 'roles = ["reader"]\n',
        token_entry("sre", name="sre", tenant="ops") + "platform = true\n",
        token_entry("gone", name="gone", id="gonekey"),
    )
    await asyncio.to_thread(tokens.write_text, "".join(entries))
    await asyncio.to_thread(policy.write_text, "")
    security = {
        "mode": "token",
        "authenticators": ["keys", "jwt"],
        "tokens_file": str(tokens),
        "policy_file": str(policy),
        "event_log": str(tmp_path / "events.jsonl"),
        "jwt": {"issuer": "http://127.0.0.1:9", "audience": "a"},
    }
    limits = {"read_burst": 5, "read_per_s": 0.01}
    async with in_process(security=security, limits=limits) as server:
        yield server, tokens, policy


async def _refused(server, token, **options):
    """Make a call that may fail."""
    async with MemoryClient(str(server.listen), token=token, **options) as client:
        try:
            await client.state()
        except MlsdmError:
            return


async def _provoke(server, tokens, policy):
    """Provoke each cause once; the calls of one principal stay below its rate until its turn."""
    target = str(server.listen)
    await _refused(server, "wrong")
    await _refused(server, "old")
    async with MemoryClient(target, token="reader") as client:
        with pytest.raises(MlsdmError):
            await client.put("A note.")
    for _ in range(6):
        await _refused(server, "busy")
    await _refused(server, "sre", tenant="acme")
    await asyncio.to_thread(policy.write_text, '[role.a]\npermissions = ["info.read"]\n')
    async with MemoryClient(target, token="gone") as client:
        await client.put("A note.")
        watch = client.watch_state()
        await anext(watch)
        await asyncio.sleep(3)
        await asyncio.to_thread(remove_key, tokens, "gonekey", ROLES)
        with pytest.raises(MlsdmError):
            await _follow(watch)
    await asyncio.to_thread(policy.write_text, "damaged = [")
    await asyncio.sleep(3)
    server.monitor.machine.force(Mode.EMERGENCY, 60.0)
    quarantine = Quarantine()
    while not quarantine.spaces:
        quarantine.strike(SpaceKey("acme", "broken"), 7)
    offset = [0]
    clock = Clock(
        TimeSources(
            wall_ns=lambda: time.time_ns() + offset[0],
            elapsed_ns=lambda: time.monotonic_ns() + offset[0] // 10**6,
        ),
        metrics=Metrics(),
    )
    clock.now_ns()
    offset[0] = 3_600 * 10**9 * 24 * 400
    clock.now_ns()


async def _follow(stream):
    async with asyncio.timeout(20):
        async for _ in stream:
            pass


@pytest.mark.anyio
@pytest.mark.timeout(90)
async def test_each_of_twelve_causes_writes_exactly_one_event(tmp_path):
    async with _server(tmp_path) as (server, tokens, policy):
        await _provoke(server, tokens, policy)
    events = await asyncio.to_thread(read, tmp_path / "events.jsonl")
    by_kind = {}
    for event in events:
        by_kind.setdefault(event["event"], []).append(event)
    # The tokens file and the policy file were each read again after their change.
    reloads = by_kind.pop("identity_reloaded")
    assert {each["cause"] for each in reloads} == {"policy.toml", "tokens.toml"}
    assert set(by_kind) == set(SecurityEvent) - {"identity_reloaded"}
    assert {kind for kind, found in by_kind.items() if len(found) != 1} == set()
    one = {kind: found[0] for kind, found in by_kind.items()}
    assert one["authentication_failed"]["cause"] == "CREDENTIAL_INVALID"
    assert one["credential_expired"]["key_id"] == "oldkey"
    assert one["permission_denied"]["cause"] == "memory.write"
    assert one["permission_denied"]["principal"] == "reader"
    assert one["rate_limited"]["cause"] == "read"
    assert one["rate_limited"]["principal"] == "busy"
    impersonated = one["tenant_impersonated"]
    assert (impersonated["principal"], impersonated["tenant"]) == ("sre", "ops")
    assert impersonated["acting_in"] == "acme"
    assert one["identity_reload_failed"]["cause"] == "policy.toml"
    assert one["streams_ended"]["cause"] == "1 streams"
    assert one["space_quarantined"]["space"] == "broken"
    assert all(each["address"] == "127.0.0.1" for each in events if "method" in each)


class Times:
    def __init__(self):
        self.now_s = 1_000_000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def log(tmp_path):
    times = Times()
    opened = SecurityLog(tmp_path / "events.jsonl", max_bytes=MIB, files=2, now=times)
    use_security_log(opened)
    yield opened, times, tmp_path / "events.jsonl"
    use_security_log(None)
    if opened.is_open:
        opened.close()


def test_a_flood_is_counted(log):
    opened, _, file = log
    for _ in range(5_000):
        record_event(SecurityEvent.AUTHENTICATION_FAILED, address="10.0.0.1", cause="x")
    record_event(SecurityEvent.AUTHENTICATION_FAILED, address="10.0.0.2", cause="x")
    opened.close()
    counts = [(each["address"], each["count"]) for each in read(file)]
    assert counts == [("10.0.0.1", 1), ("10.0.0.2", 1), ("10.0.0.1", 4_999)]


def test_groups_of_many_addresses_are_bounded(log):
    opened, _, file = log
    for index in range(5_000):
        address = f"10.0.{index >> 8}.{index & 255}"
        record_event(SecurityEvent.AUTHENTICATION_FAILED, address=address)
    opened.close()
    events = read(file)
    assert len(events) <= 1_002
    assert sum(each["count"] for each in events) == 5_000


def test_values_that_could_forge_a_line_are_cleaned(log):
    opened, _, file = log
    forged = 'a"}\n{"event": "x"}\x00\x1b[31mé' + "y" * 500
    record_event(SecurityEvent.IDENTITY_RELOADED, cause=forged)
    opened.close()
    (event,) = read(file)
    assert len(event["cause"]) == 128


def test_fields_that_a_request_may_reach_have_no_personal_data(tmp_path):
    file = tmp_path / "events.jsonl"
    opened = SecurityLog(file, max_bytes=MIB, files=1, redact=without_sensitive)
    fields = {"cause": "key AKIAQZXCANARY1000199", "space": "447.ada@mail.example"}
    opened.record(SecurityEvent.SPACE_QUARANTINED, principal="ada@mail.example", **fields)
    opened.close()
    (event,) = read(file)
    assert (event["cause"], event["space"]) == ("key [aws_key]", "[email]")
    # The name of a caller is what the operator gave it.
    assert event["principal"] == "ada@mail.example"


def test_the_file_is_rotated_and_for_its_user_only(tmp_path):
    file = tmp_path / "events.jsonl"
    opened = SecurityLog(file, max_bytes=2_000, files=2)
    for index in range(200):
        opened.record(SecurityEvent.IDENTITY_RELOADED, cause=str(index))
        threading.Event().wait(0.001)
    opened.close()
    names = sorted(each.name for each in tmp_path.iterdir())
    assert names == ["events.jsonl", "events.jsonl.1", "events.jsonl.2"]
    assert all(each.stat().st_size <= 2_000 for each in tmp_path.iterdir())
    assert all(each.stat().st_mode & 0o777 == 0o600 for each in tmp_path.iterdir())
    assert read(file)[-1]["cause"] == "199"


def test_without_a_log_nothing_is_recorded():
    use_security_log(None)
    record_event(SecurityEvent.IDENTITY_RELOADED, cause="x")


def test_a_file_that_cannot_be_written_harms_nobody(tmp_path):
    opened = SecurityLog(tmp_path / "none" / "events.jsonl", max_bytes=MIB, files=1)
    opened.record(SecurityEvent.IDENTITY_RELOADED, cause="x")
    opened.close()
    assert opened.dropped == 1
