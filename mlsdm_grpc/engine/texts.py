"""Text to vectors, in text workers: never on the event loop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.kernel import inverse_norm
from mlsdm_grpc.core.record import Vector
from mlsdm_grpc.engine.codec import raise_failure
from mlsdm_grpc.engine.lanes import Bulkhead
from mlsdm_grpc.engine.pool import Pool
from mlsdm_grpc.errors import PreconditionFailed, Unavailable
from mlsdm_grpc.llm.embedders import EmbedderInfo
from mlsdm_grpc.observability.metrics import Metrics

__all__ = ["Texts"]


class Texts:
    """The embedder of this server behind its bulkhead.

    Args:
        info: What the embedder is; None when there is none.
        pool: Its workers; unused without an embedder.
        lane: Calls that may wait for them.
        metrics: Told of the sizes of passes.
    """

    def __init__(
        self, info: EmbedderInfo | None, pool: Pool | None, lane: Bulkhead, metrics: Metrics
    ) -> None:
        self.info = info
        self._pool = pool
        self._lane = lane
        self._metrics = metrics
        self._next = 0

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return a vector for each text; ``inv_norm`` is 0 where a text has no known word.

        Raises:
            PreconditionFailed: EMBEDDER_NOT_CONFIGURED.
            Unavailable: BULKHEAD_FULL or EMBEDDER_UNAVAILABLE.
        """
        if self.info is None or self._pool is None:
            raise PreconditionFailed(
                "This server embeds no text; send an embedding.", reason="EMBEDDER_NOT_CONFIGURED"
            )
        self._next = (self._next + 1) % self._pool.size
        with self._lane:
            try:
                link = await self._pool.ready(self._next)
                self._lane.check(link.pending)
                reply = await link.request(pb.LinkRequest(embed=pb.EmbedRequest(texts=texts)))
            except Unavailable as error:
                if error.reason == "BULKHEAD_FULL":
                    raise
                raise Unavailable(
                    "The embedder is being restarted.",
                    reason="EMBEDDER_UNAVAILABLE",
                    metadata={"model": self.info.model_id},
                    retry_after_s=0.5,
                ) from None
        raise_failure(reply, "")
        if reply.embed.batch_count:
            self._metrics.embed_batch_texts.observe(reply.embed.batch_count)
        rows = np.frombuffer(reply.embed.rows_f32_le, "<f4").reshape(len(texts), -1)
        return [Vector(row, inverse_norm(row)) for row in rows]
