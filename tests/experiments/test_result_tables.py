"""The tables of made-up results, against numbers worked by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_grid import made_grid, usual, write_results

from lehr.experiments.grid import Cell, Grid
from lehr.experiments.results import read_results
from lehr.experiments.tables import Gain, check_alike, gain, notes, page, summary, told_gain

COMMAND = "lehr experiment table recipes/grids/small.yaml"


def written(grid: Grid, folder: Path, **settings: object) -> str:
    write_results(grid, folder / "results", **settings)  # type: ignore[arg-type]
    return page(grid, read_results(grid, folder / "results"), command=COMMAND, figures={"small-curves.svg": "Curves."})


def test_mean_and_standard_deviation() -> None:
    assert summary({1: 80.0, 2: 80.5, 3: 81.0}, [1, 2, 3]) == "80.50 ± 0.50"
    assert summary({1: 1.0, 2: 2.0, 3: 3.0, 4: 4.0}, [1, 2, 3, 4]) == "2.50 ± 1.29"  # the root of 5 / 3
    assert summary({1: 80.0}, [1]) == "80.00"
    assert summary({1: 80.0}, [1, 2, 3]) == "80.00 (1 of 3 seeds)"
    assert summary({1: 80.0, 3: 81.0}, [1, 2, 3]) == "80.50 ± 0.71 (2 of 3 seeds)"
    assert summary({}, [1, 2, 3]) == "– (0 of 3 seeds)"
    assert summary({}, [1]) == "– (0 of 1 seed)"
    assert summary({}, []) == ""


def test_the_paired_test() -> None:
    found = gain({1: 83.0, 2: 83.25, 3: 83.5}, {1: 80.0, 2: 80.5, 3: 81.0})
    assert found is not None
    assert found.difference == pytest.approx(2.75)
    t = 2.75 / (0.25 / 3**0.5)
    assert found.p == pytest.approx(1 - t / (t**2 + 2) ** 0.5)  # Student's t with two degrees of freedom, two-sided
    assert told_gain(found) == "+2.75 (p = 0.003, 3 seeds)"


def test_the_test_is_over_the_seeds_of_both() -> None:
    found = gain({1: 83.0, 2: 85.0, 7: 0.0}, {1: 80.0, 2: 81.0, 3: 99.0})
    assert found is not None
    assert (found.difference, found.seeds) == (3.5, 2)
    assert found.p == pytest.approx(0.0903345)  # t = 3.5 / 0.5 = 7, one degree of freedom: 1 - 2 / π · arctan 7
    assert gain({1: 83.0}, {2: 80.0}) is None
    assert told_gain(None) == "–"


def test_no_test_without_spread() -> None:
    assert gain({1: 2.0}, {1: 1.0}) == Gain(1.0, None, 1)
    assert gain({1: 2.1, 2: 3.1}, {1: 1.1, 2: 2.1}) == Gain(1.0, None, 2)
    assert told_gain(Gain(-1.0, None, 1)) == "-1.00 (p –, 1 seed)"
    assert told_gain(Gain(1.0, 1e-5, 3)) == "+1.00 (p < 0.001, 3 seeds)"


def test_the_page(tmp_path: Path) -> None:
    told = written(made_grid(tmp_path), tmp_path).splitlines()
    assert told[0] == "# small"
    assert f"Made by `{COMMAND}` from the results that `{COMMAND.replace('table', 'run')}` wrote." in told
    assert "| method | seeds | cifar10, accuracy, 4 epochs | cifar100, accuracy, 4 epochs | mean |" in told
    assert "| scratch | 3 | 80.50 ± 0.50 | 80.50 ± 0.50 | 80.50 ± 0.50 |" in told
    assert "| annealing-kd | 3 | **83.25 ± 0.25** | **83.25 ± 0.25** | **83.25 ± 0.25** |" in told
    assert "| scratch | 3 | 81.50 ± 0.50 | 81.50 ± 0.50 | 81.50 ± 0.50 |" in told, "the validation part"
    assert "| kd | scratch | +1.00 (p –, 3 seeds) | +1.00 (p –, 3 seeds) | +1.00 (p –, 3 seeds) |" in told
    three = "+2.75 (p = 0.003, 3 seeds)"
    assert f"| annealing-kd | scratch | {three} | {three} | {three} |" in told
    assert not any(line.startswith("| kd | takd |") for line in told), "baselines stand above"
    assert "| scratch | – | 78,042 | 1.0 | 1.0 |" in told
    assert "| annealing-kd | teacher | 78,042 | 2.0 | 2.0 |" in told
    assert "| teacher | – | 78,042 | cifar10 | 5 | 90.00 | 91.00 | 1.0 |" in told
    assert "| assistant | teacher | 78,042 | cifar100 | 4 | 88.00 | 89.00 | 1.0 |" in told
    assert "- Devices: CPU, 1 threads (made up): 28 cells" in told
    assert "- Versions: lehr 0.1, python 3.11, torch 2.9, transformers 5.0" in told
    assert "![Curves.](small-curves.svg)" in told
    assert not any("missing" in line for line in told)


def test_one_seed_is_never_first_of_three(tmp_path: Path) -> None:
    grid = made_grid(
        tmp_path,
        ("- {method: takd,", "- {method: kd-fast, plan: kd, teacher: teacher, seeds: [1]}\n  - {method: takd,"),
    )
    told = written(grid, tmp_path, score=lambda cell: 99.0 if cell.row.method == "kd-fast" else usual(cell))
    assert "| kd-fast | 1 | 99.00 | 99.00 | 99.00 |" in told
    assert "| annealing-kd | 3 | **83.25 ± 0.25** |" in told


def test_the_mean_is_over_tasks_seed_by_seed(tmp_path: Path) -> None:
    def score(cell: Cell) -> float:
        return usual(cell) - (10 * cell.seed if cell.task == "cifar100" else 0)

    told = written(made_grid(tmp_path), tmp_path, score=score)
    # cifar100: 70, 60.5, 51; so the means are 75, 70.5 and 66.
    assert "| scratch | 3 | 80.50 ± 0.50 | 60.50 ± 9.50 | 70.50 ± 4.50 |" in told


def test_missing_cells_are_shown_as_missing(tmp_path: Path) -> None:
    gone = {"cifar10/kd-2", *(f"cifar100/takd-{seed}" for seed in (1, 2, 3)), "cifar100/teacher-0"}
    told = written(made_grid(tmp_path), tmp_path, among=lambda cell: cell.name not in gone)
    assert "**5 of 28 cells are missing.**" in told
    assert "| kd | 3 | 81.50 ± 0.71 (2 of 3 seeds) | 81.50 ± 0.50 | – |" in told
    assert "| takd | 3 | 82.00 ± 0.50 | – (0 of 3 seeds) | – |" in told
    assert "| annealing-kd | 3 | 83.25 ± 0.25 | 83.25 ± 0.25 | 83.25 ± 0.25 |" in told, "nobody is first of some"
    assert "| kd | scratch | +1.00 (p –, 2 seeds) | +1.00 (p –, 3 seeds) | – |" in told
    assert "| takd | – |" not in told
    assert "| teacher | – | – | cifar100 | 5 | – (0 of 1 seed) | – (0 of 1 seed) | – |" in told


def test_chosen_baselines(tmp_path: Path) -> None:
    told = written(made_grid(tmp_path, ("cells:", "baselines: [kd]\ncells:")), tmp_path)
    assert "| annealing-kd | kd |" in told
    assert "| annealing-kd | scratch |" not in told
    assert "| kd | scratch |" not in told


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ("epochs: 5", "cifar10: kd has epochs 5 and scratch has 4, which is no comparison"),
        ("views: 3", "cifar10: kd has views 3 and scratch has 1"),
        ("validation: 10", "cifar10: kd has validation 10 and scratch has None"),
        ("stages: [{objective: kd, teacher: teacher, epochs: 3}]", "cifar10: kd has epochs 3 and scratch has 4"),
    ],
)
def test_rows_that_are_not_alike_make_no_table(tmp_path: Path, own: str, message: str) -> None:
    grid = made_grid(tmp_path, ("{method: kd,", "{method: kd, " + own + ","))
    with pytest.raises(ValueError, match=message):
        check_alike(grid)
    with pytest.raises(ValueError, match=message):
        written(grid, tmp_path)


def test_rows_that_are_trained_otherwise_are_marked(tmp_path: Path) -> None:
    grid = made_grid(tmp_path, ("{method: kd,", "{method: kd, training: {learning_rate: 0.3},"))
    note = "kd is trained otherwise than scratch: learning_rate 0.3 (not 0.1)"
    assert notes(grid) == [note]
    assert f"\n{note}.\n" in written(grid, tmp_path)


def test_what_differs_in_one_stage_is_said_stage_by_stage(tmp_path: Path) -> None:
    fast = "{objective: kd, teacher: teacher, epochs: 1, training: {learning_rate: 1.0}}"
    stages = f"[{fast}, {{objective: hard-labels, epochs: 1}}]"
    grid = made_grid(tmp_path, ("{method: kd,", f"{{method: kd, stages: {stages},"))
    assert notes(grid) == [
        "kd is trained otherwise than scratch: learning_rate 1.0, then 0.1 (not 0.1), milestones [] (not [0.5])"
    ]


def test_a_grid_of_one_task_has_no_mean(tmp_path: Path) -> None:
    told = written(made_grid(tmp_path, ("  cifar100:\n", "")), tmp_path)
    assert "| method | seeds | cifar10, accuracy, 4 epochs |" in told.splitlines()
    assert "| scratch | 3 | 80.50 ± 0.50 |" in told.splitlines()


def test_other_test_parts_have_tables_of_their_own(tmp_path: Path) -> None:
    grid = made_grid(tmp_path)
    write_results(grid, tmp_path / "results")
    found = read_results(grid, tmp_path / "results")
    for cell, result in found.items():
        if cell.name == "cifar10/kd-2":
            result["test_scores"] = {"other_accuracy": 12.3456, "other_loss": 3.0}
    told = page(grid, found, command="", figures={})
    (table,) = [part for part in told.split("\n## ") if part.startswith("Test, ")]
    assert table.startswith("Test, other_accuracy\n")
    assert "| method | seeds | cifar10, accuracy, 4 epochs |\n" in table, "the other task has no such part"
    assert "| kd | 3 | 12.35 (1 of 3 seeds) |\n" in table


def test_a_method_of_one_task_has_no_mean_and_keeps_none_from_being_first(tmp_path: Path) -> None:
    grid = made_grid(tmp_path, ("{method: takd,", "{method: takd, tasks: [cifar10],"))
    told = written(grid, tmp_path)
    assert "| takd | 3 | 82.00 ± 0.50 |  |  |" in told
    assert "| annealing-kd | 3 | **83.25 ± 0.25** | **83.25 ± 0.25** | **83.25 ± 0.25** |" in told
