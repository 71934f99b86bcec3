"""The result of a cell: one JSON, which says what ran, on what, for how long, and what came out."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..files import read_object, write_text
from ..kd.problem import Problem
from ..kd.recipe import difference
from ..kd.stages import Stage
from .grid import Cell, Grid
from .recipe import WHERE, Recipe, carry_out, portable

NOISE = re.compile(r"(_runtime|_per_second|^step|^epoch|^seconds|^total_flos|^train_loss)$")


def carry_out_cell(
    grid: Grid, cell: Cell, *, runs: Path, results: Path, problem: Problem | None = None
) -> dict[str, Any]:
    """Run a cell, from where it stopped if it was begun, and write its result.

    Args:
        grid: the cell's.
        cell: what to run; the models that it learns from are in `runs`.
        runs: of this grid.
        results: of this grid.
        problem: the cell's, if it was made already.

    Raises:
        ValueError: as `carry_out`, and if the cell was begun with another recipe.
    """
    folder, own = runs / cell.name, identity(grid, cell)
    claim = folder / "cell.json"
    if claim.exists() and (change := changed(read_object(claim), own)):
        raise ValueError(f"{folder} was begun with another recipe: {change}; remove it, or choose other --runs")
    write_text(claim, json.dumps(own, indent=1) + "\n")
    recipe, known_as = grid.recipe(cell, runs), grid.recipe(cell)
    outcome = carry_out(recipe, folder, resume=True, problem=problem, known_as=known_as)
    result = record(grid, cell, outcome)
    write_text(results / cell.file, in_lines(result))
    return result


def identity(grid: Grid, cell: Cell) -> dict[str, Any]:
    """The recipe of a cell and its stages one by one, alike on every machine and wherever its runs are."""
    recipe = grid.recipe(cell)
    plan = [dataclasses.asdict(stage) for stage in recipe.plan()]
    return {"recipe": portable(dataclasses.asdict(recipe)), "plan": portable(plan)}


def changed(found: Mapping[str, Any], own: Mapping[str, Any]) -> str | None:
    """How a cell's `identity` differs from one found in a file, for people; None if it does not."""
    if len(found["plan"]) != len(own["plan"]):
        return f"it had {len(found['plan'])} stages and has {len(own['plan'])} now"
    kinds = [("", Recipe, found["recipe"], own["recipe"])]
    kinds += [
        (f"stage {number}: ", Stage, *pair)  # type: ignore[misc]
        for number, pair in enumerate(zip(found["plan"], own["plan"], strict=True), 1)
    ]
    for place, kind, then, now in kinds:
        if change := difference(kind, then, now, but=WHERE):
            return place + change
    return None


def record(grid: Grid, cell: Cell, outcome: Mapping[str, Any]) -> dict[str, Any]:
    """What is written of a cell.

    Args:
        grid: the cell's.
        cell: what ran.
        outcome: what `carry_out` returned.
    """
    row, own = cell.row, identity(grid, cell)
    taught = grid.teacher(cell)
    if taught is not None:
        teacher = {"method": taught.row.method, "seed": taught.seed, **grid.models[taught.row.student]}
    else:
        teacher = dict(grid.models[row.teacher]) if row.teacher is not None else {}
    plan = grid.recipe(cell).plan()
    stages = [{**stage, "log": by_epoch(stage["log"], one)} for stage, one in zip(outcome["stages"], plan, strict=True)]
    return {
        "grid": grid.name,
        "task": cell.task,
        "method": row.method,
        "seed": cell.seed,
        "teacher": portable(teacher) or None,
        "student": portable(grid.models[row.student]),
        **{key: value for key, value in outcome.items() if key not in GIVEN_HERE},
        **own,
        "stages": stages,
    }


GIVEN_HERE = ("task", "method", "seed", "teacher", "student", "recipe", "stages")


def by_epoch(log: Sequence[Mapping[str, float]], stage: Stage) -> list[dict[str, float]]:
    """A stage's log, one entry an epoch: the mean over its steps of what was logged, Φ at its end, five digits of each.

    Args:
        log: Transformers' history, each of whose entries has its `epoch`, a fraction, and its `step`.
        stage: the stage.
    """
    found: dict[int, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    before = 0.0
    for entry in log:
        steps = entry.get("step", before + 1) - before if "loss" in entry else 1.0  # what is no loss is of one moment
        before += steps if "loss" in entry else 0.0
        for key, value in entry.items():
            if not NOISE.search(key) and key != "phi" and isinstance(value, (int, float)):
                found[max(1, math.ceil(entry["epoch"] - 1e-6))][key].append((value, steps))
    entries = []
    for epoch, values in sorted(found.items()):
        means = {key: sum(v * w for v, w in several) / sum(w for _, w in several) for key, several in values.items()}
        phi = {"phi": stage.phi(min(1.0, epoch / stage.epochs))} if stage.tau_max else {}
        entries.append({"epoch": epoch, **phi, **{key: float(f"{value:.5g}") for key, value in means.items()}})
    return entries


def in_lines(result: Mapping[str, Any]) -> str:
    """JSON for people: indented, but for what holds nothing but plain values, a line each."""
    text = json.dumps(result, indent=1, ensure_ascii=False)
    return re.sub(r"[\[{][^\[\]{}]*[\]}]", lambda found: re.sub(r"\s*\n\s*", " ", found[0]), text) + "\n"


def read_results(grid: Grid, folder: Path) -> dict[Cell, dict[str, Any]]:
    """The results that are there.

    Raises:
        ValueError: if one is of another recipe than the grid's.
    """
    found = {}
    for cell in grid.cells():
        path = folder / cell.file
        if not path.exists():
            continue
        result = read_object(path)
        try:
            change = changed(result, identity(grid, cell))
        except KeyError as error:
            raise ValueError(f"{path}: no result of a grid, it has no {error}") from error
        if change:
            raise ValueError(
                f"{path} is of another recipe than the grid's: {change}; take that back, or move it away to run it anew"
            )
        found[cell] = result
    return found


def check_models(grid: Grid, cells: Sequence[Cell], done: Mapping[Cell, Any], runs: Path) -> None:
    """Refuse to begin where a cell that is to be run learns from a model that was trained, but is not on this machine.

    Raises:
        ValueError: saying what to do.
    """
    for cell in cells:
        teacher = grid.teacher(cell)
        for name, spec in grid.recipe(cell).models.items():
            source = str(spec.get("from", ""))
            ours = teacher is not None and name == "teacher"  # which the grid trains
            if cell not in done and not ours and source.startswith(("runs/", ".", "/")) and not Path(source).exists():
                raise ValueError(f"{cell.name}: there is no {source}, which its {name} begins from: train it first")
        if teacher is None or cell in done or teacher not in done:
            continue
        if not (runs / teacher.name / "result.json").exists():
            raise ValueError(
                f"{cell.name} learns from the model of {teacher.name}, which is not here: bring {runs / teacher.name} "
                f"from where it was trained, or move its result {teacher.file} away to train it again"
            )
