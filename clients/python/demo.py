"""Start a server, store the documentation topics that ship with Python, ask twelve questions.

Run it with ``python clients/python/demo.py``; it needs no network and leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from pydoc_data.topics import topics

from mlsdm_grpc.client import MemoryClient, new_memory, passage_context, split_passages

SHOWN_TOPICS = 5
TIMED_ROUNDS = 20
QUESTIONS = {
    "handle an error that was raised": {"try", "exceptions"},
    "repeat a block for every item of a list": {"for"},
    "leave a loop early": {"break"},
    "a resource cleaned up when a block ends": {"with", "context-managers"},
    "bring names from another module": {"import"},
    "a number with two decimals in a string": {"formatstrings"},
    "which operator binds tighter": {"operator-summary"},
    "step through a program to find a fault": {"debugger"},
    "a small anonymous function": {"lambda"},
    "an attribute computed when read": {"attribute-access", "descriptors"},
    "a name that belongs to the module scope": {"global"},
    "fail when a condition is false while debugging": {"assert"},
}


@asynccontextmanager
async def server(folder: Path) -> AsyncIterator[str]:
    """Run a server as a process of its own; yield its address; stop it with SIGTERM."""
    with (folder / "server.log").open("w+b") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "mlsdm_grpc", "serve"),
            *("--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0"),
            *("--data-dir", str(folder / "data")),
            env={**os.environ, "MLSDM_LOGGING__LEVEL": "warning"},
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
        assert process.stdout is not None  # noqa: S101 - it was asked for
        try:
            line = (await process.stdout.readline()).decode()
            found = re.match(r"SERVING listen=(\S+) ops=\S+ started_in_s=(\S+)", line)
            if found is None:
                log.seek(0)
                sys.exit(f"The server did not start:\n{log.read().decode()}")
            print(f"server: SERVING at {found[1]}, {found[2]} s after its process started")
            yield found[1]
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            code = await process.wait()
    print(f"server: stopped by SIGTERM, exit code {code}")
    if code != 0:
        sys.exit("The server did not stop as it should.")


async def ingest(memory: MemoryClient) -> None:
    """Store every topic in passages, each to be found by the topic's heading and first sentence."""
    memories = [
        new_memory(passage, context=passage_context(text), labels=[f"topic:{name}"])
        for name, text in sorted(topics.items())
        for passage in split_passages(text)
    ]
    began = time.perf_counter()
    await memory.put_many(memories)
    elapsed_s = time.perf_counter() - began
    rate = len(memories) / elapsed_s
    print(
        f"ingest: {len(topics)} topics, {len(memories)} passages in {elapsed_s:.2f} s,"
        f" {rate:,.0f} passages/s, embedded by the server\n"
    )


async def find_topics(memory: MemoryClient, question: str) -> list[str]:
    """Return the first five different topics that answer a question, best first."""
    for top_k in (50, 1_000):
        response = await memory.query(question, top_k=top_k)
        # A dictionary keeps the order in which the topics come first.
        labels = dict.fromkeys(match.memory.labels[0] for match in response.matches)
        if len(labels) >= SHOWN_TOPICS:
            break
    return [label.removeprefix("topic:") for label in labels][:SHOWN_TOPICS]


async def ask(memory: MemoryClient) -> int:
    """Ask the twelve questions, print the answers and return how many were right."""
    right = 0
    for question, expected in QUESTIONS.items():
        began = time.perf_counter()
        found = await find_topics(memory, question)
        elapsed_ms = (time.perf_counter() - began) * 1_000
        hit = not expected.isdisjoint(found)
        right += hit
        print(f"{'yes' if hit else 'no ':3}  {question}  ({elapsed_ms:.1f} ms)")
        print(f"       {', '.join(found)}")
    return right


async def measure(memory: MemoryClient) -> list[float]:
    """Return the times of single queries for five memories, one after the other, milliseconds."""
    times_ms = []
    for _ in range(TIMED_ROUNDS):
        for question in QUESTIONS:
            began = time.perf_counter()
            await memory.query(question)
            times_ms.append((time.perf_counter() - began) * 1_000)
    return times_ms


async def main() -> None:
    """Run the demo."""
    with tempfile.TemporaryDirectory(prefix="mlsdm-demo-") as folder:
        async with server(Path(folder)) as target, MemoryClient(target) as memory:
            await ingest(memory)
            right = await ask(memory)
            times_ms = await measure(memory)
            cuts = statistics.quantiles(times_ms, n=20)
            print(
                f"\n{len(times_ms)} queries: p50 {cuts[9]:.2f} ms, p95 {cuts[18]:.2f} ms,"
                f" one at a time\n{right} of {len(QUESTIONS)} questions found the right topic"
                f" among the first {SHOWN_TOPICS}"
            )


if __name__ == "__main__":
    asyncio.run(main())
