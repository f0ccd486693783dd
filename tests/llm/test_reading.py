"""Every value of every field of an answer is read or is a fault."""

from __future__ import annotations

import contextlib
import importlib
import json

import pytest
from extras import NEEDS_ANTHROPIC
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("openai", reason="the extra openai is not installed")

from mlsdm_grpc.llm.guard_models import moral_value_of
from mlsdm_grpc.llm.providers.answer_reader import pieces_of
from mlsdm_grpc.llm.providers.provider import ProviderFault

pytestmark = [pytest.mark.anyio, NEEDS_ANTHROPIC]

NAMES = st.sampled_from(
    """
    choices delta message content refusal finish_reason finish_details index usage x_groq error
    object type code status error_type prompt_tokens completion_tokens input_tokens model text
    content_block stop_reason results flagged categories category_scores
    """.split()  # noqa: SIM905 - a list of so many names is no easier to read
)
WORDS = st.sampled_from(
    """
    text stop error message message_start message_delta message_stop content_block_start
    content_block_delta text_delta refusal 0 1 400 429 nan
    """.split()  # noqa: SIM905
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | WORDS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=6)
LIKELY = st.fixed_dictionaries(
    {},
    optional={
        "choices": st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "index": SCALARS,
                    "delta": OBJECTS | VALUES,
                    "message": OBJECTS | VALUES,
                    "finish_reason": VALUES,
                },
            ),
            max_size=2,
        ),
        "usage": OBJECTS | VALUES,
        "error": VALUES,
        "type": WORDS | VALUES,
        "delta": OBJECTS | VALUES,
        "message": OBJECTS | VALUES,
        "content_block": OBJECTS | VALUES,
        "content": VALUES,
    },
)


async def parts(*given):
    for part in given:
        yield part


@pytest.fixture(scope="module", params=["openai", "anthropic"])
def dialect(request):
    return importlib.import_module(f"mlsdm_grpc.llm.providers.{request.param}").said_in


@given(st.lists(LIKELY | OBJECTS, min_size=1, max_size=4), st.booleans(), st.booleans())
async def test_whatever_comes_is_read_or_a_fault(dialect, found, whole, done):
    said = [json.dumps(each).encode() for each in found]
    body = said[:1] if whole else [b"data: " + each + b"\n\n" for each in said]
    body += [b"data: [DONE]\n\n"] * (done and not whole)
    try:
        pieces = [piece async for piece in pieces_of(parts(*body), dialect, model="m")]
    except ProviderFault:
        return
    assert pieces[-1].finish is not None
    for piece in pieces:
        piece.text.encode()
        piece.model.encode()
        assert 0 <= piece.usage.prompt_tokens <= 1_000_000
        assert 0 <= piece.usage.completion_tokens <= 1_000_000


@given(OBJECTS | VALUES)
def test_whatever_comes_is_a_moral_value_or_a_fault(found):
    for answer in (found, {"results": found}, {"results": [found]}):
        with contextlib.suppress(ValueError):
            assert 0.0 <= moral_value_of(answer) <= 1.0
