"""Retries of one call: which failures are retried, the delays, and the final error.

The policy is gRFC A6 with pushback and throttling. The grpc library's own retries cannot be used,
because it reports only the last attempt, and the outcome of a write depends on all attempts. A
refusal proves that its own attempt wrote nothing, but an earlier attempt without an answer may have
written. A retry that could only start after the deadline is not awaited; the call fails at once.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Final, TypeAlias

import grpc
import grpc.aio

from mlsdm_grpc.client.failures import never_sent, pushback, typed_error
from mlsdm_grpc.errors import DeadlineExceeded, MlsdmError, QuotaExceeded, Unavailable

__all__ = ["MAX_ATTEMPTS", "UNCERTAIN_REASONS", "Attempts", "OnWait", "Throttle"]

OnWait: TypeAlias = Callable[[MlsdmError, float], None]
"""Function called before the wait for a retry, with the error and the wait in seconds."""

MAX_ATTEMPTS: Final = 3
"""Maximum number of attempts of one call, including the first one."""
_FIRST_BACKOFF_S: Final = 0.05
_MAX_BACKOFF_S: Final = 1.0
_JITTER: Final = 0.2
# Minimum time left for a retry, seconds; a shorter attempt would end without a known outcome.
_LEAST_ATTEMPT_S: Final = 0.1
_MAX_TOKENS: Final = 10.0
_TOKEN_RATIO: Final = 0.1
# Reasons after which a write may have been stored, unless the error's metadata ``written`` is "no".
UNCERTAIN_REASONS: Final = frozenset({"JOURNAL_UNAVAILABLE", "WORKER_LOST", "OUTCOME_UNKNOWN"})


class Throttle:
    """Token bucket of one channel, which stops retries while many calls fail."""

    def __init__(self) -> None:
        self._tokens = _MAX_TOKENS

    @property
    def allows(self) -> bool:
        """True if a failed call may be retried."""
        return self._tokens > _MAX_TOKENS / 2

    def succeeded(self) -> None:
        """Count an attempt that got a response."""
        self._tokens = min(_MAX_TOKENS, self._tokens + _TOKEN_RATIO)

    def failed(self) -> None:
        """Count an attempt that ended with UNAVAILABLE."""
        self._tokens = max(0.0, self._tokens - 1)


class Attempts:
    """Retry state of one call.

    Args:
        throttle: Token bucket of the channel.
        target: Address of the server, for error messages.
        deadline_s: Event-loop time by which the call must end; 0 disables retries.
        repeatable: Whether a retry cannot have a second effect.
        write_id: ``request_id`` of a write; empty for a read.
        on_wait: Called before each wait.
    """

    def __init__(
        self,
        throttle: Throttle,
        *,
        target: str,
        deadline_s: float,
        repeatable: bool,
        write_id: str,
        on_wait: OnWait,
    ) -> None:
        self._throttle = throttle
        self._target = target
        self._on_wait = on_wait
        self._deadline_s = deadline_s
        self._repeatable = repeatable
        self._write_id = write_id
        self._count = 0
        # True if an earlier attempt may have written.
        self._open = False

    def answered(self) -> None:
        """Record the first response; the call is not retried after it."""
        if self._repeatable:
            self._repeatable = False
            self._throttle.succeeded()

    async def after(self, failure: grpc.aio.AioRpcError) -> None:
        """Wait until the next attempt may start.

        Raises:
            MlsdmError: No further attempt is allowed; the error reflects all attempts.
        """
        self._count += 1
        error = typed_error(failure, target=self._target, write_id=self._write_id)
        wait_s = self._wait_s(failure, error)
        if wait_s is None:
            raise self._final(failure, error) from failure
        self._open = self._open or _leaves_open(failure, error)
        self._on_wait(error, wait_s)
        await asyncio.sleep(wait_s)

    def _wait_s(self, failure: grpc.aio.AioRpcError, error: MlsdmError) -> float | None:
        """Return the delay before the next attempt, seconds; None if no attempt is allowed."""
        if failure.code() is not grpc.StatusCode.UNAVAILABLE:
            return None
        self._throttle.failed()
        asked_s = pushback(failure)
        if asked_s is None:
            asked_s = error.retry_after_s
        if asked_s is None:
            backoff_s = min(_FIRST_BACKOFF_S * 2 ** (self._count - 1), _MAX_BACKOFF_S)
            asked_s = backoff_s * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - no secret
        left_s = self._deadline_s - asyncio.get_running_loop().time()
        helps = 0 <= asked_s <= left_s - _LEAST_ATTEMPT_S
        may = self._repeatable and self._count < MAX_ATTEMPTS and self._throttle.allows
        return asked_s if helps and may else None

    def _final(self, failure: grpc.aio.AioRpcError, error: MlsdmError) -> MlsdmError:
        doubt = self._write_id and self._open and not _leaves_open(failure, error)
        if not (doubt and _without_look(error)):
            return error
        cls = DeadlineExceeded if isinstance(error, DeadlineExceeded) else Unavailable
        return cls(
            "An earlier attempt of this write got no answer and may have written; repeat it with"
            f" the same request_id to learn its result. The last attempt: {error.message}",
            reason="OUTCOME_UNKNOWN",
            metadata={"request_id": self._write_id, "last_reason": error.reason},
            retry_after_s=error.retry_after_s,
        )


def _leaves_open(failure: grpc.aio.AioRpcError, error: MlsdmError) -> bool:
    """Return True if this attempt of a write may have been stored."""
    if error.reason:
        return error.reason in UNCERTAIN_REASONS and error.metadata.get("written") != "no"
    return not never_sent(failure)


def _without_look(error: MlsdmError) -> bool:
    """Return True if the server refused before it looked for earlier attempts of the same write."""
    return isinstance(error, Unavailable | DeadlineExceeded | QuotaExceeded)
