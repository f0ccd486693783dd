"""The built-in embedder keeps no texts."""

import subprocess
import sys
from pathlib import Path

import pytest

GROWTH = """
import mmap
from pathlib import Path
from mlsdm_grpc.llm.embedders.wordllama import WordLlamaEmbedder

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE

embedder = WordLlamaEmbedder()
texts = [f"{i:06} is a text of its own, in which there are quite a few words" for i in range(3_000)]
embedder.embed(texts[:300])
before = resident()
for text in texts:
    embedder.embed([text])
print(resident() - before)
"""
TOLERATED_BYTES = 3 * 2**20


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_no_text_is_kept():
    done = subprocess.run(
        [sys.executable, "-c", GROWTH], capture_output=True, text=True, check=True, timeout=60
    )
    assert int(done.stdout) < TOLERATED_BYTES
