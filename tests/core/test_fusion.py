"""Fusion against brute force: every document scored, in plain Python."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc.core.store.fusion import Fuser, Fusion
from mlsdm_grpc.core.store.lexical_index import LexicalHits

NOTHING = LexicalHits(np.empty(0, np.int32), np.empty(0))

cosines = st.sampled_from([-1.0, -0.5, 0.0, 0.1, 0.2, 0.2000004, 0.5, 0.9, 1.0]) | st.floats(-1, 1)
scores = st.sampled_from([0.0, 0.0, 0.0, 1.0, 1.000002, 5.5, 20.0]) | st.floats(0, 60)
fusions = st.builds(
    Fusion,
    vector_weight=st.sampled_from([0.0, 0.15, 0.5, 1.0]),
    half_score=st.sampled_from([5.0, 20.0]),
    lowest_cosine=st.sampled_from([0.0, 0.2]),
    cosine_span=st.sampled_from([0.4, 1.0]),
)


def score(fusion, bm25, cosine):
    share = min(max((cosine - fusion.lowest_cosine) / fusion.cosine_span, 0.0), 1.0)
    lexical = (1 - fusion.vector_weight) * bm25 / (bm25 + fusion.half_score)
    return round(lexical + fusion.vector_weight * share, 6)


def hits(bm25):
    slots = np.flatnonzero(bm25).astype(np.int32)
    return LexicalHits(slots, bm25[slots])


def fused(fusion, bm25, cosine, *, scanned=None, error=0.0, top_k=5, mask=None, sequence=None):
    bm25, cosine = np.array(bm25, np.float64), np.array(cosine, np.float64)
    scanned = (cosine if scanned is None else np.array(scanned)).astype(np.float32)
    sequence = np.arange(len(bm25)) if sequence is None else sequence
    fuser = Fuser(fusion, hits(bm25), top_k=top_k, mask=mask)
    slots = fuser.candidates(scanned, error)
    found = fuser.ranked(slots, cosine[slots], sequence)
    assert found.bm25.tolist() == bm25[found.slots].tolist()
    assert slots[found.places].tolist() == found.slots.tolist()
    ahead = fuser.ahead(len(bm25))
    if ahead is not None:
        by_words = fuser.ranked(ahead, cosine[ahead], sequence)
        assert by_words.slots.tolist() == found.slots.tolist()
        assert by_words.scores.tolist() == found.scores.tolist()
    return found


@given(
    fusions,
    st.lists(st.tuples(scores, cosines, st.floats(-1, 1), st.booleans()), min_size=1, max_size=60),
    st.integers(1, 8),
    st.sampled_from([0.0, 0.01, 0.3]),
    st.randoms(),
)
def test_the_best_are_those_of_brute_force(fusion, documents, top_k, error, rng):
    bm25, cosine, off, member = map(list, zip(*documents, strict=True))
    sequence = np.array(rng.sample(range(1_000), len(bm25)))
    scanned = [c + error * o for c, o in zip(cosine, off, strict=True)]
    mask = np.array(member)
    found = fused(
        fusion,
        bm25,
        cosine,
        scanned=scanned,
        error=error + 1e-6,
        top_k=top_k,
        mask=mask,
        sequence=sequence,
    )
    expected = {i: score(fusion, bm25[i], cosine[i]) for i in np.flatnonzero(mask).tolist()}
    best = sorted(expected, key=lambda i: (-expected[i], -sequence[i]))[:top_k]
    np.testing.assert_allclose(found.scores, [expected[i] for i in best], rtol=0, atol=1.5e-6)
    if found.slots.tolist() != best:  # two ways to round a half
        assert {round(expected[i], 5) for i in found.slots.tolist()} == {
            round(expected[i], 5) for i in best
        }


def test_many_documents_with_a_coarse_scan():
    rng = np.random.default_rng(5)
    n, error = 20_000, 0.02
    cosine = rng.normal(0.2, 0.14, n).clip(-1, 1)
    bm25 = np.where(rng.random(n) < 0.1, rng.exponential(8.0, n), 0.0).round(6)
    scanned = cosine + rng.uniform(-error, error, n)
    mask = rng.random(n) < 0.7
    fusion = Fusion(vector_weight=0.3)
    everything = fusion.score(bm25, cosine)
    order = np.lexsort((-np.arange(n), -np.where(mask, everything, -1.0)))[:10]
    found = fused(fusion, bm25, cosine, scanned=scanned, error=error + 1e-6, top_k=10, mask=mask)
    assert found.slots.tolist() == order.tolist()
    assert found.scores.tolist() == everything[order].tolist()


def test_ties_go_to_the_newer():
    sequence = np.array([5, 9, 7, 1])
    fusion = Fusion(vector_weight=0.5)
    found = fused(fusion, [3.0] * 4, [0.25] * 4, top_k=3, sequence=sequence)
    assert found.slots.tolist() == [1, 2, 0]


def test_without_words_the_cosine_decides_and_without_vectors_the_words():
    fusion = Fusion(vector_weight=0.15)
    assert fused(fusion, [0.0, 0.0, 0.0], [0.1, 0.9, 0.5]).slots.tolist() == [1, 2, 0]
    assert fused(fusion, [1.0, 9.0, 0.0], [0.0, 0.0, 0.0]).slots.tolist() == [1, 0, 2]


@pytest.mark.parametrize("members", [[False] * 3, [False, True, False]])
def test_only_members_take_part(members):
    mask = np.array(members)
    found = fused(Fusion(vector_weight=0.15), [1.0, 9.0, 0.0], [0.0, 0.0, 0.0], mask=mask)
    assert found.slots.tolist() == np.flatnonzero(mask).tolist()


@given(fusions, scores, scores, cosines, cosines)
def test_a_score_lies_between_0_and_1_and_grows_with_both(fusion, bm25, more, cosine, higher):
    low = fusion.score(np.array([min(bm25, more)]), np.array([min(cosine, higher)]))[0]
    high = fusion.score(np.array([max(bm25, more)]), np.array([max(cosine, higher)]))[0]
    assert 0.0 <= low <= high <= 1.0
