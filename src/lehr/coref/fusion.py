"""Attention that hides nothing, as the one operator of ONNX Runtime that takes no mask."""

from __future__ import annotations

from typing import Any

import onnx
from onnxscript import ir
from onnxscript.rewriter import rewrite
from onnxscript.rewriter.pattern import RewriteRule


def fuse_attention(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model with ONNX Runtime's own `MultiHeadAttention` wherever attention hides nothing from anything.

    ONNX's own operator writes the weights of all heads out before it goes on, wants heads before pieces, and reads a
    mask that is true everywhere. A mask that hides something, or that may, is left as it is.
    """
    fused: onnx.ModelProto = rewrite(model, [RewriteRule(_by_onnx, _by_runtime, _hides_nothing)])
    return fused


def _by_onnx(op: Any, query: Any, key: Any, value: Any, heads: Any, mask: Any, rows: Any) -> Any:
    """Attention by heads, as the exporter writes it; query, key, value and the result are (windows, pieces, d)."""
    query, key, value = (op.Transpose(op.Reshape(part, heads), perm=[0, 2, 1, 3]) for part in (query, key, value))
    attended = op.Attention(query, key, value, mask, _outputs=["attended"])
    return op.Reshape(op.Transpose(attended, perm=[0, 2, 1, 3]), rows)


def _by_runtime(op: Any, query: Any, key: Any, value: Any, attended: Any, **_: Any) -> Any:
    scale = attended.producer().attributes["scale"].as_float()
    return op.MultiHeadAttention(
        query, key, value, num_heads=attended.shape[1], scale=scale, _domain="com.microsoft", _version=1
    )


def _hides_nothing(context: Any, *, mask: ir.Value, attended: ir.Value, **_: Any) -> bool:
    """Whether the number of heads is known, and the mask true everywhere: where nothing is masked, Transformers asks
    which of the positions, that are counted from 0, are not below 0."""
    if attended.shape is None or not isinstance(attended.shape[1], int):
        return False
    asked, _shape = _inputs(mask, "Expand")
    positions, zero = _inputs(asked, "GreaterOrEqual")
    while positions is not None and (above := _inputs(positions, "Unsqueeze")[0]) is not None:
        positions = above
    first, _end = _inputs(positions, "Range")
    return _number(first) == _number(zero) == 0


def _inputs(value: ir.Value | None, operator: str) -> tuple[ir.Value | None, ir.Value | None]:
    """The first two of what an operator makes the value of; None if it is not that operator which makes it."""
    node = value.producer() if value is not None else None
    if node is None or node.op_type != operator:
        return None, None
    return node.inputs[0], node.inputs[1]


def _number(value: ir.Value | None) -> float | None:
    constant = ir.convenience.get_const_tensor(value) if value is not None else None
    return float(constant.numpy()) if constant is not None and constant.size == 1 else None
