"""Requests, prepared before anything is timed, and spaces that are filled with the same data."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from kernel import Case
from load import FRESH_ID, write_messages
from processes import call

from mlsdm_grpc._gen.mlsdm.v1.cognition_service_pb2 import (
    GetStateRequest,
    ProcessEventRequest,
)
from mlsdm_grpc._gen.mlsdm.v1.embedding_pb2 import Embedding
from mlsdm_grpc._gen.mlsdm.v1.generation_service_pb2 import (
    GenerateRequest,
    StreamGenerateRequest,
)
from mlsdm_grpc._gen.mlsdm.v1.governance_service_pb2 import EvaluateContentRequest
from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import Memory
from mlsdm_grpc._gen.mlsdm.v1.memory_put_pb2 import BatchPutMemoriesRequest, PutMemoryRequest
from mlsdm_grpc._gen.mlsdm.v1.memory_query_pb2 import (
    BatchQueryMemoriesRequest,
    ListMemoriesRequest,
    MemoryQuery,
    QueryMemoriesRequest,
)
from mlsdm_grpc._gen.mlsdm.v1.memory_stream_pb2 import IngestBatch, IngestMemoriesRequest
from mlsdm_grpc._gen.mlsdm.v1.space_service_pb2 import CreateSpaceRequest
from mlsdm_grpc._gen.mlsdm.v1.stream_pb2 import StreamOpen

__all__ = [
    "BATCH_QUERY",
    "CREATE_SPACE",
    "DIMENSION",
    "EVALUATE",
    "GENERATE",
    "INGEST",
    "LIST",
    "PROCESS_EVENT",
    "PUT",
    "QUERY",
    "STATE",
    "STREAM_GENERATE",
    "TEXT_DIMENSION",
    "TOP_K",
    "Traffic",
    "ingest_opens",
]

DIMENSION = 384
TEXT_DIMENSION = 256
"""Dimension of the embedder that servers have by default."""
TOP_K = 10
# Distinct texts of a file; the fresh id in each makes that of every call its own.
_TEXTS = 2_048
_WORDS = """
apple archive autumn backup balcony bicycle blanket bridge budget butter cabinet calendar camera
candle carpet castle ceiling chapter cheese chimney church circle climate coffee concert copper
corner cotton cousin curtain customer dentist desert dinner doctor dragon drawer engine evening
fabric farmer feather festival forest furniture garden glass guitar hammer harbour holiday hotel
insect invoice island jacket journal kettle kitchen ladder lantern laundry lawyer letter library
luggage machine market meadow meeting mirror monument mountain museum neighbour needle number ocean
office orchard oven painter parcel pepper pigeon pillow planet pocket printer puzzle rabbit railway
recipe river saddle salmon sandwich school scissors server shadow shoulder signal silver soldier
station stomach storm sugar summer teacher theatre thunder ticket tomato tower traffic tunnel
uncle valley velvet village violin waiter wallet weather window winter wizard yellow
"""
_MORAL_VALUE = 0.9
_FILL_BATCH = 1_000

_MEMORIES = "/mlsdm.v1.MemoryService/"
QUERY = _MEMORIES + "QueryMemories"
BATCH_QUERY = _MEMORIES + "BatchQueryMemories"
PUT = _MEMORIES + "PutMemory"
BATCH_PUT = _MEMORIES + "BatchPutMemories"
INGEST = _MEMORIES + "IngestMemories"
PROCESS_EVENT = "/mlsdm.v1.CognitionService/ProcessEvent"
LIST = _MEMORIES + "ListMemories"
STATE = "/mlsdm.v1.CognitionService/GetState"
GENERATE = "/mlsdm.v1.GenerationService/Generate"
STREAM_GENERATE = "/mlsdm.v1.GenerationService/StreamGenerate"
EVALUATE = "/mlsdm.v1.GovernanceService/EvaluateContent"
CREATE_SPACE = "/mlsdm.v1.SpaceService/CreateSpace"


@dataclass(frozen=True, slots=True)
class Traffic:
    """Files of requests about vectors of 24 hidden dimensions, as embeddings of texts have.

    Args:
        folder: Where the files go.
        case: The rows that spaces are filled with, and queries near some of them.
        count: Distinct vectors in a file.
    """

    folder: Path
    case: Case
    count: int

    @classmethod
    def of(cls, folder: Path, *, rows: int, count: int) -> Traffic:
        """Return traffic about this many rows."""
        return cls(folder, Case.of("latent 24", rows, DIMENSION), count)

    def _near(self) -> Iterator[Embedding]:
        """Yield vectors near rows, all different."""
        rows, rng = self.case.rows, self.case.rng
        for _ in range(self.count):
            noise = rng.standard_normal(DIMENSION, np.float32) * np.float32(0.3 / DIMENSION**0.5)
            yield Embedding(f32_le=(rows[rng.integers(len(rows))] + noise).tobytes())

    def _write(self, name: str, messages: Iterable[bytes]) -> Path:
        path = self.folder / name
        write_messages(path, messages)
        return path

    def queries(self, space: str) -> Path:
        """Prepare QueryMemories."""
        return self._write(
            f"query-{space}",
            (
                QueryMemoriesRequest(space=space, embedding=one, top_k=TOP_K).SerializeToString()
                for one in self._near()
            ),
        )

    def batch_queries(self, space: str, size: int) -> Path:
        """Prepare BatchQueryMemories."""
        queries = (MemoryQuery(embedding=one, top_k=TOP_K) for one in self._near())
        return self._write(
            f"batch-{size}-{space}",
            (
                BatchQueryMemoriesRequest(space=space, queries=part).SerializeToString()
                for part in _parts(queries, size)
            ),
        )

    def puts(self, space: str) -> Path:
        """Prepare PutMemory. Each call has its own text, so that none refreshes a memory."""
        return self._write(
            f"put-{space}",
            (
                PutMemoryRequest(
                    space=space, memory=Memory(text=FRESH_ID, embedding=one), request_id=FRESH_ID
                ).SerializeToString()
                for one in self._near()
            ),
        )

    def vector_puts(self, space: str) -> Path:
        """Prepare PutMemory without a text; the metadata of each call make a memory of its own."""
        return self._write(
            f"vector-{space}",
            (
                PutMemoryRequest(
                    space=space,
                    memory=Memory(embedding=one, metadata={"id": FRESH_ID}),
                    request_id=FRESH_ID,
                ).SerializeToString()
                for one in self._near()
            ),
        )

    def pages(self, space: str, size: int) -> Path:
        """Prepare ListMemories of the first memories, with their vectors."""
        wanted = ListMemoriesRequest(space=space, page_size=size, include_embedding=True)
        return self._write(f"page-{space}", [wanted.SerializeToString()])

    def states(self, space: str) -> Path:
        """Prepare GetState."""
        return self._write(f"state-{space}", [GetStateRequest(space=space).SerializeToString()])

    def _sentences(self) -> Iterator[str]:
        """Yield texts of the length of a sentence, each with a fresh id."""
        words, rng = _WORDS.split(), self.case.rng
        for _ in range(_TEXTS):
            yield f"{' '.join(rng.choice(words, 12))} {FRESH_ID}"

    def text_puts(self, space: str) -> Path:
        """Prepare PutMemory of texts that the server has to embed."""
        return self._write(
            f"text-{space}",
            (
                PutMemoryRequest(
                    space=space, memory=Memory(text=f"{one}."), request_id=FRESH_ID
                ).SerializeToString()
                for one in self._sentences()
            ),
        )

    def evaluations(self, characters: int) -> Path:
        """Prepare EvaluateContent of prose of this length, each text with a fresh id."""
        words, length = prose(), characters - len(FRESH_ID) - 1
        texts = (
            " ".join(words[start:] + words[:start])[:length]
            for start in self.case.rng.integers(len(words), size=_TEXTS * 800 // characters)
        )
        return self._write(
            f"evaluate-{characters}",
            (
                EvaluateContentRequest(text=f"{each} {FRESH_ID}").SerializeToString()
                for each in texts
            ),
        )

    def prompts(
        self, space: str, message: type[GenerateRequest | StreamGenerateRequest] = GenerateRequest
    ) -> Path:
        """Prepare Generate or StreamGenerate of prompts that are remembered with their answers."""
        return self._write(
            f"prompt-{space}",
            (
                message(space=space, prompt=f"{one}?", request_id=FRESH_ID).SerializeToString()
                for one in self._sentences()
            ),
        )

    def events(self, space: str) -> Path:
        """Prepare ProcessEvent with a moral value that passes."""
        return self._write(
            f"event-{space}",
            (
                ProcessEventRequest(
                    space=space,
                    embedding=one,
                    moral_value=_MORAL_VALUE,
                    memory_id=FRESH_ID,
                    request_id=FRESH_ID,
                ).SerializeToString()
                for one in self._near()
            ),
        )

    def ingest_batches(self, name: str, size: int) -> Path:
        """Prepare batches of IngestMemories without sequences, which `loadgen` adds."""
        memories = (Memory(text=FRESH_ID, embedding=one) for one in self._near())
        return self._write(
            f"ingest-{name}",
            (
                IngestMemoriesRequest(batch=IngestBatch(memories=part)).SerializeToString()
                for part in _parts(memories, size)
            ),
        )

    def fill(
        self,
        target: str,
        space: str,
        count: int,
        *,
        capacity: int,
        dimension: int = DIMENSION,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Create a space and store the beginnings of the first ``count`` rows."""
        create = CreateSpaceRequest(
            space=space, config={"dimension": dimension, "capacity": capacity}
        )
        call(target, CREATE_SPACE, create.SerializeToString(), metadata)
        rows = (
            Memory(embedding=Embedding(f32_le=row[:dimension].tobytes()))
            for row in self.case.rows[:count]
        )
        for part in _parts(rows, _FILL_BATCH):
            request = BatchPutMemoriesRequest(space=space, memories=part)
            call(target, BATCH_PUT, request.SerializeToString(), metadata)


def ingest_opens(space: str, streams: int) -> list[bytes]:
    """Return the first messages of streams, which have a name each."""
    opens = (StreamOpen(space=space, stream_id=f"stream-{i}") for i in range(streams))
    return [
        IngestMemoriesRequest(open={"stream": opening}).SerializeToString() for opening in opens
    ]


def prose() -> list[str]:
    """Return the words of the paragraphs in the documentation of this checkout."""
    paragraphs = [
        paragraph
        for path in sorted((Path(__file__).parents[1] / "docs").glob("*.md"))
        for paragraph in path.read_text("utf-8").split("\n\n")
    ]
    # Headings, tables, lists and code are no prose.
    return " ".join(each for each in paragraphs if each[:1].isalpha()).split()


def _parts(whole: Iterator, size: int) -> Iterator[list]:
    """Yield lists of ``size`` elements; the last may be shorter."""
    while part := list(itertools.islice(whole, size)):
        yield part
