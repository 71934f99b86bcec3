"""`lehr experiment` as it is typed."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from made_grid import TEXT, made_grid, write_grid, write_results
from typer.testing import CliRunner

from lehr.cli.experiment import app
from lehr.experiments.grid import Cell, Grid, load_grid
from lehr.experiments.recipe import Recipe
from lehr.experiments.surface import identity

Type = Callable[..., str]


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Type:
    """Type the command in a folder with a grid; what it says."""
    monkeypatch.chdir(tmp_path)
    write_grid(tmp_path)

    def run(*arguments: str, status: int = 0) -> str:
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == status, done.output
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            return str(done.exception)
        return done.output

    return run


def test_table(typed: Type, tmp_path: Path) -> None:
    assert "results/small holds no result of small.yaml yet" in typed("table", "small.yaml", status=1)
    one_task = TEXT.replace("  cifar100:\n", "")
    write_results(load_grid(write_grid(tmp_path, one_task)), tmp_path / "results/small")
    assert "docs/results/small.md: 14 of 14 cells, 3 figures" in typed("table", "small.yaml")
    page = (tmp_path / "docs/results/small.md").read_text("utf-8")
    assert page.startswith("# small\n\nMade by `lehr experiment table small.yaml` from the results")
    figures = re.findall(r"\]\((.*)\)", page)
    assert figures == ["small-curves.svg", "small-scores.svg", "small-errors.svg"]
    write_results(load_grid(write_grid(tmp_path, one_task)), tmp_path / "mine/small")
    typed("table", "small.yaml", "--results", "mine", "--docs", "of-mine")
    assert "`lehr experiment run small.yaml --results mine` wrote" in (tmp_path / "of-mine/small.md").read_text("utf-8")
    typed("table", str(tmp_path / "small.yaml"), "--docs", "elsewhere")
    assert str(tmp_path) not in (tmp_path / "elsewhere/small.md").read_text("utf-8")
    for name in figures:
        drawn = (tmp_path / "docs/results" / name).read_bytes()
        assert drawn == (tmp_path / "elsewhere" / name).read_bytes(), "the same, byte for byte, whenever it is drawn"
        assert len(list(ElementTree.fromstring(drawn).iter("{http://www.w3.org/2000/svg}path"))) > 30


def test_a_changed_grid_is_refused(typed: Type, tmp_path: Path) -> None:
    write_results(made_grid(tmp_path), tmp_path / "results/small")
    for command in ("run", "table"):
        said = typed(command, "small.yaml", "--set", "common.epochs=9", status=1)
        assert re.search(r"assistant-0\.json is of another recipe than the grid's: epochs was 4 and is 9 now", said)


def test_what_no_table_would_compare_is_not_run(typed: Type, tmp_path: Path) -> None:
    stages = "stages: [{objective: hard-labels, epochs: 4}]"
    made_grid(tmp_path, ("{method: scratch,", "{method: scratch, " + stages + ","))
    said = typed("run", "small.yaml", "--set", "common.epochs=9", status=1)
    assert "cifar10: kd has epochs 9 and scratch has 4, which is no comparison" in said
    assert not (tmp_path / "runs").exists()


def test_run_when_all_is_done(typed: Type, tmp_path: Path) -> None:
    write_results(made_grid(tmp_path), tmp_path / "results/small")
    assert "small: 28 of 28 cells are done, 0 failed" in typed("run", "small.yaml")


def test_run_starts_workers_and_tells_of_them(typed: Type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker is a script in place of Python, which sees the command that it is called with."""
    grid = made_grid(tmp_path)
    write_results(grid, tmp_path / "made")
    worker = tmp_path / "worker"
    worker.write_text(
        f"""#!{sys.executable}
import json, shutil, sys
assert sys.argv[1:5] == ["-m", "lehr", "experiment", "cell"], sys.argv
assert {{"--runs=runs/small", "--results=results", "--set=common.epochs=4"}} <= set(sys.argv), sys.argv
task, method = sys.argv[-1].split("/")
if method == "kd-2":
    sys.exit("lehr: [no] room is left")
shutil.copy(f"{tmp_path}/made/{{task}}-{{method}}.json", "results/small/")
""",
        "utf-8",
    )
    worker.chmod(0o755)
    (tmp_path / "results/small").mkdir(parents=True)
    monkeypatch.setattr(sys, "executable", str(worker))
    options = ("--only", "cifar10/kd", "--jobs", "2", "--set", "common.epochs=4")
    said = typed("run", "small.yaml", *options, status=1)
    assert "small: 0 of 4 cells are done, 2 at a time" in said
    assert re.search(r"done +cifar10/teacher-0 +accuracy 90\.0, 0\.\d min", said)
    assert re.search(r"failed +cifar10/kd-2, 0\.\d min: lehr: \[no\] room is left", said)
    assert "small: 3 of 4 cells are done, 1 failed" in said
    assert json.loads((tmp_path / "results/small/cifar10-kd-3.json").read_text("utf-8"))["seed"] == 3


def test_surface_computes_once_and_draws(typed: Type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Path, int, int]] = []

    def made(recipe: Recipe, output: Path, *, rows: int, side: int) -> dict[str, Any]:
        asked.append((output, rows, side))
        path = [{"stage": 1, "epoch": 0, "place": [0, 0]}, {"stage": 1, "epoch": 1, "phi": 1, "place": [1, 1]}]
        ground = {"axes": [[0, 1], [0, 1]], "losses": [[[1, 2], [3, 4]]] * 2, "explained": [0.9, 0.1], "path": path}
        return {"recipe": identity(recipe), "temperatures": [1], **ground}

    monkeypatch.setattr("lehr.experiments.surface.surface", made)
    write_grid(tmp_path, "{task: cifar10, models: {student: {network: resnet8}}, method: scratch}", "one")
    for _ in range(2):
        said = typed("surface", "one.yaml", "--rows", "5", "--side", "2")
        assert "docs/results/surface-cifar10-one.svg, from results/surface/cifar10-one.json" in said
    assert asked == [(Path("runs/surface/cifar10-one"), 5, 2)]
    assert (tmp_path / "docs/results/surface-cifar10-one.svg").stat().st_size > 1000
    said = typed("surface", "one.yaml", "--set", "seed=3", status=1)
    assert "cifar10-one.json is of another recipe: seed was" in said


def test_an_unknown_cell(typed: Type) -> None:
    assert "--only rte/kd: there is no such cell" in typed("run", "small.yaml", "--only", "rte/kd", status=1)


def test_a_worker_runs_one_cell(typed: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, int | None, Path, Path]] = []

    def note(grid: Grid, cell: Cell, *, runs: Path, results: Path) -> None:
        ran.append((cell.name, grid.recipe(cell).epochs, runs, results))

    monkeypatch.setattr("lehr.experiments.runner.end_with_parent", lambda: None)
    monkeypatch.setattr("lehr.experiments.results.carry_out_cell", note)
    typed("cell", "--runs=elsewhere", "--set=common.epochs=9", "--", "small.yaml", "cifar10/kd-2")
    assert ran == [("cifar10/kd-2", 9, Path("elsewhere"), Path("results/small"))]
    assert "small.yaml: there is no cell cifar10/kd-9" in typed("cell", "small.yaml", "cifar10/kd-9", status=1)
