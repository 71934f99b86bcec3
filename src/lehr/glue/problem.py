"""A GLUE task as recipes and experiments see it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import AutoTokenizer, DataCollatorWithPadding, PreTrainedTokenizerBase

from ..kd.data import Inputs
from ..kd.recipe import check_fields
from ..kd.teacher import ask, fetch
from ..shelf import encoder_path
from .data import load, tokenised
from .hans import HANS, read_hans, scores_by_heuristic
from .models import centre, classifier, has_labels
from .tasks import find_task

BATCH = 128


class GlueProblem:
    """A GLUE task with its rows.

    A model is described by `from`, a folder or hub id; `layers`, those to keep; `dropout`; and, in regression,
    `centred`: whether its head, if that is a fresh one, begins at the mean of the training labels in place of 0.

    Args:
        name: one of `lehr.glue.tasks.TASKS`.
        data: GLUE's name on the Hub, or a folder with a copy of it.
        validation: rows (int) or share (float) of the training part that choose between epochs.
        seed: of that cut.
        max_length: pieces of a row at most.
        hans: for MNLI, the file of HANS's evaluation rows, to be scored too.

    Raises:
        ValueError: if the task is unknown or its rows cannot be read.
    """

    KEYS = {"from": str, "layers": list[int] | None, "dropout": float | None, "centred": bool}  # noqa: RUF012

    def __init__(
        self,
        name: str,
        data: str = "nyu-mll/glue",
        *,
        validation: float | int | None = None,
        seed: int = 0,
        max_length: int = 128,
        hans: str | None = None,
    ) -> None:
        self.task = find_task(name)
        if hans is not None and name != "mnli":
            raise ValueError(f"HANS asks models of MNLI; this is {name}")
        self.splits = load(self.task, data, validation, seed)
        self.metric = self.task.main
        self.max_length = max_length
        self.hans = None if hans is None else read_hans(hans)
        self._inputs = cache(self._inputs_of)

    def model(self, spec: Mapping[str, Any]) -> nn.Module:
        """See `lehr.glue.models.classifier`.

        Raises:
            ValueError: as there, and if something other than a fresh head for regression is to be centred.
        """
        check_fields(spec, self.KEYS, "model")
        if "from" not in spec:
            raise ValueError("model: give `from`, the folder or hub id of an encoder or a classifier")
        model = classifier(spec["from"], self.task, layers=spec.get("layers"), dropout=spec.get("dropout"))
        if spec.get("centred"):
            if not self.task.regression or self.has_learned(spec):
                raise ValueError("model: `centred` is for a fresh head of a task of regression, as STS-B")
            centre(model, float(np.mean(self.splits.train["label"][:])))
        return model

    def has_learned(self, spec: Mapping[str, Any]) -> bool:
        """Whether it is a classifier with the task's labels."""
        return has_labels(spec["from"], self.task)

    def inputs(self, spec: Mapping[str, Any]) -> Inputs:
        """Rows in the pieces of the model's own tokenizer."""
        return self._inputs(str(spec["from"]))

    def _inputs_of(self, source: str) -> Inputs:
        tokenizer = _tokenizer(source)
        train, validation = (self._tokenised(part, tokenizer) for part in (self.splits.train, self.splits.validation))
        return Inputs(train, DataCollatorWithPadding(tokenizer), validation)

    def _tokenised(self, part: Any, tokenizer: PreTrainedTokenizerBase) -> Any:
        return tokenised(part, self.task, tokenizer, self.max_length)

    def compute_metrics(self, prediction: Any) -> dict[str, float]:
        """The task's own metrics."""
        return self.task.compute_metrics(prediction)

    def test(self, model: nn.Module, spec: Mapping[str, Any]) -> dict[str, float]:
        """On GLUE's public validation part; MNLI's mismatched part and HANS with their names before their metrics."""
        tokenizer = _tokenizer(str(spec["from"]))
        scores: dict[str, float] = {}
        for number, (name, rows) in enumerate(self.splits.test().items()):
            logits = _logits(model, self._tokenised(rows, tokenizer), tokenizer)
            found = self.task.scores(logits, np.asarray(rows["label"][:]))
            scores |= {metric if number == 0 else f"{name}_{metric}": value for metric, value in found.items()}
        if self.hans is not None:
            logits = _logits(model, tokenised(self.hans, HANS, tokenizer, self.max_length), tokenizer)
            scores |= {f"hans_{name}": value for name, value in scores_by_heuristic(logits, self.hans).items()}
        return scores

    def save(self, model: nn.Module, spec: Mapping[str, Any], folder: Path) -> None:
        """As Transformers does, with the tokenizer."""
        model.save_pretrained(folder)  # type: ignore[operator]
        _tokenizer(str(spec["from"])).save_pretrained(folder)


def _tokenizer(source: str) -> PreTrainedTokenizerBase:
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(encoder_path(source))
    return tokenizer


def _logits(model: nn.Module, rows: Any, tokenizer: PreTrainedTokenizerBase) -> Any:
    collator, starts = DataCollatorWithPadding(tokenizer), range(0, len(rows), BATCH)
    model.eval()
    found = [ask(model, collator(fetch(rows, range(start, min(start + BATCH, len(rows)))))) for start in starts]
    return torch.cat(found).numpy()
