"""A recipe carried out: stage after stage, each with its teachers' logits, its trainer and its checkpoint."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelerate import PartialState  # type: ignore[import-untyped]
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import TrainingArguments

from ..files import alone_in, aside, read_object, write_text
from .checks import Metrics, check_arguments, check_room, check_rows, check_rows_stay, check_stages, stay
from .data import Inputs, Learner, TaughtDataset
from .stages import Stage, check_training, method, read_stages, refuse_two_schedules
from .teacher import Collator, Logits, fingerprint_of_data, fingerprint_of_model, keep_logits
from .trainer import DistillationTrainer, last_checkpoint, machine

DEFAULTS: dict[str, Any] = {
    "learning_rate": 2e-5,
    "per_device_train_batch_size": 32,
    "per_device_eval_batch_size": 128,
    "eval_strategy": "epoch",
    "save_strategy": "epoch",
    "save_total_limit": 1,
    "logging_steps": 20,
    "logging_nan_inf_filter": False,
    "remove_unused_columns": False,
    "report_to": [],
}
"""What a stage's `training` need not say; learning rate and batch are Annealing-KD's on GLUE."""

LESS_IS_BETTER = ("loss", "error", "mse", "mae", "perplexity")
"""How metrics end of which less is better, unless they begin with ``neg_``."""


@dataclass(frozen=True)
class Distilled:
    """What came of a recipe.

    Args:
        student: the last stage's, with the weights that it handed over.
        models: every model of the run by name.
        stages: for each stage its title, epochs, seconds (those of its teachers' logits apart), the metric it chose by
            and the log: losses, Φ, both errors, and the metrics of each epoch.
    """

    student: nn.Module
    models: dict[str, nn.Module]
    stages: list[dict[str, Any]]


def distill(
    teacher: nn.Module | Sequence[nn.Module] | None,
    student: nn.Module,
    train_dataset: Any,
    eval_dataset: Any = None,
    *,
    recipe: str | Sequence[Stage | Mapping[str, Any]] = "annealing-kd",
    epochs: int | None = None,
    assistant: nn.Module | None = None,
    collator: Collator,
    inputs: Mapping[str, Inputs] | None = None,
    views: int = 1,
    compute_metrics: Metrics | None = None,
    metric: str = "loss",
    greater_is_better: bool | None = None,
    training: Mapping[str, Any] | None = None,
    seed: int = 0,
    output: str | Path = "runs/distilled",
    resume: bool = False,
    cache: str | Path | None = None,
    online: bool = False,
) -> Distilled:
    """Train a student from a teacher.

    Args:
        teacher: returns logits, bare or in Transformers' output; several are averaged, and a recipe finds them under
            the names `teacher`, `teacher-2`, …; None for a recipe without.
        student: is trained in place.
        train_dataset: rows with a length and an index; see `Inputs` for views.
        eval_dataset: rows that choose between epochs. Without them the last epoch's weights go on.
        recipe: a key of `lehr.kd.stages.METHODS`, or stages.
        epochs: of each student in all its stages, for a recipe that is given by name.
        assistant: the model between the two, for TAKD.
        collator: makes a batch, `labels` in it, of a list of rows.
        inputs: for models (by name) that see the rows otherwise, with another tokenizer say.
        views: augmented views in turn, one an epoch, of a data set that has them.
        compute_metrics: as Transformers takes it; its predictions are logits.
        metric: the one of them that chooses; `loss` is that of the hard labels.
        greater_is_better: whether more of it is better; unless said, of all but what ends as a loss or an error does
            (`LESS_IS_BETTER`).
        training: fields of Transformers' `TrainingArguments` for every stage.
        seed: of every stage's order and dropout.
        output: a folder for each stage is made in it, with checkpoints while it runs and its weights when it is done.
        resume: go on where a run in `output` stopped, within a stage too; without it, `output` must hold none.
        cache: holds the stores of teacher logits; see `lehr.kd.teacher.cache_folder`.
        online: ask the teachers at every step instead of keeping their logits.

    Returns:
        the trained student, and what happened.

    Raises:
        TypeError: if a model or inputs are of another kind.
        ValueError: if recipe, models and data do not fit together, if `output` holds another run, or a loss is not
            finite; by and large, all but the last before any training.
    """
    given = list(teacher or []) if teacher is None or isinstance(teacher, (list, tuple)) else [teacher]
    models: dict[str, Any] = {f"teacher-{i}" if i > 1 else "teacher": one for i, one in enumerate(given, 1)}
    models |= {"student": student} | ({"assistant": assistant} if assistant is not None else {})
    for name, one in models.items():
        if not isinstance(one, nn.Module):
            raise TypeError(f"{name!r} is to be a torch.nn.Module, and is {type(one).__name__}: load it first")
    for name, one in (inputs or {}).items():
        if not isinstance(one, Inputs):
            raise TypeError(f"the inputs of {name!r} are to be a `lehr.kd.Inputs`, and are {type(one).__name__}")
    if unknown := [name for name in inputs or () if name not in models]:
        raise ValueError(f"inputs are given for {unknown[0]!r}, which is no model; there are {', '.join(models)}")
    if epochs is not None and not isinstance(recipe, str):
        raise ValueError("`epochs` go with a recipe that is given by name; stages have their own")
    if isinstance(recipe, str):
        stages = method(recipe, epochs)
        if len(given) > 1:
            everyone = [name for name in models if name.startswith("teacher")]
            stages = [dataclasses.replace(s, teacher=everyone) if s.teachers == ["teacher"] else s for s in stages]
    else:
        stages = read_stages(recipe)
    check_training(training or {})
    refuse_two_schedules(stages, training or {})
    common = Inputs(train_dataset, collator, eval_dataset)
    for name in {stage.student for stage in stages}.intersection(inputs or {}):
        if eval_dataset is not None and (inputs or {})[name].eval is None:
            raise ValueError(f"inputs: {name!r} sees the rows otherwise, and has no `eval` beside the eval_dataset")
    if metric.removeprefix("eval_") != "loss" and eval_dataset is not None and compute_metrics is None:
        raise ValueError(f"there is no metric {metric!r} to choose by without `compute_metrics`; there is loss")
    return Run(
        models,
        {name: (inputs or {}).get(name, common) for name in models},
        stages,
        views=views,
        compute_metrics=compute_metrics,
        metric=metric,
        greater_is_better=greater_is_better,
        training=dict(training or {}),
        seed=seed,
        output=Path(output),
        cache=None if cache is None else Path(cache),
        online=online,
    ).carry_out(resume=resume)


@dataclass
class Run:
    """A recipe with its models and data; the fields are `distill`'s arguments.

    Raises:
        ValueError: on construction, if they do not fit together.
    """

    models: dict[str, nn.Module]
    inputs: dict[str, Inputs]
    stages: list[Stage]
    views: int
    compute_metrics: Metrics | None
    metric: str
    greater_is_better: bool | None
    training: dict[str, Any]
    seed: int
    output: Path
    cache: Path | None
    online: bool

    def __post_init__(self) -> None:
        PartialState(cpu=machine(self.training)["use_cpu"])  # before anyone asks which of several processes this is
        for stage in self.stages:
            if stage.like is not None and stage.student not in self.models:
                if stage.like not in self.models:
                    raise ValueError(f"{stage.title()}: it is to be like {stage.like!r}, and there is no such model")
                self.models[stage.student] = copy.deepcopy(self.models[stage.like])
                self.inputs[stage.student] = self.inputs[stage.like]
            if absent := [name for name in [stage.student, *stage.teachers] if name not in self.models]:
                raise ValueError(
                    f"{stage.title()}: there is no model {absent[0]!r}; there are {', '.join(self.models)}"
                )
        check_rows(self.inputs, self.views)
        for number, stage in enumerate(self.stages):
            check_arguments(stage, self.inputs[stage.student], self._arguments(number))
        self._check_stages()

    def _check_stages(self) -> None:
        check_stages(
            self.models,
            self.inputs,
            self.stages,
            online=self.online,
            metric=self.metric,
            compute_metrics=self.compute_metrics,
        )
        check_rows_stay(self.inputs, {teacher for stage in self.stages for teacher in stage.teachers})

    def carry_out(self, *, resume: bool = False) -> Distilled:
        """Run every stage that is not done yet."""
        if not resume and any(self.output.glob("stage-*")):
            raise ValueError(f"{self.output} holds a run already: resume it, or choose another output")
        PartialState().wait_for_everyone()
        with alone_in(self.output) if PartialState().is_main_process else nullcontext():
            done = [self._carry_out(number) for number in range(len(self.stages))]
        return Distilled(self.models[self.stages[-1].student], self.models, done)

    def check_done(self) -> None:
        """Refuse a finished run that had other rows, or other teachers, by whose weights they are known.

        What its folders no longer say is not asked.

        Raises:
            ValueError: if so.
        """
        if all((self._folder(number) / "done.json").exists() for number in range(len(self.stages))):
            for number in range(len(self.stages)):
                self._carry_out(number)  # which claims the stage's folder, and does not train what is done

    def _folder(self, number: int) -> Path:
        return self.output / f"stage-{number + 1}"

    def _carry_out(self, number: int) -> dict[str, Any]:
        stage = self.stages[number]
        folder = self._folder(number)
        self._claim(folder, number)
        model = self.models[stage.student]
        if (folder / "done.json").exists():
            model.load_state_dict(load_file(folder / "model.safetensors"))
            model.eval()
            return read_object(folder / "done.json")
        checkpoint = last_checkpoint(folder)
        check_room(folder, model, self._arguments(number))
        began = time.monotonic()
        dataset, online = self._lessons(number)
        asked = time.monotonic() - began
        trainer = self._trainer(number, dataset, online)
        trainer.train(resume_from_checkpoint=checkpoint)
        trainer.refuse_broken()
        report = {
            "title": stage.title(),
            "epochs": stage.epochs,
            "seconds": round(trainer.seconds, 1),
            "seconds_for_teacher": round(asked, 1),
            "chosen_by": self.metric if trainer.state.best_metric is not None else None,
            "chosen": trainer.state.best_metric,
            "chosen_epoch": stage.epochs
            if trainer.state.best_global_step is None
            else trainer.state.best_global_step * stage.epochs // trainer.state.max_steps,
            "log": trainer.state.log_history,
        }
        if trainer.is_world_process_zero():
            self._finish(folder, model, report, keep=trainer.args.save_total_limit is None)
        trainer.accelerator.wait_for_everyone()
        model.load_state_dict(load_file(folder / "model.safetensors"))  # running means differ between processes
        model.eval()
        return report

    def _claim(self, folder: Path, number: int) -> None:
        """Write down which stage a folder is of, or refuse one that is of another."""
        stage = self.stages[number]
        inputs = self.inputs[stage.student]

        def told(rows: Any, of: Inputs = inputs) -> str:
            if not isinstance(getattr(rows, "fingerprint", None), str) and not stay(rows, of.collator):
                return f"{len(rows)} rows, drawn anew each time"
            return fingerprint_of_data(rows, of.collator, labels=True)[:16]

        def told_teacher(name: str) -> str:
            own = self.inputs[name]
            return f"{fingerprint_of_model(self.models[name])[:16]} of {told(own.view(0), own)}"

        facts = {
            **dataclasses.asdict(stage),
            "seed": self.seed,
            "run": self._settings(),
            "views": self.views,
            "metric": self.metric,
            "rows": told(inputs.view(0)),
            "validation": None if inputs.eval is None else told(inputs.eval),
            "weights": _shapes(self.models[stage.student]),
            "teachers": {name: told_teacher(name) for name in stage.teachers},
        }
        own = json.loads(json.dumps(facts))
        path = folder / "stage.json"
        if PartialState().is_main_process and not path.exists():
            write_text(path, json.dumps(own, indent=1) + "\n")
        PartialState().wait_for_everyone()
        found = read_object(path)
        for key in own:
            if found.get(key) != own[key]:
                raise ValueError(
                    f"{folder} was begun as another stage: {key} was {found.get(key)!r} and is {own[key]!r} now; "
                    "choose another output"
                )

    def _settings(self) -> dict[str, Any]:
        """What all stages are trained by, and a run that is resumed has to be told again."""
        return self.training

    def _lessons(self, number: int) -> tuple[TaughtDataset, list[str]]:
        """The rows of a stage with its teachers' logits, or with the names of teachers to ask at every step."""
        stage = self.stages[number]
        before = self._before(number)
        inputs, views = self.inputs[stage.student], self.views
        if not stage.teachers:
            return TaughtDataset(inputs, views=views, first_epoch=before), []
        if self.online:
            seen = self.inputs[stage.teachers[0]]
            return TaughtDataset(inputs, views=views, online=seen, first_epoch=before), stage.teachers
        # No more views than the stage will turn to, in the order in which it will.
        turns = {(before + epoch) % views for epoch in range(stage.epochs)}
        logits = [[self._kept(name, v) for name in stage.teachers] if v in turns else [] for v in range(views)]
        return TaughtDataset(inputs, views=views, logits=logits, first_epoch=before), []

    def _before(self, number: int) -> int:
        """Epochs that a stage's student has had when it begins."""
        return sum(s.epochs for s in self.stages[:number] if s.student == self.stages[number].student)

    def _kept(self, name: str, view: int) -> Logits:
        inputs = self.inputs[name]
        return keep_logits(
            self.models[name],
            inputs.view(view),
            inputs.collator,
            cache=self.cache,
            batch_size=self.training.get("per_device_eval_batch_size", DEFAULTS["per_device_eval_batch_size"]),
            bf16=machine(self.training)["bf16"],
            title=f"logits of {name}" + (f", view {view + 1} of {self.views}" if self.views > 1 else ""),
        )

    def _arguments(self, number: int) -> TrainingArguments:
        stage = self.stages[number]
        inputs = self.inputs[stage.student]
        choose = stage.choose != "last" and inputs.eval is not None
        negated = self.metric.removeprefix("eval_").startswith("neg_")
        better = negated or not self.metric.endswith(LESS_IS_BETTER)
        better = better if self.greater_is_better is None else self.greater_is_better
        settings = {**DEFAULTS, **self.training, **stage.training}
        if inputs.eval is None:
            settings["eval_strategy"] = "no"
        if choose and settings["save_strategy"] not in (settings["eval_strategy"], "best"):
            raise ValueError(
                f"{stage.title()}: with save_strategy {settings['save_strategy']} the weights are not kept that "
                f"eval_strategy {settings['eval_strategy']} chooses from; let both be `epoch`, or say `choose: last`"
            )
        return TrainingArguments(
            str(self._folder(number)),
            **machine(settings) | settings,
            num_train_epochs=stage.epochs,
            seed=self.seed + number,
            load_best_model_at_end=choose,
            metric_for_best_model=self.metric if choose else None,
            greater_is_better=better,
        )

    def _trainer(self, number: int, dataset: TaughtDataset, online: list[str]) -> DistillationTrainer:
        stage = self.stages[number]
        return DistillationTrainer(
            Learner(self.models[stage.student], stage.learned),
            self._arguments(number),
            stage=stage,
            train_dataset=dataset,
            online=[self.models[name] for name in online],
            teacher_collator=self.inputs[online[0]].collator if online else None,
            compute_metrics=self.compute_metrics,
            title=f"stage {number + 1} of {len(self.stages)}: {stage.title()}",
        )

    @staticmethod
    def _finish(folder: Path, model: nn.Module, report: dict[str, Any], *, keep: bool) -> None:
        with aside(folder / "model.safetensors") as temporary:
            state = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in model.state_dict().items()}
            save_file(state, temporary)
        write_text(folder / "done.json", json.dumps(report, indent=1) + "\n")
        for checkpoint in [] if keep else folder.glob("checkpoint-*"):
            shutil.rmtree(checkpoint)


def _shapes(model: nn.Module) -> str:
    """What tells a network of other layers or sizes, as the student of a run that is gone on with may be."""
    shapes = [(name, tuple(tensor.shape)) for name, tensor in model.state_dict().items()]
    return hashlib.sha256(repr(shapes).encode()).hexdigest()[:16]
