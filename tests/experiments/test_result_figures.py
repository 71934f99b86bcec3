from __future__ import annotations

from pathlib import Path

import pytest
from made_grid import made_grid, write_results

from lehr.experiments.figures import (
    error_by_epoch,
    learning_curves,
    score_by_tau,
    score_by_teacher,
    score_by_unlabelled,
    scores_by_method,
)
from lehr.experiments.grid import Grid, load_grid
from lehr.experiments.results import read_results
from lehr.experiments.tables import Results

ROW = "  - {method: annealing-kd, teacher: teacher, seeds: [1, 2, 3]}\n"


def results(grid: Grid, folder: Path) -> Results:
    write_results(grid, folder / "results")
    return read_results(grid, folder / "results")


def test_curves_show_the_stages_and_their_temperatures(tmp_path: Path) -> None:
    grid = made_grid(tmp_path)
    figure = learning_curves(grid, results(grid, tmp_path))
    assert figure is not None
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["scratch", "kd", "takd", "annealing-kd"]
    curve = next(line for line in axes.lines if line.get_label() == "annealing-kd")
    assert list(curve.get_xdata()) == [1, 2, 3, 4]
    assert list(curve.get_ydata()) == pytest.approx([71, 72, 73, 71])
    assert [list(line.get_xdata()) for line in axes.lines if line.get_linestyle() == ":"] == [[3.5, 3.5]]
    bands = [(patch.get_x(), patch.get_alpha()) for patch in axes.patches]
    # 3 of the 4 epochs, 7 temperatures: those at a third, two thirds and the end.
    assert bands == [(0.5, pytest.approx(0.16 * 3 / 7)), (1.5, pytest.approx(0.16 * 5 / 7)), (2.5, 0.16)]


def test_curves_of_some_seeds_say_so(tmp_path: Path) -> None:
    grid = made_grid(tmp_path)
    write_results(grid, tmp_path / "results", among=lambda cell: cell.name != "cifar10/kd-2")
    figure = learning_curves(grid, read_results(grid, tmp_path / "results"))
    assert figure is not None
    for axes, label in zip(figure.axes, ("kd (2 of 3 seeds)", "kd"), strict=True):
        assert axes.get_legend().get_texts()[1].get_text() == label


def test_errors_by_epoch_with_a_line_for_each_temperature(tmp_path: Path) -> None:
    stages = "stages: [{epochs: 4, teacher: teacher, objective: {name: annealed-regression, tau_max: 2}}]}"
    grid = made_grid(tmp_path, (ROW, ROW.replace("seeds: [1, 2, 3]}", "seeds: [1, 2, 3], " + stages)))
    figure = error_by_epoch(grid, results(grid, tmp_path))
    assert figure is not None
    axes = figure.axes[0]
    dots, softer, whole = axes.lines
    errors = [1.23456 / epoch for epoch in range(1, 5)]
    for line, epochs in ((dots, [1, 2, 3, 4]), (softer, [1, 2]), (whole, [3, 4])):
        assert list(line.get_xdata()) == epochs
        assert list(line.get_ydata()) == pytest.approx([errors[epoch - 1] for epoch in epochs], rel=1e-3)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["annealing-kd"]


def test_a_method_that_failed_is_a_number_below_the_others_and_one_that_was_not_run_is_left_out(tmp_path: Path) -> None:
    grid = made_grid(tmp_path)
    write_results(
        grid,
        tmp_path / "results",
        score=lambda cell: {"kd": 12.5, "takd": 80.0}.get(cell.row.method, 81.0),
        among=lambda cell: (cell.task, cell.row.method) != ("cifar10", "scratch"),
    )
    figure = scores_by_method(grid, read_results(grid, tmp_path / "results"))
    assert figure is not None
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["kd", "takd", "annealing-kd"]
    assert [(text.get_text(), text.xy[0]) for text in axes.texts] == [("12.5 ↓", 0)]
    assert axes.get_ylim()[0] > 79


def test_bands_are_of_all_methods_or_not_there(tmp_path: Path) -> None:
    other = ROW.replace("method: annealing-kd", "method: other, plan: annealing-kd")
    for own, bands in (("", 3), ("epochs: 8, ", 0)):
        grid = made_grid(tmp_path, (ROW, ROW + other.replace("method:", own + "method:")))
        write_results(grid, tmp_path / "results", score=lambda cell: 50.0)
        figure = learning_curves(grid, read_results(grid, tmp_path / "results"))
        assert figure is not None
        assert len(figure.axes[0].patches) == bands


def test_figures_of_other_grids_have_to_be_asked_for(tmp_path: Path) -> None:
    grid = made_grid(tmp_path)
    found = results(grid, tmp_path)
    assert score_by_tau(grid, found) is None
    assert score_by_teacher(grid, found) is None
    assert score_by_unlabelled(grid, found) is None


def test_scores_by_tau_and_shape(tmp_path: Path) -> None:
    rows = "".join(
        f"  - {{method: {shape}-{tau}, teacher: teacher, seeds: [1, 2], stages: [{{epochs: 4, teacher: teacher, "
        f"objective: {{name: annealed-regression, tau_max: {tau}, shape: {shape}}}}}]}}\n"
        for tau, shape in ((2, "staircase"), (4, "staircase"), (4, "cosine"))
    )
    grid = made_grid(tmp_path, (ROW, rows))
    write_results(grid, tmp_path / "results", score=lambda cell: 50.0 + cell.seed)
    figure = score_by_tau(grid, read_results(grid, tmp_path / "results"))
    assert figure is not None
    lines = {bars.get_label(): bars.lines[0] for bars in figure.axes[0].containers}
    assert {name: list(line.get_xdata()) for name, line in lines.items()} == {"staircase": [2, 4], "cosine": [4]}
    assert list(lines["staircase"].get_ydata()) == [51.5, 51.5]


def test_scores_by_teacher(tmp_path: Path) -> None:
    grid = made_grid(tmp_path, ("{method: takd, plan: kd", "{method: kd-2, plan: kd"), ("[1, 2, 3]", "[1, 2]"))
    write_results(grid, tmp_path / "results", score=lambda cell: 50.0 + cell.seed)
    found = read_results(grid, tmp_path / "results")
    sizes = {"kd": 3_000_000, "kd-2": 1_000_000}
    for cell, result in found.items():
        if cell.row.method in sizes:
            result["parameters"]["teacher"] = sizes[cell.row.method]
    assert score_by_teacher(grid, found) is None, "two sizes are no curve"
    grid = made_grid(
        tmp_path,
        ("{method: takd, plan: kd", "{method: kd-2, plan: kd"),
        (ROW, ROW.replace("annealing-kd", "kd-3, plan: kd")),
    )
    write_results(grid, tmp_path / "results", score=lambda cell: 50.0 + cell.seed)
    found = read_results(grid, tmp_path / "results")
    sizes["kd-3"] = 2_000_000
    for cell, result in found.items():
        if cell.row.method in sizes:
            result["parameters"]["teacher"] = sizes[cell.row.method]
    figure = score_by_teacher(grid, found)
    assert figure is not None
    (bars,) = [one for one in figure.axes[0].containers if one.get_label() == "kd"]
    assert list(bars.lines[0].get_xdata()) == [1.0, 2.0, 3.0]
    assert figure.axes[0].lines[-1].get_linestyle() == "--"


def test_scores_by_words_without_annotation(tmp_path: Path) -> None:
    rows = "".join(f"  - {{method: kd-{words}, plan: kd, teacher: teacher, seeds: [1, 2, 3]}}\n" for words in (0, 500))
    grid = made_grid(tmp_path, (ROW, rows))
    write_results(grid, tmp_path / "results", score=lambda cell: 50.0 + cell.seed)
    found = read_results(grid, tmp_path / "results")
    drawn = {"kd-0": None, "kd-500": [{"words": 200}, {"words": 300}], "takd": {"words": 500}}
    for cell, result in found.items():
        result["recipe"]["documents"] = {"unlabelled": drawn.get(cell.row.method, {"words": 2000})}
    assert score_by_unlabelled(grid, found) is None, "takd has the plan and the words of kd-500"
    found = {cell: result for cell, result in found.items() if cell.row.method != "takd"}
    figure = score_by_unlabelled(grid, found)
    assert figure is not None
    lines = {bars.get_label(): list(bars.lines[0].get_xdata()) for bars in figure.axes[0].containers}
    assert lines == {"kd": [0, 0.5, 2]}
    for cell, result in found.items():
        if cell.row.method == "kd-500":
            result["recipe"]["documents"]["unlabelled"] = {"words": None}
    assert score_by_unlabelled(grid, found) is None, "all that there are is no number"


def test_the_grid_of_resolvers_has_its_curve(tmp_path: Path) -> None:
    grid = load_grid(Path(__file__).resolve().parents[2] / "recipes/grids/coref-edge.yaml")
    write_results(grid, tmp_path / "results", score=lambda cell: 50.0 + cell.seed)
    figure = score_by_unlabelled(grid, read_results(grid, tmp_path / "results"))
    assert figure is not None
    (bars,) = figure.axes[0].containers
    assert bars.get_label() == "annealing-kd"
    assert list(bars.lines[0].get_xdata()) == [0, 250, 1000]
