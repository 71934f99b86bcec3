"""Recipes of distillation: lists of stages, each with its student, its teachers, its objective and its schedule."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from torch import Tensor
from transformers import TrainingArguments

from .annealing import Shape, phi
from .objectives import LEARNED, OBJECTIVES, objective
from .recipe import check_fields, fill

Choice = Literal["last", "best", "best-at-full"]
Unit = Literal["epoch", "step"]

DECIDED_HERE = {
    "output_dir": "the folder is the run's own",
    "num_train_epochs": "a stage has its own `epochs`",
    "max_steps": "a stage ends with its `epochs`",
    "seed": "the run has its own `seed`",
    "load_best_model_at_end": "a stage says with `choose` which weights go on",
    "metric_for_best_model": "the run has its own `metric`",
    "greater_is_better": "it belongs to the run's `metric`",
    "save_only_model": "a checkpoint is kept whole, so that a run can be gone on with",
    "label_names": "labels are the column `labels`",
    "remove_unused_columns": "rows are as their collator takes them",
    "dataloader_persistent_workers": "every epoch has workers of its own",
    "label_smoothing_factor": "the objective is a stage's own",
    "gradient_checkpointing": "students are small",
    "neftune_noise_alpha": "the student's forward pass is its own",
}
"""Fields of `TrainingArguments` that a recipe has no say in, and why."""

_TRAINING = {one.name: one.type for one in dataclasses.fields(TrainingArguments) if one.name not in DECIDED_HERE}
_FROM_ONE = ("per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps")


def check_training(training: Mapping[str, Any]) -> None:
    """See that these can be fields of Transformers' `TrainingArguments` that a recipe has a say in.

    Raises:
        ValueError: if not.
    """
    for key in DECIDED_HERE.keys() & training.keys():
        raise ValueError(f"training: leave out `{key}`: {DECIDED_HERE[key]}")
    check_fields(training, _TRAINING, "training")
    for key in _FROM_ONE:
        if training.get(key, 1) < 1:
            raise ValueError(f"training: `{key}` is 1 or more, and not {training[key]}")


@dataclass(frozen=True)
class Stage:
    """One training of one model.

    Args:
        objective: the name of an objective, and its settings if it has any: ``{name: kd, temperature: 5}``.
        epochs: how long.
        student: the model that is trained, by its name in the run. A later stage of the same name goes on from the
            weights that this one hands over; its optimiser and its schedule begin anew.
        teacher: the models whose logits it learns from, averaged; an earlier stage's student may be one.
        like: for a student that is not among the run's models: the one of which it is a fresh copy, as that was before
            any stage (a second generation, born again of the first).
        per: what the objective's progress counts, `epoch` or `step`.
        choose: which weights go on: those of the `last` epoch, of the `best` by the metric on the validation part, or
            of the best among epochs at full strength, with Φ = 1 (`best-at-full`).
        milestones: shares of the stage at which the learning rate is divided by ten; if empty, the schedule is the one
            that `training` names.
        training: fields of Transformers' `TrainingArguments`, over those that the run gives all its stages.

    Raises:
        ValueError: if a field is out of its range, or an objective or a key of `training` is unknown.
    """

    objective: str | Mapping[str, Any]
    epochs: int
    student: str = "student"
    teacher: str | Sequence[str] = ()
    like: str | None = None
    per: Unit = "epoch"
    choose: Choice = "best-at-full"
    milestones: Sequence[float] = ()
    training: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.epochs, int) or self.epochs < 1:
            raise ValueError(f"a stage takes one whole epoch or more; got {self.epochs}")
        for name, value, known in (("per", self.per, get_args(Unit)), ("choose", self.choose, get_args(Choice))):
            if value not in known:
                raise ValueError(f"unknown {name} {value!r}; known are {', '.join(known)}")
        if not all(0 < milestone < 1 for milestone in self.milestones):
            raise ValueError(f"milestones are shares of the stage, between 0 and 1; got {list(self.milestones)}")
        check_training(self.training)
        refuse_two_schedules([self], self.training)
        self.function()

    @property
    def name(self) -> str:
        """The objective's name."""
        return self.objective if isinstance(self.objective, str) else str(self.objective.get("name"))

    @property
    def settings(self) -> dict[str, Any]:
        """The objective's settings."""
        return {} if isinstance(self.objective, str) else {k: v for k, v in self.objective.items() if k != "name"}

    @property
    def teachers(self) -> list[str]:
        """The teachers' names."""
        return [self.teacher] if isinstance(self.teacher, str) else list(self.teacher)

    @property
    def learned(self) -> dict[str, float]:
        """Initial values of what the objective itself learns."""
        return LEARNED.get(self.name, {})

    @property
    def tau_max(self) -> int | None:
        """The number of temperatures, if the objective anneals."""
        tau_max: int | None = self._annealing("tau_max")
        return tau_max

    def function(self) -> Callable[..., Tensor]:
        """The objective with its settings."""
        return objective(self.name, **self.settings)

    def phi(self, progress: float) -> float:
        """Φ at some progress; 1 where the objective does not anneal."""
        shape: Shape | None = self._annealing("shape")
        return phi(progress, self.tau_max, shape) if self.tau_max and shape else 1.0

    @property
    def centre(self) -> float:
        """The logit that Φ draws targets to; 0 unless the objective says otherwise."""
        return float(self._annealing("centre") or 0.0)

    def _annealing(self, key: str) -> Any:
        parameter = inspect.signature(OBJECTIVES[self.name]).parameters.get(key)
        return self.settings.get(key, parameter.default) if parameter else None

    def title(self) -> str:
        """Which stage it is, for people."""
        by = f" from {' + '.join(self.teachers)}" if self.teachers else ""
        return f"{self.student}, {self.name}{by}"


def refuse_two_schedules(stages: Sequence[Stage], training: Mapping[str, Any]) -> None:
    """See that settings of training have no schedule of the learning rate where a stage has `milestones`.

    Raises:
        ValueError: if they have.
    """
    for key in ("warmup_steps", "warmup_ratio", "lr_scheduler_type", "lr_scheduler_kwargs"):
        if key in training and any(stage.milestones for stage in stages):
            raise ValueError(f"`milestones` are the schedule of a stage; leave them out, or {key}")


METHODS: dict[str, list[dict[str, Any]]] = {
    "scratch": [{"objective": "hard-labels", "epochs": 18}],
    "kd": [{"objective": "kd", "epochs": 18, "teacher": "teacher"}],
    "takd": [
        {"objective": "kd", "epochs": 18, "student": "assistant", "teacher": "teacher"},
        {"objective": "kd", "epochs": 18, "teacher": "assistant"},
    ],
    "annealing-kd": [
        {"objective": "annealed-regression", "epochs": 14, "teacher": "teacher"},
        {"objective": "hard-labels", "epochs": 4},
    ],
    "born-again": [
        {"objective": "kd", "epochs": 18, "teacher": "teacher"},
        {"objective": "kd", "epochs": 18, "student": "second", "like": "student", "teacher": "student"},
    ],
    **{name: [{"objective": name, "epochs": 18, "teacher": "teacher"}] for name in ("dkd", "dist")},
    **{
        name: [{"objective": name, "epochs": 18, "teacher": "teacher", "per": "step"}]
        for name in ("continuation-kd", "ctkd", "taid")
    },
}
"""The published methods. Epochs are Annealing-KD's on GLUE, 14 and 4, and for each rival's student the same 18."""


def method(name: str, epochs: int | None = None, **common: Any) -> list[Stage]:
    """A published method's stages.

    Args:
        name: a key of `METHODS`.
        epochs: of each student in all its stages, which share them as the method's own epochs do; every stage gets one
            at least.
        common: fields for every stage.

    Raises:
        ValueError: if the method is unknown, or there are fewer epochs than stages.
    """
    if name not in METHODS:
        raise ValueError(f"unknown method {name!r}; known are {', '.join(METHODS)}")
    plan = METHODS[name]
    if epochs is not None:
        plan = [{**stage, "epochs": share} for stage, share in zip(plan, _shares(plan, epochs), strict=True)]
    return read_stages([{**stage, **common} for stage in plan])


def _shares(plan: Sequence[Mapping[str, Any]], epochs: int) -> list[int]:
    shares, spent = [], dict[str, int]()
    for number, stage in enumerate(plan):
        student = stage.get("student", "student")
        own = [s["epochs"] for s in plan if s.get("student", "student") == student]
        later = [s for s in plan[number + 1 :] if s.get("student", "student") == student]
        before = spent.setdefault(student, 0)
        if len(own) > epochs:
            raise ValueError(f"{epochs} epochs are too few for {len(own)} stages")
        share = round(epochs * stage["epochs"] / sum(own)) if later else epochs - before
        share = max(1, min(share, epochs - before - len(later)))
        spent[student] += share
        shares.append(share)
    return shares


def read_stages(plan: Sequence[Stage | Mapping[str, Any]]) -> list[Stage]:
    """Stages, those among them read that are plain data still, as they stand in a recipe's YAML.

    Raises:
        ValueError: if a stage has an unknown key, lacks one, or learns from itself.
    """
    if not plan:
        raise ValueError("a recipe has one stage or more")
    stages = []
    for number, given in enumerate(plan, 1):
        try:
            stage = given if isinstance(given, Stage) else fill(Stage, given, "stage")
            if stage.student in stage.teachers:
                raise ValueError(f"{stage.student!r} is its own teacher; name the student anew, `like` the old one")
        except ValueError as error:
            raise ValueError(f"stage {number}: {error}") from error
        stages.append(stage)
    return stages
