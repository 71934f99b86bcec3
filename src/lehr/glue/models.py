"""Classifiers on any encoder, whole or with chosen layers kept."""

from __future__ import annotations

import os
from collections.abc import Sequence

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, PretrainedConfig, PreTrainedModel

from ..kd.layers import keep_layers
from ..shelf import encoder_path
from .tasks import Task

DROPOUT = ("hidden_dropout_prob", "dropout", "embedding_dropout", "mlp_dropout")
ATTENTION_DROPOUT = ("attention_probs_dropout_prob", "attention_dropout")
"""What the families' configurations call them; each has some of these."""


def classifier(
    source: str | os.PathLike[str],
    task: Task,
    *,
    layers: Sequence[int] | None = None,
    dropout: float | None = None,
    attention_dropout: float = 0.0,
) -> PreTrainedModel:
    """A model with the task's head: float32 logits (rows, `task.num_labels`); (rows, 1) for STS-B, not (rows,).

    A head that `source` brings stays where it has as many labels; else it begins afresh, from torch's random numbers.

    Args:
        source: folder or hub id of an encoder or a classifier, looked for on the shelf too, see `lehr.shelf`.
        task: what is asked of it.
        layers: those to keep, counted from 0, as in `keep_layers`; all of them if None.
        dropout: between the layers and inside of them; as in the encoder's configuration if None.
        attention_dropout: of attention's weights, 0 whatever the encoder's configuration says, as above 0 it switches
            off the fused attention kernel on CPUs, without which training is far slower. In Transformers, MPNet and
            DeBERTa have no fused attention to switch off.

    Raises:
        ValueError: if there is no such encoder, its head has the task's labels in another order, or `layers` do not
            fit.
    """
    if dropout is not None and not 0 <= dropout < 1:
        raise ValueError(f"dropout is from 0 to below 1; got {dropout}")
    place, config = _configuration(source)
    _refuse_other_order(config, task, place)
    config.num_labels = task.num_labels
    config.id2label = dict(enumerate(task.labels))
    config.label2id = {label: number for number, label in enumerate(task.labels)}
    config.problem_type = "regression" if task.regression else "single_label_classification"
    _set(config, ATTENTION_DROPOUT, attention_dropout)
    if dropout is not None:
        _set(config, DROPOUT, dropout)
    model: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(
        place, config=config, dtype=torch.float32, ignore_mismatched_sizes=True
    )
    return model if layers is None else keep_layers(model, layers)


def centre(model: PreTrainedModel, mean: float) -> None:
    """Let the answers of a head for regression begin around `mean`: the bias of the last layer of one output."""
    *_, last = (
        module for module in model.modules() if isinstance(module, torch.nn.Linear) and module.out_features == 1
    )
    with torch.no_grad():
        last.bias.add_(mean)


def has_labels(source: str | os.PathLike[str], task: Task) -> bool:
    """Whether a classifier is there with as many labels as the task has and, where they have names, with these.

    Raises:
        ValueError: if there is no such encoder.
    """
    _, config = _configuration(source)
    heads = config.architectures or []
    if config.num_labels != task.num_labels or not any(name.endswith("ForSequenceClassification") for name in heads):
        return False
    names = {name.lower() for name in (config.id2label or {}).values()}
    return names in (set(task.labels), {f"label_{number}" for number in range(task.num_labels)})


def _configuration(source: str | os.PathLike[str]) -> tuple[str, PretrainedConfig]:
    place = encoder_path(source)
    try:
        config = AutoConfig.from_pretrained(place)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"no encoder {place}, neither as a folder, nor on the shelf or the hub: {reason}") from error
    return place, config


def _refuse_other_order(config: PretrainedConfig, task: Task, place: str) -> None:
    """Some of the hub's MNLI models count their labels from contradiction."""
    names = config.id2label or {}
    theirs = [label for _, label in sorted((int(number), name.lower()) for number, name in names.items())]
    if sorted(theirs) == sorted(task.labels) and theirs != list(task.labels):
        raise ValueError(
            f"{place} has the labels {', '.join(theirs)}, and {task.name} has {', '.join(task.labels)}: reorder the "
            "rows of its head and its id2label first"
        )


def _set(config: PretrainedConfig, names: Sequence[str], value: float) -> None:
    for name in names:
        if hasattr(config, name):
            setattr(config, name, value)
