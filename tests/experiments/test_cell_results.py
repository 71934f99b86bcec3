from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from made_grid import cell, made_grid, outcome, write_results
from torch import Tensor, nn

from lehr.experiments import results as module
from lehr.experiments.grid import Grid
from lehr.experiments.results import by_epoch, carry_out_cell, changed, check_models, identity, in_lines, read_results
from lehr.experiments.results import record as record_of
from lehr.kd.data import Inputs
from lehr.kd.stages import Stage


class Corners:
    """Points and which of two halves of the plane they are in."""

    def __init__(self, rows: int, seed: int) -> None:
        self.points = torch.randn(rows, 2, generator=torch.Generator().manual_seed(seed))

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"points": self.points[index], "labels": (self.points[index, 0] > 0).long()}


class Halves(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, points: Tensor) -> Tensor:
        return self.layer(points)


def collate(rows: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}


class HalvesProblem:
    """A task in a blink; `mortal` counts down evaluations, and at 0 the run dies."""

    metric = "accuracy"
    mortal = 10**6

    def model(self, spec: Mapping[str, Any]) -> nn.Module:
        model = Halves()
        if "from" in spec:
            model.load_state_dict(torch.load(Path(spec["from"]) / "weights.pt"))
        return model

    def has_learned(self, spec: Mapping[str, Any]) -> bool:
        return bool(spec)

    def inputs(self, spec: Mapping[str, Any]) -> Inputs:
        return Inputs(Corners(32, 0), collate, Corners(16, 1))

    def compute_metrics(self, prediction: Any) -> dict[str, float]:
        self.mortal -= 1
        if self.mortal == 0:
            raise KeyboardInterrupt
        return {"accuracy": float((prediction.predictions.argmax(-1) == prediction.label_ids).mean())}

    def test(self, model: nn.Module, spec: Mapping[str, Any]) -> dict[str, float]:
        return {"accuracy": 0.875}

    def save(self, model: nn.Module, spec: Mapping[str, Any], folder: Path) -> None:
        folder.mkdir(parents=True)
        torch.save(model.state_dict(), folder / "weights.pt")


TRAINING = ("max_grad_norm: 0}}", "max_grad_norm: 0, use_cpu: true, per_device_train_batch_size: 16}}")


def test_a_cell_that_was_killed_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEHR_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    grid = made_grid(tmp_path, TRAINING, ("epochs: 5", "epochs: 1"))
    places = {"runs": tmp_path / "runs", "results": tmp_path / "results"}
    carry_out_cell(grid, cell(grid, "cifar10/teacher-0"), problem=HalvesProblem(), **places)
    one = cell(grid, "cifar10/annealing-kd-2")
    mortal = HalvesProblem()
    mortal.mortal = 5  # after two rows that are tried and three epochs, in the first epoch of the second stage
    with pytest.raises(KeyboardInterrupt):
        carry_out_cell(grid, one, problem=mortal, **places)
    assert not (tmp_path / "results" / one.file).exists()
    first = tmp_path / "runs/cifar10/annealing-kd-2/stage-1/done.json"
    before = first.stat().st_mtime_ns
    result = carry_out_cell(grid, one, problem=HalvesProblem(), **places)
    assert first.stat().st_mtime_ns == before
    text = (tmp_path / "results" / one.file).read_text("utf-8")
    assert json.loads(text) == json.loads(json.dumps(result))
    assert str(tmp_path) not in text

    assert (result["method"], result["seed"], result["task"], result["test"]) == ("annealing-kd", 2, "cifar10", 87.5)
    assert result["teacher"] == {"method": "teacher", "seed": 0, "network": "resnet20"}
    assert result["student"] == {"network": "resnet8"}
    assert result["recipe"]["models"]["teacher"] == {"from": "runs/small/cifar10/teacher-0/model"}
    assert [len(stage["log"]) for stage in result["stages"]] == [3, 1]
    entry = result["stages"][0]["log"][0]
    assert {"epoch", "phi", "eval_accuracy"} <= entry.keys()
    assert not any("runtime" in key or "per_second" in key for key in entry)
    assert set(read_results(grid, tmp_path / "results")) == {cell(grid, "cifar10/teacher-0"), one}


def test_a_begun_cell_goes_on_from_wherever_its_runs_are_by_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEHR_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    grid = made_grid(tmp_path, TRAINING, ("epochs: 5", "epochs: 1"))
    for name in ("cifar10/teacher-0", "cifar10/kd-1"):
        carry_out_cell(grid, cell(grid, name), problem=HalvesProblem(), runs=Path("runs"), results=Path("results"))
    claim = Path("runs/cifar10/kd-1/recipe.json")
    for file, inner in ((claim, None), (claim.with_name("result.json"), "recipe")):  # as they were written once
        written = json.loads(file.read_text())
        (written[inner] if inner else written)["models"]["teacher"]["from"] = "teacher-0/model"
        file.write_text(json.dumps(written))
    Path("runs").rename("moved")
    Path("results").rename("old")
    one = cell(grid, "cifar10/kd-1")
    again = carry_out_cell(grid, one, problem=HalvesProblem(), runs=tmp_path / "moved", results=Path("results"))
    assert json.loads(Path("old", one.file).read_text()) == json.loads(json.dumps(again))


def test_a_cell_begun_with_another_recipe_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "carry_out", lambda recipe, *_, **__: outcome(grid, one, 50.0))
    places = {"runs": tmp_path / "runs", "results": tmp_path / "results"}
    grid = made_grid(tmp_path)
    one = cell(grid, "cifar10/kd-1")
    carry_out_cell(grid, one, **places)
    carry_out_cell(grid, one, **places)
    grid = made_grid(tmp_path, ("epochs: 4", "epochs: 6"))
    one = cell(grid, "cifar10/kd-1")
    with pytest.raises(ValueError, match="kd-1 was begun with another recipe: epochs was 4 and is 6 now; remove it"):
        carry_out_cell(grid, one, **places)


def test_a_result_of_another_recipe_is_refused(tmp_path: Path) -> None:
    write_results(made_grid(tmp_path), tmp_path / "results")
    grid = made_grid(tmp_path, ("learning_rate: 0.1", "learning_rate: 0.3"))
    with pytest.raises(
        ValueError, match=r"\.json is of another recipe than the grid's: training was .*0\.1.*and is .*0\.3.*now; take"
    ):
        read_results(grid, tmp_path / "results")


def test_a_changed_method_is_another_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lehr.kd.stages import METHODS

    grid = made_grid(tmp_path)
    one = cell(grid, "cifar10/annealing-kd-1")
    own = identity(grid, one)
    first, second = METHODS["annealing-kd"]
    monkeypatch.setitem(METHODS, "annealing-kd", [first, {**second, "choose": "last"}])
    assert changed(own, identity(grid, one)) == "stage 2: choose was 'best-at-full' and is 'last' now"
    monkeypatch.setitem(METHODS, "annealing-kd", [first])
    assert changed(own, identity(grid, one)) == "it had 2 stages and has 1 now"


def test_where_the_data_are_is_not_part_of_a_recipe(tmp_path: Path) -> None:
    here = made_grid(tmp_path)
    there = made_grid(tmp_path, ("somewhere/cifar10", "/a/machine/of/ours/uoft-cs/cifar10"))
    one, other = (identity(grid, cell(grid, "cifar10/kd-1")) for grid in (here, there))
    assert changed(one, other) is None
    assert other["recipe"]["data"] == "uoft-cs/cifar10"


def test_fields_that_came_later_have_had_their_defaults(tmp_path: Path) -> None:
    grid = made_grid(tmp_path)
    own = identity(grid, cell(grid, "cifar10/kd-1"))
    old = json.loads(json.dumps(own))
    del old["recipe"]["online"], old["recipe"]["hans"], old["plan"][0]["per"], old["plan"][0]["training"]
    assert changed(old, own) is None
    old["recipe"]["views"] = 7
    assert changed(old, own) == "views was 7 and is 1 now"


def test_what_is_no_result_is_refused(tmp_path: Path) -> None:
    grid = made_grid(tmp_path)
    (tmp_path / "cifar10-kd-1.json").write_text("{}", "utf-8")
    with pytest.raises(ValueError, match=r"cifar10-kd-1\.json: no result of a grid, it has no 'plan'"):
        read_results(grid, tmp_path)


def test_a_teacher_that_was_trained_elsewhere(tmp_path: Path) -> None:
    grid = made_grid(tmp_path)
    write_results(grid, tmp_path / "results", among=lambda cell: cell.row.method == "teacher")
    done = read_results(grid, tmp_path / "results")
    check_models(grid, grid.select(["*/scratch"]), done, tmp_path / "runs")
    with pytest.raises(
        ValueError, match=r"cifar10/kd-1 learns from the model of cifar10/teacher-0, which is not here: bring .*runs"
    ):
        check_models(grid, grid.select(["*/kd"]), done, tmp_path / "runs")
    for task in ("cifar10", "cifar100"):
        (tmp_path / "runs" / task / "teacher-0").mkdir(parents=True)
        (tmp_path / "runs" / task / "teacher-0/result.json").write_text("{}", "utf-8")
    check_models(grid, grid.select(["*/kd"]), done, tmp_path / "runs")


def test_a_model_that_nobody_trains(tmp_path: Path) -> None:
    grid = made_grid(tmp_path)
    check_models(grid, grid.cells(), {}, tmp_path / "runs")
    here = made_grid(tmp_path, ("student: {network: resnet8}", "student: {from: runs/nowhere/model}"))
    with pytest.raises(ValueError, match=r"there is no runs/nowhere/model, which its student begins from: train it"):
        check_models(here, here.cells(), {}, tmp_path / "runs")


def test_a_log_by_epoch() -> None:
    stage = Stage({"name": "annealed-regression", "tau_max": 2}, 2, teacher="teacher")
    log = [
        {"loss": 1.2, "phi": 0.5, "epoch": 0.75, "step": 30},
        {"loss": 2.0, "phi": 1.0, "epoch": 1.0, "step": 40},
        {"eval_accuracy": 0.123456, "eval_runtime": 3.0, "eval_samples_per_second": 1.0, "epoch": 1.0, "step": 40},
        {"loss": 4.0, "phi": 1.0, "epoch": 1.5, "step": 60},
        {"train_runtime": 4.0, "train_loss": 2.0, "total_flos": 5.0, "epoch": 2.0, "step": 80},
    ]
    assert by_epoch(log, stage) == [
        {"epoch": 1, "phi": 0.5, "loss": 1.4, "eval_accuracy": 0.12346},
        {"epoch": 2, "phi": 1.0, "loss": 4.0},
    ]
    assert "phi" not in by_epoch(log, Stage("hard-labels", 2))[0]


def test_json_in_lines(tmp_path: Path) -> None:
    grid = made_grid(tmp_path)
    one = cell(grid, "cifar10/annealing-kd-1")
    result = record_of(grid, one, {**outcome(grid, one, 50.0), "odd": {"text": "a [b\n  {c  d}", "e": [1, 2]}})
    text = in_lines(result)
    assert json.loads(text) == json.loads(json.dumps(result))
    assert len(text.splitlines()) < 150
    assert isinstance(grid, Grid)
