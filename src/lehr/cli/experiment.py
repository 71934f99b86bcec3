"""`lehr experiment`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..experiments.grid import Cell

HELP = """Run a grid of task, method and seed, and write its tables (needs `pip install 'lehr\\[train]'`).

A grid is one YAML file, of which recipes/grids has several.

Examples:

    lehr experiment run recipes/grids/cifar-brief.yaml
    lehr experiment table recipes/grids/cifar-brief.yaml
"""

app = typer.Typer(help=HELP, no_args_is_help=True)

GridPath = Annotated[
    Path, typer.Argument(metavar="GRID", help="A YAML file, as in recipes/grids.", exists=True, dir_okay=False)
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the grid: common.epochs=2. Repeatable."),
]
Runs = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Folder for checkpoints and models.", show_default="runs/GRID")
]
Results = Annotated[Path, typer.Option(metavar="DIR", help="Folder of the results; the grid's own is in it.")]


@app.callback()
def _group() -> None:
    pass


@app.command()
def run(
    grid: GridPath,
    runs: Runs = None,
    results: Results = Path("results"),
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TASK/METHOD", help="These cells and what they learn from: cifar10/kd, '*/kd-1'. Repeatable."
        ),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Cells at a time.", show_default="the number of GPUs, or 1")
    ] = None,
    settings: Settings = None,
) -> None:
    """Run the cells that have no result yet.

    However it ends, the same command goes on where it stopped. A result is one
    JSON in RESULTS/GRID; what a cell says while it runs is in
    RUNS/TASK/METHOD-SEED.log. Several of these at once share the work.

    Examples:

        lehr experiment run recipes/grids/cifar-brief.yaml
        lehr experiment run recipes/grids/cifar-brief.yaml --jobs 2
        lehr experiment run recipes/grids/cifar-short.yaml --only 'cifar10/*'
    """
    from ..extras import needs

    needs("train")
    import torch
    from rich.console import Console
    from rich.markup import escape

    from ..experiments.grid import load_grid
    from ..experiments.results import check_models, read_results
    from ..experiments.runner import Runner
    from ..experiments.tables import check_alike

    table = load_grid(grid, settings or [])
    check_alike(table)
    folder, kept = runs or table.default_runs, results / table.name
    cells = table.select(only) if only else table.cells()
    done = read_results(table, kept)
    check_models(table, cells, done, folder)
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    count = torch.cuda.device_count()
    gpus = visible.split(",") if visible and count else [str(number) for number in range(count)]

    def command(cell: Cell) -> list[str]:
        options = [f"--runs={folder}", f"--results={results}", *(f"--set={setting}" for setting in settings or [])]
        return [sys.executable, "-m", "lehr", "experiment", "cell", *options, "--", str(grid), cell.name]

    console = Console(highlight=False, soft_wrap=True)
    there = sum(cell in done for cell in cells)
    console.print(f"{table.name}: {there} of {len(cells)} cells are done, {jobs or len(gpus) or 1} at a time")
    with console.status("") as status:

        def report(cell: Cell, state: str, why: str, seconds: float) -> None:
            if state == "done":
                console.print(f"[green]done[/]     {cell.name}  {_score(kept / cell.file)}{_minutes(seconds)}")
            elif state == "failed":
                console.print(f"[red]failed[/]   {cell.name}{_minutes(seconds)}: {escape(why)}")
            else:
                console.print(f"[dim]{state:8}[/] {cell.name}")
            names = ", ".join(job.cell.name for job in runner.running.values())
            status.update(f"{names or 'none'} running, {len(runner.waiting)} waiting, {len(runner.failed)} failed")

        runner = Runner(
            cells,
            teacher=table.teacher,
            finished=lambda cell: (kept / cell.file).exists(),
            command=command,
            runs=folder,
            jobs=jobs or len(gpus) or 1,
            gpus=gpus,
            report=report,
        )
        failed = runner.run()
    console.print(f"{table.name}: {len(cells) - len(failed)} of {len(cells)} cells are done, {len(failed)} failed")
    if failed:
        raise typer.Exit(1)


@app.command(hidden=True)
def cell(
    grid: GridPath,
    name: Annotated[str, typer.Argument(help="The cell, TASK/METHOD-SEED.")],
    runs: Runs = None,
    results: Results = Path("results"),
    settings: Settings = None,
) -> None:
    """Run one cell: what `lehr experiment run` starts for each, and holds the lock of."""
    from ..experiments.runner import end_with_parent

    end_with_parent()
    from ..experiments.grid import load_grid
    from ..experiments.results import carry_out_cell

    table = load_grid(grid, settings or [])
    chosen = {cell.name: cell for cell in table.cells()}
    if name not in chosen:
        raise ValueError(f"{grid}: there is no cell {name}")
    carry_out_cell(table, chosen[name], runs=runs or table.default_runs, results=results / table.name)


@app.command()
def table(
    grid: GridPath,
    results: Results = Path("results"),
    docs: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the page and its figures.")] = Path(
        "docs/results"
    ),
    settings: Settings = None,
) -> None:
    """Write the tables and figures of a grid's results, as DOCS/GRID.md.

    A grid that is not finished is shown as far as it is.

    Examples:

        lehr experiment table recipes/grids/cifar-brief.yaml
        lehr experiment table recipes/grids/cifar-brief.yaml --docs my-tables
    """
    from ..extras import needs

    needs("train")
    from ..experiments.figures import draw
    from ..experiments.grid import load_grid
    from ..experiments.results import read_results
    from ..experiments.tables import notes, page
    from ..files import write_text

    read = load_grid(grid, settings or [])
    found = read_results(read, results / read.name)
    if not found:
        raise ValueError(f"{results / read.name} holds no result of {grid} yet; lehr experiment run {grid}")
    figures = draw(read, found, docs)
    write_text(docs / f"{read.name}.md", page(read, found, command=_typed(grid, results, settings), figures=figures))
    for note in notes(read):
        typer.echo(note, err=True)
    typer.echo(f"{docs / read.name}.md: {len(found)} of {len(read.cells())} cells, {len(figures)} figures")


@app.command()
def surface(
    recipe: Annotated[
        Path,
        typer.Argument(
            metavar="RECIPE", help="A recipe that anneals, as recipes/cifar10/short.yaml.", exists=True, dir_okay=False
        ),
    ],
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the recipe. Repeatable.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the run, with all its checkpoints.",
            show_default="runs/surface/TASK-RECIPE",
        ),
    ] = None,
    results: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the result.")] = Path("results/surface"),
    docs: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the figure.")] = Path("docs/results"),
    rows: Annotated[int, typer.Option(min=1, metavar="N", help="Training rows of which the losses are.")] = 1000,
    side: Annotated[int, typer.Option(min=2, metavar="N", help="Points along each side of the plane.")] = 21,
) -> None:
    """Draw the losses of Annealing-KD around the way that its student took.

    Runs the recipe first, unless OUTPUT holds that run, or goes on with it;
    once RESULTS holds the losses, only draws.

    Examples:

        lehr experiment surface recipes/cifar10/short.yaml
        lehr experiment surface recipes/cifar10/short.yaml --rows 500 --side 11
    """
    from ..extras import needs

    needs("train")
    from ..experiments.figures import loss_surface, save, style
    from ..experiments.recipe import load_recipe
    from ..experiments.results import in_lines
    from ..experiments.surface import read_surface
    from ..experiments.surface import surface as compute
    from ..files import write_text

    read = load_recipe(recipe, settings or [])
    name = f"{read.task.rsplit('/', 1)[-1]}-{recipe.stem}"
    kept, figure = results / f"{name}.json", docs / f"surface-{name}.svg"
    if not kept.exists():
        write_text(kept, in_lines(compute(read, output or Path("runs/surface") / name, rows=rows, side=side)))
    with style():
        save(loss_surface(read_surface(kept, read)), figure)
    typer.echo(f"{figure}, from {kept}")


def _typed(grid: Path, results: Path, settings: list[str] | None) -> str:
    path = Path("recipes/grids") / grid.name if grid.is_absolute() else grid
    options = [f"--results {results.as_posix()}"] if results != Path("results") else []
    options += [f"--set {setting}" for setting in settings or []]
    return " ".join(["lehr experiment table", path.as_posix(), *options])


def _score(path: Path) -> str:
    import json

    result = json.loads(path.read_text("utf-8"))
    return f"{result['metric']} {result['test']:.1f}"


def _minutes(seconds: float) -> str:
    return f", {seconds / 60:.1f} min" if seconds else ""
