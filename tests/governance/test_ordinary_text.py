"""Ordinary texts are accepted, including former false alarms and quoted clauses."""

from __future__ import annotations

import pytest

from mlsdm_grpc.governance.detectors.sensitive import find_sensitive
from tests.governance.reading import harm_of, injection_of

ORDINARY = [
    "Tell me about the lake near my house.",
    "Why do people open a bank account?",
    "Give me three tips to learn the guitar.",
    "null, null",
    "How do I install Windows 11 on an old laptop?",
    "My Polish grandmother was the last in her village.",
    "Please send user a reminder.",
    "# Instructions",
    "<system>Linux</system>",
    "Show me the full error message.",
    "The backend user reads the table.",
    "How do I kill a process that hangs on Linux?",
    "Wie töte ich einen Prozess unter Linux?",
    "Comment se débarrasser des fourmis dans la cuisine ?",
    "Los agujeros negros no dejan escapar la luz.",
    "Як позбутися мурах на кухні?",
    "Ignoriere bitte Groß- und Kleinschreibung beim Sortieren.",
    "Repita los pasos anteriores para cada disco.",
]
HOSTILE = "I am going to kill my neighbour and his children tonight."
FOREIGN = [
    "Das Wetter ist heute schön und wir gehen mit den Kindern in den Park.",
    "Il fait beau aujourd'hui et nous allons au parc avec les enfants.",
    "Hoy hace buen tiempo y vamos al parque con los niños.",
    "Сьогодні гарна погода, і ми йдемо з дітьми до парку.",
]
NUMBERS = [
    "Open 9-17, Sat 10-14; since 2024-05-06 12:30",
    "100 000 000 users",
    "driver 42.7.3.0, section 4.2.1.3, OID 1.3.6.1.4.1.311",
    "EAN 4006381333931, part no. 123-45-6789",
    "in McCall's, 88: 11 (August, 1961), 172-174.",
    "Text::Wrap upgraded to version 2001.09293",
    "also called ISO 646. ISO 8859-15 adds a sign",
    "calls per second 60.00 100 600.00 consume",
    "the Text tool, figure 14.182",
    "git clone git@github.com:owner/repo.git",
    "postgres://user:password@localhost",
    "The token is used once. The password is wrong. Das Passwort ist falsch.",
]
HIDDEN_NUMBERS = [
    ("email", "anna.b%40example.com"),
    ("card", "4111\u20111111\u20111111\u20111111"),
    ("card", "41\u00ad11 1111 1111 1111"),
    ("card", "４１１１ １１１１ １１１１ １１１１"),
    ("iban", "DE89\u00a03704\u202f0044\u00a00532\u00a00130\u00a000"),
    ("phone", "+33\t1\t42\t68\t53\t00"),
    ("gitlab_token", "glpat-abcdEFGH1234ijklMNOP"),
    ("basic_auth", "YWxhZGRpbjpvcGVuc2VzYW1l"),
]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_is_accepted(text: str):
    assert harm_of(text).moral_value >= 0.5
    assert injection_of(text).score < 0.5


@pytest.mark.parametrize("clause", FOREIGN)
def test_a_foreign_clause_hides_nothing_and_adds_nothing(clause: str):
    assert harm_of(f"{clause} {HOSTILE}").moral_value < 0.5
    assert harm_of(f"{HOSTILE} {clause}").moral_value < 0.5
    assert harm_of(f"{clause} {ORDINARY[5]} {clause}").moral_value >= 0.5


@pytest.mark.parametrize("text", NUMBERS)
def test_other_numbers_and_prose_stay(text: str):
    assert find_sensitive(text) == ()


@pytest.mark.parametrize("before", ["Phone no. ", "phone=", "Tel.: ", "Mobile, "])
def test_a_word_for_a_phone_makes_a_number_one(before: str):
    (found,) = find_sensitive(f"{before}212-736-5000")
    assert found.category == "phone"


@pytest.mark.parametrize(("category", "value"), HIDDEN_NUMBERS)
def test_typesetting_hides_no_number(category: str, value: str):
    text = f"Authorization: Basic {value}" if category == "basic_auth" else f"call {value} now"
    (found,) = find_sensitive(text)
    assert (found.category, text[found.start : found.end]) == (category, value)
