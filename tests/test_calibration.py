"""Bins, errors and fits of probabilities, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_documents import SHIP

from lehr.calibration import are_links, are_mentions, fit, fit_groups, reliability
from lehr.decoding import probability


def test_bins_hold_their_lower_edge_and_the_last_one_both() -> None:
    probabilities = np.array([0.0, 0.2, 0.25, 0.5, 0.6, 1.0])
    found = reliability(probabilities, np.array([False, True, False, True, True, True]), bins=4)
    assert found.count.tolist() == [2, 1, 2, 1]
    assert found.predicted.tolist() == pytest.approx([0.1, 0.25, 0.55, 1.0])
    assert found.observed.tolist() == [0.5, 0.0, 1.0, 1.0]
    # 2 of 6 are off by 0.4, 1 by 0.25, 2 by 0.45, 1 by nothing.
    assert found.expected_calibration_error == pytest.approx((2 * 0.4 + 0.25 + 2 * 0.45) / 6)


@pytest.mark.parametrize("bins", [7, 10, 100])
def test_every_edge_is_in_the_bin_that_it_begins(bins: int) -> None:
    edges = np.array([number / bins for number in range(bins)])
    assert reliability(edges, np.zeros(bins, bool), bins).count.tolist() == [1] * bins


def test_an_empty_bin_is_no_error() -> None:
    found = reliability(np.array([0.1, 0.1]), np.array([False, False]), bins=3)
    assert found.as_dict() == {
        "expected_calibration_error": pytest.approx(0.1),
        "count": [2, 0, 0],
        "predicted": [pytest.approx(0.1), 0.0, 0.0],
        "observed": [0.0, 0.0, 0.0],
    }


def test_probabilities_that_come_true_as_often_as_they_say_are_calibrated() -> None:
    probabilities = np.repeat([0.25, 0.75], 4)
    assert reliability(probabilities, np.array([1, 0, 0, 0, 1, 1, 1, 0], bool)).expected_calibration_error == 0


@pytest.mark.parametrize("probabilities", [[], [0.5, 0.5], [1.5], [-0.1], [float("nan")]])
def test_what_cannot_be_compared_is_told(probabilities: list[float]) -> None:
    with pytest.raises(ValueError, match=r"cannot be compared|not from 0 to 1"):
        reliability(np.array(probabilities), np.array([True]))


def test_a_fit_finds_the_frequencies() -> None:
    # Of logit 1, 9 of 10 come true, of logit -1, 2 of 10: a line through the log odds of both.
    logits = np.repeat(np.array([1, -1], np.float32), 10)
    outcomes = np.array([1] * 9 + [0] + [1] * 2 + [0] * 8, bool)
    high, low = np.log(9), np.log(2 / 8)
    assert fit(logits, outcomes) == pytest.approx(((high - low) / 2, (high + low) / 2), abs=1e-4)
    scale, shift = fit(logits, outcomes)
    fitted = 1 / (1 + np.exp(-(scale * logits.astype(np.float64) + shift)))
    assert reliability(fitted, outcomes).expected_calibration_error == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(
    ("logits", "outcomes"),
    [([], []), ([1.0, 2.0], [True, True]), ([0.0] * 3, [False] * 3), ([1.0, -1.0], [False, True])],
)
def test_logits_that_say_nothing_are_left_as_they_are(logits: list[float], outcomes: list[bool]) -> None:
    assert fit(np.array(logits), np.array(outcomes, bool)) == (1.0, 0.0)


def test_what_came_true_of_spans_and_of_their_pairs() -> None:
    captain, sea, it, he = (0, 1), (4, 5), (7, 7), (12, 12)
    assert {captain, sea, it, he} <= {span for cluster in SHIP.spans for span in cluster}
    spans = np.array([captain, (1, 1), sea, it, he])
    assert are_mentions(spans, SHIP).tolist() == [True, False, True, True, True]
    linked = {
        pair
        for pair, true in zip(zip(*np.triu_indices(5, 1), strict=True), are_links(spans, SHIP), strict=True)
        if true
    }
    assert linked == {(0, 4), (2, 3)}
    assert are_links(spans[1:3], SHIP).tolist() == [False], "two that are no mentions, or one, are no link"
    assert are_links(spans[:0], SHIP).tolist() == are_mentions(spans[:0], SHIP).tolist() == []


def test_a_group_has_a_shift_of_its_own_as_far_as_it_is_large() -> None:
    rng = np.random.default_rng(5)
    logits, group = rng.normal(size=40_000) * 2, rng.integers(0, 3, 40_000)
    outcomes = rng.random(40_000) < probability(0.7 * logits + np.array([-1.0, 0.5, 0.5])[group])
    scale, shift, own = fit_groups(logits, outcomes, group, 2)
    assert scale == pytest.approx(0.7, abs=0.02)
    assert shift + np.append(own, 0) == pytest.approx([-1.0, 0.5, 0.5], abs=0.05)
    few = np.where(np.arange(40_000) < 5, 0, 2)
    assert abs(fit_groups(logits, outcomes, few, 2)[2][0]) < 0.2, "five logits tell little"
    assert fit_groups(logits, outcomes, few, 2)[2][1] == 0
