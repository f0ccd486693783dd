"""Event loop of synchronous callers: one for the process, in a thread of its own.

grpc serves all event loops of a process by one poller, so that each further loop costs time, and a
loop that is closed early may be used by grpc once more. This one is started on first use and runs
until the process ends.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from mlsdm_grpc.errors import PreconditionFailed

__all__ = ["BACKGROUND", "BackgroundLoop"]

Result = TypeVar("Result")


class BackgroundLoop:
    """Event loop in a daemon thread; may be used from any other thread of the same process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = 0
        self._thread = 0

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Return the result of a coroutine; an interrupt of the caller cancels the coroutine.

        Raises:
            PreconditionFailed: The caller is a callback that runs in the loop itself, or a process
                that was forked after the loop had started.
        """
        if self._process not in {0, os.getpid()}:
            work.close()
            raise PreconditionFailed(
                "The client was used before this process was forked, and grpc does not work in the"
                " fork; start processes by `spawn`, or use the client first after the fork.",
                reason="",
            )
        loop = self._started()
        if threading.get_ident() == self._thread:
            work.close()
            raise PreconditionFailed(
                "A callback of a client cannot wait for a call; make the call in another thread.",
                reason="",
            )
        future = asyncio.run_coroutine_threadsafe(work, loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def finish(self, work: Coroutine[Any, Any, Result]) -> None:
        """Run a coroutine that cleans up, also where nothing may be waited for.

        The garbage collector may run it in any thread. At the end of the process it is left out.
        """
        if sys.is_finalizing() or self._process != os.getpid():
            work.close()
        elif threading.get_ident() == self._thread:
            asyncio.run_coroutine_threadsafe(work, self._started())
        else:
            self.run(work)

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._process = os.getpid()
                thread = threading.Thread(
                    target=self._loop.run_forever, name="mlsdm-client", daemon=True
                )
                thread.start()
                self._thread = thread.ident or 0
            return self._loop


BACKGROUND: Final = BackgroundLoop()
"""The loop of all synchronous clients and of test servers of synchronous tests."""
