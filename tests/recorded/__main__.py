"""Records the answers of this version: ``python -m tests.recorded``."""

import asyncio

from tests.recorded.player import record

asyncio.run(record())
