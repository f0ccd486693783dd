"""The heads file: its content, and its recovery from damage."""

import os

import pytest

from mlsdm_grpc.errors import InvalidInput
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.journal.sqlite import heads as module
from mlsdm_grpc.journal.sqlite.heads import Head, Heads, check_name

SLOT, PAGE = 256, 4_096


@pytest.fixture
def path(tmp_path):
    return tmp_path / "heads"


def reopened(path):
    heads = Heads(path)
    heads.close()
    return heads


def written(path, count=3):
    heads = Heads(path)
    heads.reserve(count)
    heads.put(
        [(n, n * 10, n * 100) for n in range(1, count + 1)],
        [(n, "tenant", f"space {n}") for n in range(1, count + 1)],
    )
    return heads


def test_heads_are_there_again(path):
    heads = written(path)
    heads.put([(2, 21, 201)])
    heads.sync()
    heads.close()
    found = reopened(path)
    assert not found.created
    assert found.faults == []
    assert found.entries == {
        1: Head(1, SpaceKey("tenant", "space 1"), 10, 100),
        2: Head(2, SpaceKey("tenant", "space 2"), 21, 201),
        3: Head(3, SpaceKey("tenant", "space 3"), 30, 300),
    }


def test_a_new_file_is_told(path):
    heads = Heads(path)
    assert heads.created
    assert heads.entries == {}
    heads.close()
    assert not reopened(path).created


@pytest.mark.parametrize("count", [1, 2, 7, 300, 1_000])
def test_many_heads_of_one_commit_are_written_together(path, count, monkeypatch):
    heads = written(path, count)
    calls = []
    write = os.pwrite
    monkeypatch.setattr(module.os, "pwrite", lambda *call: calls.append(1) or write(*call))
    heads.put([(n, n * 10 + 1, n * 100 + 1) for n in range(1, count + 1)])
    monkeypatch.undo()
    heads.close()
    assert len(calls) <= 1 + count * SLOT // 65_536
    found = reopened(path)
    assert [head.revision for head in found.entries.values()] == [
        n * 10 + 1 for n in range(1, count + 1)
    ]
    assert found.faults == []


def test_a_torn_write_leaves_the_head_before_it(path):
    heads = written(path)
    for revision in (11, 12, 13):
        before = path.read_bytes()
        heads.put([(1, revision, 100 + revision)])
        after = path.read_bytes()
        changed = [i for i, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
        torn = bytearray(after)
        torn[changed[0]] ^= 0xFF
        other = path.with_name("torn")
        other.write_bytes(torn)
        found = reopened(other)
        assert found.entries[1].revision == revision - 1
        assert [fault.number for fault in found.faults] == [1]
    heads.close()


@pytest.mark.parametrize("offset", [0, 5, 8, 20, 220, 240])
def test_a_damaged_entry_is_told_and_hides_no_other(path, offset):
    written(path).close()
    data = bytearray(path.read_bytes())
    data[PAGE + SLOT + offset] ^= 1
    path.write_bytes(data)
    found = reopened(path)
    assert {1, 3} <= found.entries.keys()
    assert [fault.number for fault in found.faults] == [2]


def test_a_damaged_file_gives_what_is_left_of_it(path):
    written(path).close()
    data = path.read_bytes()
    path.write_bytes(b"X" + data[1:])
    found = reopened(path)
    assert [fault.number for fault in found.faults] == [0]
    assert len(found.entries) == 3
    path.write_bytes(data[: PAGE + SLOT + 17])
    found = reopened(path)
    assert found.entries.keys() == {1}
    assert found.faults


def test_what_is_restored_is_whole(path):
    written(path).close()
    path.write_bytes(b"X" + path.read_bytes()[1:])
    heads = Heads(path)
    heads.restore([Head(2, SpaceKey("t", "other"), 77, 7)])
    heads.put([(2, 78, 8)])
    heads.close()
    found = reopened(path)
    assert found.faults == []
    assert found.entries[2] == Head(2, SpaceKey("t", "other"), 78, 8)


def test_a_name_that_does_not_fit_is_refused():
    check_name(SpaceKey("t" * 63, "s" * 63))
    with pytest.raises(InvalidInput, match="200 are allowed"):
        check_name(SpaceKey("t" * 100, "é" * 51))


def test_a_disk_that_takes_less_is_an_error(path, monkeypatch):
    heads = written(path)
    monkeypatch.setattr(module.os, "pwrite", lambda *_: 10)
    with pytest.raises(OSError, match="Only 10 of 20 bytes"):
        heads.put([(1, 11, 101)])
    heads.close()


def test_a_file_without_entries_is_whole(path):
    heads = Heads(path)
    heads.restore([])
    heads.close()
    assert path.stat().st_size == PAGE
    assert reopened(path).faults == []
    path.write_bytes(b"MLSDMH\x00\x01")  # as it was left before
    assert reopened(path).faults == []
    path.write_bytes(b"MLSDMH\x00\x01\x00")
    assert reopened(path).faults


def test_a_sync_in_between_does_not_leave_a_write_behind(path, monkeypatch):
    heads = written(path)
    heads.sync()
    write, synced = os.pwrite, []

    def write_after_sync(*call):
        heads.sync()
        return write(*call)

    monkeypatch.setattr(module.os, "pwrite", write_after_sync)
    heads.put([(1, 11, 101)])
    monkeypatch.setattr(module.os, "fsync", synced.append)
    heads.sync()
    heads.close()
    assert synced
