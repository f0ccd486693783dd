"""Replay and recall are the same to the last bit in any process on this machine.

Children differ in the seed of hashes, in threads of linear algebra, in where they go on from a
snapshot (which lays rows out anew), and in whether the library for int8 copies is there.
"""

import itertools
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import journals
import make
import numpy as np
import pytest
from test_golden import FILES

from mlsdm_grpc.core.model.bodies import CreateSpace, DeleteMemory, ProcessEvent, UpdateMemory
from mlsdm_grpc.core.model.parameters import SpaceParameters
from mlsdm_grpc.core.store import int8_rows

DIMENSION = 64
_BLOCK = "import sys; sys.modules['numkong'] = None; "
_MAIN = "import replayer; replayer.main()"


class Way(NamedTuple):
    """Code with which a child replays a journal."""

    hash_seed: str
    threads: str
    blocked: bool
    """The library for int8 copies cannot be imported."""
    cuts: tuple[float, ...]
    """Positions in a journal, as shares, at which the replay continues from a snapshot."""


FAST = (
    Way("0", "1", blocked=False, cuts=()),
    Way("1", "2", blocked=True, cuts=(0.3, 0.8)),
    Way("77", "2", blocked=False, cuts=(0.5, 0.55)),
    Way("4294967295", "1", blocked=True, cuts=()),
)
SLOW = [
    Way(*parts)
    for parts in itertools.product(
        ("0", "1", "4294967295"),
        ("1", "2"),
        (False, True),
        ((), (0.5,), (0.1, 0.3, 0.6, 0.75, 0.95)),
    )
]


def large_journal(path, memories):
    """Write the history of a full space with several blocks and ties."""
    writer = make.Writer(7, DIMENSION)
    writer.write(CreateSpace(SpaceParameters(dimension=DIMENSION, capacity=memories)))
    centres = writer.rng.standard_normal((9, DIMENSION))
    number = itertools.count()

    def memory():
        near = writer.pick((None, centres[int(writer.rng.integers(9))]))
        return writer.memory(
            f"m{next(number)}",
            vector=writer.vector(near=near),
            phase=writer.pick((None, 0.1, 0.9, float(writer.rng.random()))),
            confidence=float(writer.pick((1.0, 0.9, 0.7))),
            labels=writer.pick((("amber",), ("birch",), ("amber", "birch"), ())),
            expire_time_ns=writer.pick((0, 0, writer.now_ns + 600 * make.SECOND)),
        )

    while next(number) < memories * 5 // 4:
        same = memory()
        writer.put(*(memory() for _ in range(40)), same)
        writer.put(make.replace(same, memory_id=f"{same.memory_id}-again", text="again"))
        for _ in range(3):
            writer.write(ProcessEvent(memory(), float(np.round(writer.rng.random(), 3))))
        for body in (UpdateMemory, DeleteMemory):
            writer.write(body(writer.pick((f"m{next(number) // 2}", same.memory_id))))
    journals.write_journal(path, writer.records)
    return writer.mind


def run(way, paths):
    """Return the report of a child about these journals."""
    counts = {path: len(journals.read_journal(path)) for path in paths}
    asked = [
        {"path": str(path), "cuts": [int(count * share) for share in way.cuts]}
        for path, count in counts.items()
    ]
    done = subprocess.run(
        [sys.executable, "-c", (_BLOCK if way.blocked else "") + _MAIN],
        input=json.dumps(asked),
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "PYTHONHASHSEED": way.hash_seed,
            "OPENBLAS_NUM_THREADS": way.threads,
            "OMP_NUM_THREADS": way.threads,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


def compare(ways, tmp_path, memories, children=2):
    """Replay in children; return the number of memories that the large journal gives."""
    large = tmp_path / "large.journal"
    mind = large_journal(large, memories)
    paths = [*FILES, large]
    with ThreadPoolExecutor(children) as pool:
        told = list(pool.map(lambda way: run(way, paths), ways))
    for way, each in zip(ways, told, strict=True):
        accelerated = int8_rows.AVAILABLE and not way.blocked
        assert (each["copied_blocks"] > 1) is accelerated
        for path, found, first in zip(paths, each["gives"], told[0]["gives"], strict=True):
            assert found == first, (way, path.name)
            assert found["single"] == found["batched"], (way, path.name)
    assert told[0]["gives"][-1]["chain"] == mind.chain.hex()
    for path, found in zip(FILES, told[0]["gives"], strict=False):
        expected = json.loads(path.with_suffix(".json").read_text("utf-8"))
        assert found["snapshot"] == expected["snapshot_sha256"]
    return len(mind.contents.pelm)


def test_replay_and_recall_are_the_same_in_other_processes(tmp_path):
    assert compare(FAST, tmp_path, memories=3_600) >= 3_500


@pytest.mark.slow
def test_replay_and_recall_are_the_same_in_many_processes(tmp_path, evidence):
    held = compare(SLOW, tmp_path, memories=20_000)
    evidence["processes"], evidence["memories"] = len(SLOW), held
