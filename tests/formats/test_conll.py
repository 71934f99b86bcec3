from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_documents import documents

from lehr.document import Document
from lehr.formats import FormatError, conll, read_file


def rows(*lines: str) -> str:
    return "\n".join(["#begin document (d); part 000", *lines, "", "#end document", ""])


def read_rows(*lines: str) -> Document:
    (document,) = conll.read(rows(*lines), name="file.conll")
    return document


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ("She (0)", "She"),
        ("0 She (0)", "She"),
        ("0\tShe\t(0)", "She"),
        ("0 She PRP (0)", "PRP"),
        ("d 0 0 She (0)", "She"),
        ("d\t0\t0\tShe\t(0)\t", "She"),
        ("d 0 0 She PRP * - - - A * (0)", "She"),
        ("d   0   0   She   PRP   (TOP*   -   -   -   A   *   (V*)   (ARG1*   (0)", "She"),
        ("d\t0\t0\tNew York\t_\t_\t_\t_\t_\t_\t_\t_\t(0)", "New York"),
    ],
)
def test_rows_of_every_width(row: str, word: str) -> None:
    document = read_rows(row)
    assert document.tokens == [word]
    assert document.spans == [[(0, 0)]]
    assert document.sentences == ((0, 1),)


@pytest.mark.parametrize("nothing", ["-", "_", ""])
def test_a_word_without_a_mention(nothing: str) -> None:
    document = read_rows("d\t0\t0\tShe\t_\t(0)", f"d\t0\t1\tleft\t_\t{nothing}")
    assert document.tokens == ["She", "left"]
    assert document.spans == [[(0, 0)]]


def test_words_may_hold_white_space_of_other_kinds() -> None:
    assert read_rows("d 0  0 New\xa0York (0)", "d 0 0 it\u3000 (0)").tokens == ["New\xa0York", "it\u3000"]


@pytest.mark.parametrize(
    ("columns", "spans"),
    [
        (["(0", "0)"], [[(0, 1)]]),
        (["(0|(1)", "-", "0)"], [[(0, 2)], [(0, 0)]]),
        (["(1(3", "3)", "1)"], [[(0, 2)], [(0, 1)]]),
        (["(1(3(3", "-", "3)3)1)"], [[(0, 2)], [(0, 2), (0, 2)]]),
        (["(0", "(1", "0)", "1)"], [[(0, 2)], [(1, 3)]]),
        (["(0", "(0", "0)", "0)"], [[(0, 3), (1, 2)]]),
        (["(0", "0)|(0", "0)"], [[(0, 1), (1, 2)]]),
        (["(0", "0)(0)", "(10)"], [[(0, 1), (1, 1)], [(2, 2)]]),
        (["(0)|(0)|(0)"], [[(0, 0)] * 3]),
        (["(10043)", "(2)"], [[(1, 1)], [(0, 0)]]),
    ],
)
def test_brackets(columns: list[str], spans: list[list[tuple[int, int]]]) -> None:
    assert read_rows(*(f"d 0 0 word {column}" for column in columns)).spans == spans


def test_documents_parts_speakers_and_sentences() -> None:
    source = (
        "# a remark\n"
        "#begin document (bn/a (b)); part 000\r\n"
        "bn/a 0 0 I - * - - - Ann * (3)\r\n"
        "\r\n"
        "bn/a 0 0 know - * - - - - * -\r\n"
        "\r\n"
        "#end document\r\n"
        "\n"
        "#begin document (bn/a (b)); part 001\n#end document bn/a\n"
        "# begin document other\n0 I _\n\n# end document\n"
        "#begin document (case); \nI -\n\n#end document"
    )
    first, second, third, fourth = conll.read(source, name="x")
    assert (first.id, first.part, first.speakers, first.sentences) == ("bn/a (b)", 0, ("Ann", None), ((0, 1), (1, 2)))
    assert (second.id, second.part, second.words) == ("bn/a (b)", 1, ())
    assert (third.id, third.part, third.speakers) == ("other", 0, None)
    assert fourth.id == "case"


def test_documents_without_a_name_take_that_of_the_file() -> None:
    source = "# begin document \n0\tI\t_\n# end document\n" * 2
    assert [(document.id, document.part) for document in conll.read(source, name="a/GUM_x.conll")] == [
        ("GUM_x", 0),
        ("GUM_x", 1),
    ]


def test_sentences_that_the_file_has_lost_are_found_again() -> None:
    source = "# begin document \n0 Mr. _\n1 Bell (0)\n2 left _\n3 . _\n4 He (0)\n5 slept _\n6 . _\n# end document\n"
    (document,) = conll.read(source, name="x")
    assert document.sentences == ((0, 4), (4, 7))
    assert document.text == "Mr. Bell left. He slept."
    assert read_rows("0 A _", "1 . _", "2 B _").sentences == ((0, 3),)
    assert read_rows("", "0 A (0)", "1 . _").tokens == ["A", "."], "a blank line before the first word ends no sentence"


def test_a_missing_word_keeps_its_place() -> None:
    assert read_rows("0\tA\t_", "1\t\t(0)").tokens == ["A", "_"]


@pytest.mark.parametrize(
    ("source", "line", "found", "expected"),
    [
        ("0 She (0)\n", 1, "the row '0 She (0)'", "'#begin document' before it"),
        ("#end document\n", 1, "'#end document'", "'#begin document' before it"),
        (
            "#begin document (a); part 1a\n",
            1,
            "'#begin document (a); part 1a'",
            "'#begin document (NAME); part NUMBER'",
        ),
        (rows("0 She (0"), 2, "'(0'", "a closing '0)' before the document ends"),
        (rows("0 She -", "1 left 0)"), 3, "'0)'", "a mention of cluster 0 opened before it"),
        (rows("0 She -", "left"), 3, "one column, 'left'", "at least a word and its brackets"),
        (rows("0 She -", "1 left"), 3, "'left' in the last column", "coreference brackets"),
        (rows("0 She (a)"), 2, "'(a)' in the last column", "coreference brackets"),
        (rows("0 She (0"[:-1] + "()"), 2, "'(()' in the last column", "coreference brackets"),
        (rows("0 She 0"), 2, "'0' in the last column", "coreference brackets"),
        (rows("0 She |(0)"), 2, "'|(0)' in the last column", "coreference brackets"),
        (rows("0 She (0)|"), 2, "'(0)|' in the last column", "coreference brackets"),
        ("#begin document (d); part 000\n0 She -\n", 2, "the end of the file", "'#end document' for document 'd'"),
        (
            rows("0 She -").replace("#end document", "#begin document (e)"),
            4,
            "'#begin document (e)'",
            "begins in line 1",
        ),
    ],
)
def test_a_broken_file_is_refused(source: str, line: int, found: str, expected: str) -> None:
    with pytest.raises(FormatError) as caught:
        conll.read(source, name="folder/file.conll")
    message = str(caught.value)
    assert message.startswith(f"folder/file.conll, line {line}: found {found}")
    assert f"expected {expected}" in message or message.endswith(expected)


def test_the_file_that_is_written() -> None:
    document = Document.from_sentences(
        [["Ann", "'s", "dog"], ["It", "ran"]],
        id="a b",
        clusters=[[(0, 2), (3, 3)], [(0, 1)], [(0, 0), (0, 0)]],
        speakers=["X Y", None, None, None, None],
        part=7,
    )
    assert conll.write([document]) == (
        "#begin document (a b); part 007\n"
        "a_b\t7\t0\tAnn\t-\t-\t-\t-\t-\tX_Y\t*\t(0|(1|(2)|(2)\n"
        "a_b\t7\t1\t's\t-\t-\t-\t-\t-\t-\t*\t1)\n"
        "a_b\t7\t2\tdog\t-\t-\t-\t-\t-\t-\t*\t0)\n"
        "\n"
        "a_b\t7\t0\tIt\t-\t-\t-\t-\t-\t-\t*\t(0)\n"
        "a_b\t7\t1\tran\t-\t-\t-\t-\t-\t-\t*\t-\n"
        "\n"
        "#end document\n"
    )


def test_crossing_mentions_of_one_cluster_cannot_be_written() -> None:
    document = Document.from_sentences([["a", "b", "c", "d"]], id="x", clusters=[[(0, 3), (0, 2), (1, 3)]])
    with pytest.raises(ValueError, match=r"document 'x': mentions \(0, 2\) and \(1, 3\) of cluster 0 cross"):
        conll.write([document])


@given(st.lists(documents(), max_size=3))
def test_what_is_written_is_read_again(written: list[Document]) -> None:
    assert conll.read(conll.write(written), name="x") == written


@given(st.lists(documents(), max_size=3))
def test_other_tools_that_split_at_white_space_see_twelve_columns(written: list[Document]) -> None:
    lines = [line for line in conll.write(written).split("\n") if line and not line.startswith(("#begin", "#end"))]
    assert all(len(line.split()) == 12 for line in lines)


@pytest.mark.parametrize(
    ("pattern", "files", "words", "mentions"),
    [
        ("litbank/conll/*.conll", 100, 210_532, 29_103),
        ("ontogum/*/*.conll", 207, 205_529, 27_138),
        ("conll-scorer-cases/TC-*", 28, 844, 202),
    ],
)
def test_the_data_at_hand(pattern: str, files: int, words: int, mentions: int, shared_data: Path) -> None:
    read = [document for path in sorted(shared_data.glob(pattern)) for document in read_file(path, "conll")]
    assert len(read) == files
    assert sum(len(document.words) for document in read) == words
    assert sum(len(cluster) for document in read for cluster in document.clusters) == mentions
    few = read[:: max(1, files // 10)]
    assert conll.read(conll.write(few), name="x") == few
