"""What can be known of a run before it costs an hour: that rows, models, stages and the disk fit together."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import datasets  # type: ignore[import-untyped]
import numpy as np
import torch
from accelerate import PartialState  # type: ignore[import-untyped]
from torch import Tensor, nn
from transformers import EvalPrediction, SchedulerType, TrainingArguments, get_scheduler

from .data import Inputs, has_views, lengths, without_labels
from .objectives import NO_LABEL, hard_labels
from .stages import Stage
from .teacher import Collator, fetch, logits_of

Metrics = Callable[[Any], dict[str, float]]

ORDERS = ("random", "sequential", "group_by_length")
"""What `train_sampling_strategy` may be: Transformers has one more, which wants rows that are no more than rows."""


def check_rows(inputs: Mapping[str, Inputs], views: int) -> None:
    """Every model sees the same rows, under as many views as are asked for."""
    if views < 1:
        raise ValueError(f"views are one or more; got {views}")
    for name, one in inputs.items():
        for kind in (type(rows) for rows in (one.train, one.eval) if rows is not None):
            if not hasattr(kind, "__len__") or not hasattr(kind, "__getitem__") or hasattr(kind, "iloc"):
                raise ValueError(
                    f"the rows of {name!r} are of {kind.__name__}, which are not asked for by number: give a list, a "
                    "`torch.utils.data.Dataset` with a length or a `datasets.Dataset`, none that is read as a stream"
                )
            if issubclass(kind, Mapping):
                raise ValueError(
                    f"the rows of {name!r} are of {kind.__name__}, which has several parts: give one of them"
                )
    if views > 1 and not all(has_views(one.train) for one in inputs.values()):
        raise ValueError(f"{views} views are asked for, and the data set has no method `view`")
    rows = {name: len(one.train) for name, one in inputs.items()}
    if min(rows.values()) == 0:
        raise ValueError("there are no rows to train on")
    if len(set(rows.values())) > 1:
        raise ValueError(f"all models must see the same rows in the same order; their numbers differ: {rows}")


def stay(rows: Any, collator: Collator) -> bool:
    """Whether rows are the same each time they are asked for, as those that are drawn at random are not."""
    if not len(rows):
        return True
    first, again = (collator(fetch(rows, range(min(64, len(rows))))) for _ in range(2))
    return all(torch.equal(first[key].nan_to_num(), again[key].nan_to_num()) for key in first)


def check_rows_stay(inputs: Mapping[str, Inputs], teachers: Iterable[str]) -> None:
    """The rows that a teacher answers are the same each time they are asked for."""
    for name in teachers:
        if not stay(inputs[name].view(0), inputs[name].collator):
            raise ValueError(
                f"the rows of {name!r} are others each time they are asked for, so that its answers would be to others "
                "than the student sees: give the data set a method `view(v)` that has the draws in turn"
            )


def check_arguments(stage: Stage, inputs: Inputs, arguments: TrainingArguments) -> None:
    """A stage has an order of rows and a schedule that are known, and a step to make."""
    _check_order(inputs, arguments.train_sampling_strategy)
    _check_schedule(stage, arguments)
    rows, batch = len(inputs.train), arguments.per_device_train_batch_size * arguments.world_size
    if arguments.dataloader_drop_last and rows < batch:
        raise ValueError(f"{stage.title()}: dataloader_drop_last drops all {rows} rows, as a batch is of {batch}")


def _check_schedule(stage: Stage, arguments: TrainingArguments) -> None:
    """The learning rate has a schedule, with the settings that this one takes."""
    if stage.milestones:
        return
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=arguments.learning_rate)
    kind, steps = SchedulerType(arguments.lr_scheduler_type), 1000
    settings: Any = arguments.lr_scheduler_kwargs
    try:
        get_scheduler(kind, optimizer, arguments.get_warmup_steps(steps), steps, settings)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{stage.title()}: lr_scheduler_type {kind.value}: {error}") from error


def _check_order(inputs: Inputs, strategy: str) -> None:
    """The order of rows is known, and they have lengths where it goes by them."""
    if strategy not in ORDERS:
        raise ValueError(f"unknown train_sampling_strategy {strategy!r}; known are {', '.join(ORDERS)}")
    if strategy == "group_by_length":
        for rows in (inputs.train, inputs.eval):
            lengths([] if rows is None else [rows[0]])


def check_stages(
    models: Mapping[str, nn.Module],
    inputs: Mapping[str, Inputs],
    stages: Sequence[Stage],
    *,
    online: bool,
    metric: str,
    compute_metrics: Metrics | None,
) -> None:
    """Two rows go through every model, every objective and the metrics; teachers and students have the same labels."""
    logits: dict[str, Tensor] = {}
    batches: dict[str, dict[str, Tensor]] = {}
    for name in dict.fromkeys(name for stage in stages for name in [stage.student, *stage.teachers]):
        batches[name] = _first_rows(name, inputs[name], inputs[name].view(0))
        logits[name] = _ask(name, models[name], batches[name])
    for stage in stages:
        _refuse_to_share(stage, models)
        own = logits[stage.student]
        for teacher in stage.teachers:
            if logits[teacher].shape != own.shape:
                raise ValueError(
                    f"{stage.title()}: other label spaces: for the same rows the logits of {teacher!r} have shape "
                    f"{tuple(logits[teacher].shape)}, those of {stage.student!r} {tuple(own.shape)}"
                )
            theirs, ours = label_names(models[teacher]), label_names(models[stage.student])
            if theirs and ours and theirs != ours:
                raise ValueError(
                    f"{stage.title()}: other label spaces: the labels of {teacher!r} are {', '.join(theirs)}, those of "
                    f"{stage.student!r} {', '.join(ours)}; give one head's rows and id2label the order of the other's"
                )
        seen = [(inputs[teacher].train, inputs[teacher].collator) for teacher in stage.teachers]
        if online and any(one is not other for own in seen for one, other in zip(own, seen[0], strict=True)):
            raise ValueError(f"{stage.title()}: several online teachers must see the rows alike")
        learned = {name: torch.tensor(value, device=own.device) for name, value in stage.learned.items()}
        taught = logits[stage.teachers[0]] if stage.teachers else None
        if stage.teachers:
            _refuse_padding_to_teach(stage, own, batches[stage.student])
        try:
            stage.function()(own, taught, batches[stage.student].get("labels"), 1.0, **learned)
            _check_student(stage, models[stage.student], inputs[stage.student], own, batches[stage.student])
        except ValueError as error:
            raise ValueError(f"{stage.title()}: {error}") from error
    for student in dict.fromkeys(stage.student for stage in stages if stage.choose != "last"):
        _check_choice(student, models[student], inputs[student], metric, compute_metrics)


def _refuse_to_share(stage: Stage, models: Mapping[str, nn.Module]) -> None:
    """No weight that is learned is a teacher's as well."""
    learned = {
        weight.data_ptr(): name for name, weight in models[stage.student].named_parameters() if weight.requires_grad
    }
    for teacher in stage.teachers:
        for weight in models[teacher].parameters():
            if weight.numel() and (shared := learned.get(weight.data_ptr())):
                raise ValueError(
                    f"{stage.title()}: {shared} of {stage.student!r} is a weight of {teacher!r} too, and would "
                    "change while it teaches: copy it, by copy.deepcopy say"
                )


def _refuse_padding_to_teach(stage: Stage, logits: Tensor, batch: Mapping[str, Tensor]) -> None:
    """Where logits are one a token, labels say which of them count, if only by -100."""
    mask = batch.get("attention_mask")
    of_tokens = mask is not None and logits.ndim > 2 and logits.shape[:-1] == mask.shape
    if "labels" not in batch and mask is not None and of_tokens and not mask.all():
        raise ValueError(
            f"{stage.title()}: the logits of {stage.student!r} are one a token, padding too, and no `labels` say "
            "which of them count: let the collator give some, -100 where there is none"
        )


def _first_rows(name: str, inputs: Inputs, rows: Any) -> dict[str, Tensor]:
    """A batch of two rows."""
    batch = inputs.collator(fetch(rows, range(min(2, len(rows)))))
    if not isinstance(batch, Mapping):
        raise ValueError(f"the collator of {name!r} gives a {type(batch).__name__}, and is to give a dict of tensors")
    for key, value in batch.items():
        if not isinstance(value, Tensor):
            raise ValueError(
                f"the collator of {name!r} gives a {type(value).__name__} as {key!r}, and is to give tensors"
            )
    return {key: value.cpu() for key, value in batch.items()}


def _ask(name: str, model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    """A model's logits for the first rows, on the CPU."""
    asked = without_labels(batch)
    device = PartialState().device
    was_training = model.training
    try:
        with torch.no_grad():
            logits = logits_of(model.to(device).eval(), {key: value.to(device) for key, value in asked.items()})
    except (TypeError, KeyError) as error:
        raise ValueError(
            f"{name!r} does not take {', '.join(asked)}: {error}; see that the collator gives what it takes, "
            "and no more"
        ) from error
    except (IndexError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).splitlines()[:1])
        raise ValueError(
            f"{name!r} cannot answer its first rows, of which it sees {', '.join(asked)}: {reason}; do tokenizer and "
            "collator fit it?"
        ) from error
    finally:
        model.train(was_training)
    return logits.cpu()


def _check_student(stage: Stage, model: nn.Module, inputs: Inputs, logits: Tensor, batch: dict[str, Tensor]) -> None:
    """It has weights to learn, and all labels are classes of its."""
    if not any(weight.requires_grad for weight in model.parameters()):
        raise ValueError(f"no weight of {stage.student!r} has `requires_grad`, so none would learn")
    if "labels" in batch:
        hard_labels(logits, None, batch["labels"], 1.0)  # which is measured at every stage
        _check_range(inputs.train, inputs.collator, batch["labels"], logits.shape[-1])
        if stage.name not in ("annealed-regression", "pseudo-labels"):
            _refuse_to_copy(stage.student, model, batch)


def _check_choice(name: str, model: nn.Module, inputs: Inputs, metric: str, compute_metrics: Metrics | None) -> None:
    """What chooses between a student's epochs has labels, all are classes of its, and there is such a metric."""
    if inputs.eval is None:
        return
    if not len(inputs.eval):
        raise ValueError(f"there are no rows to choose between epochs of {name!r} by: give some, or no eval_dataset")
    batch = _first_rows(name, inputs, inputs.eval)
    if "labels" not in batch:
        raise ValueError(f"the rows that choose between epochs of {name!r} have no labels to be scored by")
    try:
        logits = _ask(name, model, batch)
        hard_labels(logits, None, batch["labels"], 1.0)
        _check_range(inputs.eval, inputs.collator, batch["labels"], logits.shape[-1])
    except ValueError as error:
        raise ValueError(f"in the rows that choose between epochs of {name!r}, {error}") from error
    _warn_of_metric(metric, compute_metrics, EvalPrediction(logits.float().numpy(), batch["labels"].numpy()))


def _warn_of_metric(metric: str, compute_metrics: Metrics | None, prediction: EvalPrediction) -> None:
    """Say so if two rows have metrics, and not this one, which others may have: that of a class, say."""
    found: dict[str, float] = {}
    with warnings.catch_warnings(), suppress(Exception):  # of two rows there may be no correlation, say
        warnings.simplefilter("ignore")
        found = compute_metrics(prediction) if compute_metrics else {}
    names = {name.removeprefix("eval_") for name in found}
    if names and metric.removeprefix("eval_") not in names | {"loss"}:
        told = ", ".join(sorted(names))
        warnings.warn(f"epochs are to be chosen by {metric!r}, and of two rows the metrics are {told}", stacklevel=2)


def _refuse_to_copy(name: str, model: nn.Module, batch: dict[str, Tensor]) -> None:
    """A causal language model's labels are the pieces that follow, which nothing here moves to where they are said."""
    labels, pieces = batch["labels"], batch.get("input_ids")
    if pieces is None or not type(model).__name__.endswith(("ForCausalLM", "LMHeadModel")):
        return
    known = labels != NO_LABEL
    if labels.shape == pieces.shape and known.any() and labels[known].equal(pieces[known]):
        raise ValueError(
            f"the labels of {name!r} are its own input, piece by piece, which it would learn to copy: let the "
            "collator move them one to the left, as none is moved here"
        )


def _check_range(rows: Any, collator: Collator, labels: Tensor, classes: int) -> None:
    """All labels are classes, where rows have them in a column out of which the collator takes them as they are."""
    if labels.ndim != 1 or not isinstance(rows, datasets.Dataset):
        return
    for column in {"label", "labels"}.intersection(rows.column_names):
        found = np.asarray(rows.with_format("numpy")[column][:])
        if found.dtype.kind != "i" or found[: len(labels)].tolist() != labels.tolist():
            continue
        wrong = np.flatnonzero((found != NO_LABEL) & ((found < 0) | (found >= classes)))
        if len(wrong) and int(collator(fetch(rows, [int(wrong[0])]))["labels"][0]) == found[wrong[0]]:
            raise ValueError(f"row {wrong[0]} has the label {found[wrong[0]]}, and classes are 0 to {classes - 1}")


def label_names(model: nn.Module) -> list[str] | None:
    """The names of a Transformers model's classes, lower case, by number; None if it has only the LABEL_n of old."""
    found = getattr(getattr(model, "config", None), "id2label", None)
    if not isinstance(found, Mapping):
        return None
    names = [str(name).lower() for _, name in sorted((int(number), name) for number, name in found.items())]
    return None if all(name == f"label_{number}" for number, name in enumerate(names)) else names


def check_room(folder: Path, student: nn.Module, arguments: TrainingArguments) -> None:
    """The disk takes one checkpoint more than are kept, each of three numbers a weight: the optimiser has two.

    Where the best one goes on, it is kept beside the last. Those that the folder holds already have their room.

    Raises:
        OSError: if it does not.
    """
    if arguments.save_strategy == "no":
        return
    weights = sum(tensor.numel() * tensor.element_size() for tensor in student.state_dict().values())
    epochs = int(arguments.num_train_epochs)
    kept = max(1 + bool(arguments.load_best_model_at_end), arguments.save_total_limit or epochs)
    held = sum(file.stat().st_size for file in folder.glob("checkpoint-*/*") if file.is_file())
    needed, free = 3 * weights * min(kept + 1, epochs) - held, shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(
            f"{folder}: its checkpoints may take {needed / 2**20:,.0f} MiB, and {free / 2**20:,.0f} MiB are free"
        )
