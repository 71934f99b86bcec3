from __future__ import annotations

from pathlib import Path

import pytest
from tiny_documents import GAP_HEADER

from lehr.document import Document
from lehr.formats import FormatError, gap, read_file, read_source

ROW = "t-1\tAnn Bell's aunt saw Eve; she left.\tshe\t25\tAnn Bell\t0\tTRUE\tEve\t20\tFALSE\thttp://a\n"
MALE = "t-2\tTom told Bob he won.\the\t13\tTom\t0\tFALSE\tBob\t9\tTRUE\thttp://b\n"


def examples(*rows: str) -> list[gap.GapExample]:
    return gap.read_examples(GAP_HEADER + "".join(rows), name="gap.tsv")


def link(example: gap.GapExample, *mentions: tuple[int, int]) -> Document:
    """The passage with one cluster of these half-open characters."""
    spans = [example.document.words_at(*mention) for mention in mentions]
    return example.document.with_clusters([[span for span in spans if span]])


def test_an_example() -> None:
    (example,) = examples(ROW)
    passage = example.document.text
    assert example.id == "t-1"
    assert [passage[start:end] for start, end in (example.pronoun, example.a, example.b)] == ["she", "Ann Bell", "Eve"]
    assert (example.a_coref, example.b_coref, example.gender) == (True, False, "feminine")


def test_what_is_known_of_a_passage() -> None:
    neither = ROW.replace("TRUE", "FALSE").replace("t-1", "t-3")
    first, second, third = gap.read_known(GAP_HEADER + ROW + MALE + neither, name="x")
    texts = [
        [[m.text for m in cluster.mentions] for cluster in document.clusters] for document in (first, second, third)
    ]
    assert texts == [
        [["Ann Bell", "she"], ["Eve"]],
        [["Tom"], ["Bob", "he"]],
        [["Ann Bell"], ["Eve"], ["she"]],
    ]
    assert gap.read(GAP_HEADER + ROW, name="x") == [first.with_clusters([])] == [examples(ROW)[0].document]


@pytest.mark.parametrize(
    ("mentions", "decisions"),
    [
        ([(25, 28), (0, 8)], (True, False)),
        ([(25, 28), (20, 23)], (False, True)),
        ([(25, 28), (0, 15)], (True, False)),
        ([(25, 28), (4, 8)], (True, False)),
        ([(25, 28), (11, 15)], (False, False)),
        ([(25, 28), (4, 15)], (False, False)),
        ([(25, 33), (0, 8)], (False, False)),
        ([(0, 8), (20, 23)], (False, False)),
    ],
)
def test_a_name_is_linked_by_a_mention_that_covers_it_or_lies_within(mentions, decisions) -> None:
    (example,) = examples(ROW)
    assert gap.predict(example, link(example, *mentions)) == decisions


def test_scores_are_those_of_the_official_scorer() -> None:
    both = examples(ROW, MALE)
    right = link(both[0], both[0].pronoun, both[0].a)
    wrong = link(both[1], both[1].pronoun, both[1].a, both[1].b)
    score = gap.gap_score(both, [right, wrong])
    assert (score.feminine, score.masculine) == (100.0, pytest.approx(200 / 3))
    assert score.overall == pytest.approx(80.0)
    assert score.bias == pytest.approx(1.5)
    nothing = gap.gap_score(both, [example.document for example in both])
    assert (nothing.overall, nothing.bias) == (0.0, None)


def test_documents_must_be_those_of_the_examples() -> None:
    first, second = examples(ROW, MALE)
    with pytest.raises(ValueError, match="does not have the text of GAP example 't-1'"):
        gap.gap_score([first], [second.document])
    with pytest.raises(ValueError, match="shorter"):
        gap.gap_score([first], [])


@pytest.mark.parametrize(
    ("source", "line", "found", "expected"),
    [
        ("", 1, "''", "the header"),
        ("Ann left.", 1, "'Ann left.'", "the header"),
        (GAP_HEADER + ROW + "t-2\tAnn", 3, "2 columns", "at least 10"),
        (
            GAP_HEADER + ROW.replace("\t20\t", "\t21\t"),
            2,
            "B-offset '21'",
            "the character at which 'Eve' stands in the text",
        ),
        (GAP_HEADER + ROW.replace("\t20\t", "\t-1\t"), 2, "B-offset '-1'", "the character"),
        (GAP_HEADER + ROW.replace("TRUE", "yes"), 2, "A-coref 'yes'", "TRUE or FALSE"),
        (GAP_HEADER + ROW.replace("\tshe\t", "\tit\t"), 2, "the pronoun 'it'", "one of he, him, his, she, her, hers"),
    ],
)
def test_a_broken_file_is_refused(source: str, line: int, found: str, expected: str) -> None:
    with pytest.raises(FormatError) as caught:
        gap.read_examples(source, name="gap.tsv")
    assert str(caught.value).startswith(f"gap.tsv, line {line}: found {found}, expected {expected}")


@pytest.mark.parametrize(("part", "size"), [("development", 2000), ("validation", 454)])
def test_the_data_at_hand(part: str, size: int, shared_data: Path) -> None:
    path = shared_data / "gap" / f"gap-{part}.tsv"
    read = gap.read_examples(read_source(path), name=str(path))
    assert len(read) == size
    assert sum(example.gender == "feminine" for example in read) == size / 2
    gold = [
        link(example, example.pronoun, *[example.a] * example.a_coref, *[example.b] * example.b_coref)
        for example in read
    ]
    assert gap.gap_score(read, gold) == gap.GapScore(100.0, 100.0, 100.0)
    assert len(read_file(path)) == size
