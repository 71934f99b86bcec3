from __future__ import annotations

from pathlib import Path

import pytest
from made_grid import TEXT, cell, made_grid, write_grid

from lehr.experiments.grid import load_grid
from lehr.experiments.recipe import load_recipe
from lehr.experiments.tables import check_alike, notes

RECIPES = Path(__file__).resolve().parents[2] / "recipes"


OTHER = "is trained otherwise than scratch:"
RATE = f"{OTHER} learning_rate"
EDGES = "milestones [0.75], then [0.25] (not [0.5, 0.75])"


def one_schedule(high: str, end: str, usual: str = "") -> str:
    return (
        f"{RATE} {high}, then {end} (not {usual or high}), warmup_steps 0.1, then 0 (not 0.1), "
        "lr_scheduler_type polynomial, then – (not –), "
        f"lr_scheduler_kwargs {{'lr_end': {end}, 'power': 1.0}}, then – (not –)"
    )


def reads(words: str) -> str:
    return f"text without annotation {words} (not none)"


OTHERWISE = {
    "cifar-brief": [
        f"annealing-kd-continued {RATE} 0.1, then 0.01 (not 0.1), {EDGES}",
        *(f"annealing-kd-rate-{rate} {RATE} {rate}, then 0.01 (not 0.1), {EDGES}" for rate in (0.3, 1.0, 3.0)),
        *(f"scratch-rate-{rate} {RATE} {rate} (not 0.1)" for rate in (0.3, 1.0)),
        *(f"kd-rate-{rate} {RATE} {rate} (not 0.1)" for rate in (0.3, 1.0, 3.0)),
        f"takd-rate-1.0 {RATE} 1.0 (not 0.1)",
        f"annealing-kd-continued-rate-0.3 {RATE} 0.3, then 0.03 (not 0.1), {EDGES}",
        *(f"{m}-rate-0.3 {RATE} 0.3 (not 0.1)" for m in ("takd", "annealing-kd-two-schedules")),
        f"annealing-kd-continued-rate-1.0 {RATE} 1.0, then 0.1 (not 0.1), {EDGES}",
        *(f"annealing-kd-{m}-rate-3.0 {RATE} 3.0, then 0.3 (not 0.1), {EDGES}" for m in ("continued", "by-assistant")),
    ],
    "cifar-teachers": [
        f"annealing-kd-resnet{depth} {RATE} 0.3, then 0.03 (not 0.3), {EDGES}" for depth in (14, 20, 32, 44)
    ],
    "stsb-centred": [
        f"{row} {one_schedule('5e-05', '1.1e-05')}"
        for row in ("annealing-kd-continued", "regression-continued", "annealing-kd-around-mean")
    ],
    "glue-mpnet-minilm": [
        f"annealing-kd-continued {one_schedule('5e-05', '1.1e-05')}",
        *(f"{m}-rate-{rate} {RATE} {float(rate)} (not 5e-05)" for m in ("scratch", "kd") for rate in ("2e-4", "5e-4")),
        f"annealing-kd-continued-rate-2e-4 {one_schedule('0.0002', '4.4e-05', '5e-05')}",
        f"annealing-kd-continued-rate-5e-4 {one_schedule('0.0005', '0.00011', '5e-05')}",
    ],
    "coref-edge": [
        *(f"{m} {OTHER} {reads('250,000 words')}" for m in ("pseudo-labels", "kd", "takd", "annealing-kd")),
        f"annealing-kd-continued {one_schedule('0.00012', '4.5e-05')}, {reads('250,000 words')}",
        f"annealing-kd-continued-gap {one_schedule('0.00012', '4.5e-05')}, {reads('250,000 words and all')}",
        f"annealing-kd-1000000 {OTHER} {reads('1,000,000 words')}",
    ],
}
"""Grids that hold rows with other settings in a stage, as one schedule goes over several; the table says so."""


@pytest.mark.parametrize("path", sorted(RECIPES.glob("grids/*.yaml")), ids=lambda path: path.stem)
def test_every_grid_here_is_one(path: Path) -> None:
    grid = load_grid(path)
    assert len({cell.file for cell in grid.cells()}) == len(grid.cells())
    for one in grid.cells():
        assert grid.recipe(one).plan()
    check_alike(grid)
    assert notes(grid) == OTHERWISE.get(path.stem, [])


OTHERS = [path for path in sorted(RECIPES.glob("*/*.yaml")) if path.parent.name != "grids"]


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_recipe_here_is_one(path: Path) -> None:
    assert load_recipe(path).plan()


def test_a_grid_has_something_to_compare_scores_on() -> None:
    with pytest.raises(ValueError, match=r"assistant-0: documents: a grid compares scores .* is no `test`"):
        load_grid(RECIPES / "grids/coref-edge.yaml", ["tasks.coref/litbank.documents.test=[]"])


def test_cells_come_with_every_rows_first_seed_first(tmp_path: Path) -> None:
    names = [cell.name for cell in made_grid(tmp_path).cells()]
    assert names[:4] == ["cifar10/teacher-0", "cifar100/teacher-0", "cifar10/assistant-0", "cifar100/assistant-0"]
    assert names[4:6] == ["cifar10/scratch-1", "cifar100/scratch-1"]
    assert names.index("cifar100/annealing-kd-1") < names.index("cifar10/scratch-2")
    assert len(names) == 2 * (1 + 1 + 4 * 3)


def test_a_cells_recipe(tmp_path: Path) -> None:
    grid = made_grid(tmp_path)
    recipe = grid.recipe(cell(grid, "cifar10/takd-2"), Path("elsewhere"))
    assert (recipe.task, recipe.method, recipe.seed, recipe.data) == ("cifar10", "kd", 2, "somewhere/cifar10")
    assert recipe.models == {
        "student": {"network": "resnet8"},
        "teacher": {"from": "elsewhere/cifar10/assistant-0/model"},
    }
    assert grid.recipe(cell(grid, "cifar100/kd-1")).models["teacher"] == {"from": "runs/small/cifar100/teacher-0/model"}
    teacher = grid.recipe(cell(grid, "cifar10/teacher-0"))
    assert teacher.models == {"student": {"network": "resnet20"}}
    assert (teacher.epochs, teacher.training) == (5, {"learning_rate": 0.2, "max_grad_norm": 0})


def test_a_row_with_stages_has_no_epochs_of_the_grid(tmp_path: Path) -> None:
    stages = "stages: [{objective: hard-labels, epochs: 3}]"
    grid = made_grid(tmp_path, ("{method: scratch,", "{method: scratch, " + stages + ","))
    recipe = grid.recipe(cell(grid, "cifar10/scratch-1"))
    assert (recipe.method, recipe.epochs, recipe.milestones) == (None, None, ())
    assert recipe.plan()[0].epochs == 3


def test_tasks_and_rows_have_fields_of_their_own(tmp_path: Path) -> None:
    grid = made_grid(
        tmp_path,
        ("cifar100:\n", "cifar100: {epochs: 7, training: {weight_decay: 0.5}}\n"),
        ("{method: scratch, ", "{method: scratch, tasks: [cifar100], "),
    )
    recipe = grid.recipe(cell(grid, "cifar100/kd-1"))
    assert recipe.epochs == 7
    assert recipe.training == {"learning_rate": 0.1, "max_grad_norm": 0, "weight_decay": 0.5}
    assert grid.recipe(cell(grid, "cifar10/kd-1")).epochs == 4
    assert "cifar10/scratch-1" not in [cell.name for cell in grid.cells()]
    assert grid.recipe(cell(grid, "cifar100/teacher-0")).epochs == 5


def test_a_teacher_from_elsewhere(tmp_path: Path) -> None:
    first = TEXT.index("  - {method: teacher")
    text = TEXT[:first] + "  - {method: kd, teacher: teacher, seeds: [1]}\n"
    grid = load_grid(write_grid(tmp_path, text.replace("{network: resnet20}", "{from: runs/old/model}")))
    one = cell(grid, "cifar10/kd-1")
    assert grid.teacher(one) is None
    assert grid.recipe(one).models["teacher"] == {"from": "runs/old/model"}


def test_choosing_cells_brings_those_that_they_learn_from(tmp_path: Path) -> None:
    grid = made_grid(tmp_path)
    chosen = [cell.name for cell in grid.select(["cifar10/takd-2", "*100/scratch"])]
    assert chosen == [
        *("cifar10/teacher-0", "cifar10/assistant-0"),
        *("cifar100/scratch-1", "cifar100/scratch-2", "cifar10/takd-2", "cifar100/scratch-3"),
    ]
    with pytest.raises(ValueError, match=r"--only cifar10/born: there is no such cell; .*cifar10/teacher-0"):
        grid.select(["cifar10/born"])


def test_settings(tmp_path: Path) -> None:
    grid = load_grid(write_grid(tmp_path), ["common.epochs=9"])
    assert grid.recipe(cell(grid, "cifar10/kd-1")).epochs == 9


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("models:", "model:", "grid: unknown key 'model'; did you mean 'models'"),
        ("common: {epochs", "common: {epoch", "common: unknown key 'epoch'; did you mean 'epochs'"),
        ("{data: somewhere/cifar10}", "{seed: 3}", "tasks: cifar10: unknown key 'seed'"),
        ("cifar100:", "cifar1000:", "cifar1000/teacher-0: unknown task 'cifar1000'"),
        ("{method: scratch,", "{method: scratch, epoch: 3,", "cells: unknown key 'epoch'; did you mean 'epochs'"),
        ("{method: scratch, seeds: [1, 2, 3]}", "{method: scratch}", "cells: key 'seeds' is missing"),
        ("{method: scratch, seeds: [1, 2, 3]}", "scratch", "cells: expected keys and values, found 'scratch'"),
        ("{method: scratch, seeds: [1, 2, 3]}", "{method: scratch, seeds: [1, 1]}", "scratch: seeds .* twice"),
        ("{method: scratch,", "{method: from scratch,", "file names and cannot be 'from scratch'"),
        ("{method: scratch,", "{method: kd, teacher: teacher,", "cifar10/kd-1 is there twice"),
        ("{method: scratch,", "{method: scratch, tasks: [rte],", "scratch: tasks: unknown key 'rte'"),
        ("{method: scratch,", "{method: scratch, student: big,", "scratch: there is no model 'big'"),
        ("{method: scratch,", "{method: scratch, teacher: teacher,", "has a teacher, 'teacher', and no stage"),
        ("{method: kd, teacher: teacher", "{method: kd", "cifar10/kd-1: .*`models` has no 'teacher'"),
        ("{method: kd, teacher: teacher", "{method: kd, teacher: big", "kd: its teacher 'big' is neither"),
        ("{method: kd, teacher: teacher", "{method: kd, teacher: kd", "cifar10/kd-1 learns from itself"),
        ("student: teacher, plan: scratch", "student: teacher, teacher: assistant, plan: kd", "learns from itself"),
        ("{method: kd,", "{method: dk,", "cifar10/dk-1: unknown method 'dk'; known are scratch, kd"),
        ("plan: kd, teacher: assistant", "plan: kd, stages: [], teacher: assistant", "either a `plan` or `stages`"),
        ("learning_rate: 0.2", "lr: 0.2", "cifar10/teacher-0: training: unknown key 'lr'"),
        ("cells:", "baselines: [none]\ncells:", "baselines: there is no method 'none'"),
        ("{method: assistant,", "{method: kd,", "cifar10/kd-1: .* has other models than another"),
        (
            "{method: scratch,",
            "{method: scratch, seeds: [4], epochs: 3}\n  - {method: scratch,",
            "has other epochs than",
        ),
    ],
)
def test_bad_grids_are_refused_in_one_sentence(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ValueError, match=rf"small\.yaml: .*{message}"):
        made_grid(tmp_path, (old, new))


def test_a_grid_without_cells(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"small\.yaml: a grid has a list of `cells`"):
        load_grid(write_grid(tmp_path, "models: {}\ntasks: {}\n"))
