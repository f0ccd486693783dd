"""Memory of a full space, in a process like a worker."""

import subprocess
import sys
from pathlib import Path

import pytest

from mlsdm_grpc.core.store import int8_rows

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "mind.py"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.skipif(not int8_rows.AVAILABLE, reason="search copies need the extra `fast`")
def test_a_full_space_takes_at_most_1_6_times_its_vectors():
    """Ids, two labels, provenance and digests of 20,000 memories, and their search copies."""
    result = subprocess.run(
        [sys.executable, str(BENCHMARK), "--memory-only"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert 1.0 < float(result.stdout.split(":")[1]) <= 1.6
