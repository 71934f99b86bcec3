"""GLUE's rows: a validation part cut from the training part, and the public validation part kept for the end."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets  # type: ignore[import-untyped]
import numpy as np
from datasets import ClassLabel, Dataset, Features, Sequence, Value
from pyarrow.compute import min_max  # type: ignore[import-untyped]
from sklearn.model_selection import train_test_split  # type: ignore[import-untyped]
from transformers import PreTrainedTokenizerBase

from ..shelf import state_of
from .tasks import Task, find_task

HUB_NAME = re.compile(r"[\w.-]*\w/[\w.-]+")
LARGEST_VALIDATION = 2000


@dataclass(frozen=True)
class Splits:
    """A task's rows: columns of text, `label` and `idx`, the row's number in GLUE's part.

    Args:
        task: whose rows they are.
        source: where they were read.
        train: what to learn from, in GLUE's order.
        validation: what every choice is made by: rows of GLUE's training part that `train` lacks, in GLUE's order.
    """

    task: Task
    source: str
    train: Dataset
    validation: Dataset

    def test(self) -> dict[str, Dataset]:
        """GLUE's public validation parts, by their names, whole and in their order; read now, and not before.

        MNLI has two, of which `validation_matched` comes first; every other task has `validation`. They are scored
        once, at the end, when nothing is left to choose.

        Raises:
            ValueError: if a part or a column is missing.
        """
        return {part: _read(self.task, self.source, part) for part in self.task.test_parts}


def load(
    task: Task | str,
    source: str | os.PathLike[str] = "nyu-mll/glue",
    validation: float | int | None = None,
    seed: int = 0,
) -> Splits:
    """Read a task's training part and cut the validation part from it, the same way for the same seed.

    Classes are as frequent in both parts as they can be. Rows are drawn singly: where rows of GLUE's training part
    share their words, as SST-2's phrases of one sentence and WNLI's pairs do, so may rows of the two parts.

    Args:
        task: or its name.
        source: a name on the Hub, or a folder in the layout of ``nyu-mll/glue``.
        validation: rows to cut, as a whole number, or their share, as a float; 10 %, but 2,000 rows at the most, if
            None.
        seed: of the cut.

    Raises:
        ValueError: if the task is unknown, nothing can be read at `source`, a column is missing, labels have another
            order than GLUE's, or the parts would be too small.
    """
    task = find_task(task) if isinstance(task, str) else task
    place = os.fspath(source)
    dataset = _read(task, place, "train")
    rows = len(dataset)
    if validation is None:
        size = min(round(rows / 10), LARGEST_VALIDATION)
    else:
        size = round(validation * rows) if isinstance(validation, float) else validation
    if not task.num_labels <= size <= rows - task.num_labels:
        raise ValueError(
            f"{task.name}: a validation part of {size} rows, asked for as {validation}, cannot be cut from {rows}; "
            "give a whole number of rows, or a share between 0 and 1 as a float"
        )
    labels = None if task.regression else np.asarray(dataset["label"][:])
    try:
        train, cut = train_test_split(np.arange(rows), test_size=size, stratify=labels, random_state=seed)
    except ValueError as error:
        raise ValueError(f"{task.name}: cannot cut {size} of {rows} rows class by class: {error}") from error
    return Splits(task, place, dataset.select(np.sort(train)), dataset.select(np.sort(cut)))


def _read(task: Task, source: str, part: str) -> Dataset:
    folder = Path(source).expanduser()
    if not folder.exists() and not HUB_NAME.fullmatch(source):
        raise ValueError(f"{task.name}: no folder {source}; give one in the layout of nyu-mll/glue, or that Hub name")
    try:
        kept = Path(datasets.config.HF_DATASETS_CACHE) / state_of(folder) if folder.exists() else None
        dataset = datasets.load_dataset(str(folder) if kept else source, task.name, split=part, cache_dir=kept)
    except (OSError, ValueError) as error:
        where = source if folder.exists() else f"{source}, which is no folder here"
        reason = " ".join(str(error).split())
        raise ValueError(f"{task.name}: cannot read the {part} part at {where}: {reason}") from error
    _require_columns(dataset, task, f"{source}, {part}")
    _check_values(dataset, task, f"{source}, {part}")
    label = dataset.features["label"]
    if isinstance(label, ClassLabel) and tuple(label.names) != task.labels:
        raise ValueError(f"{task.name}: labels at {source} are {label.names}, expected {list(task.labels)}")
    return dataset


def _check_values(dataset: Dataset, task: Task, place: str) -> None:
    """Every row has its texts and a label, which is a number of one of the task's labels."""
    for column in (*task.columns, "label"):
        values = dataset.data.column(column)
        if values.null_count:
            raise ValueError(f"{task.name}: {values.null_count} rows of {place} have no {column!r}; leave them out")
        kinds = (str,) if column != "label" else (int, float) if task.regression else (int,)
        if len(values) and not isinstance(values[0].as_py(), kinds):
            wanted = "text" if column != "label" else "a number" if task.regression else "a whole number"
            raise ValueError(f"{task.name}: {column!r} in {place} is to be {wanted}, and is {values.type}")
    if not task.regression and len(dataset):
        low, high = min_max(dataset.data.column("label").combine_chunks()).as_py().values()
        if low < 0 or high >= task.num_labels:
            raise ValueError(
                f"{task.name}: labels in {place} go from {low} to {high}, and should from 0 to {task.num_labels - 1}"
            )


def _require_columns(dataset: Dataset, task: Task, place: str) -> None:
    missing = [column for column in (*task.columns, "label") if column not in dataset.column_names]
    if missing:
        raise ValueError(
            f"{task.name}: no column {missing[0]!r} in {place}; there are {', '.join(dataset.column_names)}"
        )


def tokenised(dataset: Dataset, task: Task, tokenizer: PreTrainedTokenizerBase, max_length: int = 128) -> Dataset:
    """The rows as a model reads them, in their order and not yet padded.

    Teacher and student may have tokenizers of their own: call this once for each, on the same rows. Transformers'
    ``DataCollatorWithPadding(tokenizer)`` makes batches: int64 (rows, pieces), and labels (rows,) of int64, or float32
    in regression.

    Args:
        dataset: the task's columns and `label`; all others are dropped.
        task: which columns to read. Of two texts, the longer is cut first.
        tokenizer: of the model, with a padding token.
        max_length: pieces of a row at the most, special ones included.

    Returns:
        input_ids, attention_mask, token_type_ids where the tokenizer has them, and labels.

    Raises:
        ValueError: if a column is missing, the tokenizer cannot pad, or its model takes no `max_length` pieces.
    """
    _require_columns(dataset, task, "the rows to tokenise")
    if tokenizer.pad_token_id is None:
        raise ValueError(f"{tokenizer.name_or_path}: the tokenizer has no padding token, which batches need")
    if not 0 < max_length <= tokenizer.model_max_length:
        raise ValueError(
            f"max_length is {max_length}; {tokenizer.name_or_path} takes 1 to {tokenizer.model_max_length}"
        )
    inputs: dict[str, Any] = {
        name: Sequence(Value("int32" if name == "input_ids" else "int8"))
        for name in ("input_ids", "token_type_ids", "attention_mask")
        if name in tokenizer.model_input_names
    }

    def encode(rows: dict[str, list[Any]]) -> dict[str, Any]:
        encoded = tokenizer(*(rows[column] for column in task.columns), truncation=True, max_length=max_length)
        return {**{name: encoded[name] for name in inputs}, "labels": rows["label"]}

    return dataset.map(
        encode,
        batched=True,
        remove_columns=dataset.column_names,
        features=Features({**inputs, "labels": Value("float32" if task.regression else "int64")}),
        desc=f"Tokenising {task.name}",
    )
