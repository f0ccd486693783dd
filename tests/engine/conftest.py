import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from drive import running


@pytest.fixture
async def driver():
    async with running() as each:
        yield each
