from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc.governance.matching.normalization import WORD, fold, plain, readings
from mlsdm_grpc.messages.blank import is_blank


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("KILL", "kill"),
        ("Straße", "strasse"),
        ("ｋｉｌｌ", "kill"),
        ("𝐤𝐢𝐥𝐥 𝓱𝓲𝓶", "kill him"),
        ("🅺🅸🅻🅻", "kill"),
        ("ᴋɪʟʟ", "kill"),
        ("k\u200bi\u00adl\u2060l", "kill"),
        ("k\u0336i\u0336ll", "kill"),
        ("kіll", "kill"),
        ("вбuти", "вбити"),
        ("b\u0585mb", "bomb"),
        ("\ua4d7\u0131ll", "kill"),
        ("\u13e6\u13a5LL", "kill"),
        ("sh\u1d0f\u1d0ft", "shoot"),
        ("k1ll", "kill"),
        ("b0mb", "bomb"),
        ("$hoot", "shoot"),
        ("3абудь", "забудь"),
        ("k i l l", "kill"),
        ("k.i.l.l", "kill"),
        ("k-i-l-l now", "kill now"),
        ("k i l l   h i m", "kill   him"),
        ("m u r d e r", "murder"),
        ("stooooop", "stop"),
    ],
)
def test_farthest_reading(written: str, folded: str):
    assert fold(written).text == folded


@pytest.mark.parametrize(
    ("word", "among"),
    [
        ("kiiiilllll", "kill"),
        ("k1ll", "kill"),
        ("ki11", "kill"),
        ("k*ll", "kill"),
        ("f**k", "fuk"),
        ("a$$", "ass"),
        ("iгnore", "irnore"),
    ],
)
def test_readings(word: str, among: str):
    assert among in readings(word)


@pytest.mark.parametrize("word", ["b2b", "mp3", "covid19", "r2d2", "www", "h2o", "1234"])
def test_the_plain_reading_is_kept(word: str):
    assert readings(word)[0] == word


def test_ordinary_words_have_one_reading():
    for word in ("balloon", "committee", "über", "naïve", "вбити", "pass"):
        assert readings(word)[0] == word
    assert readings("balloon") == ("balloon",)


def test_marks_at_the_end_are_no_letters():
    assert WORD.findall("kill! him? $100 @home a@b") == ["kill", "him", "$100", "@home", "a@b"]


def test_offsets_lead_back():
    written = "a K\u200bI\u200bL\u200bL b"
    folded = fold(written)
    start = folded.text.index("kill")
    assert written[folded.origin[start] : folded.origin[start + 3] + 1] == "K\u200bI\u200bL\u200bL"


@given(st.text(max_size=80))
def test_origins_never_decrease(text: str):
    for folded in (plain(text), fold(text)):
        assert len(folded.origin) == len(folded.text) + 1
        assert list(folded.origin) == sorted(folded.origin)
        assert folded.origin[-1] == len(text)
        assert all(0 <= each < len(text) for each in folded.origin[:-1])


@given(st.text("abc19@$!* іа", max_size=30))
def test_readings_are_few_and_distinct(word: str):
    found = readings(word)
    assert found[0] == word
    assert len(set(found)) == len(found) <= 32


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=60))
def test_plain_ascii_keeps_its_length(text: str):
    assert plain(text).text == text.lower()


def test_what_no_reader_can_see_is_blank():
    """Controls and separators by their category; a character with a glyph is not blank."""
    blank = {chr(i) for i in range(0x11_0000) if is_blank(chr(i))}
    by_category = {
        chr(i) for i in range(0x11_0000) if unicodedata.category(chr(i)) in {"Cc", "Zs", "Zl", "Zp"}
    }
    assert by_category <= blank
    others = {unicodedata.category(each) for each in blank - by_category}
    assert others <= {"Cf", "Mn", "Lo", "So", "Cn"}
    assert not any(each.isalnum() for each in blank - set("\u115f\u1160\u3164\uffa0"))
    assert is_blank("")
    assert is_blank(" \u200b\ufe0f\n")
    assert not is_blank("\u200b.\u200b")
