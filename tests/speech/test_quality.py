"""The quality gate: ordinary answers of every kind pass, and each fault has its check."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc.speech import QUALITY_CHECKS
from mlsdm_grpc.speech.quality import (
    DRIFT_THRESHOLD,
    HEDGING_THRESHOLD,
    INCOHERENCE_THRESHOLD,
    LOOPING_THRESHOLD,
    TELEGRAPHING_THRESHOLD,
    collapse,
    drift,
    hedging,
    incoherence,
    looping,
    telegraphing,
)

PROMPT = "How does a heat pump warm a house in winter, and what does it cost to run?"
LONG_ENGLISH = """\
A heat pump moves heat instead of making it. Even cold air holds some energy, and the machine
collects that energy with a refrigerant that boils at a very low temperature. The vapour is then
compressed, which makes it hot, and the hot vapour gives its warmth to the water of the heating
system. After that the refrigerant expands, cools down and starts again.

Because only the compressor needs electricity, one unit of power usually brings three to four units
of heat into the house. In a hard winter the ratio falls, since the difference between the outside
and the inside grows. This is why a well insulated building with large radiators is the best place
for such a machine: the water does not have to be very hot, and the compressor has less to do.

What it costs depends on the price of electricity, on the climate and on the building. A family in
a renovated house often pays between 700 and 1,100 euros a year. It is worth having the system
checked once a year, because a dirty filter or a wrong setting can easily raise the bill by a
tenth."""
LONG_UKRAINIAN = """\
Тепловий насос не виробляє тепло, а переносить його. Навіть холодне повітря містить енергію, і
прилад збирає її за допомогою речовини, яка кипить за дуже низької температури. Потім пара
стискається, нагрівається і віддає своє тепло воді в системі опалення. Після цього речовина
розширюється, охолоджується, і все починається знову.

Оскільки електрика потрібна лише компресору, одна одиниця енергії зазвичай дає три або чотири
одиниці тепла. Узимку це співвідношення гірше, бо різниця між вулицею та оселею зростає. Тому
найкраще такий прилад працює в добре утепленому будинку з великими радіаторами."""
TABLE = """\
| Country | Joined | Paid | Voted |
|---|---|---|---|
| Austria | 1995 | yes | no |
| Belgium | 1958 | yes | no |
| Croatia | 2013 | yes | no |
| Denmark | 1973 | yes | no |
| Estonia | 2004 | yes | no |
| Finland | 1995 | yes | no |"""
NUMBERS = "2 3 5 7 11 13 17 19 23 29 31 37 41 43 47 53 59 61 67 71 73 79 83 89 97"
CODE = """\
Here is the function:

```python
def area(shapes):
    total = 0
    for shape in shapes:
        total += shape.width * shape.height
    for shape in shapes:
        total += shape.width * shape.height
    return total
```"""
CHINESE = "今天天气很好，我们去公园散步，然后在湖边吃午饭，孩子们都很开心，晚上我们坐火车回家。"
GOOD = {
    "english": LONG_ENGLISH,
    "ukrainian": LONG_UKRAINIAN,
    "chinese": CHINESE,
    "table": TABLE,
    "numbers": NUMBERS,
    "code": CODE,
    "yes": "Yes.",
    "emoji": "👍",
    "one number": "42",
    "list": "\n".join(f"{n}. Step {n}: turn the valve by {n} degrees." for n in range(1, 9)),
    "refrain": "Row your boat, row your boat, gently down the stream. Life is but a dream.",
    "addresses": "\n".join(f"- See https://example.org/a/b/c/d/{n} for {n}." for n in range(20)),
    "inline code": " ".join(f"`f{n}`" for n in range(20)),
    "formula": "The area is $A = \\pi r^2$, so for a radius of 3 cm it is about 28.27 cm².",
}


@pytest.mark.parametrize("check", QUALITY_CHECKS.values(), ids=QUALITY_CHECKS.keys())
@pytest.mark.parametrize("answer", GOOD.values(), ids=GOOD.keys())
def test_good_answers_pass(check, answer):
    assert check.function(answer, PROMPT) < check.default_threshold


@pytest.mark.parametrize("name", ["architecture.md", "operations.md", "benchmarks.md"])
def test_real_documents_pass(name):
    text = (Path(__file__).parents[2] / "docs" / name).read_text(encoding="utf-8")
    for check in QUALITY_CHECKS.values():
        assert check.function(text, "") < check.default_threshold, check.name


@pytest.mark.parametrize(
    ("text", "score"),
    [("", 1.0), (" \n", 1.0), ("... ?!", 1.0), ("---", 1.0), ("a" * 40, 1.0), ("Ні.", 0.0)],
)
def test_collapse(text, score):
    assert collapse(text) == score


@pytest.mark.parametrize(
    "text",
    [
        "word " * 30,
        "The answer is yes. " * 10,
        "I went to the shop and then " * 6,
        "- buy bread and milk\n" * 8,
        "| same | row | again |\n" * 8,
        f"{LONG_ENGLISH} {'and so on and on it goes ' * 20}",
        f"{LONG_UKRAINIAN} {'і так далі без кінця ' * 20}",
        "今天天气很好。" * 20,
    ],
)
def test_looping(text):
    assert looping(text) >= LOOPING_THRESHOLD


def test_looping_grows_with_repetition():
    scores = [looping(f"{LONG_ENGLISH} {'once more with feeling ' * n}") for n in (1, 10, 30)]
    assert scores == sorted(scores)
    assert scores[0] < LOOPING_THRESHOLD <= scores[-1]


@pytest.mark.parametrize(
    "text",
    [
        "}{ ;; :: ## @@ ^^ ~~ !! ?? \\\\ ... word $$ ((",
        "Wе аrе vеry plеаsеd tо infоrm yоu thаt yоur pаrсеl hаs аrrivеd tоdаy",
        "\ufffd\ufffd a\ufffd " * 8,
        "xkcdqrtw bnmsdfgh qwrtpsdf zxcvbnmk plkjhgfd rtwqzxcv " * 3,
    ],
)
def test_incoherence(text):
    assert incoherence(text) >= INCOHERENCE_THRESHOLD


def test_drift_is_an_answer_about_something_else():
    other = (
        "My favourite football club won again last Saturday, and everybody in the stadium sang"
        " until midnight. The goalkeeper saved two penalties, the captain scored twice and the"
        " coach danced on the pitch with his players while the fans waved flags."
    )
    assert drift(other, PROMPT) == 1.0
    assert drift(f"{other} A heat pump was not there.", PROMPT) < DRIFT_THRESHOLD
    assert drift(LONG_ENGLISH, PROMPT) < 0.5


@pytest.mark.parametrize(
    "prompt",
    ["", "Why?", "Переклади, будь ласка, цей текст про тепловий насос англійською мовою."],
)
def test_drift_is_not_judged_without_a_topic_in_the_same_language(prompt):
    assert drift(LONG_ENGLISH, prompt) == 0.0


def test_telegraphing():
    fragments = "Pump old. Water cold. Plumber Tuesday. Money short. Winter long. House empty."
    assert telegraphing(fragments) >= TELEGRAPHING_THRESHOLD
    assert telegraphing("Pump old. Water cold.") == 0.0


@pytest.mark.parametrize(
    "text",
    [
        "I think it might be possible. Perhaps it could be true, probably. Maybe.",
        "Ich glaube, das ist vielleicht so. Vermutlich ist es wahrscheinlich falsch.",
        "Je pense que c'est peut-être vrai. Il semble que oui, mais sans doute pas partout.",
        "Creo que tal vez sea así. Quizás no, probablemente sí, pero supongo que depende.",
        "Я думаю, що це, мабуть, так. Можливо, ні. Здається, він ще не знає.",
    ],
)
def test_hedging(text):
    assert hedging(text) >= HEDGING_THRESHOLD


def test_hedging_counts_whole_words_and_is_lenient_with_one():
    assert hedging("It is unlikely. Rain is unlikely to fall on the house. It will not rain.") == 0
    assert hedging("I think so, because the light is on.") == 0.25


def test_checks_are_described_and_sorted():
    assert list(QUALITY_CHECKS) == sorted(QUALITY_CHECKS)
    for name, check in QUALITY_CHECKS.items():
        assert check.name == name == check.function.__name__
        assert 0.0 < check.default_threshold < 1.0
        assert check.description.endswith(".")
        assert check.description.count(". ") == 0


@given(st.text(max_size=300), st.text(max_size=60))
def test_scores_are_within_bounds_for_any_text(text, prompt):
    for check in QUALITY_CHECKS.values():
        assert 0.0 <= check.function(text, prompt) <= 1.0


@pytest.mark.timeout(60)
@pytest.mark.parametrize("unit", ["a", "a ", "a\n", ".", "漢", "maybe ", "| a |\n", "Ã", "1 ", "b"])
def test_64_kib_of_anything_take_linear_time(unit):
    text = (unit * (65_536 // len(unit) + 1))[:65_536]
    for check in QUALITY_CHECKS.values():
        assert 0.0 <= check.function(text, text) <= 1.0
