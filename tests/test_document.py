from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lehr.document import Document

SHE_LEFT = Document("a", "She left. ", ((0, 3), (4, 8), (8, 9)), ((0, 3),))


def test_characters_are_half_open_and_words_inclusive() -> None:
    mention = SHE_LEFT.mention(0, 1, score=0.5)
    assert (mention.start, mention.end, mention.text, mention.span, mention.score) == (0, 8, "She left", (0, 1), 0.5)


@pytest.mark.parametrize("span", [(-1, 0), (1, 0), (0, 3), (3, 3)])
def test_a_mention_outside_the_document_is_refused(span: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="has 3 words, so no mention of words"):
        SHE_LEFT.mention(*span)


def test_mentions_are_put_in_the_order_of_the_text_and_repeated_ones_kept() -> None:
    document = SHE_LEFT.with_clusters([[(1, 1), (0, 1), (0, 0), (0, 0)], [(2, 2)]])
    assert document.spans == [[(0, 0), (0, 0), (0, 1), (1, 1)], [(2, 2)]]
    assert [cluster.id for cluster in document.clusters] == [0, 1]
    assert len(document.clusters[0]) == 4
    assert SHE_LEFT.clusters == ()
    assert SHE_LEFT.with_clusters([[], [(2, 2)]]).clusters == SHE_LEFT.with_clusters([[(2, 2)]]).clusters


def test_mentions_nested_without_end_are_refused() -> None:
    """As each has its own copy of its text."""
    document = Document.from_sentences([["word"] * 40_000])
    assert len(document.with_clusters([[(0, n) for n in range(39_970, 40_000)]]).clusters[0]) == 30
    with pytest.raises(ValueError, match="its mentions are more than 10 times as long as it"):
        document.with_clusters([(0, n)] for n in range(40_000))


@pytest.mark.parametrize(
    ("characters", "words"),
    [
        ((0, 3), (0, 0)),
        ((0, 9), (0, 2)),
        ((1, 5), (0, 1)),
        ((3, 4), None),
        ((3, 5), (1, 1)),
        ((9, 10), None),
        ((8, 9), (2, 2)),
        ((20, 30), None),
    ],
)
def test_words_at(characters: tuple[int, int], words: tuple[int, int] | None) -> None:
    assert SHE_LEFT.words_at(*characters) == words


@pytest.mark.parametrize(
    ("words", "sentences", "message"),
    [
        (((0, 3), (2, 5)), ((0, 2),), "overlaps"),
        (((0, 0),), ((0, 1),), "empty"),
        (((0, 99),), ((0, 1),), "leaves the text"),
        (((4, 8), (0, 3)), ((0, 2),), "overlaps"),
        (((0, 3), (4, 8)), ((0, 1),), "sentences cover 1 of 2 words"),
        (((0, 3), (4, 8)), ((1, 2),), "does not follow word 0"),
        (((0, 3), (4, 8)), ((0, 0), (0, 2)), "does not follow word 0"),
    ],
)
def test_words_and_sentences_must_fit_the_text(words, sentences, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Document("a", "She left.", words, sentences)


def test_speakers_must_fit_the_words() -> None:
    with pytest.raises(ValueError, match="1 speakers for 2 words"):
        Document.from_sentences([["She", "left"]], speakers=["A"])


def test_sentences_without_words_are_left_out() -> None:
    document = Document.from_sentences([[], ["She", "left", "."], [], ["He", "stayed", "."]], clusters=[[(3, 3)]])
    assert document.text == "She left. He stayed."
    assert document.sentences == ((0, 3), (3, 6))
    assert document.clusters[0].mentions[0].text == "He"
    assert Document.from_sentences([]).text == ""


@given(st.lists(st.lists(st.text(min_size=1), min_size=1), min_size=1), st.data())
def test_every_mention_is_its_slice_of_the_text(sentences: list[list[str]], data: st.DataObject) -> None:
    document = Document.from_sentences(sentences)
    first = data.draw(st.integers(0, len(document.words) - 1))
    last = data.draw(st.integers(first, len(document.words) - 1))
    mention = document.mention(first, last)
    assert document.text[mention.start : mention.end] == mention.text
    assert document.words_at(mention.start, mention.end) == (first, last)
    assert document.tokens == [word for sentence in sentences for word in sentence]
