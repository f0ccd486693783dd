"""Six hundred requests over all RPCs get the answers, trailers and details that were recorded.

To record anew after an intended change: ``python -m tests.recorded`` and read the difference.
"""

import json
from collections import Counter

import pytest

from tests.recorded.player import FILE, play
from tests.recorded.script import METHODS

RECORDED = [json.loads(line) for line in FILE.read_text("utf-8").splitlines()]


def test_the_recording_covers_the_contract():
    assert len(RECORDED) >= 500
    assert {each["method"] for each in RECORDED} == set(METHODS)
    statuses = Counter(each["status"] for each in RECORDED)
    assert statuses["OK"] >= 250
    assert {"INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION"} <= set(
        statuses
    )


@pytest.mark.anyio
@pytest.mark.timeout(120)
async def test_every_request_gets_the_recorded_answer():
    # Compared at the end: an assertion in the middle would leave the server to the test runner.
    played = [json.loads(json.dumps(each)) async for each in play()]
    for found, recorded in zip(played, RECORDED, strict=True):
        assert found == recorded
