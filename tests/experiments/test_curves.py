from __future__ import annotations

from pathlib import Path

from made_grid import cell, made_grid, write_results

from lehr.experiments.curves import curve, edges, errors, mean_curve, stages_of
from lehr.experiments.results import read_results


def test_epochs_are_counted_through_the_stages_of_the_last_student(tmp_path: Path) -> None:
    grid = made_grid(tmp_path)
    write_results(grid, tmp_path)
    results = read_results(grid, tmp_path)
    annealed = results[cell(grid, "cifar10/annealing-kd-1")]
    lengths = [stage.epochs for stage, _ in stages_of(annealed)]
    assert sum(lengths) == 4
    assert [epoch for epoch, _ in curve(annealed)] == [1, 2, 3, 4]
    assert edges(results, "cifar10", "annealing-kd") == lengths[:1]
    assert edges(results, "cifar10", "scratch") == []
    assert [epoch for epoch, _, _ in errors(annealed)] == [*range(1, lengths[0] + 1)]

    first, second, third = (dict(curve(results[cell(grid, f"cifar10/annealing-kd-{seed}")])) for seed in (1, 2, 3))
    mean = dict(mean_curve(results, "cifar10", "annealing-kd"))
    assert mean == {epoch: sum(each[epoch] for each in (first, second, third)) / 3 for epoch in first}
    assert mean_curve(results, "cifar10", "never-run") == []
