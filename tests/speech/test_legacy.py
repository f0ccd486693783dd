"""The original detector, value by value."""

import pytest

from mlsdm_grpc.speech import Flag, Profile, SpeechReport, analyse

S, L, H = Flag.SHORT_SENTENCES, Flag.LOW_FUNCTION_WORDS, Flag.HIGH_FRAGMENT_RATIO


@pytest.mark.parametrize(
    ("text", "severity", "average", "ratio", "fragments", "flags"),
    [
        ("Cold. Wet. Not nice.", 0.9259, 1.3333, 0, 1, (S, L, H)),
        ("Bus late. No seat. Sad.", 0.9074, 1.6667, 0, 1, (S, L, H)),
        ("Fine.", 0.9444, 1, 0, 1, (S, L, H)),
        ("OK", 0.9444, 1, 0, 1, (S, L, H)),
        ("---", 0.9444, 1, 0, 1, (S, L, H)),
        ("***", 0.9444, 1, 0, 1, (S, L, H)),
        ("Bird fly. Fish swim.", 0.8889, 2, 0, 1, (S, L, H)),
        ("Pump broken. Call plumber.", 0.8889, 2, 0, 1, (S, L, H)),
        ("Door open. Light off. Man gone.", 0.8889, 2, 0, 1, (S, L, H)),
        ("You bring bread soon.", 0.4444, 4, 0, 0, (S, L)),
        ("The kettle boils.", 0.5, 3, 0.3333, 1, (S, H)),
        ("17 28 39", 0.8333, 3, 0, 1, (S, L, H)),
        ("Well, the total is 17.", 0.0556, 5, 0.4, 0, (S,)),
        ("The pump runs fine. Great. It moves water quickly.", 0.2531, 3, 0.1111, 0.3333, (S, L)),
        ("The river of Kyiv is Dnipro.", 0, 6, 0.5, 0, ()),
        ("Where is the gate of Troy?", 0, 6, 0.5, 0, ()),
        ("The tea is cooling and the soup is boiling", 0, 9, 0.5556, 0, ()),
        ("- apples\n- pears, plums\n- and nuts", 0.0556, 8, 0.125, 0, (L,)),
        ("let total = price * count + tax", 0.3333, 8, 0, 0, (L,)),
        ("Сьогодні ми гуляли парком і дивилися на старі дерева.", 0.3333, 9, 0, 0, (L,)),
        ("Release 4.5.6 is ready. Visit https://a.b/c.", 0.6531, 1.8, 0.1111, 1, (S, L, H)),
        (
            "Dr. Novak met us at 5 p.m. in the U.S. embassy.",
            0.4352, 2.1667, 0.2308, 0.8333, (S, H),
        ),
        ("...", 1.0, 0, 0, 1, (Flag.NO_SENTENCE_BOUNDARIES,)),
        ("?!", 1.0, 0, 0, 1, (Flag.NO_SENTENCE_BOUNDARIES,)),
        ("", 1.0, 0, 0, 1, (Flag.EMPTY_TEXT,)),
        (" \n\t", 1.0, 0, 0, 1, (Flag.EMPTY_TEXT,)),
    ],
)  # fmt: skip
def test_golden_values_of_the_original(text, severity, average, ratio, fragments, flags):
    report = analyse(text, profile=Profile.LEGACY)
    assert report == SpeechReport(
        is_aphasic=bool(flags),
        severity=pytest.approx(severity, abs=5e-5),
        avg_sentence_len=pytest.approx(average, abs=5e-5),
        function_word_ratio=pytest.approx(ratio, abs=5e-5),
        fragment_ratio=pytest.approx(fragments, abs=5e-5),
        flags=flags,
        language="en",
        abstained=False,
        profile=Profile.LEGACY,
    )


def test_legacy_takes_no_notice_of_a_language():
    text = "Сьогодні ми гуляли парком."
    assert analyse(text, profile=Profile.LEGACY, language="uk") == analyse(
        text, profile=Profile.LEGACY
    )
