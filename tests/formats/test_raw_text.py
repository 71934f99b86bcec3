from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from made_documents import ODD_TEXT

from lehr.document import Document
from lehr.formats import read, read_file, read_source, text


def sentences(source: str) -> list[str]:
    """The sentences, a space between any two words."""
    (document,) = text.read(source, name="x")
    return [" ".join(document.tokens[first:end]) for first, end in document.sentences]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("She didn't; they’d gone.", "She did n't ; they ’d gone ."),
        ("I can't, I CAN'T! Cannot? Gonna.", "I ca n't , I CA N'T ! Can not ? Gon na ."),
        ("Mr. O'Hara's drawing-room at 8:35 o'clock", "Mr. O'Hara 's drawing-room at 8:35 o'clock"),
        ("“‘Tis I,” said J. Smith, of the U.S., at 5 p.m.", "“ ‘ Tis I , ” said J. Smith , of the U.S. , at 5 p.m."),
        ("'Tis him--give 'em 13,000... No. 7!", "'T is him -- give 'em 13,000 ... No. 7 !"),
        ("(see [_Emma_], pp. 3/4)", "( see [ _ Emma _ ] , pp . 3/4 )"),
        ("It was I. He left.", "It was I . He left ."),
        ("the dogs' $5 and 20% (AT&T)", "the dogs ' $ 5 and 20 % ( AT&T )"),
        ("see https://a.b/c?d=e, or www.f.org.", "see https://a.b/c?d=e , or www.f.org ."),
        ("in Punjab.He left", "in Punjab . He left"),
        ("hi 😀👩‍🚀!", "hi 😀👩‍🚀 !"),
        ("cafe\u0301 שלום, नमस्ते।", "cafe\u0301 שלום , नमस्ते ।"),
        ("a\0b \u200b c\ufeff", "a b c"),
    ],
)
def test_words_are_those_of_the_penn_treebank(source: str, words: str) -> None:
    assert [source[start:end] for start, end in text.split_words(source)] == words.split()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Mr. Bell left. She stayed.", ["Mr. Bell left .", "She stayed ."]),
        ("Hard-wrapped\nlines are\r\none sentence", ["Hard-wrapped lines are one sentence"]),
        ("CHAPTER I\n\nIt was late", ["CHAPTER I", "It was late"]),
        ("One\r\n \t\r\nTwo\fThree\u2029Four", ["One", "Two", "Three", "Four"]),
        ("He slept; she woke; I left", ["He slept ; she woke ; I left"]),
        ("“Is it?” she asked. “It is.”", ["“ Is it ? ” she asked .", "“ It is . ”"]),
        ("He lived in the U.S. The house burnt.", ["He lived in the U.S.", "The house burnt ."]),
        ("“Wait …” He left… Ann… stayed…", ["“ Wait … ”", "He left …", "Ann … stayed …"]),
        ("He is older than I. She left. So am I.", ["He is older than I .", "She left .", "So am I ."]),
        ("Charles I. Stuart died by I. Newton.", ["Charles I . Stuart died by I . Newton ."]),
        ("", []),
        (" \r\n\r\n\t", []),
    ],
)
def test_sentences(source: str, expected: list[str]) -> None:
    assert sentences(source) == expected


@given(ODD_TEXT)
@example("e\u0301\u0301 \u0301")
@example("[[((a.")
def test_words_are_slices_of_the_text_and_leave_out_no_visible_character(source: str) -> None:
    (document,) = text.read(source, name="x")
    assert document.text == source
    uncovered = list(source)
    for word in range(len(document.words)):
        mention = document.mention(word, word)
        assert source[mention.start : mention.end] == mention.text
        uncovered[mention.start : mention.end] = [""] * (mention.end - mention.start)
    assert (
        not "".join(uncovered).translate(dict.fromkeys([0x200B, 0x2060, 0xFEFF, *range(32), *range(127, 160)])).strip()
    )


@pytest.mark.parametrize(
    "source",
    [
        *("a" * 100_000, "\0" * 100_000, "(" * 10_000, "( " * 10_000, "word ( " * 2_000, "a" + " \n" * 50_000 + "b"),
        *(
            "a." * 20_000,
            "A. " * 10_000,
            "can" * 30_000,
            "a's" * 10_000,
            "http://" * 5_000,
            "." * 50_000,
            "-_" * 10_000,
        ),
    ],
    ids=lambda source: repr(source[:9]),
)
def test_time_grows_no_faster_than_the_text(source: str) -> None:
    (document,) = text.read(source, name="x")
    assert document.text == source


def test_the_document_has_the_name_of_the_file() -> None:
    assert text.read("A", name="folder/emma.txt")[0].id == "emma"


def test_writing_gives_the_texts() -> None:
    assert text.write([Document.from_sentences([["A", "."]]), Document.from_sentences([["B", "."]])]) == "A.\n\nB."


def located(words: list[str], source: str) -> list[tuple[int, int]]:
    """Where words stand in a text that has nothing but white space besides them, from the first of them on."""
    visible = [place for place, character in enumerate(source) if not character.isspace()]
    place = "".join(source.split()).index("".join(words))
    offsets = []
    for word in words:
        offsets.append((visible[place], visible[place + len(word) - 1] + 1))
        place += len(word)
    return offsets


def f1(gold: set[tuple[int, int]] | set[int], found: set[tuple[int, int]] | set[int]) -> float:
    return 2 * len(gold & found) / (len(gold) + len(found))


@pytest.mark.parametrize("number", [345, 1342, 2489, 4276])
def test_novels_are_split_as_litbank_splits_them(number: int, shared_data: Path) -> None:
    (gold,) = read_file(next((shared_data / "litbank" / "conll").glob(f"{number}_*")))
    source = read_source(next((shared_data / "novels").glob(f"{number}_*")))
    offsets = located(gold.tokens, source)
    first, end = offsets[0][0], offsets[-1][1]
    (found,) = text.read(source[first:end], name="x")
    assert f1({(a - first, b - first) for a, b in offsets}, set(found.words)) > 0.998
    starts = {offsets[first_word][0] - first for first_word, _ in gold.sentences}
    assert f1(starts, {found.words[first_word][0] for first_word, _ in found.sentences}) > 0.88


def test_abbreviations_and_contractions_are_those_of_the_language() -> None:
    source = "Dr. Moe didn't see l'homme z.B. today."
    english, german = ([source[a:b] for a, b in text.split_words(source, code)] for code in ("en", "de"))
    assert english == ["Dr.", "Moe", "did", "n't", "see", "l'homme", "z.B.", "today", "."]
    assert german == ["Dr", ".", "Moe", "didn't", "see", "l'homme", "z.B.", "today", "."]
    (whole,) = text.read(source, name="x", language="de")
    ((part, words, sentences),) = text.stream([source[:9], source[9:]], "de")
    assert (whole.text, whole.words, whole.sentences) == (part, tuple(words), tuple(sentences))


def test_a_pronoun_of_one_letter_is_one_of_the_language() -> None:
    source = "Er ist so alt, was I. Bach nicht war."
    assert [len(text.read(source, name="x", language=code)[0].sentences) for code in ("en", "de", "")] == [2, 1, 1]


def test_text_without_words_in_json_lines_is_split_as_in_its_language() -> None:
    source = '{"text": "Mary didn\'t."}\n'
    for code, words in (("en", ["Mary", "did", "n't", "."]), ("nl", ["Mary", "didn't", "."])):
        (document,) = read(source, "jsonl", name="x", language=code)
        assert document.tokens == words
