"""A run of distillation in one YAML file: the task, the models, the stages, and what came of it."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePath
from typing import Any

import torch
from accelerate import PartialState  # type: ignore[import-untyped]
from transformers import set_seed

from ..coref.described import language_of
from ..coref.problem import CorefProblem, CorefRun
from ..coref.trainer import HEAD_RATE
from ..files import read_object, write_text
from ..glue.problem import GlueProblem
from ..glue.tasks import TASKS
from ..kd.distillation import Run
from ..kd.problem import Problem
from ..kd.recipe import difference, fill, read_recipe
from ..kd.stages import Stage, check_training, method, read_stages, refuse_two_schedules
from ..kd.trainer import machine
from ..versions import versions
from ..vision.data import HUB_NAMES, VALIDATION
from ..vision.problem import VisionProblem

DOCUMENTS = "coref/"
ONLY_FOR = {
    "head_rate": ("coref",),
    "max_length": ("glue",),
    "hans": ("glue",),
    "validation": ("glue", "images"),
    "split_seed": ("glue", "images"),
    "views": ("images",),
}
"""Fields that say nothing to other families of tasks."""

WHOLE = ("seed", "split_seed", "views", "max_length")
WHERE = ("data", "hans")
"""Fields that say where something is on a machine, and so differ between machines."""

IMAGES = {name.rsplit("/", 1)[-1]: name for name in HUB_NAMES}


@dataclass(frozen=True)
class Recipe:
    """A run.

    Args:
        task: `cifar10`, `cifar100`, `glue/` and the name of a GLUE task, or `coref/` and any name.
        models: by name, as their task describes them: ``{from: ENCODER, layers: [0, 2, 5]}`` for GLUE and coreference,
            ``{network: resnet8}`` for images; ``{from: FOLDER}`` is the model that another run left there, in
            `OUTPUT/model`. The stages name those that they need, most often `teacher` and `student`.
        method: the name of a published method, whose stages are then these; see `lehr.kd.stages.METHODS`.
        epochs: of each student in all its stages, for a `method`.
        stages: instead of a method: a list of `lehr.kd.stages.Stage`.
        data: where the data set is: its name on the Hub or a folder with a copy; the Hub's unless given. For
            coreference, the folder of the data sets.
        documents: of a task of coreference, see `lehr.coref.problem.CorefProblem`.
        head_rate: for coreference, how many times the encoder's learning rate that of everything else is.
        validation: rows cut from the training part to choose by; the task's own number unless given.
        split_seed: of that cut, alike for all that is to be compared.
        seed: of weights, order and dropout.
        views: augmented views in turn; images only.
        milestones: for a `method`, shares of each stage at which the learning rate is divided by ten.
        training: fields of Transformers' `TrainingArguments`.
        max_length: pieces of a row of text at most.
        hans: for GLUE's MNLI, HANS's file of evaluation rows.
        online: ask the teachers at every step instead of keeping their logits.

    Raises:
        ValueError: if the fields do not fit together.
    """

    task: str
    models: Mapping[str, Mapping[str, Any]]
    method: str | None = None
    epochs: int | None = None
    stages: Sequence[Mapping[str, Any]] = ()
    data: str | None = None
    documents: Mapping[str, Any] = field(default_factory=dict)
    head_rate: float = HEAD_RATE
    validation: float | int | None = None
    split_seed: int = 0
    seed: int = 0
    views: int = 1
    milestones: Sequence[float] = ()
    training: Mapping[str, Any] = field(default_factory=dict)
    max_length: int = 128
    hans: str | None = None
    online: bool = False

    def __post_init__(self) -> None:
        known = [*IMAGES, *(f"glue/{name}" for name in TASKS)]
        if self.task not in known and not self.task.startswith(DOCUMENTS):
            raise ValueError(f"unknown task {self.task!r}; known are {', '.join(known)}, {DOCUMENTS}NAME")
        if bool(self.documents) != self.task.startswith(DOCUMENTS):
            raise ValueError(f"`documents` go with a task {DOCUMENTS}NAME, and it with them; this is {self.task}")
        if (self.method is None) == (not self.stages):
            raise ValueError("a recipe has either a `method` or `stages`")
        if self.stages and (self.epochs is not None or self.milestones):
            raise ValueError("`epochs` and `milestones` go with a `method`; give them stage by stage")
        self._check_values()
        for name, spec in self.models.items():
            if not isinstance(spec, Mapping):
                raise ValueError(f"models: {name} is described by keys and values, as {{from: {spec}}}")
        check_training(self.training)
        models = self.described()
        refuse_two_schedules(self.plan(), self.training)
        for stage in self.plan():
            if absent := [name for name in [stage.student, *stage.teachers] if name not in models]:
                raise ValueError(f"{stage.title()}: `models` has no {stage.like or absent[0]!r}")

    @property
    def family(self) -> str:
        """Of tasks: `coref`, `glue` or `images`."""
        return "glue" if self.task.startswith("glue/") else "coref" if self.documents else "images"

    def described(self) -> dict[str, Mapping[str, Any]]:
        """Every model as `models` describes it; a student that is `like` another as that one."""
        found = dict(self.models)
        for stage in self.plan():
            if stage.student not in found and stage.like in found:
                found[stage.student] = found[stage.like]
        return found

    def needed(self) -> dict[str, Mapping[str, Any]]:
        """Those of `models` that the stages name: as teacher, as student, or as what a student is like."""
        names = [name for stage in self.plan() for name in [*stage.teachers, self._begun_from(stage)]]
        return {name: self.models[name] for name in dict.fromkeys(names) if name in self.models}

    def _begun_from(self, stage: Stage) -> str:
        return stage.student if stage.student in self.models else stage.like or stage.student

    def _check_values(self) -> None:
        for key in ("head_rate", "validation", *WHOLE):
            if (getattr(self, key) or 0) < 0:
                raise ValueError(f"`{key}` is a number from 0 on, and not {getattr(self, key)!r}")
        for key, families in ONLY_FOR.items():
            if self.family not in families and getattr(self, key) != _DEFAULT[key]:
                raise ValueError(f"`{key}` is for {' and '.join(families)}; this is {self.task}")

    def plan(self) -> list[Stage]:
        """The stages."""
        if self.method is None:
            return read_stages(self.stages)
        return method(self.method, self.epochs, milestones=list(self.milestones))

    def problem(self) -> Problem:
        """The task with its data.

        Raises:
            ValueError: if the data cannot be read.
        """
        if self.documents:
            language = language_of(self.described()[self.plan()[-1].student])
            return CorefProblem(self.documents, self.data or "../shared/data", language)
        if self.task in IMAGES:
            cut = VALIDATION if self.validation is None else self.validation
            images = VisionProblem(self.data or IMAGES[self.task], validation=cut, seed=self.split_seed)
            if self.task != f"cifar{images.splits.classes}":
                raise ValueError(f"{self.data} holds CIFAR-{images.splits.classes}, and the task is {self.task}")
            return images
        return GlueProblem(
            self.task.removeprefix("glue/"),
            self.data or "nyu-mll/glue",
            validation=self.validation,
            seed=self.split_seed,
            max_length=self.max_length,
            hans=self.hans,
        )


_DEFAULT = {one.name: one.default for one in dataclasses.fields(Recipe)}


def portable(value: Any) -> Any:
    """As JSON has it; of a path on this machine only the last two parts."""
    if isinstance(value, Mapping):
        return {str(key): portable(one) for key, one in value.items()}
    if isinstance(value, str):
        return "/".join(PurePath(value).parts[-2:]) if PurePath(value).is_absolute() else value
    return [portable(one) for one in value] if isinstance(value, Sequence) else value


def load_recipe(path: str | os.PathLike[str], settings: Sequence[str] = ()) -> Recipe:
    """Read a recipe, see `lehr.kd.recipe.read_recipe`.

    Raises:
        ValueError: if it is none, in one sentence that begins with its path.
    """
    fields = read_recipe(path, settings)
    try:
        return fill(Recipe, fields, "recipe")
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def carry_out(
    recipe: Recipe,
    output: Path,
    *,
    resume: bool = False,
    problem: Problem | None = None,
    known_as: Recipe | None = None,
) -> dict[str, Any]:
    """Run a recipe; the last student is left in ``output/model``, and what came of it in ``output/result.json``.

    The model has a copy of that beside it, `training.json`.

    Args:
        recipe: what to run.
        output: a folder for it.
        resume: go on where a run in `output` stopped; its `output/recipe.json` says which recipe that was.
        problem: the recipe's, if it was made already.
        known_as: the recipe as it is written down and known again, if its models may be elsewhere by then.

    Returns:
        what ran, on what, for how long, and the scores in per cent; those of the test part, if there is one, were read
            once, at the end.

    Raises:
        ValueError: as `lehr.kd.distill`.
    """
    done, claim = output / "result.json", output / "recipe.json"
    written = dataclasses.asdict(known_as or recipe)
    own = portable(written)
    forms = (own, portable(dataclasses.asdict(recipe)))  # the second is what versions before `known_as` wrote
    found: dict[str, Any] | None = None
    if resume and done.exists():
        found = read_object(done)
        _refuse_other(done, found.get("recipe", {}), forms)
    if resume and claim.exists():
        _refuse_other(claim, read_object(claim), forms)
    if not resume and begun(output):
        raise ValueError(f"{output} holds a run already; --resume goes on with it, or choose another output")
    problem = problem or recipe.problem()
    plan, described = recipe.plan(), recipe.described()
    run = _run(recipe, problem, recipe.needed(), output)
    for number, stage in enumerate(plan):
        for name in set(stage.teachers) - {earlier.student for earlier in plan[:number]}:
            if not problem.has_learned(described[name]):
                raise ValueError(
                    f"models: {name} is to teach, and {dict(described[name])} has not learned {recipe.task}: let it be "
                    "`from` the folder OUTPUT/model of a run"
                )
    if found is not None:
        run.check_done()
        return found
    if PartialState().is_main_process:
        write_text(claim, json.dumps(own, indent=1, ensure_ascii=False) + "\n")
    distilled = run.carry_out(resume=resume)
    student = plan[-1].student
    stages = [(stage, told) for stage, told in zip(plan, distilled.stages, strict=True) if stage.student == student]
    spec = described[student]
    scores = problem.test(distilled.student, spec)
    result = {
        "task": recipe.task,
        "method": recipe.method or "stages",
        "seed": recipe.seed,
        "teacher": {name: described[name] for stage, _ in stages for name in stage.teachers},
        "student": spec,
        "parameters": {name: _parameters(model) for name, model in distilled.models.items()},
        "recipe": written,
        "epochs": sum(stage.epochs for stage, _ in stages),
        "metric": problem.metric,
        "validation": _per_cent(distilled.stages[-1]["chosen"]),
        "test": _per_cent(scores.get(problem.metric)),
        "test_scores": {name: _per_cent(score) for name, score in scores.items()},
        "seconds": round(sum(told["seconds"] for _, told in stages), 1),
        "seconds_for_teacher": round(sum(told["seconds_for_teacher"] for _, told in stages), 1),
        "device": _device(recipe.training),
        "precision": ", then ".join(dict.fromkeys(_precision({**recipe.training, **s.training}) for s, _ in stages)),
        "stages": distilled.stages,
        "versions": versions(),
    }
    text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    if PartialState().is_main_process:
        problem.save(distilled.student, spec, output / "model")
        write_text(output / "model/training.json", text)
        write_text(done, text)
    plain: dict[str, Any] = json.loads(text)
    return plain


def begun(output: Path) -> bool:
    """Whether a folder holds a run, or the beginning of one."""
    return any((output / name).exists() for name in ("result.json", "model")) or any(output.glob("stage-*"))


def _refuse_other(path: Path, then: Mapping[str, Any], forms: Sequence[Mapping[str, Any]]) -> None:
    changes = [difference(Recipe, portable(then), form, but=WHERE) for form in forms]
    if all(changes):
        raise ValueError(f"{path} is of another recipe: {changes[0]}; choose another output")


def _run(recipe: Recipe, problem: Problem, specs: Mapping[str, Mapping[str, Any]], output: Path) -> Run:
    models = {}
    for name, spec in specs.items():
        set_seed(recipe.seed)  # so that a student begins alike whatever models there are beside it
        models[name] = problem.model(spec)
    kind = partial(CorefRun, head_rate=recipe.head_rate) if isinstance(problem, CorefProblem) else Run
    return kind(
        models,
        {name: problem.inputs(spec) for name, spec in specs.items()},
        recipe.plan(),
        views=recipe.views,
        compute_metrics=problem.compute_metrics,
        metric=problem.metric,
        greater_is_better=True,
        training=dict(recipe.training),
        seed=recipe.seed,
        output=output,
        cache=None,
        online=recipe.online,
    )


def _parameters(model: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def _per_cent(score: float | None) -> float | None:
    return None if score is None else round(100 * score, 3)


def _precision(training: Mapping[str, Any]) -> str:
    """In what the students were trained, which is the machine's choice unless the recipe says."""
    return "bfloat16" if machine(training)["bf16"] else "float16" if training.get("fp16") else "float32"


def _device(training: Mapping[str, Any]) -> str:
    if torch.cuda.is_available() and not machine(training)["use_cpu"]:
        return torch.cuda.get_device_name()
    return f"CPU, {torch.get_num_threads()} threads"
