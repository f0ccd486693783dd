"""Child of test_reading: loads every space of a folder and prints the results."""

import asyncio
import sys
from pathlib import Path

from damage_history import SPACES, load

from mlsdm_grpc.config import LoggingSettings
from mlsdm_grpc.errors import MlsdmError
from mlsdm_grpc.journal.sqlite.sqlite_journal import SqliteJournal
from mlsdm_grpc.observability.logging import configure_logging


async def read(folder: Path) -> None:
    journal = SqliteJournal(folder)
    try:
        await journal.open()
    except MlsdmError as error:
        print("open", type(error).__name__)
        return
    for key in SPACES:
        try:
            print(key.space, (await load(journal, key)).revision)
        except MlsdmError as error:
            print(key.space, type(error).__name__)
    await journal.close()


if __name__ == "__main__":
    configure_logging(LoggingSettings())  # standard output is the protocol with the test
    asyncio.run(read(Path(sys.argv[1])))
