"""The largest messages: valid ones at every limit, and hostile ones."""

import struct
import uuid

from mlsdm_grpc._gen.mlsdm.v1 import (
    cognition_service_pb2,
    event_pb2,
    generation_service_pb2,
    governance_service_pb2,
    memory_pb2,
    memory_put_pb2,
    memory_query_pb2,
    memory_service_pb2,
    memory_stream_pb2,
    space_service_pb2,
)
from mlsdm_grpc.messages import limits

MAX_BYTES = 4 * 1_024 * 1_024
KIB = 1_024
DIMENSION = 384


def vector(number, dimension=DIMENSION):
    """Return a packed vector that differs from all others."""
    values = (1.0 + ((number + i) % 97) for i in range(dimension - 1))
    return struct.pack(f"<{dimension}f", number, *values)


def labels(number):
    """Return the maximum number of labels, each as short as distinct labels can be."""
    return [f"{number % 10}{chr(97 + i % 26)}{i // 26}" for i in range(limits.MAX_LABELS)]


def metadata(entries, size=2):
    return {f"{i:0{size}x}": f"{i:x}" for i in range(entries)}


def memory(number, **fields):
    return memory_pb2.Memory(**{"embedding": {"f32_le": vector(number)}, **fields})


def memories(count, **fields):
    return [memory(i, **fields) for i in range(count)]


def many_labels(count=limits.MAX_BATCH_ITEMS):
    """Return memories with as many labels, and a hundred entries of metadata each."""
    return [memory(i, labels=labels(i), metadata=metadata(100)) for i in range(count)]


def many_entries(count):
    """Return memories with the maximum metadata in the shortest possible entries."""
    return [memory(i, metadata={f"{i:03x}": "" for i in range(1_300)}) for i in range(count)]


def unpacked(count, dimension=DIMENSION):
    """Return memories whose vectors are floats one by one."""
    return [
        memory_pb2.Memory(embedding={"floats": {"values": [1.0 + (i % 9)] * dimension}})
        for i in range(count)
    ]


def put(items):
    return memory_put_pb2.BatchPutMemoriesRequest(memories=items, request_id=str(uuid.uuid4()))


def queries(**fields):
    return memory_query_pb2.BatchQueryMemoriesRequest(
        queries=[
            memory_query_pb2.MemoryQuery(embedding={"f32_le": vector(i)}, **fields)
            for i in range(limits.MAX_BATCH_QUERIES)
        ]
    )


def ontology(count, dimension=DIMENSION):
    """Return a space with as many categories."""
    return space_service_pb2.CreateSpaceRequest(
        space=f"categories-{dimension}",
        config={
            "dimension": dimension,
            "ontology": [
                {"category": f"c{i}", "embedding": {"f32_le": vector(i, dimension)}}
                for i in range(count)
            ],
        },
    )


def sized(message):
    """Return the bytes of a message of the maximum size."""
    raw = message.SerializeToString()
    assert len(raw) <= MAX_BYTES, len(raw)
    return raw


PATHS = {
    "BatchPutMemories": "/mlsdm.v1.MemoryService/BatchPutMemories",
    "PutMemory": "/mlsdm.v1.MemoryService/PutMemory",
    "BatchQueryMemories": "/mlsdm.v1.MemoryService/BatchQueryMemories",
    "QueryMemories": "/mlsdm.v1.MemoryService/QueryMemories",
    "ListMemories": "/mlsdm.v1.MemoryService/ListMemories",
    "ExportMemories": "/mlsdm.v1.MemoryService/ExportMemories",
    "UpdateMemory": "/mlsdm.v1.MemoryService/UpdateMemory",
    "IngestMemories": "/mlsdm.v1.MemoryService/IngestMemories",
    "StreamEvents": "/mlsdm.v1.CognitionService/StreamEvents",
    "ProcessEvent": "/mlsdm.v1.CognitionService/ProcessEvent",
    "Generate": "/mlsdm.v1.GenerationService/Generate",
    "StreamGenerate": "/mlsdm.v1.GenerationService/StreamGenerate",
    "EvaluateContent": "/mlsdm.v1.GovernanceService/EvaluateContent",
    "AnalyzeSpeech": "/mlsdm.v1.GovernanceService/AnalyzeSpeech",
    "RepairSpeech": "/mlsdm.v1.GovernanceService/RepairSpeech",
    "SetPolicy": "/mlsdm.v1.GovernanceService/SetPolicy",
    "CreateSpace": "/mlsdm.v1.SpaceService/CreateSpace",
    "UpdateSpace": "/mlsdm.v1.SpaceService/UpdateSpace",
}


def legal():
    """Return unary requests at the limits, each a name, a method and the message."""
    text = "The quick brown fox jumps over the lazy dog near the river bank. " * 1_100
    sentence = text[:8_192]
    prompt = text[: 64 * KIB]
    parents = [f"p{i:02}" for i in range(limits.MAX_PARENTS)]
    one = memory(
        1,
        text=sentence,
        labels=labels(1),
        metadata={f"{i:03x}": "" for i in range(1_300)},
        provenance={"parent_ids": parents},
    )
    event = {
        "text": sentence,
        "labels": labels(1),
        "metadata": {f"{i:03x}": "" for i in range(1_300)},
        "moral_value": 0.9,
    }
    cases = [
        ("labels and entries", "BatchPutMemories", put(many_labels())),
        ("short entries", "BatchPutMemories", put(many_entries(270))),
        ("vectors", "BatchPutMemories", put(memories(1_000, text="x" * 500))),
        ("floats", "BatchPutMemories", put(unpacked(1_000))),
        ("texts", "BatchPutMemories", put(memories(400, text=sentence))),
        ("parents", "BatchPutMemories", put(memories(1_000, provenance={"parent_ids": parents}))),
        ("one memory", "PutMemory", memory_put_pb2.PutMemoryRequest(memory=one)),
        ("vectors", "BatchQueryMemories", queries(top_k=1_000)),
        ("labels", "BatchQueryMemories", queries(top_k=10, labels=labels(0))),
        (
            "thousand",
            "QueryMemories",
            memory_query_pb2.QueryMemoriesRequest(
                embedding={"f32_le": vector(3)}, top_k=1_000, phase_tolerance=1.0
            ),
        ),
        ("page", "ListMemories", memory_query_pb2.ListMemoriesRequest(page_size=1_000)),
        (
            "page with vectors",
            "ListMemories",
            memory_query_pb2.ListMemoriesRequest(page_size=1_000, include_embedding=True),
        ),
        (
            "event",
            "ProcessEvent",
            cognition_service_pb2.ProcessEventRequest(embedding={"f32_le": vector(5)}, **event),
        ),
        (
            "prompt",
            "Generate",
            generation_service_pb2.GenerateRequest(prompt=prompt, space="prompts"),
        ),
        (
            "text",
            "EvaluateContent",
            governance_service_pb2.EvaluateContentRequest(text=prompt, redact=True),
        ),
        ("text", "AnalyzeSpeech", governance_service_pb2.AnalyzeSpeechRequest(text=prompt)),
        ("text", "RepairSpeech", governance_service_pb2.RepairSpeechRequest(text=prompt)),
        ("categories", "CreateSpace", ontology(256)),
        ("wide categories", "CreateSpace", ontology(190, 4_096)),
        (
            "rules",
            "SetPolicy",
            governance_service_pb2.SetPolicyRequest(
                policy={"rules": [{"rule_id": f"r{i}"} for i in range(100)]}, etag='"0"'
            ),
        ),
    ]
    return [(f"{method}: {name}", PATHS[method], sized(message)) for name, method, message in cases]


def streams():
    """Return client streams at the limits: a name, a method, the opening and a batch."""
    ingested = memory_stream_pb2.IngestMemoriesRequest(
        batch={"first_sequence": 1, "memories": many_labels(limits.MAX_STREAM_BATCH)}
    )
    events = [
        event_pb2.Event(
            embedding={"f32_le": vector(i)},
            moral_value=0.9,
            labels=labels(i),
            metadata=metadata(100),
        )
        for i in range(limits.MAX_STREAM_BATCH)
    ]
    eventful = cognition_service_pb2.StreamEventsRequest(
        batch={"first_sequence": 1, "events": events}
    )
    return [
        (
            "IngestMemories",
            PATHS["IngestMemories"],
            sized(
                memory_stream_pb2.IngestMemoriesRequest(open={"stream": {"stream_id": "memories"}})
            ),
            sized(ingested),
        ),
        (
            "StreamEvents",
            PATHS["StreamEvents"],
            sized(cognition_service_pb2.StreamEventsRequest(open={"stream_id": "events"})),
            sized(eventful),
        ),
    ]


def field(number, body):
    """Return a length-delimited field."""
    return varint(number << 3 | 2) + varint(len(body)) + body


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def filled(prefix, unit):
    """Return bytes of units up to the largest message."""
    return prefix + unit * ((MAX_BYTES - len(prefix)) // len(unit))


def hostile():
    """Return requests that cost far more than their bytes: a name, a method, the bytes."""
    tail = MAX_BYTES - 64
    packed = b"\0" * (tail // 4 * 4)
    label = field(8, b"")
    entry = field(9, b"")
    floats = field(3, field(1, b"\x0d\0\0\0\0" * (tail // 5)))
    cases = [
        ("empty memories", "BatchPutMemories", filled(b"", field(2, b""))),
        ("empty labels", "PutMemory", field(2, label * (tail // 2))),
        ("empty entries", "PutMemory", field(2, entry * (tail // 2))),
        ("labels of a batch", "BatchPutMemories", field(2, label * (tail // 2))),
        ("floats one by one", "PutMemory", field(2, floats)),
        ("packed floats", "PutMemory", field(2, field(3, field(1, field(1, packed))))),
        ("a long text", "PutMemory", field(2, field(2, b"x" * tail))),
        ("a long etag", "PutMemory", field(2, field(14, b"x" * tail))),
        ("an astral text", "PutMemory", field(2, field(2, "😀".encode() + b"x" * (tail - 4)))),
        ("empty queries", "BatchQueryMemories", filled(b"", field(2, b""))),
        ("empty labels", "QueryMemories", filled(b"", field(9, b""))),
        ("unknown varints", "QueryMemories", filled(b"", varint(99 << 3) + b"\1")),
        ("unknown bytes", "PutMemory", filled(b"", field(99, b""))),
        ("groups", "PutMemory", filled(b"", varint(99 << 3 | 3) + varint(99 << 3 | 4))),
        ("one field again", "QueryMemories", filled(b"", b"\x20\1")),
        ("one message again", "PutMemory", filled(b"", field(2, b""))),
        ("empty rules", "SetPolicy", field(1, field(5, b"") * (tail // 2))),
        ("empty stops", "Generate", filled(b"", field(11, b""))),
        ("empty categories", "CreateSpace", field(2, field(11, b"") * (tail // 2))),
        ("a long prompt", "Generate", field(2, b"x" * tail)),
    ]
    return [(f"{method}: {name}", PATHS[method], raw) for name, method, raw in cases]


__all__ = ["MAX_BYTES", "PATHS", "field", "hostile", "legal", "memory_service_pb2", "streams"]
