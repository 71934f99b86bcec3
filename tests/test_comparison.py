"""Differences of two responses: the scores against those of `scoring`, intervals against the binomial distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]

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


@given(st.lists(st.tuples(clusterings, clusterings, clusterings), min_size=6, max_size=8), st.booleans())
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
        shown = {name: getattr(of, side) for name, of in found.items()}
        nothing = [name for name, value in shown.items() if math.isnan(value)]
        assert {name: 0.0 if name in nothing else value for name, value in shown.items()} == pytest.approx(f1)
        fewest = 1 if singletons else 2
        there = any(len(cluster) >= fewest for one in (*keys, *responses) for cluster in one.spans)
        assert ("mentions" in nothing) == (not there)

    exchanged = compare([(key, other, one) for key, one, other in documents], singletons=singletons)
    for name, of in found.items():
        assert not of.low > of.high
        np.testing.assert_allclose([exchanged[name].low, exchanged[name].high], [-of.high, -of.low], atol=1e-12)


def test_an_interval_is_the_expanded_percentile_one_of_all_draws() -> None:
    """Of 20 links one response finds all, the other those of 10 documents. With k of these in a draw, its MUC has a
    recall of k / 20 and a precision of 1, so that it has 1 - 2 k / (20 + k) = (20 - k) / (20 + k) less."""
    key = document([PAIR])
    of = compare([(key, key, document(APART)), (key, key, key)] * 10)["muc"]
    assert (of.one, of.other, of.difference) == (1.0, pytest.approx(2 / 3), pytest.approx(1 / 3))
    tail = stats.norm.cdf(stats.t.ppf(0.025, 19) * (20 / 19) ** 0.5)
    assert tail == pytest.approx(0.0159, abs=1e-4), "instead of 0.025"
    few, many = stats.binom.ppf([tail, 1 - tail], 20, 0.5)
    assert (few, many) == (5, 15)
    assert (of.low, of.high) == (pytest.approx((20 - many) / (20 + many)), pytest.approx((20 - few) / (20 + few)))
    assert of.as_dict() == {"one": 1.0, "other": of.other, "low": of.low, "high": of.high, "difference": of.difference}


def test_documents_that_agree_leave_no_doubt_and_equal_answers_no_difference() -> None:
    key, wrong = document([PAIR]), document(APART)
    assert compare([(key, key, wrong)] * 6)["muc"] == Difference(1.0, 0.0, 1.0, 1.0)
    same = compare([(key, wrong, wrong), (key, key, key)] * 3)
    assert all((of.difference, of.low, of.high) == (0, 0, 0) for of in same.values() if not math.isnan(of.one))


def test_what_is_in_no_draw_is_no_difference() -> None:
    """Links over 1,000 words are in one document of seven, and in draws without it on neither side."""
    far = Document.from_sentences([["w"] * 10] * 150, id="far", clusters=[[(0, 0), (1400, 1400)]])
    near = document([PAIR])
    found = compare([(far, far, far.with_clusters([]))] + [(near, near, near)] * 6)
    assert found["beyond_1000"] == Difference(1.0, 0.0, 1.0, 1.0)
    none = found["up_to_1000"].as_dict()
    assert none == dict.fromkeys(("one", "other", "low", "high", "difference"))


def test_half_of_the_documents_better_and_half_worse_is_no_difference() -> None:
    key, wrong = document([PAIR]), document(APART)
    of = compare([(key, key, wrong), (key, wrong, key)] * 5)["same_sentence"]
    assert of.difference == 0
    assert of.low < 0 < of.high
    assert of == compare([(key, key, wrong), (key, wrong, key)] * 5)["same_sentence"]


@pytest.mark.parametrize("number", [0, 5])
def test_few_documents_cannot_be_drawn_from(number: int) -> None:
    with pytest.raises(ValueError, match=f"fewer than 6 documents; got {number}"):
        compare([(document([PAIR]),) * 3] * number)
