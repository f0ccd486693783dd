"""Limits of the contract, and the messages for values beyond them."""

from __future__ import annotations

import numpy as np
import pytest

from mlsdm_grpc._gen.mlsdm.v1.embedding_pb2 import Embedding, FloatVector
from mlsdm_grpc.config import GovernanceSettings, LlmSettings
from mlsdm_grpc.core.mind import stream_marks
from mlsdm_grpc.core.model import new_memory
from mlsdm_grpc.core.store import kernel
from mlsdm_grpc.errors import InvalidInput
from mlsdm_grpc.governance.policy import effective_policy
from mlsdm_grpc.messages import limits
from mlsdm_grpc.messages.bounds import BOUNDS
from mlsdm_grpc.messages.fields import Fields
from mlsdm_grpc.security import presented


def test_the_parts_of_the_server_hold_to_the_limits_of_the_contract():
    assert limits.MAX_METADATA_BYTES == new_memory.MAX_METADATA_BYTES
    assert limits.MAX_LABELS == new_memory.MAX_LABELS
    assert limits.MAX_PARENTS == new_memory.MAX_PARENTS
    assert limits.MAX_TEXT_BYTES == new_memory.MAX_TEXT_BYTES
    assert limits.MAX_STREAMS == stream_marks.MAX_STREAMS
    assert limits.MAX_RULES == effective_policy.MAX_RULES
    assert limits.MAX_CREDENTIAL_BYTES == presented.MAX_CREDENTIAL_BYTES
    assert limits.MIN_NORM == kernel.MIN_NORM


def test_bounds_that_settings_lower_stand_at_the_highest_setting():
    def highest(model, name):
        (most,) = (each.le for each in model.model_fields[name].metadata if hasattr(each, "le"))
        return most

    text = highest(GovernanceSettings, "max_text_bytes")
    prompt = highest(LlmSettings, "max_prompt_bytes")
    assert BOUNDS["mlsdm.v1.EvaluateContentRequest.text"].limit == text
    assert BOUNDS["mlsdm.v1.GenerateRequest.prompt"].limit == prompt


@pytest.mark.parametrize(
    ("values", "norm"),
    [([0.0, 0.0], "0"), ([9e-10], "9e-10"), ([6e-10, 6e-10], "8.49e-10"), ([1e-40] * 4, "2e-40")],
)
def test_a_short_vector_is_refused_by_its_norm_and_the_bound(values, norm):
    fields = Fields()
    fields.embedding("embedding", Embedding(floats=FloatVector(values=values)))
    with pytest.raises(InvalidInput) as caught:
        fields.check()
    (violation,) = caught.value.violations
    assert violation.description == f"has the norm {norm}; at least 1e-09 is needed"


@pytest.mark.parametrize("values", [[1.01e-9], [-8e-10, 8e-10], [3e38, 3e38]])
def test_any_longer_vector_is_taken_as_a_direction(values):
    fields = Fields()
    vector = fields.embedding("embedding", Embedding(floats=FloatVector(values=values)))
    fields.check()
    assert np.linalg.norm(vector.raw.astype(float) * vector.inv_norm) == pytest.approx(1)
