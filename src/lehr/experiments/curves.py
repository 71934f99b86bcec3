"""What a result says of its epochs, one after the other: what figures draw over them."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any

from ..kd.stages import Stage
from .tables import Results


def curve(result: Mapping[str, Any]) -> Iterator[tuple[float, float]]:
    """The last student's epochs, counted through all its stages, with the validation metric after each in per cent."""
    key, before = f"eval_{result['metric']}", 0
    for stage, entries in stages_of(result):
        yield from ((before + entry["epoch"], 100 * entry[key]) for entry in entries if key in entry)
        before += stage.epochs


def mean_curve(results: Results, task: str, method: str) -> list[tuple[float, float]]:
    """`curve`, its mean over the seeds that are there."""
    found: dict[float, list[float]] = defaultdict(list)
    for cell, result in results.items():
        if (cell.task, cell.row.method) == (task, method):
            for epoch, value in curve(result):
                found[epoch].append(value)
    return [(epoch, statistics.fmean(values)) for epoch, values in sorted(found.items())]


def stages_of(result: Mapping[str, Any]) -> list[tuple[Stage, list[Mapping[str, float]]]]:
    """The stages of the last student, each with its log."""
    both = [(Stage(**fields), run["log"]) for fields, run in zip(result["plan"], result["stages"], strict=True)]
    return [(stage, log) for stage, log in both if stage.student == both[-1][0].student]


def errors(result: Mapping[str, Any]) -> Iterator[tuple[float, float, float]]:
    """Epochs, counted as in `curve`, Φ and the regression error of each epoch that anneals."""
    before = 0
    for stage, log in stages_of(result):
        for entry in log:
            if "phi" in entry and "regression_error" in entry:
                yield before + entry["epoch"], entry["phi"], entry["regression_error"]
        before += stage.epochs


def edges(results: Results, task: str, method: str) -> list[int]:
    """After which epochs another stage begins."""
    for cell, result in results.items():
        if (cell.task, cell.row.method) == (task, method):
            return [*accumulate(stage.epochs for stage, _ in stages_of(result))][:-1]
    return []
