"""What a resolver can be given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from made_model import made

from lehr.document import Cluster, Document, Mention
from lehr.resolver import Resolver
from lehr.resolver.source import find_clusters, find_mention, read, several

SENTENCES = [["Mary", "told", "Ann", "."], ["She", "did", "n't", "know", "."]]
WORDS = [word for sentence in SENTENCES for word in sentence]
TEXT = "Mary told Ann. She didn't know."


@pytest.fixture
def resolver() -> Resolver:
    mary, she = (0, 0), (4, 4)
    return made({mary: 0.9, she: 0.9}, {(mary, she): 0.9})[0]


@pytest.mark.parametrize(
    "source", [TEXT, WORDS, tuple(WORDS), SENTENCES, Document.from_sentences(SENTENCES)], ids=lambda s: type(s).__name__
)
def test_one_document_is_one_document(resolver: Resolver, source: Any) -> None:
    document = resolver(source)
    assert isinstance(document, Document)
    assert document.text == TEXT
    assert document.tokens == WORDS
    assert document.sentences == ((0, 4), (4, 9))
    assert document.spans == [[(0, 0), (4, 4)]]


@pytest.mark.parametrize(
    "sources",
    [
        [TEXT, "Nobody"],
        [TEXT, ""],
        [SENTENCES, [["Nobody"]]],
        [Document.from_sentences(SENTENCES), Document.from_sentences([["Nobody"]])],
        [TEXT, WORDS, SENTENCES, Document.from_sentences(SENTENCES)],
    ],
    ids=["texts", "empty text", "lists of sentences", "documents", "mixed"],
)
def test_many_documents_are_a_list(resolver: Resolver, sources: list[Any]) -> None:
    documents = resolver(sources)
    assert isinstance(documents, list)
    assert documents == [resolver(source) for source in sources]
    assert documents[0].spans == [[(0, 0), (4, 4)]]


def test_pipe_takes_each_item_as_one_document_when_its_turn_comes(resolver: Resolver) -> None:
    drawn = []

    def sources() -> Any:
        for source in (TEXT, ["one", "two words"], SENTENCES, ""):
            drawn.append(source)
            yield source

    documents = resolver.pipe(sources())
    assert drawn == []
    assert next(documents).spans == [[(0, 0), (4, 4)]]
    assert len(drawn) == 1
    assert [document.tokens for document in documents] == [["one", "two words"], WORDS, []]


def test_encodings_can_be_among_many(resolver: Resolver) -> None:
    assert resolver([resolver.encode(TEXT), TEXT]) == [resolver(TEXT), resolver(TEXT)]


@pytest.mark.parametrize(
    ("source", "number"),
    [
        ([], None),
        ([[]], None),
        (["one"], None),
        (["one", "two"], None),
        (["one two"], 1),
        (["one", " "], 2),
        (["one", "two\u2003three"], 2),
        ([["one two"], []], None),
        ([["one"], "two"], 2),
        ([[["one"]], [["two"]]], 2),
        ("a b", None),
        (3, None),
    ],
)
def test_lists_are_read_by_what_is_in_them(source: Any, number: int | None) -> None:
    found = several(source)
    assert number == (None if found is None else len(found))


@pytest.mark.parametrize(
    ("source", "name"),
    [(3, "int"), (None, "NoneType"), (b"Mary", "bytes of int"), ([["a", 3]], "list of list"), ({}, "dict")],
)
def test_nothing_else_is_a_document(resolver: Resolver, source: Any, name: str) -> None:
    with pytest.raises(TypeError, match=name):
        list(resolver.pipe([source]))
    with pytest.raises(TypeError, match="a resolver takes a text, a list of words"):
        resolver(source)


def test_an_empty_word_is_an_error(resolver: Resolver) -> None:
    with pytest.raises(ValueError, match="empty"):
        resolver([["one", ""]])


def test_half_of_a_surrogate_pair_is_told(resolver: Resolver) -> None:
    with pytest.raises(ValueError, match="half of a surrogate pair, '\\\\ud83d', at character 5"):
        resolver("Mary \ud83d")


def test_long_lists_of_words_are_split_into_sentences() -> None:
    document, in_words = read(WORDS)
    assert document.sentences == ((0, 4), (4, 9))
    assert in_words


TEXT_DOCUMENT = read("Ann's mother saw  her;\nher mother saw Ann.")[0]


@pytest.mark.parametrize(
    ("given", "span"),
    [
        ("Ann", (0, 0)),
        ("Ann's", (0, 1)),
        ("Ann 's  mother", (0, 2)),
        ("mother", (2, 2)),
        ("her", (4, 4)),
        ("her mother", (6, 7)),
        ("saw her", (3, 4)),
        ("Ann.", (9, 10)),
        ((0, 3), (0, 0)),
        ((1, 4), (0, 1)),
        ([6, 12], (2, 2)),
        ((np.int64(6), np.int64(12)), (2, 2)),
        (TEXT_DOCUMENT.mention(6, 7), (6, 7)),
    ],
)
def test_mentions_of_a_text(given: Any, span: tuple[int, int]) -> None:
    mention = find_mention(TEXT_DOCUMENT, given, in_words=False)
    assert mention.span == span
    assert TEXT_DOCUMENT.text[mention.start : mention.end] == mention.text
    assert type(mention.start) is int


def test_pairs_are_words_where_the_document_came_in_words(resolver: Resolver) -> None:
    for source in (WORDS, SENTENCES):
        assert resolver(source, mention=(4, 4)).spans == [[(0, 0), (4, 4)]]  # type: ignore[call-overload]
        assert resolver(resolver.encode(source), mention=(4, 4)).spans == [[(0, 0), (4, 4)]]  # type: ignore[arg-type]
    for source in (TEXT, Document.from_sentences(SENTENCES)):
        assert resolver(source, mention=(15, 18)).spans == [[(0, 0), (4, 4)]]  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="no mention of words 15 to 18"):
        resolver(WORDS, mention=(15, 18))


@pytest.mark.parametrize("given", [3, (1,), (1, 2, 3), (0.0, 3.0), None, ("a", "b"), b"Ann"])
def test_nothing_else_is_a_mention(given: Any) -> None:
    with pytest.raises(ValueError, match="is no mention: give its words"):
        find_mention(TEXT_DOCUMENT, given, in_words=False)


def test_one_mention_is_not_taken_for_several(resolver: Resolver) -> None:
    asked: list[Callable[[], object]] = [
        lambda: resolver(TEXT, mentions="Ann"),
        lambda: resolver(TEXT, clusters=["Ann", "her"]),
        lambda: resolver.entities(TEXT, "Ann"),
        lambda: resolver.stream(SENTENCES, given="Ann"),
    ]
    for ask in asked:
        with pytest.raises(TypeError, match="'Ann' is one mention, where several are meant: give a list of them"):
            ask()


@pytest.mark.parametrize("given", ["An", "nn", "er", "Ann mother", "her Ann", "ANN", " ", ""])
def test_words_that_are_not_there_are_told(given: str) -> None:
    with pytest.raises(ValueError, match="has no words"):
        find_mention(TEXT_DOCUMENT, given, in_words=False)


def test_words_of_white_space_are_no_part_of_a_mention(resolver: Resolver) -> None:
    document = resolver.encode([["Mary", "said", " ", "that"]]).document
    assert find_mention(document, "said", in_words=True).span == (1, 1)
    assert find_mention(document, "said that", in_words=True).span == (1, 3)


def test_clusters_are_lists_of_mentions_or_clusters() -> None:
    cluster = Cluster(3, (TEXT_DOCUMENT.mention(0, 0), TEXT_DOCUMENT.mention(9, 9)))
    found = find_clusters(TEXT_DOCUMENT, [cluster, ["her", (23, 26), "her"]], in_words=False)
    assert [(span, number) for span, (_, number) in found.items()] == [
        ((0, 0), 0),
        ((9, 9), 0),
        ((4, 4), 1),
        ((6, 6), 1),
    ]
    assert all(isinstance(mention, Mention) for mention, _ in found.values())


def test_words_that_begin_amid_a_word_first() -> None:
    document = Document.from_sentences([["aab", "ab", "a", "b", "c"]])
    assert [find_mention(document, words, in_words=False).span for words in ("ab", "a b c", "b")] == [
        (1, 1),
        (2, 4),
        (3, 3),
    ]
