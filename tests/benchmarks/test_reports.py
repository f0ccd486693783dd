"""What the benchmarks make of the figures they get."""

import struct

import load
import pytest
import server
from overload import jain_index, recovery_s
from server import Row, Side, Window

ID = load.FRESH_ID.encode()


def records(path):
    """The messages of a file, each with its offsets."""
    raw, found = path.read_bytes(), []
    while raw:
        length, count = struct.unpack_from("<2I", raw)
        offsets = struct.unpack_from(f"<{count}I", raw, 8)
        start = 8 + 4 * count
        found.append((raw[start : start + length], list(offsets)))
        raw = raw[start + length :]
    return found


def test_messages_are_written_with_the_places_of_their_ids(tmp_path):
    messages = [b"", b"plain", b"<" + ID + b">" + ID, ID]
    assert load.write_messages(tmp_path / "file", iter(messages)) == 4
    assert records(tmp_path / "file") == list(
        zip(messages, [[], [], [1, 38], [0]], strict=True),
    )


def test_the_first_message_has_an_id_of_its_own_each_time(tmp_path):
    load.write_messages(tmp_path / "file", [b"<" + ID + b">" + ID, b"other"])
    first, second = (load.first_message(tmp_path / "file") for _ in range(2))
    assert len(first) == len(second) == 2 + 2 * len(ID)
    assert first != second
    assert first[1:37] == first[38:]
    assert ID not in first


def test_a_missing_generator_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(load, "_BUILT", tmp_path / "none")
    monkeypatch.setenv("PATH", str(tmp_path))
    flow = load.Flow("x", "127.0.0.1:1", "/x/y", tmp_path / "x", [load.Step(1)])
    with pytest.raises(load.LoadError, match="make loadgen"):
        load.run(flow)


def series(*parts):
    """Tenths of a second: (count, ok, failed, p50)."""
    rows = [row for count, *row in parts for _ in range(count)]
    ok, failed, p50 = (list(column) for column in zip(*rows, strict=True))
    return {"ok": [*ok, 0], "failed": [*failed, 0], "p50_ms": [*p50, None]}


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ([(20, 10, 0, 5.0)], 0.0),
        ([(7, 2, 8, 5.0), (13, 10, 0, 5.0)], 0.7),
        ([(7, 10, 0, 7.6), (13, 10, 0, 7.5)], 0.3),
        ([(20, 9, 1, 5.0)], None),
        ([(20, 10, 0, 8.0)], None),
        ([(20, 0, 0, None)], None),
    ],
)
def test_recovery_is_when_success_and_median_are_back_for_a_second(after, expected):
    found = recovery_s(series((10, 10, 0, 5.0), (10, 1, 99, 50.0), *after), calm_s=1, end_s=2)
    assert found == expected


def test_jain_index():
    assert jain_index([3.0] * 8) == pytest.approx(1.0)
    assert jain_index([5.0, 0.0, 0.0, 0.0]) == pytest.approx(0.25)
    assert jain_index([0.0, 0.0]) == 0.0


def test_a_line_has_the_medians_and_the_paired_ratio():
    ours = Side("server", lambda _: None, [Window(50, 400, 90, 2, 8), Window(90, 500, 80, 4, 9)])
    base = Side("echo", lambda _: None, [Window(100, 200), Window(100, 100)])
    line = str(Row("Query", "0.70x", ours, base))
    assert line == (
        "| Query | 0.70x | 0.700x (0.500-0.900) | 70 | echo: 100 | 450 | 85 | 150 | 3.0 | 8.5 |"
    )
    assert line.count("|") == server.HEADER.count("|")
