"""The losses that Annealing-KD minimises, around the way that a student took.

The plane is that of the way's first two principal components (Li et al. 2018, arXiv:1712.09913, section 7), which are
directions of training itself and so, unlike random ones, are not scaled filter by filter. It goes through the last
point; the others lie beside it, and how far is told.

A network with batch normalisation has its running means and variances computed anew at every point, on the very rows of
which the loss is: those that training stored are of a few points on the way, and with them the loss anywhere else would
say how stale they are, and not how good the weights.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from accelerate import PartialState  # type: ignore[import-untyped]
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters
from torch.optim.swa_utils import update_bn
from tqdm.auto import tqdm
from transformers import set_seed

from ..files import read_object
from ..kd.data import without_labels
from ..kd.objectives import hard_labels
from ..kd.problem import Problem
from ..kd.recipe import difference
from ..kd.stages import Stage
from ..kd.teacher import ask, fetch, logits_of
from ..kd.terms import squared_error
from ..versions import versions
from .recipe import WHERE, Recipe, carry_out, portable

BATCH = 250
MARGIN = 0.25
"""How much further than the way the plane is shown, as a share of the way's extent, on each side."""


class Plane(NamedTuple):
    """A plane in the space of a model's D weights, and n points that were dropped onto it.

    Args:
        origin: float64 (D,), the last point.
        directions: float64 (2, D), orthonormal; the way goes to the right in the first one.
        places: float64 (n, 2), the points in the plane.
        apart: float64 (n,), their distances from it.
        explained: what share of the points' variance there is along each direction.
    """

    origin: Tensor
    directions: Tensor
    places: Tensor
    apart: Tensor
    explained: tuple[float, float]


def principal_plane(points: Tensor) -> Plane:
    """The plane of the first two principal components of points (n, D), moved to go through the last one.

    Raises:
        ValueError: if the points are on one line.
    """
    points = points.double()
    centred = points - points.mean(0)
    variances, vectors = torch.linalg.eigh(centred @ centred.T)  # n is small where D is large
    variances, vectors = variances.flip(0), vectors.flip(1)
    if len(points) < 3 or variances[1] <= 1e-12 * variances[0]:
        raise ValueError("a plane takes three points or more that are not on one line; train for more epochs")
    directions = (centred.T @ vectors[:, :2] / variances[:2].sqrt()).T
    directions *= torch.where((points[-1] - points[0]) @ directions.T < 0, -1.0, 1.0)[:, None]
    moved = points - points[-1]
    places = moved @ directions.T
    apart = torch.linalg.vector_norm(moved - places @ directions, dim=1)
    first, second = (variances[:2] / variances.clamp(min=0).sum()).tolist()
    return Plane(points[-1], directions, places, apart, (first, second))


class Losses:
    """Losses of a model as functions of its weights, on the same few rows.

    Args:
        model: whose weights are moved about.
        batches: of the rows, `labels` in them.
        taught: the teacher's logits for them (rows, C).
        phis: Φ of each regression.
    """

    def __init__(
        self, model: nn.Module, batches: Sequence[Mapping[str, Tensor]], taught: Tensor, phis: Sequence[float]
    ) -> None:
        self.model, self.batches, self.taught, self.phis = model.eval(), batches, taught, phis
        self.labels = torch.cat([batch["labels"].cpu() for batch in batches])

    @torch.no_grad()
    def __call__(self, weights: Tensor) -> list[float]:
        """The mean of (z_s − Φ·z_t)² for each Φ, and the loss of the hard labels, at weights (D,)."""
        first = next(self.model.parameters())
        vector_to_parameters(weights.to(first.device, first.dtype), self.model.parameters())
        update_bn(self.batches, _OfBatches(self.model).eval())
        logits = torch.cat([ask(self.model, batch) for batch in self.batches])
        found = [squared_error(logits, phi * self.taught).mean() for phi in self.phis]
        return [float(loss) for loss in [*found, hard_labels(logits, None, self.labels, 1.0)]]


class _OfBatches(nn.Module):
    """A model that takes a batch as one argument, which is how `update_bn` gives it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        return logits_of(self.model, without_labels(batch))


def over_plane(losses: Losses, plane: Plane, side: int) -> dict[str, Any]:
    """Each loss on side × side points of the plane, by row of the second axis, and the axes."""
    axes = [_axis(plane.places[:, axis], side) for axis in (0, 1)]
    grid = torch.cartesian_prod(axes[1], axes[0]).flip(1)
    bar = tqdm(grid, desc="loss surface", unit="point", disable=None, dynamic_ncols=True)
    values = torch.tensor([losses(plane.origin + place @ plane.directions) for place in bar])
    return {
        "explained": _digits(plane.explained),
        "axes": [_digits(axis.tolist()) for axis in axes],
        "losses": [[_digits(row) for row in one.view(side, side).tolist()] for one in values.T],
    }


def _axis(places: Tensor, side: int) -> Tensor:
    low, high = float(places.min()), float(places.max())
    margin = MARGIN * (high - low)
    return torch.linspace(low - margin, high + margin, side, dtype=torch.float64)


def _digits(values: Sequence[float]) -> list[float]:
    return [float(f"{value:.5g}") for value in values]


def surface(
    recipe: Recipe, output: Path, *, rows: int = 1000, side: int = 21, problem: Problem | None = None
) -> dict[str, Any]:
    """Run a recipe, if that is not done, with all its checkpoints kept, and compute the losses around its way.

    Args:
        recipe: one of whose stages anneals the logits of teachers that were trained before.
        output: a folder for the run; the same one later goes on where it stopped.
        rows: training rows of which the losses are, drawn from the recipe's seed; in view 0 if there are several.
        side: points along each side of the plane.
        problem: the recipe's, if it was made already.

    Returns:
        plain data: what ran, `axes`, `losses` with the Φ of each, and the `path`, a point an epoch.

    Raises:
        ValueError: if it is one of coreference, no stage anneals, its teachers are trained by the recipe itself, or as
            `carry_out`.
    """
    if recipe.documents:
        raise ValueError("loss surfaces are drawn for GLUE and images, and not for coreference")
    plan = recipe.plan()
    name = plan[-1].student
    annealed = next((stage for stage in plan if stage.tau_max and stage.student == name), None)
    if annealed is None or annealed.tau_max is None:
        raise ValueError(f"no stage of {name!r} anneals, so there is no annealing path")
    if annealed.name != "annealed-regression" or annealed.centre:
        raise ValueError(f"{annealed.title()}: surfaces are drawn of annealed-regression around 0, and not of this")
    if {name, *annealed.teachers} - recipe.models.keys() or {stage.student for stage in plan} & {*annealed.teachers}:
        raise ValueError("the annealed stage's teachers must be models that were trained before")
    recipe = _kept(recipe)
    problem = problem or recipe.problem()
    done = carry_out(recipe, output, resume=True, problem=problem)
    began = time.monotonic()
    set_seed(recipe.seed)  # so that it begins where the run did
    student = problem.model(recipe.models[name]).to(PartialState().device)
    path, points = _path(student, plan, output)
    chosen = torch.randperm(len(problem.inputs(recipe.models[name]).train))[:rows].tolist()
    taught = [torch.cat(_answers(problem, recipe.models[teacher], chosen)) for teacher in annealed.teachers]
    temperatures = sorted({annealed.tau_max, (annealed.tau_max + 1) // 2, 1}, reverse=True)
    phis = [1 - (temperature - 1) / annealed.tau_max for temperature in temperatures]
    plane = principal_plane(points)
    losses = Losses(student, _batches(problem, recipe.models[name], chosen), torch.stack(taught).mean(0), phis)
    found = over_plane(losses, plane, side)
    for point, weights, place, apart in zip(path, points, plane.places, plane.apart, strict=True):
        point |= {"place": _digits(place.tolist()), "apart": _digits([apart])[0], "losses": _digits(losses(weights))}
    return {
        "task": recipe.task,
        "recipe": identity(recipe),
        "test": done["test"],
        "weights": points.shape[1],
        "rows": len(chosen),
        "temperatures": temperatures,
        **found,
        "path": path,
        "seconds": round(time.monotonic() - began, 1),
        "device": done["device"],
        "versions": versions(),
    }


def identity(recipe: Recipe) -> dict[str, Any]:
    """A recipe as results have it, alike on every machine."""
    fields: dict[str, Any] = portable(dataclasses.asdict(_kept(recipe)))
    return {key: value for key, value in fields.items() if key not in WHERE}


def read_surface(path: Path, recipe: Recipe) -> dict[str, Any]:
    """What `surface` found before.

    Raises:
        ValueError: if it is of another recipe.
    """
    found = read_object(path)
    if change := difference(Recipe, found["recipe"], identity(recipe), but=WHERE):
        raise ValueError(f"{path} is of another recipe: {change}; move it away to compute it anew")
    return found


def _kept(recipe: Recipe) -> Recipe:
    """The same with all its checkpoints kept."""
    return dataclasses.replace(recipe, training={**recipe.training, "save_total_limit": None})


def _path(student: nn.Module, plan: Sequence[Stage], output: Path) -> tuple[list[dict[str, Any]], Tensor]:
    """Where the student was: what each of its stages began with, as epoch 0, and after each epoch."""
    path: list[dict[str, Any]] = []
    points: list[Tensor] = []
    for number, stage in enumerate(plan, 1):
        if stage.student != plan[-1].student:
            continue
        folder = output / f"stage-{number}"
        points.append(parameters_to_vector(student.parameters()).detach().cpu())
        path.append({"stage": number, "epoch": 0})
        files = [(json.loads(file.read_text("utf-8")), file.parent) for file in folder.glob("*/trainer_state.json")]
        for state, checkpoint in sorted(files, key=lambda pair: int(pair[0]["global_step"])):
            weights = load_file(checkpoint / "model.safetensors")
            own = {key.removeprefix("student."): one for key, one in weights.items() if not key.startswith("learned.")}
            student.load_state_dict(own)
            points.append(parameters_to_vector(student.parameters()).detach().cpu())
            phi = {"phi": stage.phi(min(1.0, state["epoch"] / stage.epochs))} if stage.tau_max else {}
            path.append({"stage": number, "epoch": round(state["epoch"], 3), **phi})
        student.load_state_dict(load_file(folder / "model.safetensors"))
    return path, torch.stack(points)


def _batches(problem: Problem, spec: Mapping[str, Any], chosen: Sequence[int]) -> list[dict[str, Tensor]]:
    inputs, device = problem.inputs(spec), PartialState().device
    parts = [chosen[start : start + BATCH] for start in range(0, len(chosen), BATCH)]
    batches = [inputs.collator(fetch(inputs.view(0), part)) for part in parts]
    return [{key: value.to(device) for key, value in batch.items()} for batch in batches]


def _answers(problem: Problem, spec: Mapping[str, Any], chosen: Sequence[int]) -> list[Tensor]:
    teacher = problem.model(spec).to(PartialState().device).eval()
    return [ask(teacher, batch) for batch in _batches(problem, spec, chosen)]
