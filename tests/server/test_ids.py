"""Ids of memories, records, writes and calls."""

from __future__ import annotations

import os
from itertools import count

import pytest
from ulid import ULID

from mlsdm_grpc.ids import Ids, RandomPool


@pytest.mark.parametrize("time_ms", [0, 1, 1_700_000_000_000, 2**48 - 1])
@pytest.mark.parametrize("random", [bytes(10), b"\xff" * 10, bytes(range(10))])
def test_a_ulid_is_that_of_the_specification(time_ms, random):
    made = Ids(lambda: time_ms * 1_000_000 + 999_999, lambda _: random).ulid()
    assert made == str(ULID(time_ms.to_bytes(6, "big") + random))


def test_random_ulids_are_those_of_the_specification():
    for _ in range(1_000):
        time, random = os.urandom(6), os.urandom(10)
        now_ns = int.from_bytes(time, "big") * 1_000_000
        assert Ids(lambda: now_ns, lambda _: random).ulid() == str(ULID(time + random))  # noqa: B023


def test_a_pool_returns_every_byte_once():
    blocks = count()
    pool = RandomPool(lambda size: next(blocks).to_bytes(4, "big") * (size // 4))
    taken = [pool(16) for _ in range(600)]
    assert [each[:4] for each in taken] == [(i // 256).to_bytes(4, "big") for i in range(600)]
    assert {len(each) for each in taken} == {16}


def test_ids_do_not_repeat():
    ids = Ids()
    assert len({ids.uuid() for _ in range(10_000)}) == 10_000
    assert len({ids.ulid() for _ in range(10_000)}) == 10_000


def test_a_pool_gives_more_than_a_block_at_once_and_forgets():
    blocks = count()
    pool = RandomPool(lambda size: bytes([next(blocks)]) * size)
    assert pool(5_000) == bytes(5_000)
    assert pool(4) == b"\x01" * 4
    pool.clear()
    assert pool(4) == b"\x02" * 4
