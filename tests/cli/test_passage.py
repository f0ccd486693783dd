"""Passage of a match that a person sees."""

from mlsdm_grpc.cli.passage import matched_passage

FILLER = "Nothing of interest happens here for quite a while, as everybody in the room can tell. "


def highlighted(text, query):
    shown = matched_passage(text, query)
    return [shown.plain[span.start : span.end] for span in shown.spans]


def test_words_are_highlighted_in_whatever_form():
    text = "Anna walked her dogs; the invoice LH123 was paid."
    assert matched_passage(text, "who walks a dog with LH123?").plain == text
    assert highlighted(text, "who walks a dog with LH123?") == ["walked", "dogs", "LH123"]
    assert highlighted(text, "") == []


def test_the_passage_with_the_most_words_is_shown():
    text = f"A dog. {FILLER * 3}Then the dog chases a red ball along the river. {FILLER * 3}"
    shown = matched_passage(text, "dog with a red ball")
    assert highlighted(text, "dog with a red ball") == ["dog", "red", "ball"]
    assert len(shown.plain) <= 120
    assert shown.plain.startswith("...")
    assert shown.plain.endswith("...")
    assert "chases a red ball" in shown.plain


def test_markup_and_lines_are_shown_as_they_are():
    assert matched_passage("[bold]a\n\tdog[/bold]", "dog").plain == "[bold]a dog[/bold]"
    assert len(matched_passage("x" * 500, "dog").plain) <= 120
