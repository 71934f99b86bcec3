"""What can be known of a run before it costs an hour: that rows, models, stages and the disk fit together."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState  # type: ignore[import-untyped]
from torch import Tensor, nn
from transformers import SchedulerType, TrainingArguments, get_scheduler

from .data import Inputs, lengths, without_labels
from .stages import Stage
from .teacher import fetch, logits_of

ORDERS = ("random", "sequential", "group_by_length")
"""What `train_sampling_strategy` may be: Transformers has one more, which wants rows that are no more than rows."""


def check_rows(inputs: Mapping[str, Inputs], views: int) -> None:
    """Every model sees the same rows, under as many views as are asked for."""
    if views < 1:
        raise ValueError(f"views are one or more; got {views}")
    if views > 1 and any(not hasattr(one.train, "view") for one in inputs.values()):
        raise ValueError(f"{views} views are asked for, and the data set has no method `view`")
    rows = {name: len(one.train) for name, one in inputs.items()}
    if min(rows.values()) == 0:
        raise ValueError("there are no rows to train on")
    if len(set(rows.values())) > 1:
        raise ValueError(f"all models must see the same rows in the same order; their numbers differ: {rows}")


def check_rows_stay(inputs: Mapping[str, Inputs], teachers: Iterable[str]) -> None:
    """The rows that a teacher answers are the same each time they are asked for."""
    for name in teachers:
        one = inputs[name]
        rows = one.view(0)
        first, again = (one.collator(fetch(rows, range(min(2, len(rows))))) for _ in range(2))
        if any(not torch.equal(first[key].nan_to_num(), again[key].nan_to_num()) for key in first):
            raise ValueError(
                f"the rows of {name!r} are others each time they are asked for, so that its answers would be to others "
                "than the student sees: give the data set a method `view(v)` that has the draws in turn"
            )


def check_schedule(stage: Stage, arguments: TrainingArguments) -> None:
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


def check_order(inputs: Inputs, strategy: str) -> None:
    """The order of rows is known, and they have lengths where it goes by them."""
    if strategy not in ORDERS:
        raise ValueError(f"unknown train_sampling_strategy {strategy!r}; known are {', '.join(ORDERS)}")
    if strategy == "group_by_length":
        for rows in (inputs.train, inputs.eval):
            lengths([] if rows is None else [rows[0]])


def check_stages(
    models: Mapping[str, nn.Module], inputs: Mapping[str, Inputs], stages: Sequence[Stage], *, online: bool
) -> None:
    """Two rows go through every model and every objective; teachers and students have the same labels."""
    logits: dict[str, Tensor] = {}
    labels: dict[str, Tensor | None] = {}
    device = PartialState().device
    for name in dict.fromkeys(name for stage in stages for name in [stage.student, *stage.teachers]):
        model, own_inputs = models[name].to(device), inputs[name]
        batch = own_inputs.collator(fetch(own_inputs.view(0), range(min(2, len(own_inputs.train)))))
        batch = {key: value.to(device) for key, value in batch.items()}
        was_training = model.training
        with torch.no_grad():
            logits[name], labels[name] = logits_of(model.eval(), without_labels(batch)), batch.get("labels")
        model.train(was_training)
    for stage in stages:
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
        learned = {name: torch.tensor(value, device=device) for name, value in stage.learned.items()}
        taught = logits[stage.teachers[0]] if stage.teachers else None
        try:
            stage.function()(own, taught, labels[stage.student], 1.0, **learned)
        except ValueError as error:
            raise ValueError(f"{stage.title()}: {error}") from error


def label_names(model: nn.Module) -> list[str] | None:
    """The names of a Transformers model's classes, lower case, by number; None if it has only the LABEL_n of old."""
    found = getattr(getattr(model, "config", None), "id2label", None)
    if not isinstance(found, Mapping):
        return None
    names = [str(name).lower() for _, name in sorted((int(number), name) for number, name in found.items())]
    return None if all(name == f"label_{number}" for number, name in enumerate(names)) else names


def check_room(folder: Path, student: nn.Module, arguments: TrainingArguments) -> None:
    """The disk takes one checkpoint more than are kept, each of three numbers a weight: the optimiser has two.

    Where the best one goes on, it is kept beside the last.

    Raises:
        OSError: if it does not.
    """
    if arguments.save_strategy == "no":
        return
    weights = sum(tensor.numel() * tensor.element_size() for tensor in student.state_dict().values())
    epochs = int(arguments.num_train_epochs)
    kept = max(1 + bool(arguments.load_best_model_at_end), arguments.save_total_limit or epochs)
    needed, free = 3 * weights * min(kept + 1, epochs), shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(
            f"{folder}: its checkpoints may take {needed / 2**20:,.0f} MiB, and {free / 2**20:,.0f} MiB are free"
        )
