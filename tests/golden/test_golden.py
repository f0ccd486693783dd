"""Golden journals: every version of the rules keeps the results of its release."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import journals
import make
import pytest

from mlsdm_grpc.core import mind
from mlsdm_grpc.core.mind.request_window import MIN_ENTRIES
from mlsdm_grpc.core.model import semantics
from mlsdm_grpc.core.model.outcome import (
    ConsolidateOutcome,
    EventOutcome,
    Outcome,
    PutOutcome,
    PutResult,
    Refusal,
    Rejection,
)
from mlsdm_grpc.core.model.record import RecordBody
from mlsdm_grpc.journal.codec.records import decode_record
from mlsdm_grpc.journal.codec.snapshots import snapshot_bytes

ROOT = Path(__file__).parent
FILES = sorted(ROOT.glob("v*/*.journal"))
NEWEST = [path for path in FILES if path.parent.name == f"v{semantics.newest()}"]
by_name = pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")


def expected_of(path):
    return json.loads(path.with_suffix(".json").read_text("utf-8"))


@by_name
def test_a_replay_gives_what_it_always_gave(path):
    expected = expected_of(path)
    records = journals.read_journal(path)
    got = journals.expectation(records, expected["questions"], expected["now_ns"])
    assert got == expected
    for told, kept in zip(got["questions"], expected["questions"], strict=True):
        assert list(told["found"]) == list(kept["found"])


@by_name
def test_a_snapshot_and_the_tail_give_the_same(path):
    records = journals.read_journal(path)
    whole, outcomes = journals.replayed(records)
    count = len(records)
    for cuts in ({0}, {1}, {count // 4, count // 2}, {count * 3 // 4}, {count - 1}, {count}):
        state, same = journals.replayed(records, cuts=cuts)
        assert same == outcomes
        assert snapshot_bytes(state) == snapshot_bytes(whole)


@by_name
def test_questions_asked_one_by_one_have_the_same_answers(path):
    expected = expected_of(path)
    state, _ = journals.replayed(journals.read_journal(path))
    for question in expected["questions"]:
        (found,) = journals.found(state, [question], expected["now_ns"])
        assert list(found.items()) == list(question["found"].items())


def test_every_version_has_journals_and_every_journal_a_version():
    versions = {int(path.parent.name[1:]) for path in FILES}
    assert versions == set(semantics.VERSIONS)
    assert all(f"v{expected_of(p)['semantics_version']}" == p.parent.name for p in FILES)


def test_the_script_runs_by_itself_and_keeps_what_is_there():
    before = [(path, path.read_bytes()) for path in FILES]
    done = subprocess.run(
        [sys.executable, make.__file__], capture_output=True, text=True, check=True, timeout=25
    )
    assert done.stdout == f"kept {len(NEWEST)} that were there; --force replaces them\n"
    assert [(path, path.read_bytes()) for path in FILES] == before


def test_the_journals_are_small():
    files = [path for path in ROOT.rglob("*") if path.suffix in {".journal", ".json"}]
    assert sum(path.stat().st_size for path in files) < 1_500_000


def test_every_kind_of_record_and_every_way_to_end_is_in_them():
    records, outcomes = [], []
    for path in NEWEST:
        raws = journals.read_journal(path)
        records += map(decode_record, raws)
        outcomes += journals.replayed(raws)[1]
    assert {type(record.body) for record in records} == set(get_args(RecordBody))
    assert {type(outcome) for outcome in outcomes} == set(get_args(Outcome))
    sources = "".join(path.read_text() for path in Path(mind.__file__).parent.glob("*.py"))
    reasons = set(re.findall(r'(?:Refused|Refusal)\(\s*"([A-Z_]+)"', sources))
    assert {outcome.reason for outcome in outcomes if isinstance(outcome, Refusal)} == reasons
    puts = [outcome for outcome in outcomes if isinstance(outcome, PutOutcome)]
    events = [outcome for outcome in outcomes if isinstance(outcome, EventOutcome)]
    sleeps = [outcome for outcome in outcomes if isinstance(outcome, ConsolidateOutcome)]
    assert {item.result for put in puts for item in put.items} == set(PutResult)
    assert {event.rejection for event in events} == set(Rejection)
    assert any(put.evicted for put in puts)
    assert any(event.evicted for event in events)
    assert any(sleep.merged_count for sleep in sleeps)
    assert any(sleep.purged_count for sleep in sleeps)


def test_sizes_that_matter_are_in_them():
    states = [journals.replayed(journals.read_journal(path))[0] for path in NEWEST]
    assert max(len(state.window) for state in states) > MIN_ENTRIES
    spaces = [state.contents for state in states if state.contents is not None]
    assert {space.parameters.dimension for space in spaces} == {2, 8, 16, 64, 384}
    memories = [memory for space in spaces for memory, _ in space.pelm.history.memories()]
    assert any(memory.pinned for memory in memories)
    assert any(memory.expire_time_ns for memory in memories)
    assert {space.parameters.moral.policy.name for space in spaces} == {"VIGILANT", "HOMEOSTATIC"}
    assert {space.parameters.synapses.legacy for space in spaces} == {True, False}


def test_the_script_writes_what_is_missing_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(make, "JOURNALS", (make.policies, make.every_kind))
    assert [path.stem for path in make.make(tmp_path)] == ["policies", "every_kind"]
    kept, gone = tmp_path / "policies.journal", tmp_path / "every_kind.journal"
    kept.write_bytes(b"")
    gone.unlink()
    assert make.make(tmp_path) == [gone]
    assert kept.read_bytes() == b""
    assert make.make(tmp_path, force=True) == [kept, gone]
    assert journals.read_journal(kept)


def test_the_script_still_writes_every_journal():
    for maker in make.JOURNALS:
        assert maker().mind.revision > 0
    assert {path.stem for path in NEWEST} == {maker.__name__ for maker in make.JOURNALS}
