"""Standard profile: its measures, its exceptions, and the texts on which it abstains."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc._gen.mlsdm.v1 import speech_pb2
from mlsdm_grpc.speech import Flag, Profile, SpeechReport, analyse

FRAGMENTS = "Bus late. No seat. Sad day. Rain again."
HEALTHY = "The bus was late and there was no seat left."


def test_enumerations_have_the_numbers_of_the_contract():
    assert {f"SPEECH_PROFILE_{each.name}": each.value for each in Profile} == {
        name: number for name, number in speech_pb2.SpeechProfile.items() if number
    }
    assert {f"SPEECH_FLAG_{each.name}": each.value for each in Flag} == {
        name: number for name, number in speech_pb2.SpeechFlag.items() if number
    }
    assert set(SpeechReport.__dataclass_fields__) == set(
        speech_pb2.SpeechReport.DESCRIPTOR.fields_by_name
    )


def test_fragments_are_reported_with_all_reasons():
    report = analyse(FRAGMENTS)
    assert report == SpeechReport(
        is_aphasic=True,
        severity=1.0,
        avg_sentence_len=2.0,
        function_word_ratio=1 / 8,
        fragment_ratio=1.0,
        flags=(Flag.SHORT_SENTENCES, Flag.LOW_FUNCTION_WORDS, Flag.HIGH_FRAGMENT_RATIO),
        language="en",
        abstained=False,
        profile=Profile.STANDARD,
    )


def test_a_healthy_sentence_has_no_reason():
    report = analyse(HEALTHY)
    assert (report.severity, report.flags, report.abstained) == (0.0, (), False)


def test_flags_alone_do_not_decide():
    report = analyse("It is late. We are tired. She is here.")
    assert Flag.SHORT_SENTENCES in report.flags
    assert not report.is_aphasic


@pytest.mark.parametrize(
    "text",
    [
        "The kettle boils.",
        "Well, the total is 17.",
        "The pump runs fine. Great. It moves water quickly.",
        "17 28 39",
        "OK",
        "---",
        "- apples\n- pears, plums\n- and nuts",
        "let total = price * count + tax",
        "Сьогодні ми гуляли парком і дивилися на старі дерева.",
        "Release 4.5.6 is ready. Visit https://a.b/c.",
        "Dr. Novak met us at 5 p.m. in the U.S. embassy.",
    ],
)
def test_what_the_original_took_for_telegraphic_passes(text):
    assert not analyse(text).is_aphasic


@pytest.mark.parametrize(
    ("text", "average"),
    [
        ("Dr. Novak met us at 5 p.m. in the U.S. embassy.", 11),
        ("The value of pi is 3.14159 and that is not 3.2.", 11),
        ("See https://example.org/a.b/c?d=e for what we have done here.", 8),
        ("Please write to a.b@example.org and tell them about the error.", 10),
        ("It runs on version v2.4.1 of the server and on no other.", 12),
        ("The train to the coast leaves at 12:30 on most days.", 11),
        ("He waited... and then he went to the house.", 9),
        ("It is what it is! And that is that? Yes, that is it.", 13 / 3),
        ("We did it, e.g. with the file main.py of the project.", 11),
        ("The state-of-the-art method is what we use in this case.", 13),
        ("It is late.We are tired and we want to go.", 11 / 2),
        ("Wir sind am 3. Mai wieder da und freuen uns.", 10),
        ("Call `f(x)` when you want to know what is in the list.", 12),
        ('"Is that so?" he said, and it was the end of it.', 12),
        ("We have about 5 kg of it and they have 7 GB.", 10),
    ],
)  # fmt: skip
def test_sentences_end_where_a_reader_would_end_them(text, average):
    assert analyse(text).avg_sentence_len == pytest.approx(average)


@pytest.mark.parametrize(
    "block",
    [
        "```python\nfor x in y:\n    print(x)\n```",
        "```\nno closing fence\nBus late. No seat.",
        "~~~\nBus late. No seat.\n~~~",
        "    total = 0\n    spam eggs ham",
        "const out = items.slice().reverse();\nconsole.log(out);",
        "SELECT name FROM users WHERE age > 3;",
        "$ sudo apt install nginx",
        "docker run --rm -it node:20 npm test",
        "- milk\n- eggs\n- bread",
        "1. milk\n2. eggs\n3. bread",
        "* **Speed**: high\n* **Cost**: low",
        "- [ ] call plumber\n- [x] buy bread",
        "| Size | Chest |\n|---|---|\n| small | 88 |",
        "Size | Chest | Waist\n--- | --- | ---\nsmall | 88 | 74",
        "# Next steps\n## Open points",
        "> Bus late. No seat. Sad.\n> Rain again.",
        '"Coffee?"\n"Black, no sugar."\n"Coming right up."',
        "„Kaffee?“\n„Schwarz, ohne Zucker.“\n„Kommt sofort.“",
        '{"bus": "late", "seat": null, "mood": ["sad", "wet"]}',
        '{\n  "bus": "late",\n  "seat": null\n}',
        "2024-05-01 12:00:01 ERROR disk full\n2024-05-01 12:00:02 WARN retry soon",
        "[INFO] Build started\n[WARNING] Two modules skipped",
        "Jun 12 03:00:01 gate sshd[811]: session opened",
        "Traceback (most recent call last):\n  File \"a.py\", line 1\nKeyError: 'id'",
        "services:\n  web:\n    image: caddy\n    restart: always",
        "[server]\nhost = localhost\nport = 80",
        "<ul>\n<li>bus late</li>\n</ul>",
        "bus\tlate\nseat\tnone\nmood\tsad",
        "╭─ Bus ─────╮\n│ late  sad │\n╰───────────╯",
        "[bus]: https://a.example/bus late\n.. |seat| image:: none\n:target: none",
        "bus,seat,mood\nlate,none,sad",
    ],
)
def test_what_is_no_prose_is_left_out(block):
    assert analyse(block).abstained
    mixed = analyse(f"{HEALTHY}\n\n{block}")
    assert not mixed.is_aphasic
    assert analyse(f"{FRAGMENTS}\n\n{block}") == analyse(FRAGMENTS)


def test_code_on_one_line_between_fences_opens_no_block():
    assert analyse(f"```x = 1```\n{FRAGMENTS}") == analyse(FRAGMENTS)
    assert analyse(f"{FRAGMENTS}\n```\nx\n```\n{FRAGMENTS}").is_aphasic


def test_a_title_of_a_list_is_left_out():
    assert analyse("Shopping list Friday evening party\n- milk\n- eggs").abstained
    assert analyse("Needed tools before work begins:\n\n- hammer\n- saw").abstained


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("", (Flag.EMPTY_TEXT,)),
        (" \n\t ", (Flag.EMPTY_TEXT,)),
        ("... ?!", (Flag.NO_SENTENCE_BOUNDARIES,)),
        ("Bus late.", ()),
        ("Mary left yesterday.", ()),
        ("17 28 39 41", ()),
    ],
)
def test_short_texts_are_not_judged(text, flags):
    report = analyse(text)
    assert report.abstained
    assert not report.is_aphasic
    assert (report.severity, report.flags, report.language) == (0.0, flags, "")


def test_lines_without_full_stops_are_sentences_and_wrapped_lines_are_not():
    assert analyse("bus late\nno seat\nsad day\nrain again").avg_sentence_len == 2.0
    wrapped = "The bus was late again and there was not one single seat left\nfor any of us."
    assert analyse(wrapped).fragment_ratio == 0.0


def test_one_complete_sentence_does_not_hide_the_fragments():
    assert analyse(f"{FRAGMENTS} I will take the train tomorrow. Ticket cheap.").is_aphasic
    assert not analyse(f"{HEALTHY} Sad. We took the next one, which came after an hour.").is_aphasic


def test_severity_grows_with_what_is_missing():
    texts = [
        "The man goes to the store and buys some milk.",
        "Man goes store and buys some milk.",
        "Man go store buy milk.",
        "Man. Store. Buy milk. Home. Rain. Wet.",
    ]
    severities = [analyse(text).severity for text in texts]
    assert severities == sorted(severities)
    assert severities[0] == 0.0
    assert severities[-1] > 0.8


TEXTS = st.one_of(
    st.text(max_size=300),
    st.text(alphabet="ab.,!? \n\t-`|[](){}<>=:;/'\"\\1Aжі#*_>", max_size=300),
    st.lists(st.sampled_from(f"{FRAGMENTS} {HEALTHY} - 1. | ``` {{ }}\n".split(" "))).map(" ".join),
)


@given(TEXTS, st.sampled_from(Profile), st.sampled_from([None, "en", "uk", "xx", "-"]))
def test_any_text_has_a_report_within_bounds(text, profile, language):
    report = analyse(text, profile=profile, language=language)
    assert 0.0 <= report.severity <= 1.0
    assert 0.0 <= report.function_word_ratio <= 1.0
    assert 0.0 <= report.fragment_ratio <= 1.0
    assert report.avg_sentence_len >= 0.0
    assert list(report.flags) == sorted(set(report.flags))
    assert report.profile is profile
    if profile is Profile.STANDARD:
        assert report.is_aphasic == (report.severity >= 0.3)
        assert not (report.abstained and report.is_aphasic)
    assert analyse(text, profile=profile, language=language) == report


@given(TEXTS, st.text(alphabet=" \n\r\t", max_size=20))
def test_white_space_around_a_text_does_not_count(text, space):
    stripped = text.strip()
    assert analyse(stripped + space) == analyse(stripped)
    assert analyse("\n\n" + stripped + space) == analyse(stripped)
    assert analyse(stripped.replace(" ", "  ")) is not None


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "unit",
    [
        ".", " ", "a", "\n", "\t", "-", "`", "|", "[", "](", "'", "=", "(", "<", "{", "@", "_", "/",
        "1", "a. ", "a.b", "a'", "a@", "1.", "... ", " - x\n", "| a |", "``` \n", "    a\n",
        "a: b\n", "[a](b", "https://", "if a ", "return a ", "SELECT a ", "def a(", "Jun 1", "a,",
        "at a.", "a\n", "\u0301", "Ж", "漢", "\ufffc", "🙂", "\x00", "\u2028", "l'", "STOP ",
        "e.g. ", "not a ", "a\tb\n", "x = 1 ", "я ",
    ],
)  # fmt: skip
def test_64_kib_of_anything_take_linear_time(unit):
    text = (unit * (65_536 // len(unit) + 1))[:65_536]
    for profile in Profile:
        assert 0.0 <= analyse(text, profile=profile).severity <= 1.0


@pytest.mark.parametrize(
    "text",
    [
        "He put cup on table, chair fall, cat under bed.",
        "Me see dog, dog bite leg.",
        "Ich gestern Doktor, viel Schmerzen, keine Tablette.",
        "du morgen Brot kaufen, ich Hunger",
        "Voisine apporter soupe chaude, très bonne.",
        "Vecino traer pan, mucha hambre hoy.",
    ],
)
def test_a_verb_or_an_article_is_missing(text):
    assert analyse(text).is_aphasic


@pytest.mark.parametrize(
    "text",
    [
        "I gave you the red book, and the other book is on that table.",
        "The door lock, the key box and the table lamp are for sale.",
        "Now, I know Wall Street isn't keen on this idea.",
        "Ich versteh das leider nicht, kannst du es nochmal erklären?",
        "Ich weiß es nicht, frag doch deinen Bruder.",
        "Puis-je installer et compiler un noyau sans cela ?",
        "Quiero comprar pan y leche para la cena de hoy.",
        "Fix the door, then paint the wall and close the garage.",
    ],
)
def test_a_clause_with_its_verb_and_articles_is_not_telegraphic(text):
    assert not analyse(text).is_aphasic
