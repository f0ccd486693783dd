"""Results by word are kept while the words are in use."""

from __future__ import annotations

from mlsdm_grpc.governance.matching.word_cache import WordCache


def test_a_result_is_made_once():
    made = list[str]()
    cache = WordCache(lambda word: made.append(word) or len(word))
    assert [cache[word] for word in ("one", "three", "one", "three")] == [3, 5, 3, 5]
    assert made == ["one", "three"]


def test_only_words_that_were_not_used_lately_are_dropped():
    made = list[str]()
    cache = WordCache(lambda word: made.append(word) or len(word), most=2)
    for word in ("a", "b", "c", "a", "d", "a", "e", "a"):
        assert cache[word] == 1
    assert made.count("a") == 1
    assert len(cache) <= 2


def test_long_words_are_not_kept():
    made = list[str]()
    cache = WordCache(lambda word: made.append(word) or len(word))
    assert cache["x" * 50] == cache["x" * 50] == 50
    assert len(made) == 2
