"""The tables of a grid: a Markdown page of its results."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from scipy import stats  # type: ignore[import-untyped]

from ..coref.unlabelled import sources
from .grid import Cell, Grid, short

COMPARED = "student"
"""The model whose rows stand in one table; what trains another one is a teacher."""

ALIKE = ("views", "validation", "split_seed", "max_length")
"""Fields of the recipe in which no two rows of a table may differ, beside their student and its epochs."""

MEAN = "mean"
NONE = "–"

Results = Mapping[Cell, Mapping[str, Any]]


class Gain(NamedTuple):
    """How much more one method has than another.

    Args:
        difference: mean over the seeds that both have.
        p: of the paired t-test on these, two-sided; None for fewer than two, or if every seed gains the same.
        seeds: how many.
    """

    difference: float
    p: float | None
    seeds: int


def methods(grid: Grid, *, compared: bool = True) -> list[str]:
    """The methods of the rows that train the compared student, or of the others, in the grid's order."""
    return list(dict.fromkeys(row.method for row in grid.rows if (row.student == COMPARED) == compared))


def scores(results: Results, task: str, method: str, key: str = "test") -> dict[int, float]:
    """By seed, those that are there."""
    return {
        cell.seed: float(result[key])
        for cell, result in results.items()
        if (cell.task, cell.row.method) == (task, method) and result.get(key) is not None
    }


def mean_scores(grid: Grid, results: Results, method: str, key: str = "test") -> dict[int, float]:
    """By seed the mean over all tasks; nothing unless every cell of the method is there, in every task."""
    found = [scores(results, task, method, key) for task in grid.tasks]
    if any(set(own) != set(planned(grid, task, method)) for task, own in zip(grid.tasks, found, strict=True)):
        return {}
    common = set.intersection(*map(set, found))
    return {seed: statistics.fmean(own[seed] for own in found) for seed in sorted(common)}


def planned(grid: Grid, task: str, method: str) -> list[int]:
    """The seeds that a method is to have for a task."""
    return [cell.seed for cell in grid.cells() if (cell.task, cell.row.method) == (task, method)]


def summary(found: Mapping[int, float], seeds: Sequence[int]) -> str:
    """Mean ± standard deviation of what is there, and how much that is if it is not all."""
    if not seeds:
        return ""
    missing = (
        "" if len(found) == len(seeds) else f" ({len(found)} of {len(seeds)} {'seed' if len(seeds) == 1 else 'seeds'})"
    )
    if not found:
        return NONE + missing
    spread = f" ± {statistics.stdev(found.values()):.2f}" if len(found) > 1 else ""
    return f"{statistics.fmean(found.values()):.2f}{spread}{missing}"


def gain(found: Mapping[int, float], baseline: Mapping[int, float]) -> Gain | None:
    """The gain over a baseline, on the seeds that both have; None without any."""
    common = sorted(found.keys() & baseline.keys())
    if not common:
        return None
    one, other = [found[seed] for seed in common], [baseline[seed] for seed in common]
    differences = [a - b for a, b in zip(one, other, strict=True)]
    p = None
    if len(common) > 1 and not all(math.isclose(d, differences[0], abs_tol=1e-9) for d in differences):
        p = float(stats.ttest_rel(one, other).pvalue)
    return Gain(statistics.fmean(differences), p, len(common))


def check_alike(grid: Grid) -> None:
    """Refuse a grid in which the rows of one table are not alike.

    Raises:
        ValueError: naming the two rows and what they differ in.
    """
    first: dict[str, tuple[Cell, dict[str, Any]]] = {}
    for cell in grid.cells():
        if cell.row.student != COMPARED:
            continue
        recipe = grid.recipe(cell)
        own = {name: getattr(recipe, name) for name in ALIKE} | {"epochs": epochs(grid, cell)}
        own |= {f"documents: {part}": recipe.documents.get(part) for part in ("dev", "test")}
        before, known = first.setdefault(cell.task, (cell, own))
        for name, value in own.items():
            if value != known[name]:
                raise ValueError(
                    f"{cell.task}: {cell.row.method} has {name} {value} and {before.row.method} has {known[name]}, "
                    "which is no comparison; let them be alike, or put them into two grids"
                )


def epochs(grid: Grid, cell: Cell) -> int:
    """Of a cell's student in all its stages."""
    plan = grid.recipe(cell).plan()
    return sum(stage.epochs for stage in plan if stage.student == plan[-1].student)


def notes(grid: Grid) -> list[str]:
    """One sentence for every row whose training differs from that of the table's first one."""
    found, first = [], dict[str, tuple[str, dict[str, Any]]]()
    for cell in grid.cells():
        if cell.row.student != COMPARED:
            continue
        own = _training(grid, cell)
        method, known = first.setdefault(cell.task, (cell.row.method, own))
        different = [key for key in dict.fromkeys([*own, *known]) if own.get(key) != known.get(key)]
        if different:
            told = ", ".join(f"{key} {own.get(key, NONE)} (not {known.get(key, NONE)})" for key in different)
            found.append(f"{cell.row.method} is trained otherwise than {method}: {told}")
    return list(dict.fromkeys(found))


def _training(grid: Grid, cell: Cell) -> dict[str, str]:
    """What each key is, in one stage after the other where they differ: "1.0, then 0.01"."""
    recipe = grid.recipe(cell)
    plan = recipe.plan()
    stages = [{**recipe.training, **stage.training, "milestones": list(stage.milestones)} for stage in plan]
    found = {}
    for key in dict.fromkeys(key for stage in stages for key in stage):
        values = [str(stage.get(key, NONE)) for stage in stages]
        found[key] = values[0] if len(set(values)) == 1 else ", then ".join(values)
    found |= {
        "data": str(recipe.data),
        "train": str(recipe.documents.get("train")),
        "choose": ", then ".join(dict.fromkeys(stage.choose for stage in plan)),
    }
    words = [f"{drawn['words']:,} words" if drawn.get("words") else "all" for drawn in sources(recipe.documents)]
    read = " and ".join(words) if any(stage.teachers for stage in plan) else ""
    return found | {"head_rate": str(recipe.head_rate), "text without annotation": read or "none"}


def page(grid: Grid, results: Results, *, command: str, figures: Mapping[str, str]) -> str:
    """The page.

    Args:
        grid: whose results they are.
        results: those that are there.
        command: what makes the page.
        figures: captions by file name, in order.

    Raises:
        ValueError: if rows of one table are not alike, see `check_alike`.
    """
    check_alike(grid)
    lines = [f"# {grid.name}", "", *_head(grid, results, command)]
    for title, key in (("Test", "test"), ("Validation", "validation")):
        body = list(score_table(grid, results, key))
        lines += ["", f"## {title}", "", *body] if body else []
    for key in others(results):
        lines += ["", f"## Test, {key}", "", *_other_table(grid, _by(results, key))]
    lines += [f"\n{note}." for note in notes(grid)]
    if body := list(gain_table(grid, results)):
        lines += ["", "## Gains", "", GAINS, "", *body]
    lines += ["", "## Time and size", "", TIMES, "", *time_table(grid, results)]
    if body := list(teacher_table(grid, results)):
        lines += ["", "## Teachers", "", *body]
    lines += ["", "## Figures", ""] if figures else []
    lines += [f"![{caption}]({name})\n\n{caption}\n" for name, caption in figures.items()]
    return "\n".join(lines).rstrip("\n") + "\n"


SCORES = (
    "Per cent, mean ± standard deviation over the seeds; the test part was read once, at the end, and the validation "
    "part, for GLUE and CIFAR cut from the training part, chose between epochs. Every row has the same student, epochs "
    "and views."
)
GAINS = (
    "Points of the test score that a method has more than a baseline, mean over the seeds of both, with the p-value of "
    "the paired t-test over these, two-sided; – where there are fewer than two, or all gain the same. They are not "
    "corrected for their number: of twenty without any gain, one is below 0.05."
)
TIMES = (
    "Minutes of training a student, mean over the seeds; what taught it was trained and asked before. Cells that ran "
    "side by side, or on different devices, are not to be compared."
)


def _head(grid: Grid, results: Results, command: str) -> Iterator[str]:
    run = command.replace("experiment table", "experiment run")
    yield f"Made by `{command}` from the results that `{run}` wrote."
    if missing := len(grid.cells()) - len(results):
        yield ""
        yield f"**{missing} of {len(grid.cells())} cells are missing.**"
    yield ""
    yield SCORES
    yield ""
    devices = Counter(
        f"{result['device']} ({result['versions'].get('processor', NONE)})" for result in results.values()
    )
    yield "- Devices: " + "; ".join(f"{device}: {count} cells" for device, count in sorted(devices.items()))
    told = ("lehr", "python", "torch", "transformers")
    versions = [", ".join(f"{name} {result['versions'].get(name)}" for name in told) for result in results.values()]
    yield "- Versions: " + "; ".join(sorted(set(versions)))


def score_table(grid: Grid, results: Results, key: str, tasks: Sequence[str] | None = None) -> Iterator[str]:
    """Methods by tasks, those of the grid unless others are given; nothing if no cell has such a score.

    The mean is over all of the grid's tasks, and left out where a table has but some.
    """
    rows = methods(grid)
    tasks = [*grid.tasks] if tasks is None else tasks
    if not any(scores(results, task, method, key) for task in tasks for method in rows):
        return
    metrics = {cell.task: result["metric"] for cell, result in results.items()}
    heads = [f"{short(task)}, {metrics.get(task, NONE)}, {_epochs(grid, task)}" for task in tasks]
    columns = [*tasks, *([MEAN] if 1 < len(tasks) == len(grid.tasks) else [])]
    yield from _header("method", "seeds", *heads, *columns[len(tasks) :])
    best = {task: _best(grid, results, task, key, rows) for task in columns}
    for method in rows:
        cells = []
        for task in columns:
            found, there = _found(grid, results, task, method, key)
            told = NONE if task == MEAN and there and not found else summary(found, there)
            cells.append(f"**{told}**" if method == best[task] else told)
        counts = sorted({len(seeds) for task in tasks if (seeds := planned(grid, task, method))})
        yield _row(method, "/".join(map(str, counts)), *cells)


def _other_table(grid: Grid, results: Results) -> Iterator[str]:
    """That of another test part, for the tasks that have it."""
    tasks = {cell.task for cell in results}
    return score_table(grid, results, "test", [task for task in grid.tasks if task in tasks])


def others(results: Results) -> list[str]:
    """The scores of other test parts, or of other annotation schemes, by the same metric: `chains_conll_f1`."""
    return sorted(
        {key for r in results.values() for key in r.get("test_scores", ()) if key.endswith(f"_{r['metric']}")}
    )


def _by(results: Results, key: str) -> Results:
    """The results that have such a score, as if it were theirs for the test part."""
    found = {cell: {**result, "test": result.get("test_scores", {}).get(key)} for cell, result in results.items()}
    return {cell: result for cell, result in found.items() if result["test"] is not None}


def _found(grid: Grid, results: Results, task: str, method: str, key: str) -> tuple[dict[int, float], list[int]]:
    """The scores of a method for a task, or for the mean of all, and the seeds of which there should be some."""
    if task != MEAN:
        return scores(results, task, method, key), planned(grid, task, method)
    if not all(planned(grid, one, method) for one in grid.tasks):
        return {}, []
    found = mean_scores(grid, results, method, key)
    return found, list(found) or [0]


def _best(grid: Grid, results: Results, task: str, key: str, rows: Iterable[str]) -> str | None:
    """The method with the highest mean among those of most seeds, if there are several and none lacks one."""
    all_found = {method: _found(grid, results, task, method, key) for method in rows}
    most = max(1, *(len(seeds) for _, seeds in all_found.values()))
    means = {}
    for method, (found, seeds) in all_found.items():
        if seeds and len(found) < (most if len(seeds) == most else 1):
            return None
        if len(seeds) == most:
            means[method] = statistics.fmean(found.values())
    return max(means, key=lambda method: means[method]) if len(means) > 1 else None


def _epochs(grid: Grid, task: str) -> str:
    for cell in grid.cells():
        if cell.task == task and cell.row.student == COMPARED:
            return f"{epochs(grid, cell)} epochs"
    return NONE


def gain_table(grid: Grid, results: Results) -> Iterator[str]:
    """A row for each method and each baseline above it; nothing where there is no pair."""
    rows = methods(grid)
    baselines = [method for method in rows if grid.baselines is None or method in grid.baselines]
    pairs = [(method, baseline) for n, method in enumerate(rows) for baseline in baselines if baseline in rows[:n]]
    columns = [*grid.tasks, *([MEAN] if len(grid.tasks) > 1 else [])]
    if not pairs:
        return
    yield from _header("method", "over", *map(short, columns))
    for method, baseline in pairs:
        found = [[_found(grid, results, task, one, "test")[0] for one in (method, baseline)] for task in columns]
        yield _row(method, baseline, *(told_gain(gain(*pair)) for pair in found))


def told_gain(found: Gain | None) -> str:
    """A gain for people."""
    if found is None:
        return NONE
    seeds = f"{found.seeds} {'seed' if found.seeds == 1 else 'seeds'}"
    if found.p is None:
        return f"{found.difference:+.2f} (p {NONE}, {seeds})"
    return f"{found.difference:+.2f} ({'p < 0.001' if found.p < 0.001 else f'p = {found.p:.3f}'}, {seeds})"


def time_table(grid: Grid, results: Results) -> Iterator[str]:
    """Methods by tasks: what a student is, and how long it is trained."""
    yield from _header("method", "learns from", "parameters", *(f"{short(task)}, minutes" for task in grid.tasks))
    for method in methods(grid):
        teachers = dict.fromkeys(row.teacher for row in grid.rows if row.method == method and row.teacher)
        sizes = dict.fromkeys(_parameters(results, task, method) for task in grid.tasks)
        minutes = [_minutes(results, task, method) for task in grid.tasks]
        told = " / ".join(size for size in sizes if size != NONE)
        yield _row(method, " / ".join(teachers) or NONE, told or NONE, *minutes)


def teacher_table(grid: Grid, results: Results) -> Iterator[str]:
    """The models that taught and were trained in the grid, by tasks; nothing where there is none."""
    rows = methods(grid, compared=False)
    if not rows:
        return
    yield from _header("model", "learns from", "parameters", "task", "epochs", "test", "validation", "minutes")
    for method in rows:
        for task in grid.tasks:
            cells = [cell for cell in grid.cells() if (cell.task, cell.row.method) == (task, method)]
            if not cells:
                continue
            told = [summary(scores(results, task, method, key), planned(grid, task, method)) for key in KEYS]
            row = cells[0].row
            size, minutes = _parameters(results, task, method), _minutes(results, task, method)
            yield _row(method, row.teacher or NONE, size, short(task), epochs(grid, cells[0]), *told, minutes)


KEYS = ("test", "validation")


def _parameters(results: Results, task: str, method: str) -> str:
    for cell, result in results.items():
        if (cell.task, cell.row.method) == (task, method):
            return f"{result['parameters'][result['plan'][-1]['student']]:,}"
    return NONE


def _minutes(results: Results, task: str, method: str) -> str:
    found = scores(results, task, method, "seconds")
    return f"{statistics.fmean(found.values()) / 60:.1f}" if found else NONE


def _header(*names: str) -> Iterator[str]:
    yield _row(*names)
    yield "|" + "---|" * len(names)


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"
