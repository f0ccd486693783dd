import hashlib
import json
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlsdm_grpc.lexical import TERM_UNIT, TOKENIZER_VERSION, index_terms, query_terms
from mlsdm_grpc.lexical.recognition import main_languages, recognise, script_of
from mlsdm_grpc.lexical.stems import stem
from mlsdm_grpc.lexical.tables import attached, endings, languages
from mlsdm_grpc.lexical.tokenizer import tokenize

TEXTS = {
    "en": "The dogs were running through the garden when she bought three books.",
    "de": "Die Hunde liefen durch den Garten, als sie drei Bücher gekauft hat.",
    "fr": "Les chiens couraient dans le jardin quand elle a acheté trois livres.",
    "es": "Los perros corrían por el jardín cuando ella compró tres libros.",
    "uk": "Собаки бігли через сад, коли вона купила три книги.",
    "it": "I cani correvano nel giardino quando lei ha comprato tre libri.",
    "pt": "Os cães corriam pelo jardim quando ela comprou três livros.",
    "nl": "De honden liepen door de tuin toen zij drie boeken had gekocht.",
    "sv": "Hundarna sprang genom trädgården när hon hade köpt tre böcker.",
    "pl": "Psy biegały po ogrodzie, kiedy ona kupiła trzy książki.",
    "ru": "Собаки бежали через сад, когда она купила три книги.",
    "el": "Τα σκυλιά έτρεχαν στον κήπο όταν αυτή αγόρασε τρία βιβλία.",
    "tr": "Köpekler bahçede koşuyordu ve o üç kitap aldı, ama ben değil.",
    "fi": "Koirat juoksivat puutarhassa, kun hän osti kolme kirjaa, mutta ei ole.",
    "hu": "A kutyák a kertben futottak, és ő három könyvet vett, de nem az.",
    "ar": "كانت الكلاب تجري في الحديقة عندما هي اشترت ثلاثة كتب",
    "hi": "कुत्ते बगीचे में दौड़ रहे थे और उसने तीन किताबें खरीदीं",
}

GOLDEN = "6e38ab2006e80eec"
"""Digest of the data and of the terms below; a new one comes with a new TOKENIZER_VERSION."""
GOLDEN_TEXTS = (
    *TEXTS.values(),
    "Call John's e-mail anna.schmidt@example.org about LH123, v2.1.0 and 2023-05-08 at 1:56 pm.",
    "Costs 3.14 or 1,000 EUR in the U.S.A.; see snake_case, QueryMemories, C++ and rock'n'roll.",
    "私はPython3が好きです。猫 東京都 고양이 แมว",
    "Hund Katzen кіт собака σκύλος",
    "to be or not to be",
)


def meets(query, text, context=""):
    """Return the words of a query that a text has."""
    terms = index_terms(text, context)
    return {
        term.word for term in query_terms(query).terms if not terms.keys().isdisjoint(term.terms)
    }


@pytest.mark.parametrize("language", TEXTS)
def test_the_language_of_a_text_is_told_by_its_stop_words(language):
    assert recognise(tokenize(TEXTS[language]).words) == (language,)


def test_one_stop_word_tells_a_main_language_only():
    assert recognise(["die", "hunde"]) == ("de",)
    assert recognise(["take", "care"]) == ()
    assert recognise(["take", "care"], rare=1) == ("ro",)
    assert recognise(["hund", "katze"]) == ()
    assert recognise(["was", "in"]) == ("en", "de")
    assert "care" in index_terms("Take care!")


@pytest.mark.parametrize(
    ("query", "text", "words"),
    [
        ("Which book did the dog buy?", TEXTS["en"], {"book", "dog", "buy"}),
        ("Welches Buch war beim Hund im Garten?", TEXTS["de"], {"buch", "hund", "garten"}),
        ("Quel livre est acheté pour le chien?", TEXTS["fr"], {"livre", "chien", "acheté"}),
        (
            "¿Qué libro compraba el perro en los jardines?",
            TEXTS["es"],
            {"libro", "perro", "jardines"},
        ),
        ("Яку книгу купив собака в саду?", TEXTS["uk"], {"книгу", "купив", "собака", "саду"}),
        ("Quale libro compra il cane?", TEXTS["it"], {"libro", "cane", "compra"}),
        ("Qual livro ela comprava para o jardim?", TEXTS["pt"], {"livro", "comprava", "jardim"}),
        ("Welk boek heeft de hond in de tuin?", TEXTS["nl"], {"boek", "hond", "tuin"}),
        ("Какую книгу купит собака?", TEXTS["ru"], {"книгу", "купит", "собака"}),
        ("Ποια είναι τα βιβλία του κήπου;", TEXTS["el"], {"βιβλία", "κήπου"}),
        ("Dove abitava Anna?", "Anna abita a Roma con il cane.", {"abitava", "anna"}),
        ("What did she buy?", "She bought a new car.", {"buy"}),
        ("Wann ging Anna?", "Anna ist gestern gegangen.", {"ging", "anna"}),
        ("cafe in Cordoba", "Un café en Córdoba con los amigos.", {"cafe", "cordoba"}),
        # Words that tell no language.
        ("Katze", "Hund Katzen", {"katze"}),
        ("libros", "Libro", {"libros"}),
        ("кішка", "Кішку Мурку", {"кішка"}),
        # Identifiers, numbers, scripts without spaces.
        ("my flight lh123", "Flight LH 123 is late.", {"flight", "lh"}),
        ("lh123", "LH123 is late.", {"lh", "lh123", "123"}),
        ("example.org", "Mail anna@example.org!", {"example", "org"}),
        ("PIN 4711", "The PIN is 4711.", {"pin", "4711"}),
        ("2023-05-08", "On 2023-05-08 we met.", {"2023-05-08", "2023", "5", "8"}),
        ("猫の名前", "私の猫は白い", {"猫"}),
        ("北京烤鸭", "我喜欢北京的烤鸭", {"北京", "烤鸭"}),
        ("東京", "東京都に住む", {"東京"}),
    ],
)
def test_a_query_meets_texts_of_its_own_language(query, text, words):
    assert words <= meets(query, text)


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("asked_in", ["en", "de", "fr", "es", "uk", "it", "ru"])
def test_a_word_that_stands_in_a_text_is_met_from_every_language(language, asked_in):
    lead = {
        "en": "what is the",
        "de": "was ist das",
        "fr": "qu'est-ce que le",
        "es": "qué es el",
        "uk": "що це таке",
        "it": "che cosa è il",
        "ru": "что это такое",
    }[asked_in]
    words = tokenize(TEXTS[language]).words
    stop_words = languages()[language].stop_words | languages()[asked_in].stop_words
    for word in words:
        if word not in stop_words and recognise([*tokenize(lead).words, word]) == (asked_in,):
            assert word in meets(f"{lead} {word}", TEXTS[language]), word


@given(st.text(min_size=1), st.sampled_from(sorted(TEXTS)))
def test_every_text_meets_itself(text, language):
    both = f"{TEXTS[language]} {text}"
    query = query_terms(both)
    assert {term.word for term in query.terms} == meets(both, both)


@given(st.text(), st.text())
def test_terms_depend_on_the_text_alone(text, context):
    terms = index_terms(text, context)
    assert index_terms(text, context) == terms
    assert all(count >= 1 for count in terms.values())
    assert set(index_terms(text)) <= set(terms)


def test_context_counts_a_quarter_and_does_not_change_the_text():
    terms = index_terms("The dog sleeps.", "Bella the dog and Bella")
    assert terms == {"dog": TERM_UNIT + 1, "sleep": TERM_UNIT, "bella": 2}


def test_stop_words_stand_only_where_there_is_nothing_else():
    assert set(index_terms("to be or not to be")) == {"to", "be", "or", "not"}
    assert "the" not in index_terms("the cat")
    assert index_terms("the cat", "to be") == {"cat": TERM_UNIT}


def test_a_long_list_of_words_has_one_term_a_word():
    names = [f"{a}{b}sten" for a in "gkpz" for b in "aeou"]
    assert len(index_terms(" ".join(names))) == len(names)
    assert len(index_terms(" ".join(names[:5]))) > 5
    for name in names:
        assert meets(name, " ".join(names)) == {name}


def test_a_query_of_stop_words_alone_says_so():
    assert query_terms("Hello there, how are you?").stop_words_only
    assert query_terms("Hello there, how are you?").terms
    assert not query_terms("How is Bello?").stop_words_only
    assert not query_terms("猫").stop_words_only
    assert query_terms("?!") == query_terms("")
    assert not query_terms("").terms


def test_a_query_has_each_word_once():
    query = query_terms("running runs run, RUN 7 7")
    assert [term.word for term in query.terms] == ["running", "7"]


def test_all_stemmers_and_all_data_are_usable():
    for code, language in languages().items():
        assert stem(code, "word" if language.script == "latin" else "слово")
        assert len(language.stop_words) >= 20
        assert not any(" " in word or "'" in word for word in language.stop_words)
        for form, base in language.base_forms.items():
            assert form != base
            assert base not in language.base_forms, base
    assert (
        {code for code, one in languages().items() if one.fallback}
        == {*main_languages("latin"), *main_languages("cyrillic")}
        == {"en", "de", "fr", "es", "uk", "ru"}
    )
    assert attached().beginnings
    assert endings().endings[0] == max(endings().endings, key=len)


@pytest.mark.parametrize(
    ("word", "script"),
    [
        ("a", "latin"),
        ("é", "latin"),
        ("ế", "latin"),
        ("σ", "greek"),
        ("ж", "cyrillic"),
        ("ա", "armenian"),
        ("א", "hebrew"),
        ("ع", "arabic"),
        ("क", "devanagari"),
        ("க", "tamil"),
        ("ක", ""),
        ("ა", ""),
        ("猫", ""),
        ("ɐ", ""),
        ("\U00010400", ""),
    ],
)
def test_the_script_of_a_word(word, script):
    assert script_of(word) == script


@pytest.mark.parametrize(
    "forms",
    [
        "книга книги книзі книгу книгою книг книгам книгами",
        "кішка кішки кішці кішку кішкою",
        "вулиця вулиці вулицю вулицею",
        "знання знань знанням",
        "читати читаю читає читала читав читають",
        "червоний червона червоного червоному червоним червоних",
        "пішов пішла піде піти",
        "дитина діти дітей",
        "радість радості радістю",
    ],
)
def test_forms_of_a_ukrainian_word_have_one_stem(forms):
    assert len({stem("uk", form) for form in forms.split()}) == 1, {
        form: stem("uk", form) for form in forms.split()
    }


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("uk", "кіт", "кит"),
        ("uk", "місто", "місяць"),
        ("en", "rose", "rise"),
        ("de", "bot", "bieten"),
        ("en", "4711", "1174"),
    ],
)
def test_different_words_have_different_stems(language, one, other):
    assert stem(language, one) != stem(language, other)


def test_another_tokenizer_has_another_version():
    """A change of data or code that changes terms increases the version, and then this digest."""
    data = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files("mlsdm_grpc.lexical").joinpath("data").iterdir()
        if file.name.endswith(".toml")
    }
    terms = [list(index_terms(text, text[:20]).items()) for text in GOLDEN_TEXTS]
    queries = [[term.terms for term in query_terms(text).terms] for text in GOLDEN_TEXTS]
    content = json.dumps([TOKENIZER_VERSION.split("/")[0], data, terms, queries], sort_keys=True)
    assert hashlib.sha256(content.encode()).hexdigest()[:16] == GOLDEN


def test_of_a_long_query_the_longest_words_are_looked_for_in_their_order():
    letters = "bcdfghjklmnpqrstvwxz"
    words = [
        a * (1 + (i + j) % 9) + b for i, a in enumerate(letters) for j, b in enumerate(letters)
    ]
    found = [term.word for term in query_terms(" ".join(words)).terms]
    assert len(found) == 128
    assert found == [word for word in words if word in found]
    assert min(map(len, found)) >= sorted(map(len, words))[-128]


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("My sister Clara lives in Oslo.", "Where does my sister Clara live?"),
        ("Our flight leaves at nine on Monday.", "When does our flight leave?"),
    ],
)
def test_a_verb_is_not_taken_for_a_plural(text, question):
    held = index_terms(text)
    for word in query_terms(question).terms:
        assert not held.keys().isdisjoint(word.terms), word
