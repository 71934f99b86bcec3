"""The figures of a grid: SVG files which are the same, byte for byte, whenever they are drawn of the same results."""

from __future__ import annotations

import io
import json
import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby, product
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from ..coref.unlabelled import sources
from ..files import write_text
from ..kd.annealing import temperature
from ..kd.stages import Stage
from .curves import edges, errors, mean_curve, stages_of
from .grid import Cell, Grid, short
from .tables import COMPARED, Results, methods, planned, scores

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c564b")
"""Okabe and Ito's, which all eyes tell apart, and one more."""

STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "svg.hashsalt": "lehr",
    "svg.fonttype": "path",
}

DARK = """@media (prefers-color-scheme: dark) {
  svg { fill: #dcd9d1 }
  [style*="fill: #ffffff"] { fill: #17181b !important }
  [style*="stroke: #000000"] { stroke: #dcd9d1 !important }
  [style*="stroke: #0072b2"] { stroke: #3d9bd6 !important }
  [style*="fill: #0072b2"] { fill: #3d9bd6 !important }
}"""
"""What a figure looks like where the page around it is dark: browsers ask an image in the scheme of its page."""

Lines = dict[str, dict[str, dict[float, dict[str, list[float]]]]]
"""Scores, one a seed, by task, line, place on the x axis, and method; of these one alone may be at a place."""


def draw(grid: Grid, results: Results, folder: Path) -> dict[str, str]:
    """Draw every figure for which there are results.

    Args:
        grid: whose results they are.
        results: those that are there.
        folder: where the files go, `GRID-FIGURE.svg`.

    Returns:
        captions by file name.
    """
    figures: list[tuple[str, str, Callable[[Grid, Results], Figure | None]]] = [
        ("curves", CURVES, learning_curves),
        ("scores", "Test score by method: a point a seed, a line at their mean.", scores_by_method),
        ("errors", ERRORS, error_by_epoch),
        ("tau", "Test score by τ_max and the shape of Φ: mean ± standard deviation over the seeds.", score_by_tau),
        ("teachers", TEACHERS, score_by_teacher),
        ("unlabelled", UNLABELLED, score_by_unlabelled),
    ]
    drawn = {}
    with style():
        for name, caption, make in figures:
            if (figure := make(grid, results)) is not None:
                file = f"{grid.name}-{name}.svg"
                save(figure, folder / file)
                drawn[file] = caption
    return drawn


CURVES = (
    "Score on the validation part after each epoch, mean over the seeds. Grey bands, where all methods that anneal "
    "have the same, are the temperatures, darker as Φ grows to 1; a dotted line is where a method's next stage begins."
)
ERRORS = (
    "Mean squared distance of the student's logits from what they are to be at that temperature, Φ(T) times the "
    "teacher's unless a row says otherwise, in each epoch, on the training rows; mean over the seeds. Lines run as "
    "long as the temperature stays; dots lead on to the next one."
)
TEACHERS = (
    "Test score by the size of the teacher, mean ± standard deviation over the seeds; the dashed line is the student "
    "without a teacher."
)
UNLABELLED = (
    "Test score by the words of text that nobody annotated, as the teacher reads them to the student: mean ± standard "
    "deviation over the seeds."
)


@contextmanager
def style() -> Iterator[None]:
    """One look for all figures, whatever matplotlib was told elsewhere."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


def save(figure: Figure, path: Path) -> None:
    """Write a figure as SVG for light and dark pages, with nothing in it that changes from one time to the next."""
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", facecolor="white", metadata={"Date": None, "Creator": None})
    write_text(path, drawn.getvalue().replace("</style>", f"\n{DARK}</style>", 1))


def learning_curves(grid: Grid, results: Results) -> Figure | None:
    """The validation metric after each epoch of the student, a panel a task."""
    curves = {
        (task, method): found
        for task in grid.tasks
        for method in methods(grid)
        if (found := mean_curve(results, task, method))
    }
    tasks = [task for task in grid.tasks if any(task == drawn for drawn, _ in curves)]
    if not tasks:
        return None
    figure, panels = _panels(len(tasks), width=5.2)
    for task, axes in zip(tasks, panels, strict=True):
        _shade(axes, results, task)
        for number, method in enumerate(methods(grid)):
            if (task, method) in curves:
                xs, ys = zip(*curves[task, method], strict=True)
                label = _label(grid, results, task, method)
                axes.plot(xs, ys, label=label, linewidth=1.4, markersize=2, **_look(number))
                for edge in edges(results, task, method):
                    axes.axvline(edge + 0.5, color=_look(number)["color"], linestyle=":", linewidth=1)
        axes.set(title=short(task), xlabel="epoch", ylabel=f"{_metric(results, task)}, validation, %")
        _legend(axes)
    return figure


def scores_by_method(grid: Grid, results: Results) -> Figure | None:
    """A point for each seed and a line at the mean, a panel a task; below half of the best, a number in their place."""
    rows = methods(grid)
    found: dict[str, dict[str, list[float]]] = {task: {} for task in grid.tasks}
    for task, method in product(grid.tasks, rows):
        if of := scores(results, task, method):
            found[task][method] = [value for _, value in sorted(of.items())]
    tasks = [task for task in grid.tasks if found[task]]
    if not tasks:
        return None
    figure, panels = _panels(len(tasks), width=max(2.6, 0.7 * max(map(len, found.values())) + 1))
    for task, axes in zip(tasks, panels, strict=True):
        best = max(max(values) for values in found[task].values())
        for place, (method, values) in enumerate(found[task].items()):
            colour, mean = COLOURS[rows.index(method) % len(COLOURS)], statistics.fmean(values)
            if 0 <= mean < best / 2:
                axes.annotate(f"{mean:.1f} ↓", (place, 0.03), xycoords=("data", "axes fraction"), ha="center")
                continue
            shifts = [0.08 * (n - (len(values) - 1) / 2) for n in range(len(values))]
            axes.scatter([place + shift for shift in shifts], values, color=colour, s=18, zorder=3)
            axes.hlines(mean, place - 0.3, place + 0.3, color=colour, linewidth=2)
        axes.set_xticks(range(len(found[task])), [*found[task]], rotation=35, ha="right")
        axes.set_xlim(-0.5, len(found[task]) - 0.5)
        axes.set(title=short(task), ylabel=f"{_metric(results, task)}, test, %")
    return figure


def error_by_epoch(grid: Grid, results: Results) -> Figure | None:
    """How far the student is from the annealed teacher after each epoch, a line for each temperature of a method."""
    found: dict[tuple[str, str], dict[tuple[float, float], list[float]]] = defaultdict(lambda: defaultdict(list))
    for cell, result in results.items():
        for epoch, phi, error in errors(result):
            found[cell.task, cell.row.method][epoch, phi].append(error)
    tasks = [task for task in grid.tasks if any(task == drawn for drawn, _ in found)]
    if not tasks:
        return None
    figure, panels = _panels(len(tasks), width=5.2)
    for task, axes in zip(tasks, panels, strict=True):
        _shade(axes, results, task)
        for number, method in enumerate(methods(grid)):
            points = [(*place, statistics.fmean(all_)) for place, all_ in sorted(found[task, method].items())]
            if points:
                look, label = {**_look(number), "markersize": 3}, _label(grid, results, task, method)
                axes.plot(*_xy(points), color=look["color"], linestyle=":", linewidth=0.8)
                for _, same in groupby(points, key=lambda point: point[1]):
                    axes.plot(*_xy(list(same)), label=label, **look)
                    label = ""
        axes.set(title=short(task), xlabel="epoch", ylabel="mean squared error of logits")
        axes.set_yscale("log")
        _legend(axes)
    return figure


def _xy(points: list[tuple[float, float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _, _ in points], [y for _, _, y in points]


def score_by_tau(grid: Grid, results: Results) -> Figure | None:
    """A line for each shape of Φ over τ_max; None unless the results have several of either, and a method for each."""
    lines: Lines = {}
    for cell, result in results.items():
        for stage in (Stage(**fields) for fields in result["plan"]):
            if stage.name == "annealed-regression" and stage.tau_max and cell.row.student == COMPARED:
                shape = str(stage.settings.get("shape", "staircase"))
                _add(lines, cell, shape, stage.tau_max, result["test"])
    several = any(len(found) > 1 or len(next(iter(found.values()))) > 1 for found in lines.values())
    return _lines(grid, results, lines, "τ_max") if several else None


def score_by_teacher(grid: Grid, results: Results) -> Figure | None:
    """A line for each plan over the teacher's parameters; None unless a plan has teachers of three sizes or more."""
    lines: Lines = {}
    without: dict[str, list[float]] = defaultdict(list)
    for cell, result in results.items():
        size = result["parameters"].get("teacher")
        if cell.row.student == COMPARED and size:
            plan = cell.row.plan or " + ".join(Stage(**fields).name for fields in result["plan"])
            _add(lines, cell, plan, size / 1e6, result["test"])
        elif cell.row.student == COMPARED:
            without[cell.task].append(result["test"])
    if not any(len(places) > 2 for found in lines.values() for places in found.values()):
        return None
    figure = _lines(grid, results, lines, "parameters of the teacher, millions")
    for task, axes in zip([task for task in grid.tasks if task in lines], figure.axes if figure else [], strict=False):
        if without[task]:
            axes.axhline(statistics.fmean(without[task]), color="grey", linestyle="--", linewidth=1)
    return figure


def score_by_unlabelled(grid: Grid, results: Results) -> Figure | None:
    """A line over the words that nobody annotated for each plan that reads three numbers of them; None if none does.

    A plan is the same stages with the same settings; its line is called after its shortest method.
    """
    lines: Lines = {}
    for cell, result in results.items():
        if cell.row.student == COMPARED and (documents := result["recipe"].get("documents")):
            words: list[Any] = [drawn.get("words") for drawn in sources(documents)]
            if None not in words:  # else all that there are, however many
                _add(lines, cell, json.dumps(result["plan"]), sum(words) / 1e3, result["test"])
    curves: Lines = {}
    for task, found in lines.items():
        for places in found.values():
            if len(places) > 2:
                methods_there = [method for owners in places.values() for method in owners]
                curves.setdefault(task, {})[min(methods_there, key=len)] = places
    return _lines(grid, results, curves, "words without annotation, thousands") if curves else None


def loss_surface(result: Mapping[str, Any]) -> Figure:
    """What `lehr.experiments.surface.surface` found: a panel for each loss, and the path over all of them."""
    names = [*(f"regression, T = {temperature}" for temperature in result["temperatures"]), "hard labels"]
    tau_max = result["temperatures"][0]
    figure, panels = _panels(len(names), width=4.2)
    for axes, name, values, of in zip(panels, names, result["losses"], [*result["temperatures"], None], strict=True):
        heights = np.asarray(values)
        low, high = np.log10(heights.min()), np.log10(np.quantile(heights, 0.95))
        levels = np.logspace(low, max(high, low + 0.01), 13)
        filled = axes.contourf(
            *result["axes"], heights, levels, norm=LogNorm(levels[0], levels[-1]), cmap="Greys", extend="max", alpha=0.5
        )
        bar = figure.colorbar(filled, ax=axes, ticks=levels[::4], format="%.3g")
        bar.ax.minorticks_off()
        row, column = np.unravel_index(heights.argmin(), heights.shape)
        axes.plot(result["axes"][0][column], result["axes"][1][row], "x", color="black", markersize=7, label="lowest")
        for number in sorted({point["stage"] for point in result["path"]}):
            points = [point for point in result["path"] if point["stage"] == number]
            colour = COLOURS[(number - 1) % len(COLOURS)]
            xs, ys = zip(*(point["place"] for point in points), strict=True)
            axes.plot(xs, ys, color=colour, linewidth=1, marker="o", markersize=2.5, label=f"stage {number}")
            now = [point["place"] for point in points if _minimised(point, of, tau_max)]
            if now:
                axes.plot(*zip(*now, strict=True), color=colour, linewidth=3, marker="o", markersize=5)
        axes.set(title=name, xlabel=f"first direction, {100 * result['explained'][0]:.0f} % of the path's variance")
        axes.set_ylabel(f"second direction, {100 * result['explained'][1]:.0f} %")
        axes.grid(False)
    panels[0].legend(fontsize=8)
    return figure


def _minimised(point: Mapping[str, Any], of: int | None, tau_max: int) -> bool:
    """Whether a point of the path comes of minimising the loss of that temperature; or of None, of the labels."""
    if "phi" not in point:
        return of is None and point["epoch"] > 0
    return of is not None and math.isclose(temperature(point["phi"], tau_max), of)


def _add(lines: Lines, cell: Cell, line: str, place: float, score: float) -> None:
    places = lines.setdefault(cell.task, {}).setdefault(line, {})
    places.setdefault(place, {}).setdefault(cell.row.method, []).append(score)


def _lines(grid: Grid, results: Results, lines: Lines, label: str) -> Figure | None:
    """Means and standard deviations, x logarithmic but for 0; None where several methods would share a point."""
    if any(len(owners) > 1 for found in lines.values() for places in found.values() for owners in places.values()):
        return None
    tasks = [task for task in grid.tasks if task in lines]
    figure, panels = _panels(len(tasks), width=4.2)
    for task, axes in zip(tasks, panels, strict=True):
        for number, (name, places) in enumerate(sorted(lines[task].items())):
            points = [(place, next(iter(owners.values()))) for place, owners in sorted(places.items())]
            means = [statistics.fmean(found) for _, found in points]
            spreads = [statistics.stdev(found) if len(found) > 1 else 0.0 for _, found in points]
            colour = COLOURS[number % len(COLOURS)]
            xs = [place for place, _ in points]
            axes.errorbar(xs, means, spreads, marker="o", capsize=3, label=name, color=colour, linewidth=1.4)
        ticks = sorted({place for places in lines[task].values() for place in places})
        axes.set_xscale("symlog", linthresh=min(tick for tick in ticks if tick))
        axes.set_xticks(ticks, [f"{tick:.2g}" for tick in ticks])
        axes.xaxis.minorticks_off()
        axes.set(title=short(task), xlabel=label, ylabel=f"{_metric(results, task)}, test, %")
        _legend(axes)
    return figure


def _legend(axes: Axes) -> None:
    """Beside the lines, where it would hide many of them."""
    beside: Any = {"loc": "upper left", "bbox_to_anchor": (1, 1)}
    axes.legend(fontsize=8, **(beside if len(axes.get_legend_handles_labels()[1]) > 6 else {}))


def _look(number: int) -> dict[str, Any]:
    """Of the line of that number; colours come round again with dashes and squares."""
    again = number // len(COLOURS) % 2
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": ("-", "--")[again], "marker": "os"[again]}


def _panels(count: int, width: float) -> tuple[Figure, list[Axes]]:
    columns = 2 if count == 4 else min(count, 3)
    rows = -(-count // columns)
    figure = Figure(figsize=(width * columns, 3.4 * rows), layout="constrained")
    return figure, [figure.add_subplot(rows, columns, number + 1) for number in range(count)]


def _metric(results: Results, task: str) -> str:
    return next(str(result["metric"]) for cell, result in results.items() if cell.task == task)


def _label(grid: Grid, results: Results, task: str, method: str) -> str:
    there, seeds = len(scores(results, task, method)), len(planned(grid, task, method))
    return method if there == seeds else f"{method} ({there} of {seeds} seeds)"


def _shade(axes: Axes, results: Results, task: str) -> None:
    """A band for every epoch of annealing, darker as Φ grows, where all methods that anneal have the same Φ then."""
    seen: set[tuple[tuple[int, float], ...]] = set()
    for cell, result in results.items():
        if cell.task == task and cell.row.student == COMPARED:
            before, bands = 0, list[tuple[int, float]]()
            for stage, _ in stages_of(result):
                epochs = range(1, stage.epochs + 1) if stage.tau_max else ()
                bands += [(before + epoch, stage.phi(epoch / stage.epochs)) for epoch in epochs]
                before += stage.epochs
            seen |= {tuple(bands)} if bands else set()
    for place, phi in next(iter(seen)) if len(seen) == 1 else ():
        axes.axvspan(place - 0.5, place + 0.5, color="black", alpha=0.16 * phi, linewidth=0, zorder=0)
