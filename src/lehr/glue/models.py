"""Classifiers on any encoder, whole or with chosen layers kept."""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForSequenceClassification, PretrainedConfig, PreTrainedModel

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
    place = encoder_path(source)
    try:
        config = AutoConfig.from_pretrained(place)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"no encoder {place}, neither as a folder, nor on the shelf or the hub: {reason}") from error
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


def keep_layers(model: PreTrainedModel, layers: Sequence[int]) -> PreTrainedModel:
    """A new model of chosen layers of the encoder; these, the embeddings and the head are copies of `model`'s.

    Args:
        model: any with its layers in one list, such as BERT, RoBERTa, DistilBERT, MPNet, DeBERTa, ModernBERT.
        layers: numbers from 0, rising.

    Raises:
        ValueError: if there are no `layers`, they do not rise, the model lacks one of them or its layers are not one
            list, or the first one kept is built in another way than the model's first, as in ModernBERT.
    """
    count = model.config.num_hidden_layers
    lists = [
        name for name, module in model.named_modules() if isinstance(module, nn.ModuleList) and len(module) == count
    ]
    if len(lists) != 1:
        raise ValueError(f"{type(model).__name__}: found {len(lists)} lists of {count} layers, expected one")
    if not layers or list(layers) != sorted(set(layers)) or not 0 <= layers[0] <= layers[-1] < count:
        raise ValueError(f"layers are numbers from 0 to {count - 1}, each once, rising; got {list(layers)}")
    config = copy.deepcopy(model.config)
    config.num_hidden_layers = len(layers)
    if getattr(config, "layer_types", None) is not None:  # ModernBERT: which layers look at a few pieces only
        config.layer_types = [config.layer_types[layer] for layer in layers]
    kept: PreTrainedModel = type(model)(config)
    weights = {}
    for name, value in model.state_dict().items():
        if name.startswith(f"{lists[0]}."):
            layer, rest = name.removeprefix(f"{lists[0]}.").split(".", 1)
            if int(layer) not in layers:
                continue
            name = f"{lists[0]}.{layers.index(int(layer))}.{rest}"
        weights[name] = value
    try:
        kept.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"{type(model).__name__} needs its layer 0 as its first; got {list(layers)}") from error
    kept.train(model.training)
    return kept
