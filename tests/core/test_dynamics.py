"""Moral filter, rhythm and traces: golden trajectories, and the defaults that mend them."""

import numpy as np
import pytest
from histories import vector
from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc.core.kernel import inverse_norm
from mlsdm_grpc.core.moral import MoralFilter
from mlsdm_grpc.core.record import (
    MoralParameters,
    MoralPolicy,
    RhythmParameters,
    SynapticParameters,
    Vector,
)
from mlsdm_grpc.core.rhythm import Rhythm
from mlsdm_grpc.core.synapses import Synapses

HOMEOSTATIC = MoralParameters(policy=MoralPolicy.HOMEOSTATIC)


def run(moral, scores):
    """Judge scores; return what was accepted and the thresholds after each."""
    accepted, thresholds = [], []
    for score in scores:
        passed = moral.accepts(score)
        moral.adapt(score, accepted=passed)
        accepted.append(passed)
        thresholds.append(round(moral.threshold, 2))
    return "".join("A" if each else "R" for each in accepted), thresholds


@pytest.mark.parametrize(
    ("passes", "thresholds", "emas"),
    [
        (
            True,
            [0.55, 0.60, 0.65, 0.70, 0.75, 0.80, 0.85, 0.90, 0.90],
            [0.55, 0.595, 0.6355, 0.672, 0.7048, 0.7343, 0.7609, 0.7848],
        ),
        (False, [0.50, 0.45, 0.40, 0.35, 0.30, 0.30], [0.45, 0.405, 0.3645, 0.3281, 0.2952]),
    ],
)
def test_homeostatic_golden_trajectories(passes, thresholds, emas):
    moral = MoralFilter(HOMEOSTATIC)
    seen = []
    for threshold in thresholds:
        moral.adapt(0.5, accepted=passes)
        seen.append(moral.ema)
        assert moral.threshold == pytest.approx(threshold)
    assert seen[: len(emas)] == pytest.approx(emas, abs=5e-5)


def test_homeostatic_closed_loop_golden():
    decisions, thresholds = run(MoralFilter(HOMEOSTATIC), [0.8] * 20)
    assert decisions == "AAAAAARRRRRRAAARRAAR"
    assert thresholds == [
        0.55, 0.60, 0.65, 0.70, 0.75, 0.80, 0.85, 0.90, 0.90, 0.90,
        0.85, 0.80, 0.80, 0.80, 0.85, 0.85, 0.80, 0.80, 0.85, 0.85,
    ]  # fmt: skip
    decisions, thresholds = run(MoralFilter(HOMEOSTATIC), [0.5] * 11)
    assert decisions == "ARRAARRAARR"[:11]
    assert thresholds[:8] == [0.55, 0.55, 0.50, 0.50, 0.55, 0.55, 0.50, 0.50]


@pytest.mark.parametrize("score", [0.5, 0.6, 0.75, 0.89])
def test_vigilant_accepts_all_benign_traffic(score):
    moral = MoralFilter(MoralParameters())
    assert run(moral, [score] * 2_000)[0] == "A" * 2_000
    assert moral.threshold == 0.5


@pytest.mark.parametrize("attacks", [5, 500])
def test_attacks_never_lower_the_bar(attacks):
    moral = MoralFilter(MoralParameters())
    _, thresholds = run(moral, [0.1] * attacks)
    assert min(thresholds) >= 0.5
    assert moral.threshold > 0.5
    run(moral, [0.95] * 200)
    assert moral.threshold == pytest.approx(0.5)


@given(st.lists(st.floats(0, 1), max_size=60), st.sampled_from(MoralPolicy))
def test_thresholds_keep_their_bounds(scores, policy):
    parameters = MoralParameters(policy=policy)
    moral = MoralFilter(parameters)
    low, high = (0.5, 0.7) if policy is MoralPolicy.VIGILANT else (0.3, 0.9)
    for score in scores:
        before = moral.threshold
        passed = moral.accepts(score)
        assert passed or score < 0.9
        assert not passed or score >= 0.3
        moral.adapt(score, accepted=passed)
        assert low <= moral.threshold <= high
        assert abs(moral.threshold - before) <= 0.05 + 1e-12
        assert 0 <= moral.ema <= 1


def test_the_rhythm_is_exactly_periodic():
    rhythm = Rhythm(RhythmParameters())
    phases, counters = [], []
    for _ in range(22):
        phases.append(rhythm.phase)
        counters.append(rhythm.remaining)
        rhythm.step()
    assert phases == ([0.1] * 8 + [0.9] * 3) * 2
    assert counters == [*range(8, 0, -1), 3, 2, 1] * 2


def test_legacy_traces_follow_the_golden_trajectory():
    synapses = Synapses(SynapticParameters(legacy=True), 4)
    event = Vector(np.array([1.0, 0.5, 2.0, -3.0], np.float32), 1.0)
    golden = [
        ([1.0, 0.5, 1.1, -3.0], [0, 0, 0.9, 0], [0, 0, 0, 0]),
        ([0.825, 0.75, 1.4025, -4.5], [0.675, 0, 1.9575, 0], [0, 0, 0, 0]),
        ([0.7769, 0.875, 1.4857, -5.25], [1.2431, 0, 2.0841, 0], [0, 0, 0.8932, 0]),
        ([0.7636, 0.9375, 1.5085, -5.625], [1.7436, 0, 2.1770, 0], [0, 0, 1.8173, 0]),
        ([0.7600, 0.9688, 1.5149, -5.8125], [2.1911, 0, 2.2391, 0], [0, 0, 2.7587, 0]),
        ([0.7590, 0.9844, 1.5166, -5.9062], [1.8151, 0, 2.2792, 0], [0.7779, 0, 3.7079, 0]),
    ]
    for l1, l2, l3 in golden:
        synapses.update(event)
        assert synapses.l1 == pytest.approx(l1, abs=1e-4)
        assert synapses.l2 == pytest.approx(l2, abs=1e-4)
        assert synapses.l3 == pytest.approx(l3, abs=1e-4)


@pytest.mark.parametrize("dimension", [64, 384, 1_536])
def test_repeated_unit_vectors_consolidate_in_every_dimension(dimension):
    raw = vector(3, dimension).raw
    unit = raw * np.float32(inverse_norm(raw))
    synapses = Synapses(SynapticParameters(), dimension)
    for _ in range(40):
        synapses.update(Vector(unit, inverse_norm(unit)))
    assert all(norm > 1.0 for norm in synapses.norms())


def test_the_scale_of_an_event_does_not_matter():
    raw = vector(3, 64).raw
    traces = []
    for scale in (1e-6, 1.0, 1e6):
        scaled = raw * np.float32(scale)
        synapses = Synapses(SynapticParameters(), 64)
        synapses.update(Vector(scaled, inverse_norm(scaled)))
        traces.append(synapses.l1)
    assert traces[0] == pytest.approx(traces[1], rel=1e-5)
    assert traces[2] == pytest.approx(traces[1], rel=1e-5)
