"""Reports that the benchmarks make of their figures."""

import math
import random
import struct
import sys

import beside
import load
import pytest
import server
from beside import Compared, verdict
from overload import jain_index, recovery_s
from pairs import interval
from server import Row
from windows import Side, Window

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
    monkeypatch.setattr(load, "BUILT", tmp_path / "none")
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
    windows = [Window(50, 400, 90, 20, 2, 8), Window(90, 500, 80, 30, 4, 9)]
    ours = Side("server", lambda _: None, windows)
    base = Side("echo", lambda _: None, [Window(100, 200), Window(100, 100)])
    line = str(Row("Query", "0.70x", ours, base))
    assert line == (
        "| Query | 0.70x | 0.700x (0.500-0.900) | 70 | echo: 100 | 450 | 85 | 25 | 150 "
        "| 3.0 | 8.5 |"
    )
    assert line.count("|") == server.HEADER.count("|")


@pytest.mark.parametrize(("count", "left_out"), [(6, 0), (9, 1), (12, 2), (15, 3), (20, 5)])
def test_an_interval_leaves_out_as_many_values_as_the_sign_test_does(count, left_out):
    values = random.Random(count).sample(range(count), count)
    assert interval(values) == (left_out, count - 1 - left_out)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_few_values_give_no_interval(count):
    assert interval([1.0] * count) == (-math.inf, math.inf)


def test_an_interval_holds_the_median_as_often_as_it_says():
    dice, samples = random.Random(20261202), 4_000
    held = 0
    for _ in range(samples):
        low, high = interval([dice.lognormvariate(0.0, 1.0) for _ in range(15)])
        held += low <= 1.0 <= high
    assert 0.955 < held / samples < 0.975  # 0.9648 by the binomial distribution


def compared(*ratios):
    """A line whose totals have these ratios, to 100 us on the other side."""
    ours = [Window(1.0, 60 * ratio, 30 * ratio, 10 * ratio) for ratio in ratios]
    base = [Window(1.0, 60, 30, 10) for _ in ratios]
    return Compared("Put", Side("here", lambda _: None, ours), Side("there", lambda _: None, base))


@pytest.mark.parametrize(
    ("ratios", "said"),
    [
        ([1.0] * 15, None),
        ([1.02] * 4 + [1.08] * 11, None),
        ([1.02] * 3 + [1.04] * 12, "the interval begins at 1.040x, above 1.03x"),
        ([1.0] * 7 + [1.12] * 8, "the median is 1.120x, above 1.10x"),
        ([0.5] * 15, None),
    ],
)
def test_the_rule_is_about_intervals_and_medians(ratios, said):
    holds, lines = verdict([compared(*[1.0] * 15), compared(*ratios)])
    assert holds == (said is None)
    assert lines[1:] == ([] if said is None else [f"- Put: {said}"])
    assert lines[0].startswith("The rule holds: no row's" if holds else "The rule is broken: no")


def test_few_pairs_have_no_verdict():
    holds, (line,) = verdict([compared(*[2.0] * 14)])
    assert holds
    assert line.startswith("No verdict")


def test_a_line_beside_another_checkout_has_all_parts_of_both():
    line = str(compared(*[1.2] * 15))
    assert line == ("| Put | 72 | 36 | 12 | 120 | 60 | 30 | 10 | 100 | 1.200x | 1.200-1.200 |")
    assert line.count("|") == beside.HEADER.count("|")


@pytest.mark.parametrize(("holds", "status"), [(True, 0), (False, 1)])
def test_a_broken_rule_is_an_exit_status(monkeypatch, tmp_path, capsys, holds, status):
    asked = []

    def report(other, sizes, **timing):
        asked.append((other, sizes.full, timing))
        return holds, ["table", "verdict"]

    monkeypatch.setattr(beside, "report", report)
    monkeypatch.setattr(server, "like_a_worker", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["server.py", "--beside", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        server.main()
    assert int(ended.value.code or 0) == status
    assert asked == [(tmp_path, 20_000, {"windows": 15, "window_s": 1.5})]
    assert capsys.readouterr().out == "table\nverdict\n"
