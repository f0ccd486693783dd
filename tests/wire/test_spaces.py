"""Settings of spaces: messages and domain values, both ways, and every limit."""

import numpy as np
import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc._gen.mlsdm.v1 import space_pb2
from mlsdm_grpc.core.mind.configuration import changed
from mlsdm_grpc.core.model.bodies import SpaceChange
from mlsdm_grpc.core.model.parameters import MoralPolicy, SpaceParameters
from mlsdm_grpc.errors import InvalidInput
from mlsdm_grpc.messages import limits
from mlsdm_grpc.messages.fields import Fields
from mlsdm_grpc.wire.spaces import planned_space, space_change

UNIT = {"floats": {"values": [0.0, 2.0]}}


def change_of(config):
    fields = Fields()
    change = space_change(fields, ParseDict(config, space_pb2.SpaceConfig()))
    fields.check()
    return change


def test_nothing_given_changes_nothing():
    assert change_of({}) == SpaceChange()
    assert change_of({"moral": {}, "rhythm": {}, "synaptic": {}, "recall": {}}) == SpaceChange()


def test_zero_and_false_are_values():
    given_values = {
        "defaultTtl": "0s",
        "readOnly": False,
        "minStoreConfidence": 0.0,
        "rhythm": {"sleepGate": False},
        "embedderModel": "none",
    }
    assert change_of(given_values) == SpaceChange(
        default_ttl_ns=0, read_only=False, min_confidence=0.0, sleep_gate=False, embedder=""
    )


def test_defaults_as_the_contract_tells_them():
    shown = MessageToDict(
        planned_space("s", SpaceParameters()).config, preserving_proto_field_name=True
    )
    assert shown == {
        "dimension": 384,
        "capacity": 20_000,
        "embedder_model": "none",
        "moral": {"policy": "MORAL_POLICY_VIGILANT", "base_threshold": 0.5, "ceiling": 0.7},
        "rhythm": {"wake_step_count": 8, "sleep_step_count": 3, "sleep_gate": False},
        "synaptic": {"scaling": "SYNAPTIC_SCALING_NORMALIZED"},
        "default_ttl": "0s",
        "read_only": False,
        "min_store_confidence": 0.5,
        "merge_min_cosine": 0.999999,
        "recall": {"phase": "RECALL_PHASE_ALL"},
    }


_configs = st.fixed_dictionaries(
    {},
    optional={
        "dimension": st.integers(1, 4_096),
        "capacity": st.integers(1, 1_000_000),
        "embedderModel": st.sampled_from(["none", "words"]),
        "defaultTtl": st.sampled_from(["0s", "1s", "2.500000001s", f"{limits.MAX_TTL_S}s"]),
        "readOnly": st.booleans(),
        "minStoreConfidence": st.floats(0, 1, width=32),
        "mergeMinCosine": st.floats(0.5, 1, width=32),
        "moral": st.fixed_dictionaries(
            {},
            optional={
                "policy": st.sampled_from(["MORAL_POLICY_VIGILANT", "MORAL_POLICY_HOMEOSTATIC"]),
                "baseThreshold": st.floats(0.3, 0.6),
                "ceiling": st.floats(0.6, 0.9),
            },
        ),
        "rhythm": st.fixed_dictionaries(
            {},
            optional={
                "wakeStepCount": st.integers(1, 10_000),
                "sleepStepCount": st.integers(1, 10_000),
                "sleepGate": st.booleans(),
            },
        ),
        "synaptic": st.fixed_dictionaries(
            {},
            optional={
                "scaling": st.sampled_from(
                    ["SYNAPTIC_SCALING_NORMALIZED", "SYNAPTIC_SCALING_LEGACY"]
                )
            },
        ),
        "recall": st.fixed_dictionaries(
            {}, optional={"phase": st.sampled_from(["RECALL_PHASE_ALL", "RECALL_PHASE_BAND"])}
        ),
    },
)


@given(_configs)
def test_what_is_given_is_what_is_shown(config):
    """Applying a config and showing the result gives the config back, also with omitted fields."""
    message = ParseDict(config, space_pb2.SpaceConfig())
    shown = planned_space("s", changed(SpaceParameters(), change_of(config))).config
    expected = planned_space("s", SpaceParameters()).config
    expected.MergeFrom(message)
    assert shown == expected
    again = changed(SpaceParameters(), change_of(MessageToDict(shown)))
    assert planned_space("s", again).config == shown


def test_a_category_is_shown_with_unit_length():
    change = change_of({"ontology": [{"category": "a:b", "embedding": UNIT}]})
    (shown,) = planned_space("s", changed(SpaceParameters(), change)).config.ontology
    assert shown.category == "a:b"
    assert np.frombuffer(shown.embedding.f32_le, "<f4").tolist() == [0.0, 1.0]


def test_the_policies_of_contract_and_mind_are_the_same():
    names = {name.removeprefix("MORAL_POLICY_") for name, _ in space_pb2.MoralPolicy.items()}
    assert names == {policy.name for policy in MoralPolicy} | {"UNSPECIFIED"}
    assert all(space_pb2.MoralPolicy.Value(f"MORAL_POLICY_{p.name}") == p for p in MoralPolicy)


def category(name="c", **embedding):
    return {"category": name, "embedding": embedding or UNIT}


@pytest.mark.parametrize(
    ("config", "paths"),
    [
        ({"dimension": 0}, ["config.dimension"]),
        ({"dimension": 4_097}, ["config.dimension"]),
        ({"capacity": 0}, ["config.capacity"]),
        ({"capacity": 1_000_001}, ["config.capacity"]),
        ({"embedderModel": ""}, ["config.embedder_model"]),
        ({"embedderModel": "x" * 129}, ["config.embedder_model"]),
        ({"moral": {"baseThreshold": 0.29}}, ["config.moral.base_threshold"]),
        ({"moral": {"baseThreshold": 0.91}}, ["config.moral.base_threshold"]),
        ({"moral": {"baseThreshold": "NaN"}}, ["config.moral.base_threshold"]),
        ({"moral": {"ceiling": 0.91}}, ["config.moral.ceiling"]),
        ({"moral": {"ceiling": 0.29}}, ["config.moral.ceiling"]),
        ({"moral": {"baseThreshold": 0.6, "ceiling": 0.5}}, ["config.moral.ceiling"]),
        ({"moral": {"policy": 9}}, ["config.moral.policy"]),
        ({"rhythm": {"wakeStepCount": 0}}, ["config.rhythm.wake_step_count"]),
        ({"rhythm": {"sleepStepCount": 10_001}}, ["config.rhythm.sleep_step_count"]),
        ({"synaptic": {"scaling": 9}}, ["config.synaptic.scaling"]),
        ({"recall": {"phase": 9}}, ["config.recall.phase"]),
        ({"defaultTtl": "0.999999999s"}, ["config.default_ttl"]),
        ({"defaultTtl": "-1s"}, ["config.default_ttl"]),
        ({"defaultTtl": f"{limits.MAX_TTL_S}.000000001s"}, ["config.default_ttl"]),
        ({"minStoreConfidence": 1.1}, ["config.min_store_confidence"]),
        ({"mergeMinCosine": 0.49}, ["config.merge_min_cosine"]),
        ({"mergeMinCosine": 1.1}, ["config.merge_min_cosine"]),
        (
            {"ontology": [{"category": "a b", "embedding": UNIT}]},
            ["config.ontology[0].category"],
        ),
        ({"ontology": [category(), category()]}, ["config.ontology[1].category"]),
        ({"ontology": [{"category": "c"}]}, ["config.ontology[0].embedding"]),
        (
            {"ontology": [category(floats={"values": [0.0, 0.0]})]},
            ["config.ontology[0].embedding"],
        ),
        ({"ontology": [category(f"c{i}") for i in range(257)]}, ["config.ontology"]),
        (
            {"ontology": [category(f"c{i}", floats={"values": [1.0] * 4_096}) for i in range(193)]},
            ["config.ontology"],
        ),
    ],
)
def test_what_is_out_of_range_is_named(config, paths):
    with pytest.raises(InvalidInput) as caught:
        change_of(config)
    assert [violation.field for violation in caught.value.violations] == paths
