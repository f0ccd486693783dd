"""Journals in files, their replay and its expected result: shared by script, tests and children.

A ``.journal`` file is the encoded records of one space, each after its length (4 bytes, little
endian). The ``.json`` file with the same name contains the expected result of its replay.
"""

import base64
import hashlib
import io
import struct
from collections import Counter

import numpy as np
from recalling import hits_of

from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.model.outcome import EventOutcome, PutOutcome, Refusal
from mlsdm_grpc.core.store.recall_query import Query
from mlsdm_grpc.journal.codec.outcomes import outcome_to_proto
from mlsdm_grpc.journal.codec.records import decode_record
from mlsdm_grpc.journal.codec.snapshots import read_snapshot, snapshot_bytes

_LENGTH = struct.Struct("<I")


def write_journal(path, records):
    path.write_bytes(b"".join(_LENGTH.pack(len(raw)) + raw for raw in records))


def read_journal(path):
    """Return the encoded records of a file."""
    data, at, records = path.read_bytes(), 0, []
    while at < len(data):
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size + length
        records.append(data[at - length : at])
    assert at == len(data)
    return records


def restored(mind):
    """Return the state as a snapshot of it gives it back."""
    return read_snapshot(io.BytesIO(snapshot_bytes(mind)))


def replayed(records, *, cuts=()):
    """Replay records, going on from a snapshot after each of ``cuts`` records."""
    mind, outcomes = Mind(), []
    for done, raw in enumerate(records):
        if done in cuts:
            mind = restored(mind)
        outcomes.append(mind.apply(decode_record(raw)))
    return (restored(mind) if len(records) in cuts else mind), outcomes


def to_query(question):
    """Return the query that an entry of the JSON file asks."""
    raw = np.frombuffer(base64.b64decode(question["vector"]), "<f4").astype(np.float64)
    given = {name: value for name, value in question.items() if name not in {"vector", "found"}}
    given["labels"] = frozenset(given.get("labels", ()))
    given["phase"] = float(np.float32(given["phase"]))
    return Query(vector=raw / np.sqrt(np.add.reduce(raw * raw)), **given)


def found(mind, questions, now_ns):
    """Return ids and resonances, in hex, of the hits of each question, asked all together."""
    results = hits_of(mind, [to_query(question) for question in questions], now_ns=now_ns)
    return [{hit.memory.memory_id: hit.resonance.hex() for hit in hits} for hits in results]


def kind_of(outcome):
    """Return the outcome of a record, in a word or two for people."""
    name = type(outcome).__name__
    if isinstance(outcome, Refusal):
        return f"{name} {outcome.reason}"
    if isinstance(outcome, PutOutcome):
        return f"{name} {' '.join(sorted({item.result.name for item in outcome.items}))}"
    return f"{name} {outcome.rejection.name}" if isinstance(outcome, EventOutcome) else name


def expectation(records, questions, now_ns):
    """Return the content of the JSON file of a journal."""
    mind, outcomes = replayed(records)
    encoded = [outcome_to_proto(outcome) for outcome in outcomes]
    outcome_bytes = b"".join(each.SerializeToString(deterministic=True) for each in encoded)
    snapshot = snapshot_bytes(mind)
    answers = found(mind, questions, now_ns)
    return {
        "records": len(records),
        "semantics_version": mind.semantics_version,
        "snapshot_bytes": len(snapshot),
        "snapshot_sha256": hashlib.sha256(snapshot).hexdigest(),
        "chain": mind.chain.hex(),
        "outcomes_sha256": hashlib.sha256(outcome_bytes).hexdigest(),
        "outcomes": dict(sorted(Counter(map(kind_of, outcomes)).items())),
        "now_ns": now_ns,
        "questions": [
            {**question, "found": hits} for question, hits in zip(questions, answers, strict=True)
        ],
    }
