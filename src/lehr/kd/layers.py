"""A student cut out of its teacher, or of another model: chosen layers of it."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from torch import nn
from transformers import PreTrainedModel


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
    rising = isinstance(layers, Sequence) and bool(layers) and list(layers) == sorted(set(layers))
    if not rising or not 0 <= layers[0] <= layers[-1] < count:
        raise ValueError(f"layers are numbers from 0 to {count - 1}, each once, rising; got {layers}")
    config = copy.deepcopy(model.config)
    config.num_hidden_layers = len(layers)
    if getattr(config, "layer_types", None) is not None:  # ModernBERT: which layers look at a few pieces only
        config.layer_types = [config.layer_types[layer] for layer in layers]
    kept: PreTrainedModel = type(model)(config)
    if getattr(model, "pooler", kept) is None:
        kept.pooler = None  # type: ignore[assignment]
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
