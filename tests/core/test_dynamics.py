"""Moral filter, rhythm and traces: golden trajectories, and the defaults that mend them."""

import numpy as np
import pytest
from histories import vector
from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc.core.mind.moral import MoralFilter
from mlsdm_grpc.core.mind.rhythm import Rhythm
from mlsdm_grpc.core.mind.synapses import Synapses
from mlsdm_grpc.core.model.new_memory import Vector
from mlsdm_grpc.core.model.parameters import (
    MoralParameters,
    MoralPolicy,
    RhythmParameters,
    SynapticParameters,
)
from mlsdm_grpc.core.store.kernel import inverse_norm

HOMEOSTATIC = MoralParameters(policy=MoralPolicy.HOMEOSTATIC)


def run(moral, scores):
    """Judge scores; return the decisions and the thresholds after each."""
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


def test_vigilant_golden_trajectory():
    moral = MoralFilter(MoralParameters())
    thresholds, emas = [], []
    for score in [0.49] * 8 + [0.5] * 14:
        moral.adapt(score, accepted=False)
        thresholds.append(moral.threshold)
        emas.append(moral.ema)
    shares = [1 - 0.9**n for n in range(1, 9)]
    shares += [shares[-1] * 0.9**n for n in range(1, 15)]
    assert emas == pytest.approx(shares)
    assert thresholds == pytest.approx(
        [
            0.50, 0.545, 0.5855, 0.62195, 0.654755, 0.6842795, 0.70, 0.70,
            0.70, 0.6806608, 0.6575947, 0.6368352, 0.6181517, 0.6013365, 0.5862029, 0.5725826,
            0.5603243, 0.5492919, 0.5393627, 0.5304264, 0.5223838, 0.5151454,
        ],
        abs=1e-7,
    )  # fmt: skip


def test_the_vigilant_threshold_moves_by_one_step_at_most():
    moral = MoralFilter(MoralParameters(alpha=1.0))
    assert run(moral, [0.0] * 5 + [1.0] * 5)[1] == [
        0.55, 0.60, 0.65, 0.70, 0.70, 0.65, 0.60, 0.55, 0.50, 0.50,
    ]  # fmt: skip


def test_a_base_above_the_ceiling_is_the_ceiling():
    moral = MoralFilter(MoralParameters(base=0.8, ceiling=0.7))
    assert set(run(moral, [0.1] * 30)[1]) == {0.8}


@pytest.mark.parametrize("policy", MoralPolicy)
@pytest.mark.parametrize(
    ("threshold", "score", "passes"),
    [
        (0.6, 0.6, True),
        (0.6, 0.599, False),
        (0.95, 0.9, True),
        (0.95, 0.92, True),
        (0.95, 0.899, False),
        (0.2, 0.3, True),
        (0.2, 0.299, False),
    ],
)
def test_scores_pass_from_their_limits_on(policy, threshold, score, passes):
    moral = MoralFilter(MoralParameters(policy=policy), threshold=threshold)
    assert moral.accepts(score) is passes


@pytest.mark.parametrize("policy", MoralPolicy)
def test_a_filter_goes_on_where_it_was_left(policy):
    parameters = MoralParameters(policy=policy)
    whole, first = MoralFilter(parameters), MoralFilter(parameters)
    run(whole, [0.1, 0.2, 0.8, 0.1])
    run(first, [0.1, 0.2])
    second = MoralFilter(parameters, threshold=first.threshold, ema=first.ema)
    run(second, [0.8, 0.1])
    assert (second.threshold, second.ema) == (whole.threshold, whole.ema)


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


def test_a_rhythm_goes_on_where_it_was_left():
    rhythm = Rhythm(RhythmParameters(wake_duration=4, sleep_duration=2), awake=False, remaining=1)
    seen = []
    for _ in range(7):
        seen.append((rhythm.awake, rhythm.remaining))
        rhythm.step()
    assert seen == [
        (False, 1), (True, 4), (True, 3), (True, 2), (True, 1), (False, 2), (False, 1),
    ]  # fmt: skip
    assert Rhythm(RhythmParameters(sleep_duration=2), awake=False).remaining == 2


def _reference(parameters, dimension, events):
    """The traces by their definition, one component at a time: float32 steps, float64 scaling."""
    p, narrow = parameters, np.float32
    traces = [[narrow(0.0)] * dimension for _ in range(3)]
    for event in events:
        scale = float(dimension) ** 0.5 * event.inv_norm
        for i, component in enumerate(event.raw):
            entering = component if p.legacy else narrow(float(component) * scale)
            l1, l2, l3 = (trace[i] for trace in traces)
            l1 = l1 * narrow(1.0 - p.lambda_l1) + entering
            l2 = l2 * narrow(1.0 - p.lambda_l2)
            l3 = l3 * narrow(1.0 - p.lambda_l3)
            if (l1 if p.legacy else abs(l1)) > narrow(p.theta_l1):
                moved = l1 * narrow(p.gating12)
                l1, l2 = l1 - moved, l2 + moved
            if (l2 if p.legacy else abs(l2)) > narrow(p.theta_l2):
                moved = l2 * narrow(p.gating23)
                l2, l3 = l2 - moved, l3 + moved
            for trace, value in zip(traces, (l1, l2, l3), strict=True):
                trace[i] = value
    return [np.array(trace, np.float32) for trace in traces]


@given(
    seeds=st.lists(st.integers(0, 4), min_size=1, max_size=12),
    dimension=st.sampled_from([1, 3, 8]),
    legacy=st.booleans(),
    lambda_l1=st.sampled_from([0.25, 0.5]),
    theta_l2=st.sampled_from([0.4, 2.5]),
)
def test_traces_are_their_definition_to_the_last_bit(seeds, dimension, legacy, lambda_l1, theta_l2):
    parameters = SynapticParameters(lambda_l1=lambda_l1, theta_l2=theta_l2, legacy=legacy)
    events = [vector(seed, dimension) for seed in seeds]
    synapses = Synapses(parameters, dimension)
    for event in events:
        synapses.update(event)
    for trace, expected in zip(
        (synapses.l1, synapses.l2, synapses.l3),
        _reference(parameters, dimension, events),
        strict=True,
    ):
        assert trace.dtype == np.float32
        assert trace.tobytes() == expected.tobytes()


def test_only_what_is_above_its_threshold_moves_on():
    synapses = Synapses(SynapticParameters(legacy=True, theta_l1=1.5, gating12=0.5), 3)
    above = np.nextafter(np.float32(1.5), np.float32(2.0))
    synapses.update(Vector(np.array([1.5, above, -above], np.float32), 1.0))
    assert synapses.l1.tolist() == [1.5, above / 2, -above]
    assert synapses.l2.tolist() == [0.0, above / 2, 0.0]
    magnitudes = Synapses(SynapticParameters(theta_l1=1.0, gating12=0.5), 2)
    magnitudes.update(Vector(np.array([1.0, -2.0], np.float32), 1 / np.sqrt(2.0)))
    assert magnitudes.l1 == pytest.approx([1.0, -1.0])
    assert magnitudes.l2 == pytest.approx([0.0, -1.0])


def test_norms_and_what_lasts():
    synapses = Synapses(SynapticParameters(), 2)
    for trace, values in ((synapses.l1, (3, 4)), (synapses.l2, (6, -8)), (synapses.l3, (0, 2))):
        trace[:] = values
    assert synapses.norms() == (5.0, 10.0, 2.0)
    lasting = synapses.lasting()
    assert lasting.tolist() == [6.0, -6.0]
    lasting[:] = 0
    assert synapses.norms() == (5.0, 10.0, 2.0), "what lasts is a copy"


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


def test_legacy_traces_stay_finite_whatever_comes():
    synapses = Synapses(SynapticParameters(legacy=True), 3)
    for raw in ([3e38, -3e38, 1.0], [3.4e38, 3.4e38, -1.0]) * 20:
        synapses.update(Vector(np.array(raw, np.float32), 1e-38))
    assert np.isfinite(np.stack((synapses.l1, synapses.l2, synapses.l3))).all()
    assert np.isfinite(synapses.lasting()).all()
