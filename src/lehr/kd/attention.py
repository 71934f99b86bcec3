"""Attention of students in training, where torch's fused kernel is slower than its parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from transformers import PreTrainedModel

SHORT = 514
"""Positions at most, RoBERTa's two of padding among them, of an encoder whose rows are short."""


@contextmanager
def attention_in_parts(model: nn.Module) -> Iterator[None]:
    """Have the encoders in a model compute attention as products and a softmax, and fused again when this ends.

    For training in bfloat16 on a CPU: there the fused kernel takes more than twice as long for rows of 16 pieces
    (`results/attention.json`). What comes out is the same but for rounding. Encoders that read longer rows, and those
    that attend in another way than by `sdpa`, are left as they are.
    """
    configs: dict[int, Any] = {id(m.config): m.config for m in model.modules() if isinstance(m, PreTrainedModel)}
    fused = [
        config
        for config in configs.values()
        if config._attn_implementation == "sdpa"
        and 0 < (getattr(config, "max_position_embeddings", None) or 0) <= SHORT
    ]
    for config in fused:
        config._attn_implementation = {"": "eager"}  # its own alone, and of no configuration inside of it
    try:
        yield
    finally:
        for config in fused:
            config._attn_implementation = {"": "sdpa"}
