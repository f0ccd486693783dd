"""Plays the session against a server in this process whose time and chance are given."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.rpc import status_pb2

from mlsdm_grpc.config import load_settings
from mlsdm_grpc.protection.clock import TimeSources
from mlsdm_grpc.server.build import running_server
from tests.recorded.script import DIMENSION, METHODS, Request, Session

__all__ = ["COUNT", "FILE", "SEED", "play"]

SEED, COUNT = 20261130, 640
FILE = Path(__file__).parent / "answers.jsonl"
BEGIN_NS = 1_800_000_000 * 10**9
MASKED = {
    "mlsdm.v1.Usage": "queue_wait embed_time recall_time provider_time first_token_time total_time",
    "mlsdm.v1.NodeStatus": "node resident_bytes memory_limit_bytes pressure workers lanes journal "
    "start_time connection_count",
    "mlsdm.v1.DrainResponse": "end_time",
    "mlsdm.v1.ServerInfo": "version build_commit",
    "mlsdm.v1.MemoryStats": "used_bytes",
    "mlsdm.v1.CognitiveState": "staleness chain_head",
    "mlsdm.v1.SynapticNorms": "l1 l2 l3",
}
"""Fields that depend on the machine or on how fast it is, by the message that has them."""
# Longest answer that is recorded in full; of longer ones the digest has to do.
_SHOWN_BYTES = 600


class World:
    """Time and chance of a server.

    Random bytes follow from the request and from how many of that length it has drawn.
    """

    def __init__(self) -> None:
        self.request = 0
        self._drawn: dict[int, int] = {}

    def next(self) -> None:
        """Go on to the next request, a second later."""
        self.request += 1
        self._drawn.clear()

    def now_ns(self) -> int:
        return BEGIN_NS + self.request * 10**9

    def random(self, count: int) -> bytes:
        drawn = self._drawn[count] = self._drawn.get(count, 0) + 1
        seed = f"{self.request}/{count}/{drawn}".encode()
        return hashlib.shake_128(seed).digest(count)


@asynccontextmanager
async def _serving(world: World) -> AsyncIterator[grpc.aio.Channel]:
    settings = load_settings(
        None,
        {
            "server": {"listen": "127.0.0.1:0", "ops": "127.0.0.1:0", "drain_delay_s": 0.0},
            "journal": {"kind": "memory"},
            "engine": {"workers": 0, "text_workers": 0, "consolidation": False},
            "space": {"dimension": DIMENSION},
            "pressure": {"max_loop_lag_s": 60.0, "max_processing_s": 120.0},
        },
    )
    times = TimeSources(wall_ns=world.now_ns, elapsed_ns=world.now_ns)
    async with (
        running_server(settings, times=times, random=world.random) as server,
        grpc.aio.insecure_channel(
            str(server.listen), options=[("grpc.enable_retries", 0)]
        ) as channel,
    ):
        yield channel


async def play() -> AsyncIterator[dict[str, Any]]:
    """Yield the method and the result of each request in JSON form."""
    world, session = World(), Session(SEED, COUNT)
    async with _serving(world) as channel:
        for request in session.requests():
            world.next()
            raws, ended = await _answered(channel, request)
            kind = message_factory.GetMessageClass(METHODS[request.method][1].output_type)
            answers = [kind.FromString(raw) for raw in raws]
            session.memory.learn(answers)
            yield {"method": request.method, "answers": list(map(_shown, answers)), **ended}


async def _answered(
    channel: grpc.aio.Channel, request: Request
) -> tuple[list[bytes], dict[str, Any]]:
    """Return the bytes of all answers, and how the call ended."""
    shape = METHODS[request.method][1]
    made = [message.SerializeToString(deterministic=True) for message in request.messages]
    build = {
        (False, False): channel.unary_unary,
        (False, True): channel.unary_stream,
        (True, False): channel.stream_unary,
        (True, True): channel.stream_stream,
    }[shape.client_streaming, shape.server_streaming]
    sent = iter(made) if shape.client_streaming else made[0]
    call = build(request.path)(sent, metadata=request.metadata, timeout=20)
    raws: list[bytes] = []
    try:
        if shape.server_streaming:
            async for raw in call:
                raws.append(raw)
                if request.method == "WatchState":  # it has no end
                    call.cancel()
        else:
            raws.append(await call)
    except grpc.aio.AioRpcError:
        pass
    except BaseException:
        if request.method != "WatchState":
            raise
        return raws, {"status": "CANCELLED"}
    trailers = dict(await call.trailing_metadata() or ())
    details = trailers.pop("grpc-status-details-bin", b"")
    trailers.pop("x-mlsdm-queue-wait-us", None)  # depends on how fast the machine is
    return raws, {
        "status": (await call.code()).name,
        "message": await call.details() or "",
        "details": _details(details),
        "trailers": {key: str(value) for key, value in sorted(trailers.items())},
    }


def _shown(answer: Message) -> dict[str, Any]:
    """Return an answer for people, and a digest of its bytes but for masked fields.

    Entries of maps have no order on the wire, so the bytes are those of a canonical encoding.
    """
    masked = type(answer)()
    masked.CopyFrom(answer)
    _mask(masked)
    raw = masked.SerializeToString(deterministic=True)
    shown = json_format.MessageToDict(masked, preserving_proto_field_name=True)
    if len(raw) > _SHOWN_BYTES:
        shown = {
            "bytes": len(raw),
            **{name: shown[name] for name in ("revision",) if name in shown},
        }
    return {"sha256": hashlib.sha256(raw).hexdigest()[:16], **shown}


def _mask(message: Message) -> None:
    """Remove values that depend on the machine, and round those that depend on its last bits.

    Processors sum the squares of a vector in different orders. What is derived from its norm
    differs in the last bit of a double, and so does the hash of the record that holds it.
    """
    for name in MASKED.get(message.DESCRIPTOR.full_name, "").split():
        message.ClearField(name)
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_DOUBLE:
            rounded = [float(f"{each:.9g}") for each in (value if field.is_repeated else [value])]
            message.ClearField(field.name)
            if field.is_repeated:
                getattr(message, field.name).extend(rounded)
            else:
                setattr(message, field.name, rounded[0])
            continue
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        several = value if field.is_repeated else [value]
        for each in several:
            _mask(each)


def _details(raw: bytes) -> dict[str, Any]:
    status = status_pb2.Status.FromString(raw)
    return json_format.MessageToDict(status, preserving_proto_field_name=True)


async def record() -> None:
    """Write the answers of this version."""
    lines = [json.dumps(each, ensure_ascii=False, sort_keys=True) async for each in play()]
    FILE.write_text("\n".join(lines) + "\n", "utf-8")
    sys.stdout.write(f"{len(lines)} answers\n")
