from __future__ import annotations

import json
from importlib.resources import files

import pytest
from bracketed_text import bracketed
from hypothesis import given
from hypothesis import strategies as st

from lehr.document import Document
from lehr.language import Language, language
from lehr.naming import Kind, Naming, best_names


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("[1 He] said [1 Tom] lost [1 his] hat.", ["Tom"]),
        ("[1 The old man] spoke. [1 He] saw [1 the man].", ["the old man"]),
        ("[1 Tom], [1 the very old boy], left. [1 He] ran.", ["Tom"]),
        ("[1 Oliver Twist] ate. [1 Oliver] sat. Then [1 Oliver] left.", ["Oliver"]),
        ("[1 Oliver Twist] ate. Then [1 Oliver] left.", ["Oliver Twist"]),
        ("[1 Oliver\n  Twist] ate [1 his] soup.", ["Oliver Twist"]),
        ("[1 Tom's] hat and [2 the boys'] hats.", ["Tom", "the boys"]),
        ("[1 Tom’s] hat and [2 [1 his] mother’s].", ["Tom", "his mother"]),
        ("[1 His mother] left. [2 Mr. Bell] saw [1 her].", ["his mother", "Mr. Bell"]),
        ("“[1 Old men] came,” said [1 they]. No old hats.", ["old men"]),
        ("[1 She] left. [1 Her] hat. [2 I] saw. [2 My] hat.", ["she", "I"]),
        ("[1 Your] hat. [1 You] left, as [1 you] said.", ["you"]),
        ("[1 He] left. “See [1 him go!” he] said. THE CAT: [2 THE CAT] saw the cat.", ["he", "THE CAT"]),
        ("[1 The man who lived in the house by the sea] left [1 a boat].", ["a boat"]),
        ("[1 The man who lived in the house by the sea] left.", ["the man who lived in the house by the sea"]),
        ("[1 My hand] hurt. [1 My sore hand and my] eyes. [1 It] heals.", ["my hand"]),
        ("[1 My hand and my] eyes.", ["my hand and my"]),
        (
            "[1 Queen Elizabeth I] died. [1 She] had reigned, as had [2 Theresa May]. [2 She]",
            ["Queen Elizabeth I", "Theresa May"],
        ),
        ("[1 The US] sent [1 its] men. [1 The country] sat. Give [2 us] bread.", ["the US", "us"]),
        ("[1 We] saw [2 the dog], [1 we] did: [2 IT], and [2 it] bit [1 US]. [3 IT]", ["we", "the dog", "IT"]),
        ("[1 The people we know] came. [1 They] sat.", ["the people we know"]),
        ("[1 IT] said [1 it] will mend [2 it].", ["IT", "it"]),
        ("[1 Will] left. Ann saw [1 Will]. [1 The young man] will stay.", ["Will"]),
        ("[1 Two boys] met [1 them]. [2 Every boy] ate.", ["two boys", "every boy"]),
        ("[1 No lazy boy] ate: [1 the boy] sat. [2 Which Frenchman] ate [2 it].", ["the boy", "which Frenchman"]),
        ("In [1 Half Moon Bay]. [1 Half Moon Bay] is old.", ["Half Moon Bay"]),
        ("He said, “[1 Old ships] sank.” No old ship.", ["old ships"]),
        ("He said, '[1 Ships] sank.' His ships and \"[2 Old Moon]\", the old boat.", ["ships", "Old Moon"]),
        (
            "[1 Her Majesty] left. [2 His Grace's ship] sank. [3 Her Aunt] ate.",
            ["Her Majesty", "His Grace's ship", "her Aunt"],
        ),
        ("HOW [1 ALICE] FELL\n\nThen [1 Alice] sat. [1 Alice] slept.", ["Alice"]),
        ("HOW [1 ALICE] FELL\n\n[1 Alice] sat.", ["ALICE"]),
        ("[1 My Tom] left, [1 my Tom]. [2 My Lord Nelson] saw [1 Tom].", ["Tom", "my Lord Nelson"]),
        ("[1 Her majesty] awed.", ["her majesty"]),
        ("[1 她] 说 [1 那个 女孩] 累 了。", ["那个 女孩"]),
    ],
)
def test_the_best_name(source: str, names: list[str]) -> None:
    assert best_names(bracketed(source), "en") == names


def test_without_a_known_language_a_name_has_its_capital_within_a_sentence() -> None:
    source = "[1 Er] sah [1 Tom] und [2 die Frau]. [1 Er] lief. [2 Sie] kam."
    assert best_names(bracketed(source)) == ["Tom", "die Frau"]


def test_kinds() -> None:
    document = bracketed("[1 He] saw [1 himself], [1 the Dodger], [1 Jack's], [1 a friend of Jack], [1 him].")
    naming = Naming(document, language("en"))
    kinds = [naming.kind(mention) for mention in document.clusters[0].mentions]
    assert kinds == [Kind.PRONOUN, Kind.PRONOUN, Kind.NAME, Kind.NAME, Kind.NOMINAL, Kind.PRONOUN]


@pytest.mark.parametrize("code", ["", "xx"])
def test_nothing_is_known_of_a_language_without_a_file(code: str) -> None:
    assert language(code) == Language()


def test_the_word_lists_of_every_language_are_whole() -> None:
    codes = [file.name.removesuffix(".json") for file in (files("lehr") / "languages").iterdir()]
    assert "en" in codes
    for code in codes:
        known = language(code)
        assert known.pronouns
        assert known.genitives
        words = [*known.pronouns, *known.possessives, *known.either, *known.kept]
        assert len(set(words)) == len(words), "a pronoun is of one kind"
        for name, group in json.loads((files("lehr") / "languages" / f"{code}.json").read_text("utf-8")).items():
            if name not in ("persons", "unpronouns", "abbreviations", "words", "cuts", "characters", "example"):
                assert all(word == word.lower() or known.has_pronoun(word) for word in group)


def test_a_word_of_white_space_is_no_capital() -> None:
    document = Document.from_sentences([["Mary", " ", "slept", "."]], clusters=[[(1, 2)]])
    assert best_names(document, "en") == ["slept"]


WORDS = ["Tom", "tom", "I", "’s", "'", "His", "the", "The", "她", "!", "A’", "ß"]


@given(st.lists(st.lists(st.sampled_from(WORDS), min_size=1), max_size=4))
def test_whatever_the_words_a_name_is_a_line_of_words_of_the_entity(sentences: list[list[str]]) -> None:
    n = sum(map(len, sentences))
    spans = [(a, min(a + w, n - 1)) for a in range(n) for w in range(3)]
    document = Document.from_sentences(sentences, clusters=[spans] if spans else [])
    for code in ("", "en"):
        for name in best_names(document, code):
            assert name
            assert name.casefold() in " ".join(document.text.split()).casefold()


@pytest.mark.parametrize("code", ["EN", "english", "en-GB", "../en", "en/", "e"])
def test_what_is_no_code_is_no_language(code: str) -> None:
    with pytest.raises(ValueError, match="it must be an ISO 639 code, such as 'de'"):
        best_names(bracketed("[1 Tom] sat."), code)
