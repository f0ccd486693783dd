"""Text to vectors, in text workers: never on the event loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

import numpy as np

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.kernel import inverse_norm
from mlsdm_grpc.core.record import Vector
from mlsdm_grpc.engine.codec import raise_failure
from mlsdm_grpc.engine.lanes import Before, Lane, Lanes
from mlsdm_grpc.engine.link import Link
from mlsdm_grpc.engine.pool import Pool
from mlsdm_grpc.errors import PreconditionFailed, Unavailable
from mlsdm_grpc.llm.embedders import EmbedderInfo
from mlsdm_grpc.observability.metrics import Metrics

__all__ = ["Texts"]

_TEXT_S: Final = 6e-5
_CHARACTER_S: Final = 5e-7
"""Time that a text, and each character of it, takes the embedder, seconds; measured."""
_PASS_S: Final = 0.005


class Texts:
    """The embedder of this server behind its bulkhead.

    Args:
        info: What the embedder is; None when there is none.
        pool: Its workers; unused without an embedder.
        lanes: Who may use them, and when.
        metrics: Told of the sizes of passes.
    """

    def __init__(
        self, info: EmbedderInfo | None, pool: Pool | None, lanes: Lanes, metrics: Metrics
    ) -> None:
        self.info = info
        self._pool = pool
        self._lanes = lanes
        self._metrics = metrics
        self._next = 0

    async def embed(self, texts: Sequence[str], tenant: str, deadline_s: float) -> list[Vector]:
        """Return a vector for each text; ``inv_norm`` is 0 where a text has no known word.

        Args:
            texts: Any number; long ones share no pass of the embedder with many others.
            tenant: Whose they are.
            deadline_s: Event-loop time by which the vectors are wanted.

        Raises:
            PreconditionFailed: EMBEDDER_NOT_CONFIGURED.
            Unavailable: BULKHEAD_FULL or EMBEDDER_UNAVAILABLE.
            DeadlineExceeded: There is no time for it.
        """
        if self.info is None or self._pool is None:
            raise PreconditionFailed(
                "This server embeds no text; send an embedding.", reason="EMBEDDER_NOT_CONFIGURED"
            )
        vectors = list[Vector]()
        with self._lanes.inside(Lane.TEXT, tenant):
            for some, cost_s in _passes(texts):
                index = self._next = (self._next + 1) % self._pool.size
                gate = self._lanes.gate(Lane.TEXT, Before.TEXT, index)
                try:
                    link = await self._pool.ready(index)
                except Unavailable:
                    raise self._lost() from None
                await gate.enter(tenant, cost_s, deadline_s)
                vectors += await self._pass(link, some, done=partial(gate.leave, cost_s))
        return vectors

    async def _pass(
        self, link: Link, texts: Sequence[str], *, done: Callable[[], None]
    ) -> list[Vector]:
        """Embed texts by one request to a worker; ``done`` is called when it has ended."""
        try:
            reply = await link.request(
                pb.LinkRequest(embed=pb.EmbedRequest(texts=texts)), done=done
            )
        except Unavailable:
            raise self._lost() from None
        raise_failure(reply, "")
        if reply.embed.batch_count:
            self._metrics.embed_batch_texts.observe(reply.embed.batch_count)
        rows = np.frombuffer(reply.embed.rows_f32_le, "<f4").reshape(len(texts), -1)
        return [Vector(row, inverse_norm(row)) for row in rows]

    def _lost(self) -> Unavailable:
        return Unavailable(
            "The embedder is being restarted.",
            reason="EMBEDDER_UNAVAILABLE",
            metadata={"model": self.info.model_id if self.info else ""},
            retry_after_s=0.5,
        )


def _passes(texts: Sequence[str]) -> Iterator[tuple[Sequence[str], float]]:
    """Yield the texts in runs of some milliseconds, each with what it costs, seconds."""
    start, cost_s = 0, 0.0
    for end, text in enumerate(texts):
        one_s = _TEXT_S + _CHARACTER_S * len(text)
        if cost_s and cost_s + one_s > _PASS_S:
            yield texts[start:end], cost_s
            start, cost_s = end, 0.0
        cost_s += one_s
    if texts:
        yield texts[start:], cost_s
