"""What can be asked of a resolver, with a model that is told what to say."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from made_model import made

from lehr.document import Document, Mention
from lehr.resolver import Resolver

WORDS = ["Mary", "told", "Ann", "'s", "mother", "that", "she", "liked", "her", "."]
TEXT = "Mary told Ann's mother that she liked her."
MARY, ANN, MOTHER, SHE, HER = (0, 0), (2, 2), (2, 4), (6, 6), (8, 8)
MENTIONS = {MARY: 0.9, ANN: 0.8, MOTHER: 0.95, SHE: 0.99, HER: 0.7}
PAIRS = {(MARY, SHE): 0.8, (MOTHER, HER): 0.9, (ANN, HER): 0.6, (SHE, HER): 0.2}


@pytest.fixture
def resolver() -> Resolver:
    return made(MENTIONS, PAIRS)[0]


def spans(document: Document) -> list[list[tuple[int, int]]]:
    return document.spans


def test_clusters_stand_in_the_order_of_their_first_mentions(resolver: Resolver) -> None:
    document = resolver(WORDS)
    assert spans(document) == [[MARY, SHE], [ANN], [MOTHER, HER]]
    assert [cluster.id for cluster in document.clusters] == [0, 1, 2]
    assert document.text == TEXT


def test_probabilities_come_along(resolver: Resolver) -> None:
    mary, she = resolver(WORDS).clusters[0].mentions
    assert (mary.text, mary.start, mary.end) == ("Mary", 0, 4)
    assert mary.score == pytest.approx(0.9)
    assert mary.antecedent is mary.link is None
    assert (she.antecedent, she.score, she.link) == (0, pytest.approx(0.99), pytest.approx(0.8))


def test_the_antecedent_is_the_most_probable_earlier_mention_of_the_cluster() -> None:
    resolver, _ = made({MARY: 0.9, SHE: 0.9, HER: 0.9}, {(MARY, SHE): 0.6, (MARY, HER): 0.9, (SHE, HER): 0.6})
    assert [m.antecedent for m in resolver(WORDS).clusters[0].mentions] == [None, 0, 0]


def test_thresholds_can_be_moved(resolver: Resolver) -> None:
    assert spans(resolver(WORDS, mention_threshold=0.92)) == [[MOTHER], [SHE]]
    assert spans(resolver(WORDS, link_threshold=0.85)) == [[MARY], [ANN], [MOTHER, HER], [SHE]]
    stricter, _ = made(MENTIONS, PAIRS, mention_threshold=0.92)
    assert spans(stricter(WORDS)) == [[MOTHER], [SHE]]
    assert spans(stricter(WORDS, mention_threshold=0.5)) == spans(resolver(WORDS))


@pytest.mark.parametrize("option", ["mention_threshold", "link_threshold"])
@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_thresholds_are_probabilities(resolver: Resolver, option: str, value: float) -> None:
    options: dict[str, Any] = {option: value}
    with pytest.raises(ValueError, match=f"{option} is"):
        resolver(WORDS, **options)
    with pytest.raises(ValueError, match=f"{option} is"):
        resolver.pipe([], **options)


@pytest.mark.parametrize(
    ("option", "value"),
    [("horizon", 1.5), ("horizon", "10"), ("link_threshold", "0.5"), ("mention_threshold", True), ("singletons", "no")],
)
def test_options_of_another_kind_are_named(resolver: Resolver, option: str, value: object) -> None:
    options: dict[str, Any] = {option: value}
    with pytest.raises(TypeError, match=f"{option} is {value!r}; it must be"):
        resolver(WORDS, **options)


def test_a_single_text_is_not_taken_for_letters(resolver: Resolver) -> None:
    with pytest.raises(TypeError, match=r"give \[text\] for one"):
        resolver.pipe(TEXT)


def test_a_scheme_decides_what_is_a_mention() -> None:
    told = {MARY: (0.9, 0.3), ANN: (0.2, 0.8), SHE: (0.9, 0.6)}
    resolver, _ = made(told, {(MARY, SHE): 0.9}, singleton_scheme="chains")
    assert spans(resolver(WORDS)) == [[MARY, SHE], [ANN]]
    assert spans(resolver(WORDS, scheme="entities")) == [[MARY, SHE]]
    assert spans(resolver(WORDS, scheme="chains")) == [[ANN], [SHE]]
    assert resolver(WORDS, scheme="chains").clusters[1].mentions[0].score == pytest.approx(0.6)
    assert resolver(WORDS).clusters[0].mentions[1].score == pytest.approx(0.9)
    with pytest.raises(ValueError, match="'birds', only entities, chains"):
        resolver(WORDS, scheme="birds")


def test_mentions_are_calibrated_by_scheme() -> None:
    pairs = {(MARY, SHE): 0.9}
    told = {MARY: (0.9, 0.3), ANN: (0.2, 0.8), SHE: (0.9, 0.4)}
    resolver, _ = made(told, pairs, mention_scale=[1.0, 2.0], mention_shift=[-2.0, 1.0], singleton_scheme="chains")
    mary, she = resolver(WORDS, scheme="entities").clusters[0].mentions
    assert (mary.score, she.score) == (pytest.approx(9 / (9 + math.e**2)), pytest.approx(9 / (9 + math.e**2)))
    assert spans(resolver(WORDS, scheme="entities", mention_threshold=0.6)) == []
    (cluster,) = resolver(WORDS, scheme="chains", singletons=False, mention_threshold=0.3).clusters
    assert [m.score for m in cluster.mentions] == pytest.approx(
        [9 * math.e / (9 * math.e + 49), 4 * math.e / (4 * math.e + 9)]
    )
    assert [m.text for m in resolver(WORDS, mention_threshold=0.56).clusters[0].mentions] == ["Ann"], (
        "chains say who is single"
    )


def test_entities_that_are_asked_for_come_once_and_in_order(resolver: Resolver) -> None:
    document = resolver.entities(WORDS, [HER, SHE, MARY])
    assert [cluster[-1] for cluster in spans(document)] == [SHE, HER]
    mary = document.clusters[0].mentions[0]
    assert spans(resolver.entities(document.text, [(mary.start, mary.end - 1), (mary.start, mary.end)])) == [
        [MARY, SHE]
    ]


def test_singletons_are_a_matter_of_choice(resolver: Resolver) -> None:
    assert spans(resolver(WORDS, singletons=False)) == [[MARY, SHE], [MOTHER, HER]]
    without, _ = made(MENTIONS, PAIRS, singleton_scheme=None)
    assert spans(without(WORDS)) == [[MARY, SHE], [MOTHER, HER]]
    assert spans(without(WORDS, singletons=True)) == spans(resolver(WORDS))


def test_one_scheme_says_which_mentions_may_stand_alone() -> None:
    mentions = {MARY: (0.9, 0.9), ANN: (0.1, 0.9), MOTHER: (0.9, 0.1), SHE: (0.1, 0.9)}
    resolver, _ = made(mentions, {(MARY, SHE): 0.9}, singleton_scheme="entities")
    assert spans(resolver(WORDS)) == [[MARY, SHE], [MOTHER]]
    assert spans(resolver(WORDS, singletons=True)) == [[MARY, SHE], [MOTHER]]
    assert spans(resolver(WORDS, scheme="chains")) == [[MARY, SHE], [ANN]], "a scheme that was chosen says it all"


def test_one_entity_is_read_from_its_own_row() -> None:
    row = {(MARY, SHE): 0.9, (MARY, HER): 0.6, (SHE, HER): 0.01, (MARY, ANN): 0.9}
    resolver, _ = made({**MENTIONS, ANN: 0.3}, row)
    assert spans(resolver(WORDS, mention="Mary")) == [[MARY, SHE, HER]]
    assert spans(resolver(WORDS, mention="her")) == [[MARY, HER]]
    assert spans(resolver(WORDS, mention="Mary", link_threshold=0.7)) == [[MARY, SHE]]
    assert spans(resolver(WORDS, mention="Mary", mention_threshold=0.2)) == [[MARY, ANN, SHE, HER]]
    assert spans(resolver(WORDS)) == [[MARY, SHE], [MOTHER], [HER]]


def test_one_entity_of_a_model_that_ranks_antecedents_is_the_cluster() -> None:
    mentions = {MARY: 0.9, ANN: 0.9, SHE: 0.9, HER: 0.9}
    resolver, _ = made(mentions, {(MARY, SHE): 0.9, (SHE, HER): 0.9}, scorer="antecedent")
    for mention in ("Mary", "she", "her"):
        document = resolver(WORDS, mention=mention)
        assert spans(document) == [[MARY, SHE, HER]]
    assert document.clusters[0].mentions[2].antecedent == 1
    assert document.clusters[0].mentions[2].link > 0.9, "the mentions count too"


def test_asking_again_does_not_encode_again() -> None:
    resolver, model = made(MENTIONS, PAIRS)
    encoding = resolver.encode(TEXT)
    assert spans(resolver(encoding, mention="she")) == [[MARY, SHE]]
    assert spans(resolver(encoding, mention="Ann's mother")) == [[MOTHER, HER]]
    assert spans(resolver(encoding)) == spans(resolver(TEXT))
    assert resolver.encode(encoding) is encoding
    assert model.encoded == 2, "once for the encoding, once for the text"
    assert model.compared == 2


def test_a_mention_that_was_not_found_can_be_asked_for() -> None:
    that = (5, 5)
    resolver, _ = made(MENTIONS, {**PAIRS, (that, MOTHER): 0.7})
    document = resolver(WORDS, mention="that")
    assert spans(document) == [[MOTHER, that]]
    assert document.clusters[0].mentions[1].score == pytest.approx(0, abs=1e-3)
    assert spans(resolver(WORDS, mention=(0, 8))) == [[(0, 8)]], "even one that the matrix has no cell for"
    assert resolver(WORDS, mention=(0, 8)).clusters[0].mentions[0].score is None


def test_given_mentions_are_clustered_and_none_is_found(resolver: Resolver) -> None:
    document = resolver(TEXT, mentions=["she", "Mary", (5, 9), "Ann's mother", "Mary"])
    assert spans(document) == [[MARY, SHE], [(1, 1)], [MOTHER]]
    assert spans(resolver(TEXT, mentions=["she", "Mary", "her"], singletons=False)) == [[MARY, SHE]]
    assert spans(resolver(TEXT, mentions=[])) == []
    without, _ = made(MENTIONS, PAIRS, singleton_scheme=None)
    assert spans(without(TEXT, mentions=["her"])) == [[HER]]


def test_given_clusters_are_begun_with(resolver: Resolver) -> None:
    document = resolver(TEXT, clusters=[["Ann"], ["Mary", "liked"]])
    assert spans(document) == [[MARY, (7, 7)], [ANN], [MOTHER, HER], [SHE]], "she does not suit liked"
    document = resolver(TEXT, clusters=[["Ann"], ["Mary", "liked"]], link_threshold=0.35)
    assert spans(document) == [[MARY, SHE, (7, 7)], [ANN], [MOTHER, HER]]


def test_given_clusters_never_merge(resolver: Resolver) -> None:
    assert spans(resolver(TEXT, clusters=[["Mary"], ["she"]])) == [[MARY], [ANN], [MOTHER, HER], [SHE]]
    with pytest.raises(ValueError, match="'Mary' at 0:4 is in two clusters"):
        resolver(TEXT, clusters=[["Mary"], ["Mary"]])


def test_given_clusters_of_given_mentions(resolver: Resolver) -> None:
    document = resolver(TEXT, mentions=["she", "her", "Mary"], clusters=[["Mary"]])
    assert spans(document) == [[MARY, SHE], [HER]]


def test_an_answer_can_be_given_back(resolver: Resolver) -> None:
    document = resolver(TEXT)
    assert resolver(TEXT, clusters=document.clusters) == document
    everything = [mention for cluster in document.clusters for mention in cluster.mentions]
    assert resolver(TEXT, mentions=everything) == document


def test_given_characters_are_kept_even_inside_of_words(resolver: Resolver) -> None:
    (cluster,) = resolver(TEXT, mentions=[(1, 3)]).clusters
    (mention,) = cluster.mentions
    assert (mention.start, mention.end, mention.text, mention.span) == (1, 3, "ar", MARY)
    assert mention.score == pytest.approx(0.9)


def test_mentions_of_one_cluster_never_cross_unless_they_were_given() -> None:
    told, crossing = (1, 2), (2, 3)
    pairs = {(told, crossing): 0.9, (told, HER): 0.9, (crossing, HER): 0.9}
    resolver, _ = made({told: 0.9, crossing: 0.8, HER: 0.9}, pairs)
    assert spans(resolver(WORDS)) == [[told, HER]]
    assert spans(resolver(WORDS, mention=crossing)) == [[crossing, HER]]
    assert spans(resolver(WORDS, mentions=[told, crossing, HER])) == [[told, crossing, HER]]
    assert spans(resolver(WORDS, clusters=[[crossing]])) == [[crossing, HER]]


def test_clusters_that_a_document_has_are_not_looked_at(resolver: Resolver) -> None:
    bare = resolver(TEXT)
    with_others = replace(bare, id="x").with_clusters([[(0, 3)], [(1, 1), (5, 5)]])
    document = resolver(with_others)
    assert document.clusters == bare.clusters
    assert document.id == "x"


@pytest.mark.parametrize(
    "question", [{"mention": "she"}, {"mentions": ["she"]}, {"clusters": [["she"]]}], ids=["one", "given", "clusters"]
)
def test_questions_about_mentions_are_of_one_document(resolver: Resolver, question: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="of one document"):
        resolver([TEXT, TEXT], **question)
    if "mention" not in question:
        with pytest.raises(ValueError, match="goes with neither"):
            resolver(TEXT, mention="she", **question)


def test_an_encoding_is_for_its_own_resolver(resolver: Resolver) -> None:
    other, _ = made(MENTIONS, PAIRS)
    with pytest.raises(ValueError, match="only its own resolver"):
        other(resolver.encode(TEXT))


def test_nothing_is_found_where_nothing_is() -> None:
    resolver, model = made({}, {})
    assert resolver(TEXT).clusters == ()
    for nothing in ("", " \n", [], [[]], [[], []]):
        assert resolver(nothing).clusters == ()  # type: ignore[arg-type]
        assert resolver(nothing, mentions=[], clusters=[]).clusters == ()  # type: ignore[arg-type]
    assert model.encoded == 1, "nothing is not worth encoding"


def test_what_fits_nowhere_is_told(resolver: Resolver) -> None:
    for mention in ("Maria", "", (0, 99), (4, 5), (3, 3), (-2, 4)):
        with pytest.raises(ValueError, match="document ''"):
            resolver(TEXT, mention=mention)
    elsewhere = Mention(0, 4, "Anna", 0, 0)
    with pytest.raises(ValueError, match="of another document"):
        resolver(TEXT, mention=elsewhere)
