"""Encoders of every family that GLUE's students come from, four layers of random weights, and a tokenizer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModel,
    BertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ModernBertConfig,
    MPNetConfig,
    PretrainedConfig,
    RobertaConfig,
)

SIZES: dict[str, Any] = {
    "vocab_size": 100,
    "hidden_size": 16,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 140,
}
DEBERTA_V3: dict[str, Any] = {
    "relative_attention": True,
    "position_buckets": 16,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "pos_att_type": ["p2c", "c2p"],
    "position_biased_input": False,
    "type_vocab_size": 0,
}
DISTILBERT: dict[str, Any] = {
    "vocab_size": 100,
    "dim": 16,
    "n_layers": 4,
    "n_heads": 2,
    "hidden_dim": 24,
    "max_position_embeddings": 140,
}
ENDS = {"pad_token_id": 0, "bos_token_id": 2, "cls_token_id": 2, "eos_token_id": 3, "sep_token_id": 3}

FAMILIES: dict[str, Callable[[], PretrainedConfig]] = {
    "bert": lambda: BertConfig(**SIZES),
    "roberta": lambda: RobertaConfig(**SIZES),
    "distilbert": lambda: DistilBertConfig(**DISTILBERT),
    "mpnet": lambda: MPNetConfig(**SIZES),
    "deberta": lambda: DebertaV2Config(**SIZES, **DEBERTA_V3),
    "modernbert": lambda: ModernBertConfig(**SIZES, **ENDS, local_attention=4),
}

LAYERS = {
    "bert": "bert.encoder.layer",
    "roberta": "roberta.encoder.layer",
    "distilbert": "distilbert.transformer.layer",
    "mpnet": "mpnet.encoder.layer",
    "deberta": "deberta.encoder.layer",
    "modernbert": "model.layers",
}
"""Where each family keeps its layers."""


def save_encoder(family: str, folder: Path) -> Path:
    """Write an encoder of the family, without a head, as it would lie on the shelf."""
    torch.manual_seed(3)
    AutoModel.from_config(FAMILIES[family]()).save_pretrained(folder)
    return folder


def batch() -> dict[str, torch.Tensor]:
    """Three rows of up to twelve pieces."""
    made = torch.Generator().manual_seed(5)
    mask = torch.tensor([[1] * 12, [1] * 7 + [0] * 5, [1] * 10 + [0] * 2])
    ids = torch.randint(5, 100, (3, 12), generator=made)
    return {"input_ids": ids, "attention_mask": mask}
