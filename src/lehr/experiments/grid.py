"""Grids: tables of cells, task × method × seed, each of which is a run of a recipe."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from ..kd.recipe import fill, read_recipe, refuse_unknown
from .recipe import Recipe

GIVEN_BY_GRID = ("task", "models", "method", "seed")
"""The fields of a recipe that follow from where a cell stands in its grid."""

RECIPE_KEYS = [one.name for one in dataclasses.fields(Recipe) if one.name not in GIVEN_BY_GRID]


@dataclass(frozen=True, eq=False)
class Row:
    """Cells that differ in task and seed only.

    Args:
        method: what tables call it; letters, digits, ``.``, ``_`` and ``-``.
        seeds: a cell each, in every task.
        plan: the name of the published method that it runs, see `lehr.kd.stages.METHODS`; `method` unless given.
        student: the model that is trained, one of the grid's.
        teacher: the `method` of the row from whose first seed's model it learns; or, where there is no such row, one
            of the grid's models that was trained elsewhere.
        tasks: those that it is for; all of the grid's unless given.
        fields: of the recipe, `stages` in place of a plan among them, over those of the grid and of the task.

    Raises:
        ValueError: if a field is of no use.
    """

    method: str
    seeds: Sequence[int]
    plan: str | None = None
    student: str = "student"
    teacher: str | None = None
    tasks: Sequence[str] | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w.-]+", str(self.method)):
            raise ValueError(f"the method's name is part of file names and cannot be {self.method!r}")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"{self.method}: seeds are one or more, none of them twice; got {self.seeds}")
        if self.plan is not None and "stages" in self.fields:
            raise ValueError(f"{self.method}: give either a `plan` or `stages`")


@dataclass(frozen=True)
class Cell:
    """One run of a grid."""

    task: str
    row: Row
    seed: int

    @property
    def short_task(self) -> str:
        """The task's name as files have it, `rte` for `glue/rte`."""
        return short(self.task)

    @property
    def name(self) -> str:
        """Which cell it is, and its folder among the grid's runs: `cifar10/kd-1`."""
        return f"{self.short_task}/{self.row.method}-{self.seed}"

    @property
    def file(self) -> str:
        """The name of its result."""
        return f"{self.short_task}-{self.row.method}-{self.seed}.json"


@dataclass(frozen=True)
class Grid:
    """A table of runs.

    Args:
        name: the file's, without its ending.
        models: by name, as the tasks describe them, see `Recipe`.
        tasks: by name, each with the fields of the recipe that it has for itself.
        rows: what is run in every task.
        common: fields of the recipe for all cells.
        baselines: methods over which the tables give the gain of those that stand below them; all of them unless given.

    Raises:
        ValueError: if a cell has no valid recipe, in one sentence that names it.
    """

    name: str
    models: Mapping[str, Mapping[str, Any]]
    tasks: Mapping[str, Mapping[str, Any]]
    rows: Sequence[Row]
    common: Mapping[str, Any] = field(default_factory=dict)
    baselines: Sequence[str] | None = None

    def __post_init__(self) -> None:
        refuse_unknown(self.common, RECIPE_KEYS, "common")
        for task, fields in self.tasks.items():
            refuse_unknown(fields, RECIPE_KEYS, f"tasks: {task}")
        methods = {row.method for row in self.rows}
        for row in self.rows:
            if row.student not in self.models:
                raise ValueError(f"{row.method}: there is no model {row.student!r}; there are {', '.join(self.models)}")
            if row.teacher is not None and row.teacher not in {*methods, *self.models}:
                raise ValueError(f"{row.method}: its teacher {row.teacher!r} is neither a row's method nor a model")
            refuse_unknown(dict.fromkeys(row.tasks or ()), self.tasks, f"{row.method}: tasks")
        for baseline in self.baselines or ():
            if baseline not in methods:
                raise ValueError(f"baselines: there is no method {baseline!r}; there are {', '.join(sorted(methods))}")
        self._check_cells()

    def _check_cells(self) -> None:
        files: set[str] = set()
        rows: dict[tuple[str, str], Recipe] = {}
        for cell in self.cells():
            if cell.file in files:
                raise ValueError(f"{cell.name} is there twice")
            files.add(cell.file)
            seen, above = {cell}, self.teacher(cell)
            while above is not None:
                if above in seen:
                    raise ValueError(f"{cell.name} learns from itself, by way of its teacher {cell.row.teacher!r}")
                seen.add(above)
                above = self.teacher(above)
            try:
                own = self.recipe(cell)
            except ValueError as error:
                raise ValueError(f"{cell.name}: {error}") from error
            first = dataclasses.replace(rows.setdefault((cell.task, cell.row.method), own), seed=cell.seed)
            if apart := [
                one.name for one in dataclasses.fields(own) if getattr(own, one.name) != getattr(first, one.name)
            ]:
                raise ValueError(
                    f"{cell.name}: cells of one method and task are one row of the tables and may differ in their seed "
                    f"alone, and this one has other {', '.join(apart)} than another: give it another `method`"
                )

    def cells(self) -> list[Cell]:
        """All cells in the order in which they are worth running: every row's first seed, then every row's second."""
        found = [
            (number, Cell(task, row, seed))
            for row in self.rows
            for task in self.tasks
            if row.tasks is None or task in row.tasks
            for number, seed in enumerate(row.seeds)
        ]
        return [cell for _, cell in sorted(found, key=lambda pair: pair[0])]

    def select(self, patterns: Iterable[str]) -> list[Cell]:
        """The cells that are meant by ``TASK/METHOD`` or ``TASK/METHOD-SEED``, with wildcards, and their teachers.

        Raises:
            ValueError: if one means no cell.
        """
        chosen: set[Cell] = set()
        for pattern in patterns:
            meant = [
                cell
                for cell in self.cells()
                if fnmatch(cell.name, pattern) or fnmatch(f"{cell.short_task}/{cell.row.method}", pattern)
            ]
            if not meant:
                raise ValueError(
                    f"--only {pattern}: there is no such cell; they are called {self.cells()[0].name}, say"
                )
            for cell in meant:
                above: Cell | None = cell
                while above is not None:
                    chosen.add(above)
                    above = self.teacher(above)
        return [cell for cell in self.cells() if cell in chosen]

    def teacher(self, cell: Cell) -> Cell | None:
        """The cell whose model this one learns from, if that is trained in this grid.

        Raises:
            ValueError: if its row is not there for the cell's task.
        """
        rows = [row for row in self.rows if row.method == cell.row.teacher]
        if not rows:
            return None
        for row in rows:
            if row.tasks is None or cell.task in row.tasks:
                return Cell(cell.task, row, row.seeds[0])
        raise ValueError(f"{cell.name}: its teacher {cell.row.teacher!r} is not for {cell.task}")

    def recipe(self, cell: Cell, runs: Path | None = None) -> Recipe:
        """What the cell runs.

        Args:
            cell: one of the grid's.
            runs: where the grid's models are; `default_runs` unless given.

        Raises:
            ValueError: if it is no valid recipe, or the row's teacher and its plan do not fit together.
        """
        row = cell.row
        fields = _over(self.common, self.tasks[cell.task], row.fields)
        if "stages" in row.fields:
            fields = {k: v for k, v in fields.items() if k in row.fields or k not in ("epochs", "milestones")}
        else:
            fields["method"] = row.plan or row.method
        models = {name: spec for name, spec in self.models.items() if name != "teacher"}
        models["student"] = self.models[row.student]
        if row.teacher is not None:
            trained = self.teacher(cell)
            folder = (runs or self.default_runs) / trained.name / "model" if trained else None
            models["teacher"] = {"from": folder.as_posix()} if folder else self.models[row.teacher]
        recipe = fill(Recipe, {**fields, "task": cell.task, "models": models, "seed": cell.seed}, "recipe")
        needed = recipe.needed()
        if row.teacher is not None and "teacher" not in needed:
            raise ValueError(f"it has a teacher, {row.teacher!r}, and no stage that learns from `teacher`")
        if recipe.documents and not recipe.documents.get("test"):
            raise ValueError("documents: a grid compares scores on a test part, and there is no `test`")
        return dataclasses.replace(recipe, models=needed)

    @property
    def default_runs(self) -> Path:
        """Where the grid's runs are kept unless told otherwise."""
        return Path("runs") / self.name


def short(task: str) -> str:
    """A task's name without the family that it is of."""
    return task.rsplit("/", 1)[-1]


def _over(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of which later ones count; those of `training` one by one."""
    fields: dict[str, Any] = {}
    for layer in layers:
        training = {**fields.get("training", {}), **(layer.get("training") or {})}
        fields |= {**layer, "training": training}
    return fields


def load_grid(path: str | os.PathLike[str], settings: Sequence[str] = ()) -> Grid:
    """Read a grid: `models`, `common`, `tasks`, `baselines`, and the rows as a list of `cells`.

    Args:
        path: of a YAML file.
        settings: as `lehr.kd.recipe.read_recipe` takes them: ``common.epochs=2``.

    Raises:
        ValueError: if it is none, in one sentence that begins with its path.
    """
    fields = read_recipe(path, settings)
    try:
        refuse_unknown(fields, ("models", "common", "tasks", "baselines", "cells"), "grid")
        rows = fields.pop("cells", None)
        if not isinstance(rows, list) or not rows:
            raise ValueError("a grid has a list of `cells`")
        if isinstance(tasks := fields.get("tasks"), dict):
            fields["tasks"] = {name: own or {} for name, own in tasks.items()}
        return fill(Grid, {**fields, "name": Path(path).stem, "rows": [_row(row) for row in rows]}, "grid")
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: {error}") from error


def _row(fields: Any) -> Row:
    if not isinstance(fields, dict):
        raise ValueError(f"cells: expected keys and values, found {fields!r}")
    own = [one.name for one in dataclasses.fields(Row) if one.name != "fields"]
    refuse_unknown(fields, [*own, *RECIPE_KEYS], "cells")
    rest = {name: value for name, value in fields.items() if name not in own}
    return fill(Row, {**{k: v for k, v in fields.items() if k in own}, "fields": rest}, "cells")
