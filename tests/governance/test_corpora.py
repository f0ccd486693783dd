"""The detectors keep the rates that are promised, on both splits of each corpus."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from _pytest.mark.structures import ParameterSet

from tests.evaluate import CORPORA, Corpus, Split, judge, rates

NOT_MET = {
    ("speech", "test"): "0.946 of the telegraphic texts are found, 0.95 is the bar",
}
"""Bars that the rules miss on lines that they were not made for; docs/evaluation.md."""


def _cases() -> Iterator[ParameterSet]:
    for corpus in CORPORA:
        for split in ("dev", "test"):
            missed = NOT_MET.get((corpus.name, split))
            marks = [pytest.mark.xfail(reason=missed, strict=True)] if missed else []
            yield pytest.param(corpus, split, marks=marks, id=f"{corpus.name}-{split}")


@pytest.mark.parametrize(("corpus", "split"), list(_cases()))
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
