"""Recipes on a few made images, and the command that runs them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets  # type: ignore[import-untyped]
import pytest
import torch
from test_cifar import write
from typer.testing import CliRunner

from lehr.cli import app
from lehr.experiments.recipe import Recipe, carry_out
from lehr.vision.problem import VisionProblem

SMALL = {"learning_rate": 0.05, "optim": "sgd", "per_device_train_batch_size": 32, "use_cpu": True}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")
    monkeypatch.setenv("LEHR_CACHE", str(tmp_path / "cache"))
    write(tmp_path / "images")
    return str(tmp_path / "images")


def recipe(data: str, **fields: Any) -> Recipe:
    networks = {"teacher": "resnet14", "assistant": "resnet8", "student": "plain2"}
    models = {role: {"network": name} for role, name in networks.items()}
    return Recipe(
        **{"task": "cifar10", "models": models, "data": data, "validation": 40, "training": SMALL, "views": 2, **fields}
    )


def test_takd_over_two_views(data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"teacher is to teach, and .*resnet14.* has not learned cifar10: let it be"):
        carry_out(recipe(data, method="takd", epochs=2), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    monkeypatch.setattr(VisionProblem, "has_learned", lambda *_: True)
    result = carry_out(recipe(data, method="takd", epochs=2), tmp_path / "run")
    assert [stage["epochs"] for stage in result["stages"]] == [2, 2]
    assert result["epochs"] == 2
    assert result["teacher"] == {"assistant": {"network": "resnet8"}}
    assert len(list((tmp_path / "cache/teacher-logits").iterdir())) == 4, "two teachers, two views"


def test_what_is_saved_can_be_a_teacher(data: str, tmp_path: Path) -> None:
    carry_out(recipe(data, method="scratch", epochs=1), tmp_path / "run")
    problem = VisionProblem(data, validation=40)
    saved = {"from": str(tmp_path / "run/model")}
    model = problem.model(saved)
    problem.save(model, saved, tmp_path / "copy")
    copy = problem.model({"from": str(tmp_path / "copy")})
    images = problem.splits.validation.__getitems__([0, 1])["images"]
    assert torch.equal(model.eval()(images), copy.eval()(images))
    problem.model({**saved, "network": "plain2"})
    with pytest.raises(ValueError, match="is a plain2, and no resnet8: leave out one of the two"):
        problem.model({**saved, "network": "resnet8"})
    pair = {"teacher": saved, "student": {"network": "plain2"}}
    result = carry_out(recipe(data, models=pair, method="kd", epochs=1), tmp_path / "kd")
    assert result["teacher"] == {"teacher": saved}


def test_a_student_begins_alike_whatever_stands_beside_it(data: str, tmp_path: Path) -> None:
    one = carry_out(recipe(data, method="scratch", epochs=1), tmp_path / "a")
    alone = {"student": {"network": "plain2"}}
    assert carry_out(recipe(data, method="scratch", epochs=1, models=alone), tmp_path / "b")["test"] == one["test"]


def test_what_is_refused_leaves_an_unfinished_run_its_recipe(data: str, tmp_path: Path) -> None:
    (tmp_path / "a/stage-1").mkdir(parents=True)
    (tmp_path / "a/recipe.json").write_text("{}")
    with pytest.raises(ValueError, match="holds a run already"):
        carry_out(recipe(data, method="scratch", epochs=1), tmp_path / "a")
    assert (tmp_path / "a/recipe.json").read_text() == "{}"


def test_a_student_that_is_described_is_not_begun_like_another(data: str, tmp_path: Path) -> None:
    stages = [
        {"objective": "hard-labels", "epochs": 1},
        {"objective": "hard-labels", "epochs": 1, "student": "second", "like": "student"},
    ]
    models = {"student": {"network": "plain2"}, "second": {"network": "resnet8"}}
    result = carry_out(recipe(data, stages=stages, models=models), tmp_path / "run")
    assert result["student"] == models["second"]
    assert json.loads((tmp_path / "run/model/config.json").read_text())["network"] == "resnet8"


def test_the_other_cifar_is_refused(data: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="images holds CIFAR-10, and the task is cifar100"):
        carry_out(recipe(data, task="cifar100", method="scratch", epochs=1), tmp_path / "run")


def test_a_folder_of_another_model_is_no_network(data: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ValueError, match="holds no saved network"):
        VisionProblem(data, validation=40).model({"from": str(tmp_path)})


def test_on_the_command_line(data: str, tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(
        json.dumps(
            {
                "task": "cifar10",
                "data": data,
                "validation": 40,
                "training": SMALL,
                "method": "scratch",
                "epochs": 1,
                "models": {"student": {"network": "plain2"}},
            }
        )
    )
    arguments = ["train", "images", str(path), "--output", str(tmp_path / "run"), "--result", str(tmp_path / "r.json")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "accuracy" in done.stdout
    assert json.loads((tmp_path / "r.json").read_text())["method"] == "scratch"
    again = CliRunner().invoke(app, arguments)
    assert isinstance(again.exception, ValueError)
    assert "holds a run already" in str(again.exception)
    resumed = CliRunner().invoke(app, [*arguments, "--resume"])
    told = [line for line in done.stdout.splitlines() if "accuracy" in line]
    assert [line for line in resumed.stdout.splitlines() if "accuracy" in line] == told


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"task": "mnist"}, "unknown task 'mnist'; known are cifar10, cifar100, glue/cola"),
        ({"method": None}, "either a `method` or `stages`"),
        ({"method": "kd", "models": {"student": {}}}, "student, kd from teacher: `models` has no 'teacher'"),
        ({"method": "kd", "training": {"epochs": 3}}, "training: unknown key 'epochs'"),
        ({"method": None, "stages": [{"objective": "kd", "epochs": 1}], "epochs": 2}, "give them stage by stage"),
    ],
)
def test_recipes_that_do_not_fit_together(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        recipe("nowhere", **fields)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"network": "resnet9"}, "resnet9"),
        ({"from": "nowhere"}, "nowhere holds no saved network"),
        ({}, "give `network`, a name, or `from`, a folder"),
        ({"netwrok": "resnet8"}, "model: unknown key 'netwrok'"),
        ({"network": 8}, "model: `network` is a string, and not 8"),
    ],
)
def test_models_that_cannot_be_had(data: str, spec: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VisionProblem(data, validation=40).model(spec)
