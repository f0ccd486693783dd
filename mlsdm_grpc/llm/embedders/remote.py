"""Remote embedder: any endpoint with OpenAI's embeddings protocol, with a cache.

It runs in the server process, because it mainly waits for the network; text workers make no network
calls. It uses the retries, circuit breaker and faults of the model providers.
"""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np
import openai
from numpy.typing import NDArray

from mlsdm_grpc.config import EmbedderSettings, LlmSettings
from mlsdm_grpc.errors import RETRY_LATER_S, Unavailable
from mlsdm_grpc.llm.breaker import BreakerState, Pass
from mlsdm_grpc.llm.budget import RetryBudget
from mlsdm_grpc.llm.embedders.cache import EmbeddingCache
from mlsdm_grpc.llm.embedders.embedder import EmbedderInfo
from mlsdm_grpc.llm.providers.http import PLACEHOLDER_KEY, fault_in, http_client
from mlsdm_grpc.llm.providers.provider import FaultKind, ProviderFault, number_of
from mlsdm_grpc.llm.providers.upstream_json import parse_json, raise_error
from mlsdm_grpc.llm.turns import CallLimit
from mlsdm_grpc.llm.upstream import Surroundings, Upstream, UpstreamCall
from mlsdm_grpc.observability.metrics import Metrics

__all__ = ["OpenAIEmbedder"]

_NAME = "embedder"
# Long delay after a rejected request, because only an operator can correct the settings.
_REJECTED_RETRY_AFTER_S = 60.0


class OpenAIEmbedder:
    """Embedder that calls an endpoint; create it outside the event loop.

    Args:
        settings: Endpoint, model and cache.
        llm: Settings of retries and circuit breaker.
        metrics: Metrics of calls and of the cache.
        clock: Clock of the event loop, seconds.
        sleep: Function that waits between attempts.
        jitter: Function that returns a random number in 0..1.
    """

    def __init__(
        self,
        settings: EmbedderSettings,
        llm: LlmSettings,
        *,
        metrics: Metrics,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.info = EmbedderInfo(f"{settings.model}-{settings.dimension}", settings.dimension)
        self._settings = settings
        self._margin_s = llm.deadline_margin_s
        self._metrics = metrics
        self._clock = clock
        self._cache = EmbeddingCache(
            self.info.model_id,
            max_entries=settings.cache_entries,
            ttl_s=settings.cache_ttl_s,
            clock=clock,
        )
        self._turns = CallLimit(settings.max_concurrent, clock=clock)
        self._budget = RetryBudget(share=llm.retry_share, floor=llm.retry_floor, clock=clock)
        around = Surroundings(llm, settings.timeout_s, self._budget, metrics, clock, sleep, jitter)
        self._upstream = Upstream(_NAME, around)
        self._client = openai.AsyncOpenAI(
            api_key=PLACEHOLDER_KEY,
            admin_api_key="",
            base_url=settings.base_url,
            max_retries=0,
            http_client=http_client(settings, max_connections=settings.max_concurrent),
        )
        self._create = self._client.embeddings.with_streaming_response.create

    @property
    def callable(self) -> bool:
        """True if the circuit breaker allows calls now."""
        return self._upstream.breaker.state is not BreakerState.OPEN

    async def aclose(self) -> None:
        """Close all idle connections."""
        await self._client.close()

    async def embed(
        self, texts: Sequence[str], tenant: str, deadline_s: float
    ) -> list[NDArray[np.float32]]:
        """Return a vector of shape (dimension,) for each text, not normalised; read-only.

        Args:
            texts: Any number of texts; duplicates and cached texts are not sent.
            tenant: Tenant of the texts.
            deadline_s: Event-loop time by which the vectors are needed.

        Raises:
            Unavailable: EMBEDDER_UNAVAILABLE.
            DeadlineExceeded: DEADLINE_EXPIRED.
        """
        known = {text: self._cache.get(tenant, text) for text in texts}
        missing = [text for text, row in known.items() if row is None]
        self._metrics.embed_cache.labels("hit").inc(len(known) - len(missing))
        self._metrics.embed_cache.labels("miss").inc(len(missing))
        size = self._settings.batch_texts
        for start in range(0, len(missing), size):
            some = missing[start : start + size]
            async with self._turns.turn(tenant, deadline_s):
                rows = await self._asked(some, deadline_s)
            for text, row in zip(some, rows, strict=True):
                self._cache.put(tenant, text, row)
                known[text] = row
        return [row for text in texts if (row := known[text]) is not None]

    async def _asked(self, texts: Sequence[str], deadline_s: float) -> NDArray[np.float32]:
        """Request the vectors of one batch; return (len(texts), dimension) float32."""

        async def once(until_s: float, leave: Pass) -> NDArray[np.float32]:
            rows = self._rows(await self._called(texts, until_s), len(texts))
            leave.succeeded()
            return rows

        self._budget.count_call()
        now_s = self._clock()
        # Ends before the caller is cancelled at its deadline, so that breaker and log see the
        # timeout.
        work = UpstreamCall(now_s, deadline_s - self._margin_s, queued_s=now_s)
        try:
            return await self._upstream.ask(work, once)
        except ProviderFault as fault:
            least_s = _REJECTED_RETRY_AFTER_S if fault.rejected else RETRY_LATER_S
            raise Unavailable(
                "The embedder did not answer; nothing was written. Retry, or send an embedding.",
                reason="EMBEDDER_UNAVAILABLE",
                metadata={"model": self.info.model_id},
                retry_after_s=max(least_s, self._upstream.breaker.retry_after_s),
                tried=True,
            ) from None

    async def _called(self, texts: Sequence[str], until_s: float) -> dict[str, Any]:
        settings = self._settings
        body: dict[str, Any] = {"model": settings.model, "input": list(texts)}
        if settings.send_dimension:
            body["dimensions"] = settings.dimension
        left_s = max(until_s - self._clock(), 0.001)
        try:
            async with self._create(**body, encoding_format="base64", timeout=left_s) as response:
                return parse_json(await response.read())
        except (openai.OpenAIError, ValueError, RecursionError) as error:
            raise fault_in(error) from None

    def _rows(self, found: dict[str, Any], count: int) -> NDArray[np.float32]:
        """Return the vectors of a response, in the order of the texts.

        A response that does not match the request raises MALFORMED.
        """
        raise_error(found)
        data = found.get("data")
        rows = np.full((count, self._settings.dimension), np.nan, np.float32)
        if not isinstance(data, list) or len(data) != count:
            raise ProviderFault(FaultKind.MALFORMED)
        for position, item in enumerate(data):
            if not isinstance(item, dict):
                raise ProviderFault(FaultKind.MALFORMED)
            said = item.get("index")
            index = number_of(position if said is None else said)
            if index is None or not index.is_integer() or not 0 <= index < count:
                raise ProviderFault(FaultKind.MALFORMED)
            rows[int(index)] = self._row(item.get("embedding"))
        if not np.isfinite(rows).all():
            raise ProviderFault(FaultKind.MALFORMED)
        return rows

    def _row(self, found: object) -> NDArray[np.float32]:
        """Return one vector, from base64 of float32 or from a list of numbers."""
        try:
            if isinstance(found, str):
                row = np.frombuffer(base64.b64decode(found, validate=True), "<f4")
            else:
                with np.errstate(over="ignore"):
                    row = np.array(found, np.float32)
        except (ValueError, TypeError, OverflowError):
            raise ProviderFault(FaultKind.MALFORMED) from None
        if row.shape != (self._settings.dimension,):
            raise ProviderFault(FaultKind.MALFORMED)
        return row
