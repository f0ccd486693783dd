"""Child process: replays journals, asks questions between records, and reports the results.

It reads a JSON list on standard input: paths of journals, each with the numbers of records after
which it goes on from a snapshot; and writes a JSON object on standard output.
"""

import hashlib
import json
import struct
import sys
from pathlib import Path

import journals
import numpy as np
from recalling import hits_of

from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.store.recall_query import Query
from mlsdm_grpc.journal.codec.records import decode_record
from mlsdm_grpc.journal.codec.snapshots import snapshot_bytes

STOPS = 4
QUERIES = 24
_NUMBERS = struct.Struct("<8d")


def queries(mind, stop):
    """Return queries that every process asks alike at one stop."""
    rng = np.random.default_rng(stop)
    held = [memory.memory_id for memory, _ in mind.contents.pelm.history.memories()]
    for i in range(QUERIES if held else 0):
        near = mind.contents.pelm.row(held[int(rng.integers(len(held)))]).astype(np.float64)
        near += rng.choice([0.0, 0.02, 0.5]) * rng.standard_normal(len(near))
        yield Query(
            vector=near / np.sqrt(np.add.reduce(near * near)),
            phase=float(np.float32(rng.choice([0.1, 0.5, 0.9]))),
            top_k=int(rng.choice([1, 5, 100])),
            phase_tolerance=float(rng.choice([0.15, 0.5, 1.0])),
            min_confidence=float(rng.choice([0.0, 0.8])),
            labels=frozenset(rng.choice(["amber", "birch"], int(rng.integers(2))).tolist()),
            phase_weight=float(rng.choice([0.0, 0.0, 0.5])) if i % 2 else 0.0,
            synaptic_bias=float(rng.choice([0.0, 0.0, 0.3, -0.5])) if i % 3 else 0.0,
        )


def encoded(hits):
    """Return all that there is to a list of hits, to the last bit."""
    parts = []
    for hit in hits:
        c = hit.components
        parts.append(repr((hit.memory.memory_id, hit.memory.revision, hit.memory.labels)).encode())
        parts.append(
            _NUMBERS.pack(
                hit.resonance,
                c.cosine,
                c.phase_distance,
                c.phase_factor,
                c.synaptic_bias,
                hit.memory.phase,
                hit.memory.confidence,
                hit.memory.sequence,
            )
        )
        parts.append(hit.row.tobytes())
    return b"".join(parts)


def copied_blocks(mind):
    """Return the number of blocks of rows that are scanned as int8."""
    return mind.contents.pelm.table.rows.copied_blocks


def replay(path, cuts):
    """Replay one journal; return the digests of the state and of all answers, and how it went."""
    records = journals.read_journal(Path(path))
    count = len(records)
    stops = {count * i // STOPS for i in range(1, STOPS + 1)}
    mind, single, batched, copies = Mind(), hashlib.sha256(), hashlib.sha256(), 0
    for done, raw in enumerate(records, start=1):
        mind.apply(decode_record(raw))
        if done in stops and mind.contents is not None:
            questions = list(queries(mind, done))
            for question in questions:
                single.update(encoded(hits_of(mind, [question], now_ns=mind.time_ns)[0]))
            for hits in hits_of(mind, questions, now_ns=mind.time_ns):
                batched.update(encoded(hits))
            copies = max(copies, copied_blocks(mind))
        if done in cuts:
            mind = journals.restored(mind)
    gives = {
        "snapshot": hashlib.sha256(snapshot_bytes(mind)).hexdigest(),
        "chain": mind.chain.hex(),
        "single": single.hexdigest(),
        "batched": batched.hexdigest(),
    }
    return gives, copies


def main():
    asked = json.load(sys.stdin)
    answers = [replay(journal["path"], set(journal["cuts"])) for journal in asked]
    gives, copies = zip(*answers, strict=True)
    json.dump({"gives": gives, "copied_blocks": max(copies)}, sys.stdout)
