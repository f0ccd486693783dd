"""Projections find every row that has a near one, and few others, while rows change."""

import numpy as np
import pytest

from mlsdm_grpc.core.mind.steps import finish
from mlsdm_grpc.core.store import projections
from mlsdm_grpc.core.store.projections import Projections
from mlsdm_grpc.core.store.rows import BLOCK_ROWS, Rows


def units(rng, count, dimension):
    rows = rng.standard_normal((count, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def near(row, rng, distance):
    step = rng.standard_normal(len(row))
    moved = row + distance * step / np.linalg.norm(step)
    return (moved / np.linalg.norm(moved)).astype(np.float32)


@pytest.mark.parametrize("dimension", [2, 24, 384])
@pytest.mark.parametrize("reach", [0.0, 1e-4, 0.01])
def test_no_near_row_is_missed_and_few_others_are_found(dimension, reach):
    rng = np.random.default_rng(dimension)
    rows = units(rng, 2_000, dimension)
    for i in range(0, 400, 2):
        rows[i + 1] = near(rows[i], rng, 0.9 * reach)
    wide = rows.astype(np.float64)
    squares = (wide * wide).sum(axis=1)
    apart = np.sqrt(np.abs(squares[:800, np.newaxis] + squares - 2.0 * (wide[:800] @ wide.T)))
    apart[np.arange(800), np.arange(800)] = np.inf
    found = finish(Projections(dimension).neighbours(rows, np.arange(800), reach))
    assert found[apart.min(axis=1) < max(reach, 1e-7)].all()
    assert found[:400].all()
    if dimension > 2:
        assert np.count_nonzero(found[400:]) < 20


def test_the_ends_of_what_a_projection_can_be():
    one = np.zeros(8, np.float32)
    one[0] = 1.0
    rows = np.stack([one, -one, one, -one, np.full(8, 3e38, np.float32)])
    rows[4, 0] = np.nan
    for direction in directions_of(8):
        rows = np.concatenate([rows, [direction, direction, -direction]])
    with np.errstate(over="ignore", invalid="ignore"):
        found = finish(Projections(8).neighbours(rows.astype(np.float32), np.arange(7), 0.0))
    assert found[[0, 1, 2, 3, 5, 6]].all()


def directions_of(dimension):
    """Return the directions, along which projections are 1."""
    directions = np.random.default_rng(0).standard_normal((8, dimension))
    return (directions / np.linalg.norm(directions, axis=1, keepdims=True)).astype(np.float32)


def test_a_row_that_changes_is_projected_again(monkeypatch):
    monkeypatch.setattr(projections, "PROJECTED_ROWS", 100)
    rng = np.random.default_rng(3)
    rows = Rows(dimension=24, capacity=2 * BLOCK_ROWS)
    slots = [rows.place(row, 0.1) for row in units(rng, 300, 24)]
    before = rows.nbytes
    assert not finish(rows.neighbours(np.array(slots), 1e-3)).any()
    assert rows.nbytes == before + 17 * rows.slots
    rows.clear(slots[5])
    again = rows.place(rows.vectors[slots[7]].copy(), 0.1)
    assert again == slots[5]
    found = finish(rows.neighbours(np.array(slots), 1e-3))
    assert np.flatnonzero(found).tolist() == [5, 7]
    rows.hide(again)
    assert not finish(rows.neighbours(np.array(slots), 1e-3))[7]
    rows.reveal(again, rows.vectors[slots[7]].copy(), 0.1)
    assert finish(rows.neighbours(np.array(slots), 1e-3))[[5, 7]].all()
    for row in units(rng, BLOCK_ROWS, 24):
        rows.place(row, 0.1)
    assert finish(rows.neighbours(np.array(slots), 1e-3))[[5, 7]].all()


def test_many_equal_rows_are_found_without_looking(monkeypatch):
    monkeypatch.setattr(projections, "WIDEST_WINDOW", 10)
    rows = np.tile(units(np.random.default_rng(1), 1, 24), (50, 1))
    assert finish(Projections(24).neighbours(rows, np.arange(50), 0.0)).all()
