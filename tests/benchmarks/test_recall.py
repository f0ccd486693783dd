"""Benchmark of recall: its input, its measures, and the distinction of right from wrong answers."""

import json
import math
import random
import sys
import zipfile

import numpy as np
import pytest
import recall
from conversations import Context, load
from finders import Hybrid, Lexical, Okapi, PlainIndex, Vectors
from near_pairs import SHARED, VALUES
from ranking import MEASURES, interval, measures

from mlsdm_grpc.llm.embedders.embedder import load_embedder

TALK = {
    "speaker_a": "Anna",
    "session_1_date_time": "1:56 pm on 8 May, 2023",
    "session_1": [
        {"speaker": "Anna", "dia_id": "D1:1", "text": "I bought a parrot."},
        {"speaker": "Ben", "dia_id": "D1:2", "text": "What is it called?"},
        {"speaker": "Anna", "dia_id": "D1:3", "text": "Coco!", "blip_caption": "a green bird"},
    ],
    "session_2_date_time": "9:00 am on 1 June, 2023",
    "session_2": [{"speaker": "Ben", "dia_id": "D2:1", "text": "I moved to Oslo."}],
    "qa": [
        {"question": "Where did Ben move?", "evidence": ["D2:1"], "category": 4},
        {"question": "What did Anna buy?", "evidence": ["D1:1; D1:3"], "category": 1},
        {"question": "Nobody said it.", "evidence": ["D1:1"], "category": 5},
        {"question": "Nothing holds it.", "evidence": ["D9:9"], "category": 1},
    ],
}


@pytest.fixture(params=["folder", "zip"])
def talks(request, tmp_path):
    if request.param == "folder":
        (tmp_path / "one.json").write_text(json.dumps(TALK))
        return tmp_path
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("one.json", json.dumps({"conversation": TALK, "qa": TALK["qa"]}))
    return tmp_path / "all.zip"


def test_conversations_are_read(talks):
    (talk,) = load(talks)
    assert talk.turns == [
        "Anna: I bought a parrot.",
        "Ben: What is it called?",
        "Anna: Coco! [shares a photo: a green bird]",
        "Ben: I moved to Oslo.",
    ]
    assert [(one.text, sorted(one.evidence)) for one in talk.questions] == [
        ("Where did Ben move?", [3]),
        ("What did Anna buy?", [0, 2]),
    ]
    assert talk.contexts(Context()) == ["", "", "", ""]
    assert talk.contexts(Context(1)) == ["", talk.turns[0], talk.turns[1], ""]
    assert talk.contexts(Context(2, date=True))[2:] == [
        "1:56 pm on 8 May, 2023\nAnna: I bought a parrot.\nBen: What is it called?",
        "9:00 am on 1 June, 2023",
    ]


def test_the_report_has_a_line_for_each_finder_and_context(talks, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["recall.py", str(talks)])
    recall.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("1 conversations, 2 questions")
    assert len([line for line in lines if line.startswith("| HYBRID |")]) == len(recall.CONTEXTS)
    assert len({line.count("|") for line in lines[2:]}) == 1


def test_tuning_leaves_each_conversation_out(talks, monkeypatch, capsys):
    monkeypatch.setattr(recall, "load", lambda path: load(path) * 2)
    monkeypatch.setattr(sys, "argv", ["recall.py", str(talks), "--tune"])
    recall.main()
    assert capsys.readouterr().out.count("without one.json") == 8


def test_measures_are_those_of_the_definitions():
    values = dict(zip(MEASURES, measures([7, 3, 9, 1], {3, 1, 4}), strict=True))
    assert values["any@1"] == 0
    assert values["any@5"] == values["any@20"] == 1
    assert values["all@20"] == 0
    assert values["MRR"] == 0.5
    gained = 1 / math.log2(3) + 1 / math.log2(5)
    assert values["nDCG@10"] == pytest.approx(gained / (1 + 1 / math.log2(3) + 1 / math.log2(4)))
    perfect = dict(zip(MEASURES, measures([3, 1], {3, 1}), strict=True))
    assert perfect["all@1"] == 0
    assert all(perfect[name] == 1 for name in MEASURES if name != "all@1")
    assert not measures([], {1}).any()


def test_what_is_behind_the_depth_does_not_count():
    assert not measures(list(range(30)), {25}).any()


def test_the_interval_holds_the_mean_and_shrinks():
    few, many = np.tile([0.0, 1.0], 20), np.tile([0.0, 1.0], 500)
    assert interval(few)[0] < 0.5 < interval(few)[1]
    assert interval(many)[1] - interval(many)[0] < interval(few)[1] - interval(few)[0]


def test_our_index_ranks_as_the_reference_does_with_its_tokens_and_constants():
    rng = random.Random(2)
    words = [f"word{i}" for i in range(60)]
    texts = [" ".join(rng.choices(words, k=rng.randrange(4, 20))) for _ in range(200)]
    reference, ours = Okapi(), PlainIndex()
    reference.fill(texts, [])
    ours.fill(texts, [])
    for _ in range(50):
        question = " ".join(rng.choices(words, k=3))
        assert reference.rank(question, 20) == ours.rank(question, 20)


TEMPLATES = (
    *SHARED,
    ("I met {} at the conference and we talked about music.", "Where did I meet {}?"),
    ("Room {} has a broken window and needs a new lamp.", "What is broken in room {}?"),
    ("The invoice {} has to be paid until Friday.", "Until when is invoice {} to be paid?"),
    ("Call {} about the garden, the fence and the old tree.", "Why should I call {}?"),
)


@pytest.fixture(scope="module")
def hybrid():
    return Hybrid(Lexical(), Vectors.of(load_embedder("wordllama")), recall.WORDS)


@pytest.mark.parametrize("template", TEMPLATES)
def test_of_two_memories_that_differ_in_a_token_the_right_one_is_first(hybrid, template):
    """Ten values by ten templates, asked for either of the two: 200 pairs."""
    text, question = template
    for pair in VALUES:
        hybrid.fill([text.format(value) for value in pair], ["", ""])
        for right, value in enumerate(pair):
            assert hybrid.rank(question.format(value), 2)[0] == right, (text, value)
