"""Child of test_damage: writes histories, reports acknowledged writes, and kills itself."""

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

from damage_history import SPACES, History

from mlsdm_grpc.config import LoggingSettings
from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.journal.codec.records import decode_record
from mlsdm_grpc.journal.codec.snapshots import snapshot_bytes
from mlsdm_grpc.journal.sqlite import maintenance, sqlite_journal
from mlsdm_grpc.observability.logging import configure_logging


async def write(folder, seed, *, appends, snapshot_every, checkpoint_bytes, first, ends):
    """Write until the given number of appends is acknowledged; then close, or kill the process."""
    rng = random.Random(seed)
    maintenance.CHECKPOINT_BYTES = checkpoint_bytes
    journal = sqlite_journal.SqliteJournal(folder)
    await journal.open()
    left = appends
    over = asyncio.Event()

    async def append(key, start):
        nonlocal left
        history, mind = History(key, seed), Mind()
        for revision in range(1, start + 1):
            mind.apply(decode_record(history.record(revision)))
        head = start
        while not over.is_set():
            count = rng.choice([1, 1, 1, 2, 5])
            pending = [
                journal.append(key, [history.record(head + i)], expected=head + i - 1)
                for i in range(1, count + 1)
            ]
            for future in pending:
                await future
                head += 1
                mind.apply(decode_record(history.record(head)))
                print(key.space, head, flush=True)
                left -= 1
            if left <= 0:
                over.set()
                if not ends:
                    os.kill(os.getpid(), signal.SIGKILL)
            if snapshot_every and head % snapshot_every < count:
                path = journal.scratch_path()
                path.write_bytes(snapshot_bytes(mind))
                await journal.save_snapshot(key, revision=head, path=path)
                await journal.trim(key, until=head)

    await asyncio.gather(*(append(key, start) for key, start in zip(SPACES, first, strict=True)))
    await journal.close()


if __name__ == "__main__":
    configure_logging(LoggingSettings())  # standard output is the protocol with the test
    folder, seed, appends, every, checkpoint, ends, *heads = sys.argv[1:]
    asyncio.run(
        write(
            Path(folder),
            int(seed),
            appends=int(appends),
            snapshot_every=int(every),
            checkpoint_bytes=int(checkpoint),
            first=[int(head) for head in heads] or [0] * len(SPACES),
            ends=ends == "close",
        )
    )
