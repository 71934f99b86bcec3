"""From matrices to clusters, and the thresholds that suit them."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
import tiny_model
from tiny_documents import HOUSE, LETTER, SHIP

from lehr.coref.configuration import LehrConfig
from lehr.coref.data import Example, windower
from lehr.coref.network import Matrix
from lehr.coref.prediction import (
    LINK_THRESHOLDS,
    MENTION_THRESHOLDS,
    Prediction,
    calibrate_links,
    calibrate_mentions,
    clusters,
    evaluate,
    predict,
    predict_all,
    tune,
)
from lehr.coref.trainer import by_name
from lehr.document import Document

PAIR = Document.from_sentences([["a", "b", "c"]])
SPANS = [(0, 0), (1, 1), (2, 2)]


def pair(logit: float, *, linked: bool) -> Prediction:
    """Two mentions and a span that is none, whose links must not count."""
    gold = [SPANS[:2]] if linked else [SPANS[:1], SPANS[1:2]]
    pairs = np.full((3, 3), 50.0, np.float32)
    pairs[0, 1] = pairs[1, 0] = logit
    matrix = Matrix(np.array(SPANS), np.array([[2.0, 1.0, -1.0]], np.float32), pairs, np.zeros(3, np.int64))
    return Prediction(Example(PAIR.with_clusters(gold), 0), matrix)


def noisy(document: Document, rng: np.random.Generator) -> Prediction:
    """What a middling model might say: the gold in noise."""
    gold = {span: number for number, spans in enumerate(document.spans) for span in spans}
    n = len(document.words)
    spans = sorted({*gold, *((first, min(first + 1, n - 1)) for first in range(n))})
    cluster = np.array([gold.get(span, -1 - position) for position, span in enumerate(spans)])
    mentions = np.where(cluster >= 0, 0.8, -0.8) + rng.normal(0, 1, (1, len(spans)))
    pairs = np.where(cluster[:, None] == cluster, 0.2, -2.5) + rng.normal(0, 1, (len(spans), len(spans)))
    kinds = rng.integers(0, 3, len(spans))
    return Prediction(Example(document, 0), Matrix(np.array(spans), mentions, (pairs + pairs.T) / 2, kinds))


@pytest.mark.parametrize(("scale", "shift"), [(1.7, 2.0), (0.5, -1.0), (1.0, 0.0)])
def test_calibration_finds_the_probability_behind_the_logits(scale: float, shift: float) -> None:
    predictions = []
    for logit in np.linspace(-4, 4, 33):
        linked = round(200 / (1 + np.exp(-scale * logit - shift)))
        predictions += [pair(logit, linked=True)] * linked + [pair(logit, linked=False)] * (200 - linked)
    found, common, by_kind = calibrate_links(predictions, LehrConfig())
    assert (found, common + by_kind[0][0]) == pytest.approx((scale, shift), abs=0.02)
    assert not np.any(by_kind[1:]), "of these kinds there is no pair"


def test_logits_that_say_nothing_are_left_as_they_are() -> None:
    assert calibrate_mentions([], 2) == ([1.0, 1.0], [0.0, 0.0])
    assert calibrate_links([], LehrConfig()) == (1.0, 0.0, [])
    assert calibrate_links([pair(0.5, linked=True)] * 9, LehrConfig()) == (1.0, 0.0, [])
    upside_down = [pair(2.0, linked=False), pair(-2.0, linked=True)] * 9
    assert calibrate_links(upside_down, LehrConfig()) == (1.0, 0.0, [])


def spotted(logits: tuple[float, float], mentions: int, *, scheme: int, of: int = 100) -> list[Prediction]:
    """Documents of which some have a mention where there is a candidate."""
    one = np.zeros((1, 1), np.float32)
    matrix = Matrix(np.array(SPANS[:1]), np.array(logits, np.float32)[:, None], one, np.zeros(1, np.int64))
    gold = [PAIR.with_clusters([SPANS[:1]])] * mentions + [PAIR] * (of - mentions)
    return [Prediction(Example(document, scheme), matrix) for document in gold]


def test_mentions_are_calibrated_by_scheme() -> None:
    # A logit of ±1 stands for 75 and 25 per cent in one scheme, for 60 and 20 in the other.
    first = spotted((1, -1), 75, scheme=0) + spotted((-1, 1), 25, scheme=0)
    second = spotted((-1, 1), 60, scheme=1) + spotted((1, -1), 20, scheme=1)
    scales, shifts = calibrate_mentions(first + second, 2)
    assert (scales[0], shifts[0]) == pytest.approx((np.log(3), 0), abs=1e-3)
    high, low = np.log(60 / 40), np.log(20 / 80)
    assert (scales[1], shifts[1]) == pytest.approx(((high - low) / 2, (high + low) / 2), abs=1e-3)
    assert calibrate_mentions(first, 2) == ([scales[0]] * 2, [shifts[0]] * 2), "what no document says is borrowed"


def test_links_count_between_what_is_more_likely_a_mention_than_not() -> None:
    config = LehrConfig(mention_shift=[-1.5])
    predictions = [pair(2.0, linked=True), pair(-2.0, linked=False), pair(2.0, linked=False)]
    assert calibrate_links(predictions, LehrConfig())[:2] != (1.0, 0.0)
    assert calibrate_links(predictions, config)[:2] == (1.0, 0.0), "the second mention is none any more"


@pytest.mark.parametrize("scorer", ["one-pass", "antecedent"])
def test_the_best_thresholds_of_the_grid_are_chosen(scorer: Any) -> None:
    rng = np.random.default_rng(1)
    predictions = [noisy(document, rng) for document in (HOUSE, SHIP, LETTER)]
    config = LehrConfig(scorer=scorer, mention_scale=[3.0], link_shift=9.0)
    (scores,) = tune(predictions, config)
    chosen = config.mention_threshold, config.link_threshold
    assert evaluate(predictions, config) == scores
    found = {}
    for thresholds in product(MENTION_THRESHOLDS, LINK_THRESHOLDS):
        config.mention_threshold, config.link_threshold = thresholds
        found[thresholds] = evaluate(predictions, config).conll
    assert scores.conll == found[chosen] == max(found.values()) > min(found.values())
    mentions, links = ([1.0], [0.0]), (1.0, 0.0, [])
    if scorer == "one-pass":
        mentions, links = calibrate_mentions(predictions, 1), calibrate_links(predictions, config)
        assert mentions != ([1.0], [0.0])
    assert (config.mention_scale, config.mention_shift) == mentions
    assert (config.link_scale, config.link_shift, config.kind_shift) == links


def test_a_scheme_of_many_documents_chooses_no_more_than_one_of_few() -> None:
    """Its documents count once, however often they are there."""
    rng = np.random.default_rng(2)
    few, many = noisy(HOUSE, rng), noisy(LETTER, rng)
    few, many = (
        Prediction(
            Example(p.example.document, scheme),
            replace(p.matrix, mention_logits=np.tile(p.matrix.mention_logits, (2, 1))),
        )
        for scheme, p in enumerate((few, many))
    )
    found = []
    for times in (1, 20):
        config = LehrConfig(schemes=["a", "b"], scorer="antecedent")
        scores = tune([few] + [many] * times, config)
        found.append((config.mention_threshold, config.link_threshold, by_name(*scores)))
    assert found[0][:2] == found[1][:2]
    assert found[0][2] == pytest.approx(found[1][2]), "nor does it count more when epochs are chosen"
    parts = [evaluate([p], config).conll for p in (few, many)]
    assert found[1][2]["conll_f1"] == pytest.approx(sum(parts) / 2)
    assert parts[0] != parts[1]


def test_clusters_follow_the_scheme_the_calibration_and_the_thresholds() -> None:
    matrix = Matrix(np.array(SPANS), np.array([[3.0, 3, 3], [3, 3, -3]]), np.full((3, 3), -1.0), np.arange(3))
    config = LehrConfig(schemes=["a", "b"])
    assert clusters(matrix, config, 0) == [[span] for span in SPANS]
    config.link_shift = 2.0
    assert clusters(matrix, config, 0) == [SPANS]
    assert clusters(matrix, config, 1) == [SPANS[:2]]
    config.link_scale = 3.0
    assert clusters(matrix, config, 1) == [[SPANS[0]], [SPANS[1]]]
    config.mention_threshold = 0.99
    assert clusters(matrix, config, 1) == []
    config = LehrConfig(schemes=["a", "b"], mention_scale=[1.0, 0.1], mention_shift=[0.0, 0.4])
    assert clusters(matrix, config, 1) == [[span] for span in SPANS], "even the third, whose logit is 0.1 now"
    assert clusters(matrix, config, 0) == [[span] for span in SPANS]


def test_a_document_of_many_windows_is_encoded_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = tiny_model.tokenizer()
    model = tiny_model.model(len(tokenizer))
    cut = windower(tokenizer, model.config)
    at_once = predict(model, cut, HOUSE)
    monkeypatch.setattr("lehr.coref.prediction.WINDOWS_AT_ONCE", 2)
    assert len(cut(HOUSE.tokens).input_ids) > 4
    by_twos = predict(model, cut, HOUSE)
    np.testing.assert_array_equal(by_twos.spans, at_once.spans)
    np.testing.assert_allclose(by_twos.pair_logits, at_once.pair_logits, atol=1e-4)


def test_prediction_leaves_the_model_in_its_mode() -> None:
    tokenizer = tiny_model.tokenizer()
    model = tiny_model.model(len(tokenizer), dropout=0.5)
    cut = windower(tokenizer, model.config)
    examples = [Example(LETTER, 0), Example(SHIP, 1)]
    model.train()
    first, second = (list(predict_all(model, cut, examples)) for _ in range(2))
    assert model.training
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.matrix.pair_logits, other.matrix.pair_logits)
