"""A moderation endpoint as the scorer of texts.

It speaks OpenAI's protocol: POST of model and input, answered by categories with scores. A text
leaves this server only if an operator has configured the endpoint. A failure is never an error of
the call: the rule's ``on_error`` decides.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final

import aiohttp
import anyio
import structlog

from mlsdm_grpc.config import GovernanceSettings
from mlsdm_grpc.errors import FieldViolation, InvalidInput

__all__ = ["ModerationScorer", "moderation_scorer", "moral_value_of"]

_log = structlog.get_logger(__name__)
_MAX_CALLS: Final = 8
"""Calls of the endpoint at once."""
_MAX_ANSWER_BYTES: Final = 256 * 1_024
_FLAGGED_VALUE: Final = 0.25
"""What the endpoint flags passes nowhere: spaces take in nothing below 0.30."""


class ModerationScorer:
    """Scores texts by an endpoint.

    Args:
        session: Connections; redirects are never followed, so that text and key go nowhere else.
        url: Address of the endpoint.
        model: Model that it is asked for.
        key: Credential; empty sends none.
        timeout_s: Longest wait for an answer, seconds.
    """

    def __init__(
        self, session: aiohttp.ClientSession, *, url: str, model: str, key: str, timeout_s: float
    ) -> None:
        self._session = session
        self._url = url
        self._model = model
        self._headers = {"authorization": f"Bearer {key}"} if key else {}
        self._timeout_s = timeout_s
        self._turns = asyncio.Semaphore(_MAX_CALLS)

    async def score(self, text: str, deadline_s: float) -> float | None:
        """Return the moral value of a text, 0 (harmful) to 1; None if the endpoint fails.

        Args:
            text: The text.
            deadline_s: Event-loop time by which it is wanted.
        """
        limit_s = min(asyncio.get_running_loop().time() + self._timeout_s, deadline_s)
        try:
            async with asyncio.timeout_at(limit_s), self._turns:
                return moral_value_of(await self._asked(text))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, RecursionError) as error:
            # The text of the error may quote addresses and answers; nested JSON recurses.
            _log.warning("moderation_failed", error=type(error).__name__)
            return None

    async def _asked(self, text: str) -> Any:
        """Return the answer to one text.

        Raises:
            ValueError: It is none.
        """
        async with self._session.post(
            self._url,
            json={"model": self._model, "input": text},
            headers=self._headers,
            allow_redirects=False,
        ) as response:
            if response.status != HTTPStatus.OK:
                raise ValueError(f"status {response.status}")
            raw = bytearray()
            async for chunk in response.content.iter_any():
                raw += chunk
                if len(raw) > _MAX_ANSWER_BYTES:
                    raise ValueError("too long")
            return json.loads(raw)


def moral_value_of(answer: Any) -> float:
    """Return the moral value that an answer of the endpoint comes to.

    Args:
        answer: JSON of the answer to one text.

    Raises:
        ValueError: It is not what the protocol says.
    """
    try:
        (result,) = answer["results"]
        flagged, scores = result["flagged"], result["category_scores"]
    except (KeyError, TypeError) as error:
        raise ValueError("no results") from error
    if not isinstance(flagged, bool) or not isinstance(scores, Mapping) or not scores:
        raise ValueError("no scores")
    value = 1.0 - max(map(_score, scores.values()))
    return min(value, _FLAGGED_VALUE) if flagged else value


def _score(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise ValueError("a score that is none")
    return float(value)


@asynccontextmanager
async def moderation_scorer(settings: GovernanceSettings) -> AsyncIterator[ModerationScorer]:
    """Open the connections to the endpoint, and close them at the end.

    Raises:
        InvalidInput: The file of the key cannot be read.
    """
    key = ""
    if settings.moderation_key_file is not None:
        try:
            key = (await anyio.Path(settings.moderation_key_file).read_text("utf-8")).strip()
        except (OSError, UnicodeDecodeError):
            fault = FieldViolation("governance.moderation_key_file", "cannot be read")
            raise InvalidInput("A file cannot be read.", violations=[fault]) from None
    async with aiohttp.ClientSession() as session:
        yield ModerationScorer(
            session,
            url=settings.moderation_url,
            model=settings.moderation_model,
            key=key,
            timeout_s=settings.moderation_timeout_s,
        )
