"""Fill a data folder with every kind of write, and record the answers of this version.

Run it with the interpreter of the version whose folder is wanted; see README.md.
"""

import asyncio
import hashlib
import io
import json
import subprocess
import sys
import tarfile
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc.aio
import numpy as np
from google.protobuf.json_format import MessageToDict
from google.protobuf.message_factory import GetMessageClass

from mlsdm_grpc._gen.mlsdm.v1.event_pb2 import Event
from mlsdm_grpc._gen.mlsdm.v1.governance_pb2 import Policy
from mlsdm_grpc.client import MemoryClient, new_memory
from mlsdm_grpc.client.channel import CONTRACT_FILES
from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.journal.codec.records import decode_record
from mlsdm_grpc.journal.codec.snapshots import snapshot_bytes
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.journal.sqlite.sqlite_journal import SqliteJournal

LATE = datetime(2126, 1, 1, tzinfo=UTC)
TEXTS = (
    "Anna owes Ben 10 euros.",
    "Ben owes Anna 10 euros.",
    "The invoice of May is due on the 12th.",
    "The invoice of May is due on the 21st.",
    "The heating is serviced every autumn.",
    "db1 replicates from db2.",
    "db2 replicates from db1.",
    "Die Katze schläft auf dem Ofen.",
    "Le train part à huit heures.",
    "Version 2.1.0 was released on Monday.",
)
SPACES = ("_tenant", "default", "vectors", "streams", "still")


def vector(seed, dimension=16):
    return np.random.default_rng(seed).standard_normal(dimension).astype(np.float32)


def near(seed, by):
    return vector(seed) + by * vector(seed + 1_000)


async def tell_texts(memory):
    """Texts: single ones, a batch, changes, and events through two sleeps."""
    for text in TEXTS[:4]:
        await memory.put(text, labels=["topic:single"])
    await memory.put_many(
        [new_memory(text, labels=["topic:batch"], metadata={"page": "3"}) for text in TEXTS[4:]]
    )
    await memory.put(TEXTS[0], labels=["topic:again"], confidence=0.9, metadata={"page": "4"})
    await memory.put("Named by its caller.", memory_id="mine", pinned=True)
    await memory.put("Named anew.", memory_id="mine", allow_replace=True, expire_time=LATE)
    await memory.put("Soon forgotten.", memory_id="gone")
    await memory.update("mine", add_labels=["kept", "read"], remove_labels=["nothing"])
    await memory.update("mine", remove_labels=["read"], pinned=True)
    await memory.delete("gone")
    for i in range(13):
        await memory.process_event(f"Guest {i} came in and asked for room {i + 20}.")
    await memory.process_event("Something bad.", moral_value=0.1)
    await memory.process_event("Something good.", moral_value=0.95, labels=["good"])
    await memory.generate("When is the invoice of May due?")
    await memory.generate("Who owes whom?", remember=False)
    await asyncio.sleep(1.5)  # what falls asleep is consolidated by itself, once a second
    await memory.consolidate(merge_min_cosine=0.95)


async def tell_vectors(memory):
    """A small space with its own settings, evictions, duplicates and near duplicates."""
    await memory.create_space(
        "vectors",
        dimension=16,
        embedder_model="none",
        capacity=24,
        moral_policy="homeostatic",
        wake_step_count=4,
        sleep_step_count=2,
        synaptic_scaling="legacy",
        merge_min_cosine=0.99,
        default_ttl=timedelta(days=36_500),
        ontology={"red": vector(900), "blue": vector(901)},
    )
    async with MemoryClient(memory.target, space="vectors") as vectors:
        await vectors.put_many(
            [new_memory(embedding=vector(i), memory_id=f"v{i}", phase=i / 40) for i in range(20)]
        )
        for by in (0.0, 0.0, 1e-4, 0.05, 0.2):
            await vectors.put(embedding=near(50, by), phase=0.1, labels=[f"by:{by:g}"])
        await vectors.put("A text with a vector.", embedding=vector(60), phase=0.9, confidence=0.7)
        await vectors.put("A text with a vector.", embedding=vector(61), phase=0.9)
        await vectors.put(embedding=vector(62), memory_id="pinned", pinned=True, phase=0.5)
        for i in range(9):
            await vectors.process_event(
                "", embedding=vector(70 + i), moral_value=(0.2, 0.6, 0.9)[i % 3]
            )
        await asyncio.sleep(1.5)
        await vectors.consolidate()
        etag = (await vectors.get_space()).space.etag
        await vectors.update_space(etag=etag, capacity=30, min_store_confidence=0.4)


async def tell_streams(memory):
    """Items of streams, one stream with refused items."""
    async with MemoryClient(memory.target, space="streams") as streams:
        memories = [
            new_memory(embedding=vector(i, 384), memory_id=f"s{i % 5}", labels=["stream"])
            for i in range(7)
        ]
        async for _ in streams.ingest(memories, stream_id="first"):
            pass
        events = [
            Event(embedding={"f32_le": vector(i, 384).tobytes()}, moral_value=0.3 + i / 20)
            for i in range(12)
        ]
        async for _ in streams.stream_events(events, stream_id="second"):
            pass


async def tell(target):
    async with MemoryClient(target) as memory:
        memory.target = target
        await memory.set_policy(Policy(base_moral_threshold=0.45), etag='"0"')
        await tell_texts(memory)
        await tell_vectors(memory)
        await tell_streams(memory)
        await memory.create_space("still", dimension=4, embedder_model="none", read_only=True)


def questions():
    """Yield RPC and request of everything that is asked."""
    yield "GovernanceService/GetPolicy", {}
    yield "SpaceService/ListSpaces", {}
    for space in SPACES[1:]:
        yield "SpaceService/GetSpace", {"space": space}
        yield "CognitionService/GetState", {"space": space, "include_traces": True}
        yield "MemoryService/ListMemories", {"space": space, "include_embedding": True}
        yield "MemoryService/ListMemories", {"space": space, "labels": ["stream"], "page_size": 2}
    for space, memory_id in (("default", "mine"), ("vectors", "pinned"), ("streams", "s3")):
        yield "MemoryService/GetMemory", {"space": space, "memory_id": memory_id}
    for phase in (0.1, 0.5, 0.9):
        for text in ("Who owes money?", "invoice", "Which guest asked for a room?"):
            yield "MemoryService/QueryMemories", {"text": text, "phase": phase, "top_k": 8}
        for seed in (3, 50, 72):
            query = {"embedding": {"floats": {"values": vector(seed).tolist()}}, "phase": phase}
            for more in ({}, {"phase_tolerance": 1.0, "phase_weight": 0.5, "synaptic_bias": 0.1}):
                yield "MemoryService/QueryMemories", {"space": "vectors", **query, **more}
    yield (
        "MemoryService/BatchQueryMemories",
        {
            "queries": [{"text": text, "phase": 0.1, "top_k": 3} for text in TEXTS[:3]],
            "space": "default",
        },
    )


async def answers(target):
    """Return each question with its answer."""
    found = []
    services = {s.name: s for f in CONTRACT_FILES for s in f.services_by_name.values()}
    async with grpc.aio.insecure_channel(target) as channel:
        for path, fields in questions():
            service, method = path.split("/")
            descriptor = services[service].methods_by_name[method]
            request = GetMessageClass(descriptor.input_type)(**fields)
            call = channel.unary_unary(
                f"/{descriptor.containing_service.full_name}/{method}",
                request_serializer=type(request).SerializeToString,
                response_deserializer=GetMessageClass(descriptor.output_type).FromString,
            )
            response = await call(request, timeout=30)
            kept = {"rpc": path, "request": MessageToDict(request)}
            found.append({**kept, "response": MessageToDict(response)})
    return found


@contextmanager
def serving(folder):
    """Run ``mlsdm serve`` on a folder, in this version; yield where it listens."""
    command = [sys.executable, "-m", "mlsdm_grpc", "serve", "--data-dir", str(folder)]
    command += ["--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0", "--workers", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().split("listen=")[1].split()[0]
        finally:
            process.terminate()
            assert process.wait(60) == 0


async def states(folder):
    """Return the state of each space after a replay of all records."""
    journal = SqliteJournal(folder)
    await journal.open()
    found = {}
    for name in SPACES:
        mind, kinds = Mind(), set()
        async for entries in journal.read(SpaceKey("dev", name), after=0):
            for entry in entries:
                record = decode_record(entry.payload)
                kinds.add(type(record.body).__name__)
                mind.apply(record)
        state = snapshot_bytes(mind)
        snapshot = await journal.load_snapshot(SpaceKey("dev", name))
        found[name] = {
            "semantics_version": mind.semantics_version,
            "revision": mind.revision,
            "chain": mind.chain.hex(),
            "state_bytes": len(state),
            "state_sha256": hashlib.sha256(state).hexdigest(),
            "snapshot_revision": snapshot.revision,
            "kinds": sorted(kinds),
        }
    await journal.close()
    return found


def main(folder, archive):
    with serving(folder) as target:
        asyncio.run(tell(target))
        before = asyncio.run(answers(target))
    with serving(folder) as target:
        again = asyncio.run(answers(target))
    assert again == before
    found = {"states": asyncio.run(states(folder)), "answers": again}
    with tarfile.open(archive, "w:xz", preset=9) as file:
        add(file, "expected.json", json.dumps(found, ensure_ascii=False).encode())
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name != "lock":
                add(file, f"data/{path.relative_to(folder)}", path.read_bytes())


def add(file, name, content):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    file.addfile(info, io.BytesIO(content))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
