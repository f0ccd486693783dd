"""A server that measures itself: the longest stretch on its event loop, and the peak of its memory.

Run as a program it serves, and answers each line on its standard input with what it has measured
since the line before. ``Measured`` starts it and asks it.
"""

import asyncio
import gc
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import anyio

OVERRIDES = {
    "server": {"listen": "127.0.0.1:0", "ops": "127.0.0.1:0", "drain_delay_s": 0.0},
    "pressure": {"max_loop_lag_s": 60.0, "max_processing_s": 120.0},
    "logging": {"level": "error"},
}
GIVES_BACK = {
    "MALLOC_TRIM_THRESHOLD_": "0",
    "MALLOC_MMAP_THRESHOLD_": "65536",
    "NUMPY_MADVISE_HUGEPAGE": "0",
}
"""Makes memory measurable, at the cost of time.

The C library gives freed memory back, so that the next peak is seen. NumPy uses no huge pages:
they round the rows of a space up to 2 MiB, whichever message is the first to touch such a page.
"""


@dataclass
class Cost:
    """Cost of a message for the server."""

    stretch_s: float
    """Longest uninterrupted stretch on the event loop, seconds of CPU."""
    where: str
    peak_bytes: int
    """Most resident memory above that at the last question."""


class Stretches:
    """Measures each callback of the event loop by the CPU time of its thread."""

    def __init__(self):
        self.longest_s, self.where = 0.0, ""
        run = asyncio.events.Handle._run

        def measured(handle):
            began_s = time.thread_time()
            run(handle)
            took_s = time.thread_time() - began_s
            if took_s > self.longest_s:
                self.longest_s, self.where = took_s, repr(handle)[:300]

        asyncio.events.Handle._run = measured


def memory(field):
    text = Path("/proc/self/status").read_text("ascii")
    return int(text.partition(f"{field}:")[2].split()[0]) * 1_024


def forget_peak():
    Path("/proc/self/clear_refs").write_text("5", "ascii")


async def _serve(data_dir, settings):
    from mlsdm_grpc.config import load_settings
    from mlsdm_grpc.observability.logging import configure_logging
    from mlsdm_grpc.server.build import running_server

    overrides = {name: dict(values) for name, values in OVERRIDES.items()}
    for section, values in ({"journal": {"data_dir": data_dir}} | settings).items():
        overrides[section] = overrides.get(section, {}) | values
    loaded = await asyncio.to_thread(load_settings, None, overrides)
    configure_logging(loaded.logging)
    stretches = Stretches()
    async with running_server(loaded) as server:
        gc.collect()
        gc.freeze()  # as `serve` does
        _say(str(server.listen))
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        threading.Thread(target=_answer, args=(stretches, loop, stop), daemon=True).start()
        await stop.wait()


def _say(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _answer(stretches, loop, stop):
    rest = memory("VmRSS")
    for _ in sys.stdin:
        cost = [stretches.longest_s, stretches.where, memory("VmHWM") - rest]
        gc.collect()
        forget_peak()
        rest = memory("VmRSS")
        stretches.longest_s, stretches.where = 0.0, ""
        _say(json.dumps(cost))
    loop.call_soon_threadsafe(stop.set)


class Measured:
    """A measured server in its own process."""

    def __init__(self, data_dir, *, gives_back=False, **settings):
        arguments = [str(data_dir), json.dumps(settings)]
        self.process = subprocess.Popen(
            [sys.executable, __file__, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | (GIVES_BACK if gives_back else {}),
        )
        self.listen = self.process.stdout.readline().strip()

    def cost(self):
        """Return the measurements since the last call."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return Cost(*json.loads(self.process.stdout.readline()))

    def close(self):
        self.process.communicate(timeout=60)


if __name__ == "__main__":
    anyio.run(_serve, sys.argv[1], json.loads(sys.argv[2]))
