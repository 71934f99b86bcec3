"""What is known of a run before it costs an hour."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from datasets import Dataset, IterableDataset
from made_points import Net, Points, collate
from test_distillation import SMALL, Restless, refused, run
from torch import Tensor, nn

from lehr.kd.stages import Stage


def with_labels(labels: list[Any]) -> Dataset:
    return Dataset.from_list([{"points": [0.0, 1.0], "labels": label} for label in labels]).with_format("torch")


def test_labels_are_classes(tmp_path: Path) -> None:
    refused(
        tmp_path,
        "student, kd from teacher: row 5 has the label 3, and classes are 0 to 2",
        recipe="kd",
        train_dataset=with_labels([0, 1, 2, -100, 1, 3]),
    )
    refused(
        tmp_path,
        "in the rows that choose between epochs of 'student', row 2 has the label -1, and classes are 0 to 2",
        eval_dataset=with_labels([0, 1, -1]),
    )
    moved = [{"points": torch.ones(2), "labels": torch.tensor(label)} for label in (1, 1, 3)]
    refused(tmp_path, "labels go from 1 to 3, and classes to 2", recipe="scratch", train_dataset=moved)


def test_labels_that_the_collator_makes_others_of_are_its_own_affair(tmp_path: Path) -> None:
    def from_one(rows: list[Any]) -> dict[str, Tensor]:
        batch = collate(rows)
        return {**batch, "labels": batch["labels"] - 1}

    run(tmp_path, collator=from_one, train_dataset=with_labels([1, 2, 3]), eval_dataset=None, recipe="scratch")


def test_labels_that_no_stage_could_measure_are_refused_even_where_none_learns_from_them(tmp_path: Path) -> None:
    several = with_labels([[0.0, 1.0, 1.0]] * 3)
    stage = Stage("annealed-regression", 1, teacher="teacher")
    refused(tmp_path, r"labels of shape \(2, 3\) do not fit logits", recipe=[stage], train_dataset=several)


def test_what_chooses_has_labels(tmp_path: Path) -> None:
    refused(
        tmp_path,
        "the rows that choose between epochs of 'student' have no labels",
        eval_dataset=[{"points": torch.ones(2)}] * 3,
        collator=lambda rows: {key: torch.stack([row[key] for row in rows]) for key in rows[0]},
    )


def test_rows_that_are_a_stream_are_refused(tmp_path: Path) -> None:
    stream = IterableDataset.from_generator(lambda: iter(Points(3)))
    refused(
        tmp_path, "rows of 'teacher' are of IterableDataset, which are not asked for by number", train_dataset=stream
    )


def test_rows_of_which_no_batch_is_whole_are_refused(tmp_path: Path) -> None:
    refused(
        tmp_path,
        "dataloader_drop_last drops all 7 rows, as a batch is of 8",
        train_dataset=Points(7),
        training={**SMALL, "dataloader_drop_last": True},
    )


def test_a_student_that_cannot_learn_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, "no weight of 'student' has `requires_grad`", student=Net().requires_grad_(False))


def test_columns_that_a_model_does_not_take_are_named(tmp_path: Path) -> None:
    def with_number(rows: list[Any]) -> dict[str, Tensor]:
        return {**collate(rows), "idx": torch.arange(len(rows))}

    refused(tmp_path, "'student' does not take points, idx: .*'idx'; see that the", collator=with_number)


def test_epochs_to_choose_from_are_kept(tmp_path: Path) -> None:
    refused(
        tmp_path,
        "with save_strategy no the weights are not kept that eval_strategy epoch chooses from; let both be",
        training={**SMALL, "save_strategy": "no"},
    )
    last = Stage("hard-labels", 1, choose="last")
    run(tmp_path, recipe=[last], training={**SMALL, "save_strategy": "no"})


class TinyForCausalLM(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Embedding(7, 4), nn.Linear(4, 7))

    def forward(self, input_ids: Tensor) -> Any:
        return SimpleNamespace(logits=self.layers(input_ids))


def test_a_language_model_that_would_learn_to_copy_is_refused(tmp_path: Path) -> None:
    rows = [{"input_ids": torch.tensor([1, 2, 3]), "labels": torch.tensor([1, 2, 3])} for _ in range(4)]
    settings: dict[str, Any] = {"eval_dataset": None, "recipe": "scratch", "student": TinyForCausalLM()}
    refused(
        tmp_path,
        "labels of 'student' are its own input, piece by piece",
        train_dataset=rows,
        collator=together,
        **settings,
    )
    for row in rows:
        row["labels"] = torch.tensor([2, 3, -100])
    run(tmp_path, train_dataset=rows, collator=together, **settings)


def together(rows: list[Any]) -> dict[str, Tensor]:
    return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}


def test_rows_drawn_anew_each_time_do_not_keep_a_run_from_being_gone_on_with(tmp_path: Path) -> None:
    run(tmp_path, recipe="scratch", train_dataset=Restless(64))
    run(tmp_path, recipe="scratch", train_dataset=Restless(64), resume=True)
    refused(
        tmp_path,
        "rows was '64 rows, drawn anew each time'",
        recipe="scratch",
        train_dataset=Points(64),
        resume=True,
    )


def test_labels_that_the_collator_takes_away_are_none(tmp_path: Path) -> None:
    def without_negatives(rows: list[Any]) -> dict[str, Tensor]:
        batch = collate(rows)
        return {**batch, "labels": batch["labels"].where(batch["labels"] >= 0, -100)}

    rows = with_labels([0, 1, 2, -1, 1])
    run(tmp_path, collator=without_negatives, train_dataset=rows, eval_dataset=None, recipe="scratch")


def test_what_chooses_nothing_needs_no_labels(tmp_path: Path) -> None:
    last = Stage("hard-labels", 1, choose="last")
    run(tmp_path, recipe=[last], eval_dataset=[], training={**SMALL, "eval_strategy": "no"})
