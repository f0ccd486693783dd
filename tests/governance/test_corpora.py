"""The detectors keep the rates that are promised, on both splits of each corpus."""

from __future__ import annotations

import pytest

from tools.evaluate import CORPORA, Corpus, Split, judge, rates


@pytest.mark.parametrize("corpus", CORPORA, ids=lambda corpus: corpus.name)
@pytest.mark.parametrize("split", ["dev", "test"])
def test_bars(corpus: Corpus, split: Split):
    found = rates(judge(corpus, [split]))
    tpr, fpr = corpus.bars[split]
    assert found.positives > 50
    assert found.negatives > 50
    assert found.tpr >= tpr, found
    assert found.fpr <= fpr, found


@pytest.mark.parametrize("corpus", CORPORA, ids=lambda corpus: corpus.name)
def test_each_line_is_in_one_split(corpus: Corpus):
    everything = corpus.lines(["dev", "test"])
    assert len(everything) == len(corpus.lines(["dev"])) + len(corpus.lines(["test"]))
    assert 0.2 < len(corpus.lines(["test"])) / len(everything) < 0.45
