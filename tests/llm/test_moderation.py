"""What answers of a moderation endpoint come to; the endpoint itself is in tests/e2e."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc.config import GovernanceSettings
from mlsdm_grpc.errors import InvalidInput
from mlsdm_grpc.llm.moderation import moderation_scorer, moral_value_of


def answer(scores, *, flagged=False):
    return {"results": [{"flagged": flagged, "category_scores": scores}]}


@given(st.dictionaries(st.text(max_size=5), st.floats(0, 1), min_size=1), st.booleans())
def test_the_worst_category_counts(scores, flagged):
    value = moral_value_of(answer(scores, flagged=flagged))
    assert 0.0 <= value <= 1.0 - max(scores.values())
    assert not flagged or value <= 0.25


@pytest.mark.parametrize(
    "faulty",
    [
        None,
        [],
        {},
        {"results": []},
        {"results": [{}, {}]},
        {"results": [{"flagged": False}]},
        {"results": [{"flagged": "no", "category_scores": {"a": 0.1}}]},
        answer({}),
        answer([0.1]),
        answer({"a": "high"}),
        answer({"a": True}),
        answer({"a": 1.5}),
        answer({"a": -0.1}),
        answer({"a": math.nan}),
        answer({"a": None}),
    ],
    ids=json.dumps,
)
def test_what_is_no_answer_is_a_failure(faulty):
    with pytest.raises(ValueError, match=r"\w"):
        moral_value_of(faulty)


@pytest.mark.anyio
async def test_a_key_that_cannot_be_read_is_named(tmp_path):
    settings = GovernanceSettings(moderation_key_file=tmp_path / "missing")
    with pytest.raises(InvalidInput) as caught:
        async with moderation_scorer(settings):
            pass
    assert caught.value.violations[0].field == "governance.moderation_key_file"
