"""What a student is trained on: rows, in one view or several, and beside each row what its teachers say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from .objectives import NO_LABEL
from .teacher import Collator, Logits, fetch, logits_of


def has_views(rows: Any) -> bool:
    """Whether rows have a method `view(v)` of their own; arrays and tensors have one of another meaning."""
    return hasattr(rows, "view") and not isinstance(rows, (np.ndarray, Tensor))


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
        return self.train.view(number) if has_views(self.train) else self.train


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
        views: how many views there are; epoch e is trained on view e modulo this. 0 for the rows as they are given.
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
        self.number = (self.first_epoch + epoch) % max(1, self.views)
        self._rows = self.inputs.view(self.number) if self.views else self.inputs.train
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


def counted(labels: Tensor | None, attention_mask: Tensor | None) -> Tensor | None:
    """Which tokens of a batch count, bool (B, T): those with a label, and of a row without any all but its padding.

    Args:
        labels: (B, T), or (B,) or None where rows are labelled as wholes, or not at all.
        attention_mask: (B, T), or None if the batch has none.

    Returns:
        None where rows count, and not tokens.
    """
    if labels is None or labels.ndim < 2:
        return None
    known = labels.ne(NO_LABEL)
    if attention_mask is None or attention_mask.shape != labels.shape:
        return known
    return known.where(known.any(1, keepdim=True), attention_mask.bool())


def _as_long(logits: list[Any], batch: Mapping[str, Any], left: bool) -> list[Any]:
    """Logits of rows (tokens, …), cut or filled up to the batch's own padding where their teacher's was another.

    `left` says that rows are padded on the left, as this batch's mask does only where one of them is short.

    Raises:
        ValueError: if they cannot be, as what has a label would be.
    """
    labels, mask = batch.get("labels"), batch.get("attention_mask")
    counts = counted(labels, mask)
    if counts is None or all(len(row) == counts.shape[1] for row in logits):
        return logits
    if left or (mask is not None and not mask[:, 0].all()):
        raise ValueError("kept logits of tokens need rows that are padded on the right; these are on the left")
    fitted, tokens = [], counts.shape[1]
    for row, own in zip(logits, counts, strict=True):
        if own[len(row) :].any():
            raise ValueError(f"a teacher's logits are of {len(row)} tokens, and the row has more that count")
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
