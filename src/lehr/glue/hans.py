"""HANS (arXiv:1902.01007): does an MNLI student understand, or follow the words that two sentences share?"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from datasets import Dataset, Features, Value  # type: ignore[import-untyped]

from . import tasks
from .tasks import MNLI, Numbers, Task

LABELS = ("entailment", "non-entailment")


def accuracy(predictions: Numbers, labels: Numbers) -> float:
    """The share of right answers; MNLI's neutral and contradiction both count as non-entailment."""
    return tasks.accuracy(predictions != MNLI.labels.index("entailment"), labels.astype(bool))


HANS = Task("hans", MNLI.columns, MNLI.labels, (accuracy,))
"""MNLI's columns and logits, and HANS's two labels. There is nothing to train on."""


def read_hans(path: str | os.PathLike[str]) -> Dataset:
    """HANS's ``heuristics_evaluation_set``, as the tab-separated ``.txt`` or the ``.jsonl`` that it comes in.

    Returns:
        rows in the file's order with premise, hypothesis, label (int64: 0 entailment, 1 non-entailment) and
        heuristic; to be tokenised as `HANS`.

    Raises:
        ValueError: if the file is not there, is not of this kind, or holds no row.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            rows = list(_rows(file, jsonl=Path(path).suffix == ".jsonl"))
    except OSError as error:
        raise ValueError(f"no HANS file at {path}: {error.strerror}") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: a line is no JSON: {error}") from error
    except KeyError as error:
        raise ValueError(f"{path}: a row has no column {error}; HANS has gold_label, sentence1, sentence2") from error
    if not rows:
        raise ValueError(f"{path}: no rows")
    for premise, hypothesis, label, _ in rows:
        if label not in LABELS:
            raise ValueError(f"{path}: unknown gold_label {label!r}; HANS has {' and '.join(LABELS)}")
        if premise is None or hypothesis is None:
            raise ValueError(f"{path}: a row breaks off before its second sentence")
    premises, hypotheses, labels, heuristics = zip(*rows, strict=True)
    columns = {
        "premise": list(premises),
        "hypothesis": list(hypotheses),
        "label": [LABELS.index(label) for label in labels],
        "heuristic": list(heuristics),
    }
    return Dataset.from_dict(
        columns, Features({name: Value("int64" if name == "label" else "string") for name in columns})
    )


def _rows(lines: Iterable[str], *, jsonl: bool) -> Iterator[tuple[str, str, str, str]]:
    """Premise, hypothesis, label and heuristic of each row."""
    made = (
        (json.loads(line) for line in lines if line.strip())
        if jsonl
        else csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    )
    for row in made:
        yield row["sentence1"], row["sentence2"], row["gold_label"], row.get("heuristic") or ""


def scores_by_heuristic(logits: Numbers, dataset: Dataset) -> dict[str, float]:
    """Accuracy on each heuristic, those first seen first, and over all rows as `accuracy`; parts of one.

    Args:
        logits: float (n, 3), of a model for MNLI.
        dataset: the n rows that `read_hans` gave.

    Raises:
        ValueError: if the shapes do not fit, or a logit is not finite.
    """
    labels, heuristics = np.asarray(dataset["label"][:]), np.asarray(dataset["heuristic"][:])
    overall = HANS.scores(logits, labels)
    parts = {name: heuristics == name for name in dict.fromkeys(heuristics.tolist()) if name}
    return {**{name: HANS.scores(logits[at], labels[at])[HANS.main] for name, at in parts.items()}, **overall}
