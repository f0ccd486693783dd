"""Earlier prompts that only ask are separated from those with a statement."""

import pytest

from mlsdm_grpc.generation.questions import only_asks

ASKED_NOW = "What is the name of my dog Rex?"


@pytest.mark.parametrize(
    "text",
    [
        "What is the name of my dog?",
        "How is my dog called? Do you know?",
        "Tell me the name of my dog.",
        "Please remind me of my dog's name.",
        "what is my dog called",
        "What's my dog's name",
        "Is Rex the name of my dog?",
        "Wie heißt er?",
        "¿Cómo se llama mi perro?",
        "Comment s'appelle mon chien ?",
        "Як звати мого собаку?",
        "犬の名前は何ですか？",
    ],
)
def test_what_only_asks(text):
    assert only_asks(text, ASKED_NOW)


@pytest.mark.parametrize(
    "text",
    [
        "My dog is called Rex.",
        "I have a dog. What is his name?",
        "Did I tell you that my dog is called Bello?",
        "Do you know that the PIN is 4711?",
        "Tell me that my dog is ill when I come home.",
        "When I was young I had a dog.",
        "What I like best is tea.",
        "What a day, it rained all morning.",
        "How lovely!",
        "Yes",
        "",
        "...",
    ],
)
def test_what_says_something(text):
    assert not only_asks(text, ASKED_NOW)


def test_a_name_that_is_asked_for_now_too_says_nothing_new():
    assert only_asks("Where does Clara live?", "In which city is Clara?")
    assert not only_asks("Does Clara still live in Lisbon?", "In which city is Clara?")
