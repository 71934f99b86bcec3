from __future__ import annotations

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="GLUE is scored with scikit-learn: pip install 'lehr[train]'")

from lehr.glue.tasks import MNLI, TASKS, accuracy, f1, find_task, matthews, pearson, spearman

PREDICTED, LABELS = np.array([1, 1, 0, 0, 1]), np.array([1, 0, 0, 1, 1])


def test_classes_by_hand() -> None:
    # Of class 1, two are found, one is wrong and one is missed; of class 0, one is found.
    assert accuracy(PREDICTED, LABELS) == 3 / 5
    assert f1(PREDICTED, LABELS) == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))
    assert matthews(PREDICTED, LABELS) == pytest.approx((2 * 1 - 1 * 1) / np.sqrt(3 * 3 * 2 * 2))
    assert matthews(1 - LABELS, LABELS) == pytest.approx(-1)


def test_correlations_by_hand() -> None:
    predicted, labels = np.array([1, 2, 3, 4], np.float32), np.array([1, 2, 3, 10], np.float32)
    assert pearson(predicted, labels) == pytest.approx(14 / np.sqrt(5 * 50))
    assert spearman(predicted, labels) == pytest.approx(1)
    assert spearman(np.array([1.0, 3.0, 2.0, 4.0]), labels) == pytest.approx(1 - 6 * (1 + 1) / (4 * (16 - 1)))
    assert spearman(-predicted, labels) == pytest.approx(-1)


@pytest.mark.parametrize("metric", [matthews, pearson, spearman, f1])
def test_predictions_that_are_all_the_same_are_worth_nothing(metric) -> None:
    same, labels = np.zeros(4), np.array([0, 1, 1, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert metric(same, labels) == 0
        assert metric(labels, same) == 0
        assert metric(same, same) == 0
        assert metric(same[:1], labels[:1]) == 0


def test_the_score_that_decides() -> None:
    assert {task.name: task.main for task in TASKS.values()} == {
        "cola": "matthews",
        "sst2": "accuracy",
        "mrpc": "accuracy_f1",
        "stsb": "pearson_spearman",
        "qqp": "accuracy_f1",
        "mnli": "accuracy",
        "qnli": "accuracy",
        "rte": "accuracy",
        "wnli": "accuracy",
    }


def test_logits_become_scores() -> None:
    logits = np.stack([1.0 - PREDICTED, PREDICTED], 1).astype(np.float32)
    assert find_task("mrpc").scores(logits, LABELS) == pytest.approx(
        {"accuracy": 3 / 5, "f1": 2 / 3, "accuracy_f1": (3 / 5 + 2 / 3) / 2}
    )
    assert find_task("rte").scores(logits, LABELS) == {"accuracy": 3 / 5}
    assert find_task("cola").scores(logits, LABELS) == pytest.approx({"matthews": 1 / 6})
    numbers = np.array([[1], [3], [2], [4]], np.float32)
    scores = find_task("stsb").scores(numbers, np.array([1, 2, 3, 10], np.float32))
    assert scores == pytest.approx({"pearson": 13 / 250**0.5, "spearman": 0.8, "pearson_spearman": 0.811096}, abs=1e-6)


def test_as_a_trainer_asks() -> None:
    transformers = pytest.importorskip("transformers", reason="pip install 'lehr[train]'")
    asked = transformers.EvalPrediction(np.eye(3)[[0, 1, 2, 2]], np.array([0, 1, 2, 0]))
    assert MNLI.compute_metrics(asked) == {"accuracy": 3 / 4}


def test_what_cannot_be_scored() -> None:
    with pytest.raises(ValueError, match=r"unknown GLUE task 'sst-2'; known are cola, sst2"):
        find_task("sst-2")
    with pytest.raises(ValueError, match=r"mnli: expected logits of shape \(rows, 3\), got \(4, 2\)"):
        MNLI.scores(np.zeros((4, 2)), np.zeros(4))
    with pytest.raises(ValueError, match=r"mnli: expected logits"):
        MNLI.scores(np.zeros((0, 3)), np.zeros(0))
    with pytest.raises(ValueError, match=r"4 rows of logits, but labels of shape \(3,\)"):
        MNLI.scores(np.zeros((4, 3)), np.zeros(3))
    with pytest.raises(ValueError, match="not finite"):
        MNLI.scores(np.full((4, 3), np.nan), np.zeros(4))
