"""Scorer of texts that calls a moderation endpoint or a guard model.

Texts are sent only if an operator has configured the endpoint. A failure of the endpoint does not
fail the call: the value of the server's detectors is used, or ``on_error`` of the rule decides.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import anyio.to_thread
import httpx2
import structlog

from mlsdm_grpc.config import LlmSettings, ModerationSettings
from mlsdm_grpc.errors import DeadlineExceeded, FieldViolation, InvalidInput
from mlsdm_grpc.llm.breaker import Pass
from mlsdm_grpc.llm.budget import RetryBudget
from mlsdm_grpc.llm.endpoints import endpoint_problems
from mlsdm_grpc.llm.guard_models import dialect_of
from mlsdm_grpc.llm.providers.http import PLACEHOLDER_KEY, http_client
from mlsdm_grpc.llm.providers.provider import FaultKind, ProviderFault
from mlsdm_grpc.llm.providers.upstream_json import parse_json, raise_error
from mlsdm_grpc.llm.score_cache import ScoreCache
from mlsdm_grpc.llm.upstream import Surroundings, Upstream, UpstreamCall
from mlsdm_grpc.observability.current import REQUEST_ID
from mlsdm_grpc.observability.metrics import Metrics

__all__ = ["ModerationScorer", "moderation_problems", "moderation_scorer"]

_log = structlog.get_logger(__name__)
_NAME: Final = "moderation"
# Maximum number of concurrent calls.
_MAX_CALLS: Final = 8
# Statuses that the text of a caller can cause; they must not open the breaker.
_REJECTED: Final = frozenset({400, 413, 422})
_SHORTEST_S: Final = 0.001


class ModerationScorer:
    """Scorer of texts that calls an endpoint.

    Args:
        client: HTTP client; see :func:`http_client`.
        settings: Settings of the endpoint.
        llm: Settings of the circuit breaker; failed calls are not retried.
        metrics: Metrics of calls and of the breaker.
        clock: Clock of the event loop, seconds.
    """

    def __init__(
        self,
        client: httpx2.AsyncClient,
        settings: ModerationSettings,
        llm: LlmSettings,
        *,
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._settings = settings
        self._clock = clock
        self._dialect = dialect_of(settings)
        self._cache = ScoreCache(
            max_entries=settings.cache_entries, ttl_s=settings.cache_ttl_s, clock=clock
        )
        self.has_stand_in = settings.detectors_stand_in
        """True if the detectors of the server score texts that the endpoint fails to score."""
        self._turns = asyncio.Semaphore(_MAX_CALLS)
        once = llm.model_copy(update={"tries": 1})
        budget = RetryBudget(share=0.0, floor=0, clock=clock)
        self._upstream = Upstream(
            _NAME,
            Surroundings(
                once, settings.timeout_s, budget, metrics, clock, asyncio.sleep, random.random
            ),
        )

    async def score(self, text: str, tenant: str, deadline_s: float) -> float | None:
        """Return the moral value of a text, 0 (harmful) to 1; None if the endpoint fails.

        Args:
            text: Text to score.
            tenant: Tenant of the text; cached values are never shared between tenants.
            deadline_s: Event-loop time by which the value is needed.
        """
        cached = self._cache.get(tenant, text)
        if cached is not None:
            return cached
        value = await self._scored(text, deadline_s)
        if value is not None:
            self._cache.put(tenant, text, value)
        return value

    async def _scored(self, text: str, deadline_s: float) -> float | None:
        async def once(until_s: float, leave: Pass) -> float:
            value = await self._asked(text, until_s)
            leave.succeeded()
            return value

        began_s = self._clock()
        try:
            async with asyncio.timeout_at(min(began_s + self._settings.timeout_s, deadline_s)):
                await self._turns.acquire()
            try:
                return await self._upstream.ask(UpstreamCall(began_s, deadline_s, began_s), once)
            finally:
                self._turns.release()
        except (ProviderFault, DeadlineExceeded, TimeoutError) as error:
            # Only the class is logged: the error message may quote addresses and responses.
            _log.warning(
                "moderation_failed", error=type(error).__name__, request_id=REQUEST_ID.get()
            )
            return None

    async def _asked(self, text: str, until_s: float) -> float:
        """Request the moral value of a text from the endpoint.

        Raises:
            ProviderFault: The call failed.
        """
        try:
            response = await self._client.post(
                self._settings.base_url,
                json=self._dialect.request(text),
                headers={"authorization": f"Bearer {PLACEHOLDER_KEY}"},
                timeout=max(until_s - self._clock(), _SHORTEST_S),
            )
            found = parse_json(response.content)
            raise_error(found)
            return self._dialect.value_of(found)
        except ProviderFault as fault:
            fault.rejected = fault.rejected and fault.status in _REJECTED
            raise
        except ValueError:
            raise ProviderFault(FaultKind.MALFORMED) from None


@asynccontextmanager
async def moderation_scorer(
    settings: ModerationSettings, llm: LlmSettings, *, metrics: Metrics
) -> AsyncIterator[ModerationScorer]:
    """Open the connections to the endpoint; leaving the context closes them.

    Raises:
        InvalidInput: The key or the certificates cannot be read.
    """
    problems = await anyio.to_thread.run_sync(lambda: list(moderation_problems(settings)))
    if problems:
        raise InvalidInput("The moderation endpoint cannot be used.", violations=problems)
    connect = partial(http_client, settings, max_connections=_MAX_CALLS)
    async with await anyio.to_thread.run_sync(connect) as client:
        clock = asyncio.get_running_loop().time
        yield ModerationScorer(client, settings, llm, metrics=metrics, clock=clock)


def moderation_problems(settings: ModerationSettings) -> Iterator[FieldViolation]:
    """Yield the faults that prevent the use of the endpoint; reads files."""
    return endpoint_problems("governance.moderation", settings)
