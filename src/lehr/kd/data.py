"""What a student is trained on: rows, in one view or several, and beside each row what its teachers say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset

from .objectives import NO_LABEL
from .teacher import Collator, Logits, fetch, logits_of


@dataclass(frozen=True)
class Inputs:
    """How one model sees the data. Two that do not share a tokenizer see the same rows in different words.

    Args:
        train: rows to learn from, in the same order for every model. Where it has a method `view(v)`, that gives the
            same rows under augmentation draw v.
        collator: makes a batch of rows.
        eval: rows that choose between epochs.
    """

    train: Any
    collator: Collator
    eval: Any = None

    def view(self, number: int) -> Any:
        """The training rows in one view; the rows themselves if there is but one."""
        return self.train.view(number) if hasattr(self.train, "view") else self.train


@dataclass(frozen=True)
class Lesson:
    """Some rows on their way to `TaughtCollator`, with kept logits for each, or as an online teacher sees them."""

    rows: Any
    logits: list[Any] | None = None
    seen_by_teacher: Any = None


class TaughtDataset(Dataset[Any]):
    """The rows that a student sees, one view an epoch in turn, each with the mean of its teachers' kept logits.

    Args:
        inputs: the rows as the student sees them.
        views: how many views there are; epoch e is trained on view e modulo this.
        logits: for each view, what every teacher says: ``logits[view][teacher][row]``; none without a teacher.
        online: the rows as a teacher sees them that will be asked anew at every step.
        first_epoch: epochs that went before, so that a later stage goes on in the round of views.

    Raises:
        ValueError: if a teacher's logits are of another number of rows.
    """

    def __init__(
        self,
        inputs: Inputs,
        *,
        views: int = 1,
        logits: Sequence[Sequence[Logits]] | None = None,
        online: Inputs | None = None,
        first_epoch: int = 0,
    ) -> None:
        for teacher in [teacher for view in logits or [] for teacher in view]:
            if len(teacher) != len(inputs.train):
                raise ValueError(
                    f"a teacher's logits are of {len(teacher)} rows, the student's are {len(inputs.train)}"
                )
        self.inputs = inputs
        self.views = views
        self.logits = logits
        self.online = online
        self.first_epoch = first_epoch
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Turn to the view of an epoch of this stage, counted from 0."""
        self.epoch = epoch
        self.number = (self.first_epoch + epoch) % self.views
        self._rows = self.inputs.view(self.number)
        self._seen_by_teacher = self.online.view(self.number) if self.online else None

    def __len__(self) -> int:
        return len(self.inputs.train)

    def __getitem__(self, index: int) -> Lesson:
        return self.__getitems__([index])

    def __getitems__(self, indices: Sequence[int]) -> Lesson:
        logits = None
        if self.logits is not None:
            teachers = self.logits[self.number]
            logits = [
                teachers[0][i] if len(teachers) == 1 else np.mean([t[i] for t in teachers], axis=0) for i in indices
            ]
        seen = None if self._seen_by_teacher is None else fetch(self._seen_by_teacher, indices)
        return Lesson(fetch(self._rows, indices), logits, seen)


class TaughtCollator:
    """Adds `teacher_logits`, or `teacher_inputs` for an online teacher, to what the student's collator makes."""

    def __init__(self, collator: Collator, teacher_collator: Collator | None = None) -> None:
        self.collator = collator
        self.teacher_collator = teacher_collator or collator

    def __call__(self, lesson: Lesson) -> dict[str, Any]:
        batch = dict(self.collator(lesson.rows))
        if lesson.logits is not None:
            left = getattr(getattr(self.collator, "tokenizer", None), "padding_side", "right") == "left"
            batch["teacher_logits"] = torch.from_numpy(np.stack(_as_long(lesson.logits, batch, left)))
        if lesson.seen_by_teacher is not None:
            batch["teacher_inputs"] = without_labels(self.teacher_collator(lesson.seen_by_teacher))
        return batch


def _as_long(logits: list[Any], batch: Mapping[str, Any], left: bool) -> list[Any]:
    """Logits of rows (tokens, …), cut or filled up to the batch's own padding where their teacher's was another.

    `left` says that rows are padded on the left, as this batch's mask does only where one of them is short.

    Raises:
        ValueError: if they cannot be, as what has a label would be.
    """
    labels = batch.get("labels")
    if labels is None or labels.ndim < 2 or all(len(row) == labels.shape[1] for row in logits):
        return logits
    tokens, mask = labels.shape[1], batch.get("attention_mask")
    if left or (mask is not None and not mask[:, 0].all()):
        raise ValueError("kept logits of tokens need rows that are padded on the right; these are on the left")
    fitted = []
    for row, own in zip(logits, labels, strict=True):
        if (own[len(row) :] != NO_LABEL).any():
            raise ValueError(f"a teacher's logits are of {len(row)} tokens, of which the row has more with a label")
        missing = max(0, tokens - len(row))
        fitted.append(np.pad(row[:tokens], [(0, missing), *[(0, 0)] * (row.ndim - 1)]))
    return fitted


def lengths(rows: Any) -> list[int]:
    """How many pieces each row has.

    Raises:
        ValueError: if rows have no `input_ids`.
    """
    if "input_ids" in getattr(rows, "column_names", ()):
        return [len(pieces) for pieces in rows["input_ids"]]
    try:
        return [len(rows[row]["input_ids"]) for row in range(len(rows))]
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(
            "train_sampling_strategy: rows without `input_ids` cannot be grouped by length; let it be random"
        ) from error


def without_labels(batch: Mapping[str, Any]) -> dict[str, Any]:
    """A batch without its labels, which no model is shown."""
    return {name: value for name, value in batch.items() if name != "labels"}


class Learner(nn.Module):
    """A student, with the numbers that an objective learns beside it, as one module to train and to save.

    Args:
        student: returns logits.
        learned: initial values of an objective's own parameters, by name.
    """

    def __init__(self, student: nn.Module, learned: Mapping[str, float] | None = None) -> None:
        super().__init__()
        self.student = student
        self.learned = nn.ParameterDict(
            {name: nn.Parameter(torch.tensor(float(value))) for name, value in (learned or {}).items()}
        )

    def forward(self, **batch: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Logits, and what is learned: given here, so that several processes see it used where they look for it."""
        return logits_of(self.student, batch), {name: value * 1 for name, value in self.learned.items()}
