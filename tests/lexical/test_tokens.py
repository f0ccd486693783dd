import random
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc.lexical.tokenizer import tokenize


def tokens(text):
    found = tokenize(text)
    return sorted(found.words), sorted(found.exact)


@pytest.mark.parametrize(
    ("text", "words", "exact"),
    [
        ("", "", ""),
        (" ...?! — ", "", ""),
        ("Hello, WORLD!", "hello world", ""),
        # Identifiers: whole, and in parts.
        ("flight LH123", "flight lh", "lh123 123"),
        ("LH 123", "lh", "123"),
        ("v2.1.0", "v", "v2.1.0 v2 2 1 0"),
        ("2.1.0", "", "2.1.0 2 1 0"),
        ("AB-12-CD", "ab cd", "ab-12-cd 12"),
        ("covid-19", "covid", "covid-19 19"),
        ("snake_case_name", "snake case name", "snake_case_name"),
        ("_private_", "private", ""),
        ("QueryMemories", "querymemories query memories", ""),
        ("parseHTTPResponse", "parsehttpresponse parse http response", ""),
        ("McDonald iPhone", "mcdonald mc donald iphone phone", ""),
        (
            "request 6BA7B810-9dad-11d1-80b4-00c04fd430c8.",
            "request",
            "6ba7b810-9dad-11d1-80b4-00c04fd430c8 6ba7b810 00c04fd430c8",
        ),
        ("C++ and C# and c", "and and c", "c++ c#"),
        ("node.js", "node js", "node.js"),
        ("U.S.A. and usa", "and usa", "usa"),
        (
            "anna.schmidt@example.org",
            "anna schmidt example org",
            "anna.schmidt@example.org",
        ),
        ("https://example.org/a/b?c=d", "https example org a b c d", "example.org"),
        ("C:\\temp\\x.txt", "c temp x txt", "x.txt"),
        # Numbers, dates and decimals: whole, and in parts.
        ("4711", "", "4711"),
        ("007", "", "007"),
        ("3.14", "", "3.14 3 14"),
        ("3,14 EUR", "eur", "3,14 3 14"),
        ("1,000,000 people", "people", "1000000"),
        ("2023-05-08", "", "2023-05-08 2023 5 8"),
        ("08.05.2023", "", "08.05.2023 8 5 2023"),
        ("5/8/23", "", "5/8/23 5 8 23"),
        ("at 1:56 pm", "at pm", "1:56 1 56"),
        ("the 8th of May", "the of may", "8 8th"),
        ("either/or, yes/no", "either or yes no", ""),
        # Apostrophes and hyphens.
        ("John's dog", "john dog", ""),
        ("John\u2019s e\u2011mail", "john e mail email", ""),
        ("we're don't they'll", "we dont they", ""),
        ("O'Brien", "obrien", ""),
        ("rock'n'roll", "rocknroll", ""),
        ("'quoted'", "quoted", ""),
        ("l'été d'Anna", "l été d anna", ""),
        ("п'ять м\u2019ячів", "пять мячів", ""),
        ("well-known", "well known wellknown", ""),
        # Unicode: one form for all.
        ("Straße STRASSE", "strasse strasse", ""),
        ("e\u0301te\u0301", "été", ""),
        ("ＡＢＣ１２３", "abc", "123 abc123"),
        ("ﬁnd soft\u00adware", "find software", ""),
        ("हिन्दी में", "हिन्दी में", ""),
        ("مَدْرَسَة", "مَدْرَسَة", ""),
        # Scripts without spaces: pairs of characters within a run of one script.
        ("猫", "", "猫"),
        ("東京都", "", "東京 京都"),
        ("人々", "", "人々"),
        ("ねこ", "", "ねこ"),
        ("私はPython3が好きです", "python", "私 は 3 python3 が 好 きで です"),
        ("スーパー", "", "スー ーパ パー"),
        ("고양이", "", "고양 양이"),
        ("แมว", "", "แม มว"),
        ("x猫y", "x y", "猫"),
    ],
)
def test_a_text_has_these_tokens(text, words, exact):
    assert tokens(text) == (sorted(words.split()), sorted(exact.split()))


def test_a_hyphen_alone_or_at_the_end_joins_nothing():
    assert tokens("a - b -c d-")[0] == ["a", "b", "c", "d"]


def test_a_random_string_stays_whole_without_tiny_parts():
    assert tokens("x9k2m4p7q1") == ([], ["x9k2m4p7q1"])


def test_what_is_too_long_to_be_typed_is_no_term():
    digits = "".join(random.Random(1).choices(string.hexdigits, k=8_000))
    found = tokenize(digits)
    assert sum(map(len, found.words + found.exact)) < 1_000


@given(st.text())
def test_any_text_has_tokens_without_spaces(text):
    found = tokenize(text)
    for token in found.words + found.exact:
        assert token
        assert not any(letter.isspace() for letter in token)
    assert tokenize(text) == found


@given(st.text(st.characters(codec="ascii")))
def test_ascii_has_the_tokens_that_unicode_rules_give(text):
    """The two readings agree: a letter of another script elsewhere changes nothing."""
    plain, mixed = tokenize(text), tokenize(text + " é")
    assert mixed.words == [*plain.words, "é"]
    assert mixed.exact == plain.exact


@given(st.text(string.ascii_lowercase + string.digits + string.punctuation + " "))
def test_upper_case_is_the_same(text):
    assert tokenize(text.upper()) == tokenize(text)


@pytest.mark.parametrize(
    "text", ["a" * 8_192, "a-" * 4_096, "1," * 4_096, "a'" * 4_096, "aA" * 4_096, "猫" * 2_730]
)
def test_the_time_is_linear_in_hostile_texts(text):
    def spent(part):
        began = time.process_time()
        for _ in range(5):
            tokenize(part)
        return time.process_time() - began

    assert spent(text) < 40 * spent(text[: len(text) // 8]) + 0.05
