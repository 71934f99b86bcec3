"""`lehr experiment` as it is typed."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from made_grid import made_grid, write_grid, write_results
from typer.testing import CliRunner

from lehr.cli.experiment import app
from lehr.experiments.grid import Cell, Grid

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
    write_results(made_grid(tmp_path), tmp_path / "results/small")
    assert "docs/results/small.md: 28 of 28 cells, 3 figures" in typed("table", "small.yaml")
    page = (tmp_path / "docs/results/small.md").read_text("utf-8")
    assert page.startswith("# small\n\nMade by `lehr experiment table small.yaml` from `results/small/`")
    for name in re.findall(r"\]\((.*)\)", page):
        assert (tmp_path / "docs/results" / name).stat().st_size > 1000
    typed("table", str(tmp_path / "small.yaml"), "--docs", "elsewhere")
    assert str(tmp_path) not in (tmp_path / "elsewhere/small.md").read_text("utf-8")


def test_a_changed_grid_is_refused(typed: Type, tmp_path: Path) -> None:
    write_results(made_grid(tmp_path), tmp_path / "results/small")
    for command in ("run", "table"):
        said = typed(command, "small.yaml", "--set", "common.epochs=9", status=1)
        assert re.search(r"assistant-0\.json is of another recipe than the grid's: epochs was 4 and is 9 now", said)


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
