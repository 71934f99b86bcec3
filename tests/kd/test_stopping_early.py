"""What is wrong with a run is said before it costs anything."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from made_points import Net, Points, collate
from safetensors.torch import load_file, save_file
from test_distillation import SMALL, refused, run
from torch import nn

from lehr.kd import distillation
from lehr.kd.data import Inputs
from lehr.kd.stages import Stage


class Tied(nn.Module):
    """Two names for one matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.lift = nn.Linear(2, 3)
        self.one = nn.Linear(3, 3)
        self.other = self.one

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        return self.other(self.one(self.lift(points)).relu())


def test_tied_weights_are_saved_and_resumed(tmp_path: Path) -> None:
    done = run(tmp_path, student=Tied(), recipe="scratch", epochs=2)
    again = run(tmp_path, student=Tied(), recipe="scratch", epochs=2, resume=True)
    assert torch.equal(done.student.one.weight, again.student.one.weight)


def test_rows_without_a_label_count_in_the_regression(tmp_path: Path) -> None:
    unlabelled = [{**row, "labels": torch.tensor(-100)} for row in Points(64)]
    stage = Stage("annealed-regression", 2, teacher="teacher")
    losses = []
    for number, rows in enumerate((unlabelled, list(Points(64)))):
        done = run(tmp_path / str(number), train_dataset=rows, recipe=[stage])
        losses.append([entry["loss"] for entry in done.stages[0]["log"] if "loss" in entry])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_nan_between_two_logs_is_kept_in_no_checkpoint(tmp_path: Path) -> None:
    rows = list(Points(64))
    rows[5]["points"] = torch.tensor([float("nan"), 0])
    never = {**SMALL, "logging_steps": 1000, "save_strategy": "steps", "save_steps": 7}
    settings: dict[str, Any] = {"eval_dataset": None, "training": never, "recipe": "scratch", "epochs": 2}
    told = r"student, hard-labels: student.layers.0.weight is not finite by step 7; lower the learning rate"
    refused(tmp_path, told, train_dataset=rows, **settings)
    assert not list(tmp_path.glob("stage-1/checkpoint-*"))


def test_every_epoch_logs_its_own_loss(tmp_path: Path) -> None:
    seldom = {**SMALL, "logging_steps": 5}
    (stage,) = run(tmp_path, recipe="scratch", epochs=2, training=seldom).stages
    assert [entry["step"] for entry in stage["log"] if "loss" in entry] == [5, 8, 10, 15, 16]


def test_a_run_whose_weights_are_broken_is_not_done_by_resuming(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"recipe": "scratch", "epochs": 1, "training": {**SMALL, "save_total_limit": None}}
    run(tmp_path, **settings)
    (tmp_path / "stage-1/done.json").unlink()
    (saved,) = tmp_path.glob("stage-1/checkpoint-*/model.safetensors")
    save_file({name: tensor * math.nan for name, tensor in load_file(saved).items()}, saved)
    refused(tmp_path, "student.layers.0.weight is not finite by step 8", resume=True, **settings)
    assert not (tmp_path / "stage-1/done.json").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"training": {**SMALL, "learning_rate": "high"}}, "training: `learning_rate` is a number, and not 'high'"),
        ({"training": {**SMALL, "warmup": 3}}, "training: unknown key 'warmup'; did you mean 'warmup_steps'"),
        (
            {"training": {**SMALL, "gradient_accumulation_steps": 0}},
            "training: `gradient_accumulation_steps` is 1 or more, and not 0",
        ),
        ({"recipe": [Stage("hard-labels", 1), Stage("kd", 1)]}, "student, kd: .*teacher"),
        ({"recipe": [Stage("hard-labels", 1, training={"lr_scheduler_type": "bogus"})]}, "bogus"),
        (
            {"online": True, "teacher": [Net(), Net()], "inputs": {"teacher": Inputs(Points(64), collate)}},
            "see the rows alike",
        ),
    ],
)
def test_stages_that_cannot_run(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    refused(tmp_path, message, **settings)
    assert not list(tmp_path.glob("stage-*"))


def test_less_of_any_loss_is_better(tmp_path: Path) -> None:
    chosen = [run(tmp_path / name, recipe="kd", epochs=4, metric=name).stages[0] for name in ("loss", "eval_loss")]
    assert (
        chosen[0]["chosen"] == chosen[1]["chosen"] == min(e["eval_loss"] for e in chosen[0]["log"] if "eval_loss" in e)
    )


def test_what_would_switch_off_the_choice_of_epochs_is_refused(tmp_path: Path) -> None:
    blind = {"student": Inputs(Points(64), collate)}
    refused(tmp_path, "inputs: 'student' sees the rows otherwise, and has no `eval`", recipe="kd", inputs=blind)
    refused(tmp_path, "no metric 'accuracy' to choose by without `compute_metrics`", compute_metrics=None, recipe="kd")
    assert not list(tmp_path.glob("stage-*"))


def test_a_buffer_may_be_infinite(tmp_path: Path) -> None:
    student = Net()
    student.register_buffer("mask", torch.full((2,), -math.inf))
    run(tmp_path, recipe="scratch", epochs=1, student=student)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"teacher": Net(seed=9)}, "teachers"),
        ({"student": Net(width=16)}, "weights"),
        ({"inputs": {"teacher": Inputs(Points(64, seed=3), collate)}}, "teachers"),
        ({"train_dataset": Points(64, seed=3)}, "rows"),
        ({"train_dataset": [{**row, "labels": torch.tensor(0)} for row in Points(64)]}, "rows"),
        ({"eval_dataset": Points(40, seed=3)}, "validation"),
        ({"eval_dataset": None}, "validation"),
        ({"views": 2}, "views"),
    ],
)
def test_a_run_is_not_gone_on_with_on_other_grounds(tmp_path: Path, change: dict[str, Any], what: str) -> None:
    run(tmp_path, recipe="kd", epochs=1)
    refused(tmp_path, f"begun as another stage: {what} was", recipe="kd", epochs=1, resume=True, **change)


def test_what_the_machine_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lehr.kd.trainer.bf16_pays", lambda use_cpu: True)
    assert distillation.machine({"use_cpu": True}) == {"use_cpu": True, "bf16": True, "dataloader_pin_memory": False}
    assert distillation.machine({"fp16": True, "use_cpu": False})["bf16"] is False
    from transformers import TrainingArguments

    assert TrainingArguments("x", **distillation.machine({"use_cpu": True})).bf16
