"""Attention as ONNX Runtime's own operator: the same values, and only where a mask is known to hide nothing."""

from __future__ import annotations

import numpy as np
import onnx
import onnx.parser
import pytest
from onnxruntime import InferenceSession

from lehr.coref.fusion import fuse_attention

HEADS, SIZE = 2, 6


def attention(first: int = 0, least: int = 0, comparison: str = "GreaterOrEqual") -> onnx.ModelProto:
    """Attention among n pieces under a mask that asks how the positions from `first` on compare to `least`."""
    return onnx.parser.parse_model(f"""
        <ir_version: 10, opset_import: ["" : 23]>
        attend (float[1, n, {SIZE}] query, float[1, n, {SIZE}] key, float[1, n, {SIZE}] value)
            => (float[1, n, {SIZE}] rows)
        <int64 first = {{{first}}}, int64 least = {{{least}}}, int64 one = {{1}}, int64[1] ones = {{1}},
         int64[2] outer = {{0, 1}}, int64[1] last = {{3}}, int64[4] heads = {{1, -1, {HEADS}, {SIZE // HEADS}}},
         int64[3] whole = {{1, -1, {SIZE}}}>
        {{
            n = Shape<start = 1, end = 2>(query)
            square = Concat<axis = 0>(ones, ones, n, n)
            scalar = Squeeze(n)
            end = Add(scalar, first)
            positions = Range(first, end, one)
            row = Unsqueeze(positions, outer)
            column = Unsqueeze(row, last)
            seen = {comparison}(column, least)
            mask = Expand(seen, square)
            q = Reshape(query, heads)
            k = Reshape(key, heads)
            v = Reshape(value, heads)
            qt = Transpose<perm = [0, 2, 1, 3]>(q)
            kt = Transpose<perm = [0, 2, 1, 3]>(k)
            vt = Transpose<perm = [0, 2, 1, 3]>(v)
            attended = Attention<scale = 0.4>(qt, kt, vt, mask)
            back = Transpose<perm = [0, 2, 1, 3]>(attended)
            rows = Reshape(back, whole)
        }}
    """)


def operators(model: onnx.ModelProto) -> set[str]:
    return {node.op_type for node in model.graph.node}


def values(model: onnx.ModelProto, pieces: int) -> np.ndarray:
    rng = np.random.default_rng(pieces)
    inputs = {name: rng.standard_normal((1, pieces, SIZE), np.float32) for name in ("query", "key", "value")}
    found: np.ndarray = InferenceSession(model.SerializeToString()).run(None, inputs)[0]
    return found


@pytest.mark.parametrize("pieces", [1, 2, 40])
def test_where_nothing_is_hidden_the_runtime_attends_and_says_the_same(pieces: int) -> None:
    model = onnx.shape_inference.infer_shapes(attention(), data_prop=True)
    fused = fuse_attention(model)
    onnx.checker.check_model(fused)
    assert operators(fused) == {"MultiHeadAttention"}, "the mask goes, as nothing reads it"
    np.testing.assert_allclose(values(fused, pieces), values(model, pieces), atol=1e-6)


@pytest.mark.parametrize(
    "mask", [{"least": 3}, {"first": -2}, {"first": 5, "least": 5}, {"comparison": "Greater"}], ids=str
)
def test_a_mask_that_hides_something_or_may_is_kept(mask: dict[str, int | str]) -> None:
    model = onnx.shape_inference.infer_shapes(attention(**mask), data_prop=True)  # type: ignore[arg-type]
    fused = fuse_attention(model)
    assert {"Attention", "Expand"} <= operators(fused)
    assert "MultiHeadAttention" not in operators(fused)
