"""The model that comes with lehr knows who is who."""

from __future__ import annotations

import pytest

from lehr.document import Document
from lehr.resolver import Resolver, shipped_model


@pytest.fixture(scope="module")
def resolver() -> Resolver:
    return Resolver.from_pretrained(threads=1)


def texts(document: Document) -> list[list[str]]:
    return [[mention.text for mention in cluster.mentions] for cluster in document.clusters]


def test_it_is_whole_and_answers_as_it_did(resolver: Resolver) -> None:
    assert resolver.directory == shipped_model()
    resolver.check()


def test_it_knows_who_is_who(resolver: Resolver) -> None:
    (cluster,) = resolver("Mary said she was tired.", singletons=False).clusters
    assert [mention.text for mention in cluster.mentions] == ["Mary", "she"]
    mary, she = cluster.mentions
    assert mary.score is not None
    assert mary.score > 0.5
    assert she.antecedent == 0
    assert she.link is not None
    assert she.link > 0.5


@pytest.mark.parametrize("mention", ["she", "Mary", (10, 13), (0, 4)])
def test_one_entity(resolver: Resolver, mention: str | tuple[int, int]) -> None:
    assert texts(resolver("Mary said she was tired.", mention=mention)) == [["Mary", "she"]]


def test_words_do_as_well(resolver: Resolver) -> None:
    document = resolver(["Mary", "said", "she", "was", "tired", "."], singletons=False)
    assert document.spans == [[(0, 0), (2, 2)]]


@pytest.mark.parametrize("text", ["", " ", "Rain.", "It rained.", "???"])
def test_where_nobody_is_nobody_is_found_twice(resolver: Resolver, text: str) -> None:
    assert resolver(text, singletons=False).clusters == ()
