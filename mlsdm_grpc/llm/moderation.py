"""A moderation endpoint as the scorer of texts.

It speaks OpenAI's protocol: POST of model and input, answered by categories with scores. A text
leaves this server only if an operator has configured the endpoint. A failure is never an error of
the call: the rule's ``on_error`` decides.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import anyio.to_thread
import httpx2
import structlog

from mlsdm_grpc.config import LlmSettings, ModerationSettings
from mlsdm_grpc.errors import DeadlineExceeded, FieldViolation, InvalidInput
from mlsdm_grpc.llm.breaker import Pass
from mlsdm_grpc.llm.budget import RetryBudget
from mlsdm_grpc.llm.endpoints import endpoint_problems
from mlsdm_grpc.llm.providers.http import PLACEHOLDER_KEY, http_client
from mlsdm_grpc.llm.providers.provider import FaultKind, ProviderFault, number_of
from mlsdm_grpc.llm.providers.upstream_json import parse_json, raise_error
from mlsdm_grpc.llm.upstream import Surroundings, Upstream, UpstreamCall
from mlsdm_grpc.observability.current import REQUEST_ID
from mlsdm_grpc.observability.metrics import Metrics

__all__ = ["ModerationScorer", "moderation_problems", "moderation_scorer", "moral_value_of"]

_log = structlog.get_logger(__name__)
_NAME: Final = "moderation"
_MAX_CALLS: Final = 8
"""Calls of the endpoint at once."""
_REJECTED: Final = frozenset({400, 413, 422})
"""About the text: no caller may open the breaker for the others."""
_ROUNDING: Final = 1e-6
_SHORTEST_S: Final = 0.001
_FLAGGED_VALUE: Final = 0.25
"""What the endpoint flags passes nowhere: spaces take in nothing below 0.30."""


class ModerationScorer:
    """Scores texts by an endpoint.

    Args:
        client: Connections; see :func:`http_client`.
        settings: The endpoint.
        llm: The breaker. Nothing is tried twice.
        metrics: Told of calls and of the breaker.
        clock: Seconds; that of the event loop.
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
        self._turns = asyncio.Semaphore(_MAX_CALLS)
        once = llm.model_copy(update={"tries": 1})
        budget = RetryBudget(share=0.0, floor=0, clock=clock)
        self._upstream = Upstream(
            _NAME,
            Surroundings(
                once, settings.timeout_s, budget, metrics, clock, asyncio.sleep, random.random
            ),
        )

    async def score(self, text: str, deadline_s: float) -> float | None:
        """Return the moral value of a text, 0 (harmful) to 1; None if the endpoint fails.

        Args:
            text: The text.
            deadline_s: Event-loop time by which it is wanted.
        """

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
            # The text of the error may quote addresses and answers.
            _log.warning(
                "moderation_failed", error=type(error).__name__, request_id=REQUEST_ID.get()
            )
            return None

    async def _asked(self, text: str, until_s: float) -> float:
        """Return the moral value that the endpoint gives to a text.

        Raises:
            ProviderFault: It gives none.
        """
        try:
            response = await self._client.post(
                self._settings.base_url,
                json={"model": self._settings.model, "input": text},
                headers={"authorization": f"Bearer {PLACEHOLDER_KEY}"},
                timeout=max(until_s - self._clock(), _SHORTEST_S),
            )
            found = parse_json(response.content)
            raise_error(found)
            return moral_value_of(found)
        except ProviderFault as fault:
            fault.rejected = fault.rejected and fault.status in _REJECTED
            raise
        except ValueError:
            raise ProviderFault(FaultKind.MALFORMED) from None


def moral_value_of(answer: Any) -> float:
    """Return the moral value that an answer of the endpoint comes to.

    Args:
        answer: JSON of the answer to one text.

    Raises:
        ValueError: It is not what the protocol says.
    """
    try:
        (result,) = answer["results"]
        scores, flagged = result["category_scores"], result.get("flagged")
        if flagged is None:  # Mistral's endpoint flags categories only
            flagged = any((result.get("categories") or {}).values())
        known = [_score(value) for value in scores.values() if value is not None]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("no results") from error
    if not isinstance(flagged, bool) or not known:
        raise ValueError("no scores")
    value = 1.0 - max(known)
    return min(value, _FLAGGED_VALUE) if flagged else value


def _score(value: object) -> float:
    """Return a score in 0..1; one that is above by the rounding of single precision is 1."""
    score = number_of(value)
    if score is None or not 0.0 <= score <= 1.0 + _ROUNDING:
        raise ValueError("a score that is none")
    return min(score, 1.0)


@asynccontextmanager
async def moderation_scorer(
    settings: ModerationSettings, llm: LlmSettings, *, metrics: Metrics
) -> AsyncIterator[ModerationScorer]:
    """Open the connections to the endpoint, and close them at the end.

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
    """Yield what would keep the endpoint from being used; it reads files."""
    return endpoint_problems("governance.moderation", settings)
