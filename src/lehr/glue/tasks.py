"""The nine tasks of GLUE: which columns are read, what the labels mean, and how answers are scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import stats  # type: ignore[import-untyped]
from sklearn import metrics  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from transformers import EvalPrediction

Numbers: TypeAlias = "npt.NDArray[Any]"
Metric: TypeAlias = "Callable[[Numbers, Numbers], float]"
"""A score from predictions (n,) and labels (n,): whole numbers for classes, floats for STS-B."""


def accuracy(predictions: Numbers, labels: Numbers) -> float:
    """The share of predictions that are right."""
    return float(np.mean(predictions == labels))


def f1(predictions: Numbers, labels: Numbers) -> float:
    """F1 of class 1, the paraphrases; 0 where none is predicted, or none is there."""
    return float(metrics.f1_score(labels, predictions, zero_division=0))


def matthews(predictions: Numbers, labels: Numbers) -> float:
    """Matthews' correlation coefficient, in [−1, 1]; 0 where predictions or labels are all the same."""
    if _constant(predictions) or _constant(labels):
        return 0.0
    return float(metrics.matthews_corrcoef(labels, predictions))


def pearson(predictions: Numbers, labels: Numbers) -> float:
    """Pearson's correlation, in [−1, 1]; 0 where predictions or labels are all the same."""
    if _constant(predictions) or _constant(labels):
        return 0.0
    return float(stats.pearsonr(predictions.astype(np.float64), labels.astype(np.float64)).statistic)


def spearman(predictions: Numbers, labels: Numbers) -> float:
    """Spearman's rank correlation, in [−1, 1]; 0 where predictions or labels are all the same."""
    if _constant(predictions) or _constant(labels):
        return 0.0
    return float(stats.spearmanr(predictions, labels).statistic)


def _constant(values: Numbers) -> bool:
    return bool((values == values[0]).all())


@dataclass(frozen=True)
class Task:
    """A task of GLUE.

    Args:
        name: of the Hub's configuration.
        columns: of the text, or of the two texts.
        labels: what each label means, in the order of their numbers; a single one is a number to be foretold.
        metrics: named as their functions are. The score that decides is their mean, `main`.
        test_parts: GLUE's public validation parts, which are the test parts here, as the labels of GLUE's own test
            parts are secret. The first is the one that tables mean.
    """

    name: str
    columns: tuple[str, ...]
    labels: tuple[str, ...]
    metrics: tuple[Metric, ...] = (accuracy,)
    test_parts: tuple[str, ...] = ("validation",)

    @property
    def num_labels(self) -> int:
        """The logits that a model gives to each row: as many as there are classes, or 1 for regression."""
        return len(self.labels)

    @property
    def regression(self) -> bool:
        """Whether the one logit is the answer itself, a number, as in STS-B."""
        return self.num_labels == 1

    @property
    def main(self) -> str:
        """The key, in `scores`, of the one score that every choice is made by: the mean of the metrics."""
        return "_".join(metric.__name__ for metric in self.metrics)

    def predictions(self, logits: Numbers) -> Numbers:
        """The answers: of float logits (n, labels) the largest's class, int64 (n,), or in regression (n,) as they are.

        Raises:
            ValueError: if the shape is another, there is no row, or a logit is not finite.
        """
        if logits.ndim != 2 or not len(logits) or logits.shape[1] != self.num_labels:
            raise ValueError(f"{self.name}: expected logits of shape (rows, {self.num_labels}), got {logits.shape}")
        if not np.isfinite(logits).all():
            raise ValueError(f"{self.name}: some logits are not finite; was training stable?")
        return logits[:, 0] if self.regression else logits.argmax(1)

    def scores(self, logits: Numbers, labels: Numbers) -> dict[str, float]:
        """Every metric, and `main` where it is a mean of several; all of them parts of one, not per cent.

        Args:
            logits: float (n, labels).
            labels: (n,), int64, or float32 in regression.

        Raises:
            ValueError: if the shapes do not fit, there is no row, or a logit is not finite.
        """
        predictions = self.predictions(logits)
        if labels.shape != predictions.shape:
            raise ValueError(f"{self.name}: {len(predictions)} rows of logits, but labels of shape {labels.shape}")
        scores = {metric.__name__: metric(predictions, labels) for metric in self.metrics}
        return {**scores, self.main: sum(scores.values()) / len(scores)}

    def compute_metrics(self, prediction: EvalPrediction) -> dict[str, float]:
        """The same, for the argument of this name that Transformers' `Trainer` has."""
        return self.scores(np.asarray(prediction.predictions), np.asarray(prediction.label_ids))


_PAIR = ("sentence1", "sentence2")

COLA = Task("cola", ("sentence",), ("unacceptable", "acceptable"), (matthews,))
SST2 = Task("sst2", ("sentence",), ("negative", "positive"))
MRPC = Task("mrpc", _PAIR, ("not_equivalent", "equivalent"), (accuracy, f1))
STSB = Task("stsb", _PAIR, ("similarity",), (pearson, spearman))
QQP = Task("qqp", ("question1", "question2"), ("not_duplicate", "duplicate"), (accuracy, f1))
MNLI = Task(
    "mnli",
    ("premise", "hypothesis"),
    ("entailment", "neutral", "contradiction"),
    test_parts=("validation_matched", "validation_mismatched"),
)
QNLI = Task("qnli", ("question", "sentence"), ("entailment", "not_entailment"))
RTE = Task("rte", _PAIR, ("entailment", "not_entailment"))
WNLI = Task("wnli", _PAIR, ("not_entailment", "entailment"))

TASKS = {task.name: task for task in (COLA, SST2, MRPC, STSB, QQP, MNLI, QNLI, RTE, WNLI)}


def find_task(name: str) -> Task:
    """The task of that name.

    Raises:
        ValueError: if there is none.
    """
    if name not in TASKS:
        raise ValueError(f"unknown GLUE task {name!r}; known are {', '.join(TASKS)}")
    return TASKS[name]
