"""What is known of a run before it costs an hour."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from datasets import Dataset, DatasetDict, IterableDataset
from made_points import Net, Points, accuracy, collate
from test_distillation import SMALL, Restless, oracle, refused, run
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
    refused(
        tmp_path,
        r"labels of shape \(2, 3\) do not fit logits.*several labels an item are not",
        recipe=[stage],
        train_dataset=several,
    )


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
    table = Dataset.from_list([{"points": [0.0, 1.0]}]).to_pandas()
    refused(tmp_path, "rows of 'teacher' are of DataFrame, which are not asked for by number", train_dataset=table)


def test_rows_of_an_array_are_rows(tmp_path: Path) -> None:
    points = torch.stack([row["points"] for row in Points(64)])
    rows = torch.cat([points, torch.tensor([[float(row["labels"])] for row in Points(64)])], 1)

    def collated(batch: Any) -> dict[str, torch.Tensor]:
        rows = torch.stack([torch.as_tensor(row) for row in batch])
        return {"points": rows[:, :2], "labels": rows[:, 2].long()}

    listed, *others = (
        run(tmp_path / str(n), recipe="kd", train_dataset=of, eval_dataset=None, collator=collated).student.state_dict()
        for n, of in enumerate((list(rows), rows, rows.numpy()))
    )
    assert all(torch.equal(listed[name], other[name]) for other in others for name in listed)


def test_rows_of_which_no_batch_is_whole_are_refused(tmp_path: Path) -> None:
    refused(
        tmp_path,
        "dataloader_drop_last drops all 7 rows, as a batch is of 8",
        train_dataset=Points(7),
        training={**SMALL, "dataloader_drop_last": True},
    )


def test_a_teacher_that_would_change_while_it_teaches_is_refused(tmp_path: Path) -> None:
    both, student = oracle(), Net(width=4)
    refused(tmp_path, "layers.0.weight of 'student' is a weight of 'teacher' too", teacher=both, student=both)
    student.layers[0] = both.layers[0]
    refused(tmp_path, "layers.0.weight of 'student' is a weight of 'teacher' too", teacher=both, student=student)
    student.layers[0].requires_grad_(False)
    run(tmp_path, teacher=both, student=student)


class Headless(Net):
    def forward(self, points: Tensor) -> Any:
        return {"last_hidden_state": points}


class Lookup(Net):
    def forward(self, points: Tensor) -> Any:
        return nn.functional.embedding(points.long().abs()[:, 0] + 99, self.layers[0].weight)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"student": Headless()},
            "'student' cannot answer .* a Headless returns last_hidden_state, and no `logits`",
        ),
        ({"student": Lookup()}, "'student' cannot answer its first rows, of which it sees points: index out of range"),
        (
            {"collator": lambda rows: [*rows]},
            "the collator of 'student' gives a list, and is to give a dict",
        ),
        ({"collator": lambda rows: {**collate(rows), "text": ["a", "b"]}}, "gives a list as 'text', and is to give"),
        ({"train_dataset": DatasetDict(train=Dataset.from_list([{"a": 1}]))}, "DatasetDict, which has several parts"),
        ({"eval_dataset": []}, "there are no rows to choose between epochs of 'student' by"),
    ],
)
def test_what_does_not_fit_together_is_told_at_once(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    refused(tmp_path, message, **change)
    assert not list(tmp_path.glob("*/*"))


def test_what_is_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"'teacher' is to be a .*Module, and is str: load it first"):
        run(tmp_path, teacher="a/folder")
    with pytest.raises(TypeError, match=r"the inputs of 'student' are to be a .*Inputs`, and are tuple"):
        run(tmp_path, inputs={"student": (Points(64), collate)})


def test_a_metric_that_may_not_be_there_is_warned_of(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="chosen by 'acc', and of two rows the metrics are accuracy"):
        refused(tmp_path, "there is no metric 'acc' to choose by; there are loss, accuracy", metric="acc")


def test_metrics_that_two_rows_do_not_have_are_waited_for(tmp_path: Path) -> None:
    def of_many(prediction: Any) -> dict[str, float]:
        if len(prediction.label_ids) < 3:
            raise ValueError("too few")
        return accuracy(prediction)

    run(tmp_path, compute_metrics=of_many)


@pytest.mark.parametrize(("metric", "chosen"), [("rmse", (1.0, 2)), ("neg_rmse", (3.0, 1)), ("f1", (3.0, 1))])
def test_less_of_an_error_is_better(tmp_path: Path, metric: str, chosen: tuple[float, int]) -> None:
    def score(prediction: Any) -> dict[str, float]:
        return {metric: next(scores)}

    scores = iter([0.0, 3.0, 1.0, 2.0])
    done = run(tmp_path, recipe="scratch", epochs=3, compute_metrics=score, metric=metric)
    assert (done.stages[0]["chosen"], done.stages[0]["chosen_epoch"]) == chosen


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
