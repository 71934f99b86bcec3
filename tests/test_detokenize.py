from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lehr.detokenize import join_words
from lehr.formats import read_file
from lehr.formats.text import split_words


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("She did n't leave , did she ?", "She didn't leave, did she?"),
        ("Mr. Bell 's dog ate the boys ' cat .", "Mr. Bell's dog ate the boys' cat."),
        ("It -- he paused -- was ( as he said [ sic ] ) over ...", "It--he paused--was (as he said [sic]) over..."),
        ("“ I ca n’t , ” said he ; “ it ’s ‘ old ’ . ”", "“I can’t,” said he; “it’s ‘old’.”"),
        ("He paid $ 5 , or 20 % , and / or £ 3 !!", "He paid $5, or 20%, and/or £3!!"),
        ("From 1999 – 2004 and 8 : 35 - which is late -", "From 1999–2004 and 8:35 - which is late -"),
        ('" I know , " she said , " it was \' old \' . "', '"I know," she said, "it was \'old\'."'),
        ("I was gon na say I can not , 't is true", "I was gonna say I cannot, 'tis true"),
        ("-LRB- see `` this '' -RRB-", "-LRB- see ``this'' -RRB-"),
        ("the _ Daily News _ , 1870", "the _Daily News_, 1870"),
        ("", ""),
    ],
)
def test_a_sentence_reads_as_print_sets_it(words: str, text: str) -> None:
    assert join_words([words.split()])[0] == text


def test_what_leans_in_english_stands_apart_in_other_languages() -> None:
    words = ["Er", "wan", "na", "gehen", "und", "is", "'s", "so", "."]
    assert join_words([words], "de")[0] == "Er wan na gehen und is 's so."
    assert join_words([words], "en")[0] == "Er wanna gehen und is's so."


def test_straight_quotes_close_at_the_end_of_a_sentence_and_open_at_the_start_of_the_next() -> None:
    sentences = [['"', "Go", ".", "He", "said", '"', "no"], ['"', "Why", "?", '"'], ["She", "left", "."]]
    assert join_words(sentences)[0] == '"Go. He said" no "Why?" She left.'


def test_every_sentence_stands_apart() -> None:
    assert join_words([["("], [".", ")"], [","]]) == ("( .) ,", [(0, 1), (2, 3), (3, 4), (5, 6)])


@given(st.lists(st.lists(st.text(min_size=1))))
def test_every_word_stands_in_the_text_verbatim_and_only_spaces_between(sentences: list[list[str]]) -> None:
    text, offsets = join_words(sentences)
    assert [text[start:end] for start, end in offsets] == [word for sentence in sentences for word in sentence]
    edges = [0, *(edge for word in offsets for edge in word), len(text)]
    assert {text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)} <= {"", " "}


def test_the_words_of_real_prose_are_found_again(shared_data: Path) -> None:
    kept = total = 0
    for path in sorted((shared_data / "litbank" / "conll").glob("1*.conll")):
        (document,) = read_file(path)
        kept += len(set(split_words(document.text)) & set(document.words))
        total += len(document.words)
    assert total > 30_000
    assert kept / total > 0.999
