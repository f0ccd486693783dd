"""Second step of a generation: recalls memories for the prompt and evaluates them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from mlsdm_grpc._gen.mlsdm.v1.memory_pb2 import MemorySource
from mlsdm_grpc._gen.mlsdm.v1.memory_query_pb2 import MemoryQuery
from mlsdm_grpc.core.model.new_memory import Vector
from mlsdm_grpc.engine.memory_reads import MemoryReads
from mlsdm_grpc.errors import DeadlineExceeded, NotFound, Unavailable
from mlsdm_grpc.generation.conversation_memory import Memories
from mlsdm_grpc.generation.generation_events import Recalled
from mlsdm_grpc.generation.generation_run import GenerationRun
from mlsdm_grpc.governance.policy.verdict import Verdict
from mlsdm_grpc.llm.prompt import RecalledText
from mlsdm_grpc.messages.stored_memories import embedding_message
from mlsdm_grpc.messages.times import timestamp

__all__ = ["RecallStep"]

# Weight of the phase in scores: memories of distant phases score less but are not excluded.
_PHASE_WEIGHT: Final = 0.25


class RecallStep:
    """Step that recalls memories for a prompt.

    Args:
        reads: Embedding of the prompt with the embedder of the space.
        memories: Access to the space.
        clock: Clock of the event loop, seconds.
    """

    def __init__(
        self, reads: MemoryReads, memories: Memories, *, clock: Callable[[], float]
    ) -> None:
        self._reads = reads
        self._memories = memories
        self._clock = clock

    async def recall(self, run: GenerationRun) -> tuple[tuple[Verdict, ...], list[RecalledText]]:
        """Recall memories, leave out refused ones, and return the verdicts and the texts."""
        request, began_s = run.request, self._clock()
        run.recalled = Recalled(revision=run.revision, stateless=run.memory_error is not None)
        if run.memory_error is not None:
            return (), []
        try:
            vector = await self._embedded(run)
            wanted = (request.top_k and vector is not None) or request.conversation_id
            if not wanted or run.view is None:
                return (), []
            found = await self._memories.recalled(
                run.key,
                run.prompt,
                MemoryQuery(
                    embedding=None if vector is None else embedding_message(vector.raw),
                    top_k=0 if vector is None else request.top_k,
                    phase_weight=_PHASE_WEIGHT,
                    synaptic_bias=request.synaptic_bias,
                    min_score=request.min_score,
                    sources=map(MemorySource.ValueType, request.sources),
                    after=_stamp(request.after_ns),
                    before=_stamp(request.before_ns),
                ),
                run.policy,
                conversation_id=request.conversation_id,
                min_revision=request.min_revision,
                until_s=run.memory_until_s,
                deadline_s=run.deadline_s,
            )
        except (Unavailable, DeadlineExceeded) as error:
            run.memory_error = error
            run.recalled = Recalled(stateless=True)
            return (), []
        # The space was deleted during the generation.
        except NotFound:
            run.view = None
            run.recalled = Recalled()
            return (), []
        finally:
            run.recall_s = self._clock() - began_s - run.embed_s
        run.recalled = Recalled(found.matches, found.revision)
        run.exchanges = found.exchanges
        return found.verdicts, found.texts

    async def _embedded(self, run: GenerationRun) -> Vector | None:
        """Return the vector of the prompt; None if it is not needed or not available."""
        request, began_s = run.request, self._clock()
        if not request.top_k and not request.remember:
            return None
        try:
            run.vector = await self._reads.embedded(
                run.key, run.view, run.prompt, run.memory_until_s, made=run.vector
            )
        finally:
            run.embed_s = self._clock() - began_s
        return run.vector if run.vector.inv_norm else None


def _stamp(moment_ns: int | None) -> Timestamp | None:
    return None if moment_ns is None else timestamp(moment_ns)
