"""Differences of two responses: the scores themselves against `scoring`, the interval against draws counted by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lehr.comparison import METRICS, Difference, compare
from lehr.document import Document, Span
from lehr.evaluation import link_scores
from lehr.scoring import Score, Scores, score

Clusters = Sequence[Sequence[Span]]
WORDS = 300
PAIR = [(0, 0), (5, 5)]
APART = [[(0, 0)], [(5, 5)]]


def document(clusters: Clusters) -> Document:
    return Document.from_sentences([["w"] * 10] * (WORDS // 10), id="d", clusters=clusters)


clusterings = st.dictionaries(
    st.integers(0, WORDS - 1).map(lambda word: (word, word)), st.integers(0, 2), max_size=12
).map(lambda of: [sorted(span for span in of if of[span] == number) for number in sorted({*of.values()})])


@given(st.lists(st.tuples(clusterings, clusterings, clusterings), min_size=2, max_size=4), st.booleans())
@settings(max_examples=40, deadline=None)
def test_scores_are_those_of_scoring_and_intervals_hold_when_sides_change(
    clusters: list[tuple[Clusters, Clusters, Clusters]], singletons: bool
) -> None:
    documents = [(document(key), document(one), document(other)) for key, one, other in clusters]
    found = compare(documents, singletons=singletons)
    assert tuple(found) == METRICS

    for side, responses in (("one", [one for _, one, _ in documents]), ("other", [other for _, _, other in documents])):
        keys = [key for key, _, _ in documents]
        pairs = zip((key.spans for key in keys), (response.spans for response in responses), strict=True)
        expected: Scores = score(pairs, singletons=singletons)
        f1 = {name: metric.f1 for name, metric in expected.metrics.items()} | {"conll": expected.conll}
        of_links = [link_scores(key, response) for key, response in zip(keys, responses, strict=True)]
        f1 |= {kind: sum((links[kind] for links in of_links), Score()).f1 for kind in of_links[0]}
        assert {name: getattr(of, side) for name, of in found.items()} == pytest.approx(f1)

    exchanged = compare([(key, other, one) for key, one, other in documents], singletons=singletons)
    for name, of in found.items():
        assert of.low <= of.high
        np.testing.assert_allclose([exchanged[name].low, exchanged[name].high], [-of.high, -of.low], atol=1e-12)


def test_an_interval_by_hand() -> None:
    """Of the key's two links, one response finds both, the other one: its MUC is 1 of 2 and 1 of 1, F1 2 / 3. Of four
    draws, one is the document that differs, twice (1 and 0), one the other, twice (1 and 1), and two are both."""
    key = document([PAIR])
    of = compare([(key, key, document(APART)), (key, key, key)])["muc"]
    assert of == Difference(1.0, pytest.approx(2 / 3), 0.0, 1.0)
    assert of.difference == pytest.approx(1 / 3)
    assert of.as_dict() == {"one": 1.0, "other": of.other, "low": 0.0, "high": 1.0, "difference": of.difference}


def test_many_documents_that_agree_leave_no_doubt_and_equal_answers_no_difference() -> None:
    key = document([PAIR])
    assert compare([(key, key, document(APART))] * 3)["muc"] == Difference(1.0, 0.0, 1.0, 1.0)
    wrong = document(APART)
    same = compare([(key, wrong, wrong), (key, key, key)])
    assert all((of.difference, of.low, of.high) == (0, 0, 0) for of in same.values())


def test_half_of_the_documents_better_and_half_worse_is_no_difference() -> None:
    key, wrong = document([PAIR]), document(APART)
    of = compare([(key, key, wrong), (key, wrong, key)] * 5)["same_sentence"]
    assert of.difference == 0
    assert of.low < 0 < of.high
    assert of == compare([(key, key, wrong), (key, wrong, key)] * 5)["same_sentence"]


@pytest.mark.parametrize("number", [0, 1])
def test_one_document_cannot_be_drawn_from(number: int) -> None:
    with pytest.raises(ValueError, match=f"there must be two; got {number}"):
        compare([(document([PAIR]),) * 3] * number)
