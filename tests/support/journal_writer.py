"""Child of test_journal_crash: writes by seed, reports acknowledged writes, until killed."""

import asyncio
import random
import sys
from pathlib import Path

from mlsdm_grpc.config import LoggingSettings
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.journal.sqlite.sqlite_journal import SqliteJournal
from mlsdm_grpc.observability.logging import configure_logging

SPACES = [SpaceKey("t", name) for name in "abcd"]
LARGE = 0.03
"""Number of records that are written into their rows after these were made."""


def payload(key: SpaceKey, revision: int) -> bytes:
    """Return the record at a position, which is the same for every child."""
    rng = random.Random(f"{key}{revision}")
    size = 300_000 if rng.random() < LARGE else rng.randint(0, 2_000)
    return rng.randbytes(size)


async def write(folder: Path, seed: int) -> None:
    rng = random.Random(seed)
    journal = SqliteJournal(folder)
    await journal.open()
    print("open", flush=True)

    async def append(key: SpaceKey) -> None:
        head = await journal.head(key)
        while True:
            count = rng.choice([1, 1, 1, 5, 40])
            batch = [payload(key, head + i) for i in range(1, count + 1)]
            await journal.append(key, batch, expected=head)
            head += count
            print(key.space, head, flush=True)
            if rng.random() < 0.02:
                path = journal.scratch_path()
                path.write_bytes(payload(key, -head) + b"!")
                await journal.save_snapshot(key, revision=head, path=path)
                await journal.trim(key, until=head)

    await asyncio.gather(*(append(key) for key in SPACES))


if __name__ == "__main__":
    configure_logging(LoggingSettings())  # standard output is the protocol with the test
    asyncio.run(write(Path(sys.argv[1]), int(sys.argv[2])))
